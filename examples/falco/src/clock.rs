//! The current time.

use std::sync::OnceLock;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since the epoch, like the times of events; 0 before the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// Nanoseconds since the epoch on the clock of live events. Unlike [`now`], it does not jump if someone sets the
/// clock of the machine while the program runs. The first call sets it.
pub fn steady() -> u64 {
    static CLOCK: Steady = Steady(OnceLock::new());
    let since_boot = clock_gettime(ClockId::Boottime);
    CLOCK.at(now(), since_boot.tv_sec as u64 * 1_000_000_000 + since_boot.tv_nsec as u64)
}

/// A clock that counts from its first call: the time of the boot, as the first call found it.
struct Steady(OnceLock<u64>);

impl Steady {
    fn at(&self, now: u64, since_boot: u64) -> u64 {
        self.0.get_or_init(|| now.saturating_sub(since_boot)).saturating_add(since_boot)
    }
}

/// A time of events, as the clocks here show it.
pub fn zoned(ns: u64) -> Zoned {
    Timestamp::from_nanosecond(ns.into()).unwrap_or_default().to_zoned(TimeZone::system())
}

/// A time as Falco's JSON has it: UTC, with nanoseconds.
pub fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_changes_no_steady_time() {
        const HOUR: u64 = 3_600_000_000_000;
        let clock = Steady(OnceLock::new());
        assert_eq!(clock.at(100 * HOUR, 7), 100 * HOUR);
        assert_eq!(clock.at(99 * HOUR, 9), 100 * HOUR + 2, "set back by an hour");
        assert_eq!(clock.at(200 * HOUR, 10), 100 * HOUR + 3, "set forward");
        assert!(steady() <= steady() && steady().abs_diff(now()) < HOUR);
    }
}
