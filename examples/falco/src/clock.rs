//! The current time.

use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Nanoseconds since the epoch, like the times of events; 0 before the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// A time of events, as the clocks here show it.
pub fn zoned(ns: u64) -> Zoned {
    Timestamp::from_nanosecond(ns.into()).unwrap_or_default().to_zoned(TimeZone::system())
}

/// A time as Falco's JSON has it: UTC, with nanoseconds.
pub fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}
