//! The current time.

use std::time::SystemTime;

use jiff::Timestamp;

/// Nanoseconds since the epoch, like the times of events; 0 before the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// A time in the format of Falco's JSON: UTC, with nanoseconds.
pub fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}
