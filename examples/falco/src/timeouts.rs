//! Alert when no events arrive: `syscall_event_timeouts`.

use std::time::{Duration, Instant};

use eyas::rules::Priority;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::Timeouts;
use crate::internal::Internal;

/// Falco's timeout for one wait for an event. This program waits longer, and counts the time in such steps.
const TIMEOUT: Duration = Duration::from_millis(30);

/// Detects that a live capture has no events.
pub struct Silence {
    max: u32,
    /// Number of events so far, and the time since which it has not changed, or the time of the last alert.
    events: u64,
    since: Instant,
}

impl Silence {
    /// Creates the check for a capture that begins now.
    pub fn new(config: &Timeouts) -> Self {
        Self { max: config.max_consecutives, events: 0, since: Instant::now() }
    }

    /// Applies another configuration.
    pub fn configure(&mut self, config: &Timeouts) {
        self.max = config.max_consecutives;
    }

    /// Checks the number of events until `now`; the last one was at `last`, ns since the epoch. Returns an
    /// alert if there was no event for too long.
    pub fn check(&mut self, events: u64, last: u64, now: Instant) -> Option<Internal> {
        if events != self.events {
            (self.events, self.since) = (events, now);
            return None;
        }
        if now.duration_since(self.since) <= TIMEOUT.saturating_mul(self.max) {
            return None;
        }
        self.since = now;
        let time = Timestamp::from_nanosecond(last.into()).ok().filter(|_| last > 0);
        let time = time.map_or_else(
            || "none".to_owned(),
            |time| time.to_zoned(TimeZone::system()).strftime("%H:%M:%S.%9f").to_string(),
        );
        Some(Internal {
            rule: "timeouts notification",
            priority: Priority::Debug,
            message: format!(
                "Falco internal: timeouts notification. {} consecutive timeouts without event.",
                self.max
            ),
            fields: [("last_event_time".to_owned(), time.into())].into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_reported_again_while_it_lasts() {
        let mut silence = Silence::new(&Timeouts { max_consecutives: 10 });
        let start = silence.since;
        let after = |ms| start + Duration::from_millis(ms);
        assert!(silence.check(5, 1, after(10)).is_none());
        assert!(silence.check(5, 1, after(300)).is_none(), "290 ms");
        let alert = silence.check(5, 1, after(320)).unwrap();
        assert!(alert.message.ends_with("10 consecutive timeouts without event."), "{}", alert.message);
        assert!(alert.fields["last_event_time"].as_str().unwrap().ends_with(":00.000000001"));
        assert!(silence.check(5, 1, after(600)).is_none(), "it was said");
        assert!(silence.check(6, 2, after(10_000)).is_none(), "an event");
        assert_eq!(silence.check(6, 0, after(11_000)).unwrap().fields["last_event_time"], "none");
    }
}
