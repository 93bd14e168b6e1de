//! What time it is.

use std::time::SystemTime;

use jiff::Timestamp;

/// Nanoseconds since the epoch, as events have their times; 0 before it.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// A time as Falco's JSON has it: UTC, with nanoseconds.
pub fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}
