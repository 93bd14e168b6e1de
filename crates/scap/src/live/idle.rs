//! The waiting time of a capture without events.
//!
//! Under load, it checks the rings again after half a millisecond. After a check that finds nothing, it
//! requests a notification (the bell) of the probe at the next event, and sleeps. That needs few wake-ups and
//! reports the event at once, but the notification costs time in the probe. So if the bell rings soon,
//! periodic checks replace it while they find events.

use std::time::Duration;

const SHORT: Duration = Duration::from_micros(500);
/// Time between the request for the bell and the check before the sleep. A program that did not see the
/// request has published its event by then.
const BEFORE_SLEEP: Duration = Duration::from_millis(1);
/// Maximum time of sleep, because the caller may have other work.
const LONG: Duration = Duration::from_millis(100);
/// Time between periodic checks.
const DISTANCE: Duration = Duration::from_millis(2);
/// Number of consecutive periodic checks that find nothing.
const CHECKS: u32 = 4;
/// Time between checks after a loss, because the caller then checks up threads, one at a time, while no
/// event comes.
const AWAKE: Duration = Duration::from_millis(1);
/// Maximum number of such checks.
const AWAKE_CHECKS: u32 = 5000;
/// A bell within this time rings soon.
const SOON: Duration = Duration::from_millis(10);

/// What to do until the next check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Sleep(Duration),
    /// Sleep, at most until the bell rings.
    Listen(Duration),
}

/// Result of the last checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    /// Events.
    #[default]
    Events,
    /// The first events after a bell; usually there are no more.
    EventsAfterBell,
    Bell,
    Nothing,
}

/// Decides when to check, and when to sleep.
#[derive(Default)]
pub(super) struct IdleWait {
    last: Last,
    /// How long it has waited for the bell.
    listened: Option<Duration>,
    /// Remaining periodic checks.
    checks: u32,
    /// Remaining checks after a loss.
    awake: u32,
}

impl IdleWait {
    /// The next wait.
    pub(super) fn next_wait(&mut self) -> Wait {
        match (self.listened, self.last) {
            (Some(_), _) => Wait::Listen(LONG),
            (None, Last::Events | Last::Bell) => Wait::Sleep(SHORT),
            (None, _) if self.awake > 0 => Wait::Sleep(AWAKE),
            (None, _) if self.checks > 0 => Wait::Sleep(DISTANCE),
            (None, _) => {
                self.listened = Some(Duration::ZERO);
                Wait::Listen(BEFORE_SLEEP)
            }
        }
    }

    /// Whether the probe will ring.
    pub(super) fn is_listening(&self) -> bool {
        self.listened.is_some()
    }

    /// Events were lost.
    pub(super) fn note_loss(&mut self) {
        self.awake = AWAKE_CHECKS;
    }

    /// Records that the bell rang during a wait, after this time.
    pub(super) fn note_bell(&mut self, after: Duration) {
        let listened = self.listened.take().unwrap_or_default() + after;
        self.checks = if listened < SOON { CHECKS } else { 0 };
        self.last = Last::Bell;
    }

    /// Records that the check after a wait found nothing.
    pub(super) fn note_nothing(&mut self, wait: Wait) {
        match wait {
            Wait::Listen(time) => self.listened = self.listened.map(|listened| listened + time),
            Wait::Sleep(DISTANCE) => self.checks = self.checks.saturating_sub(1),
            Wait::Sleep(AWAKE) => self.awake = self.awake.saturating_sub(1),
            Wait::Sleep(_) => {}
        }
        if self.last != Last::Bell || matches!(wait, Wait::Sleep(_)) {
            self.last = Last::Nothing;
        }
    }

    /// Records that a check found events, after a wait or without one. Returns whether the bell was
    /// requested, and is not needed any more.
    #[inline]
    pub(super) fn note_events(&mut self, wait: Option<Wait>) -> bool {
        if wait == Some(Wait::Sleep(DISTANCE)) {
            self.checks = CHECKS;
        }
        if wait.is_some() || self.last != Last::EventsAfterBell {
            self.last = if self.last == Last::Bell { Last::EventsAfterBell } else { Last::Events };
        }
        self.listened.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates events at these times, µs. Returns the numbers of wake-ups and bells, and the longest time
    /// until an event was seen.
    fn simulate(mut events: impl Iterator<Item = u64>, until: u64) -> (u64, u64, u64) {
        let mut idle = IdleWait::default();
        let (mut now, mut wakes, mut bells, mut longest) = (0, 0, 0, 0);
        let mut next = events.next();
        while now < until {
            let wait = idle.next_wait();
            let (Wait::Sleep(time) | Wait::Listen(time)) = wait;
            let end = now + time.as_micros() as u64;
            wakes += 1;
            let rung = matches!(wait, Wait::Listen(_)) && next.is_some_and(|next| next < end);
            if rung {
                let at = next.unwrap().max(now);
                idle.note_bell(Duration::from_micros(at - now));
                (now, bells) = (at, bells + 1);
            } else {
                now = end;
            }
            let mut found = false;
            // Very recent events are not visible yet.
            while let Some(at) = next.filter(|next| next + 50 <= now) {
                longest = longest.max(now - at);
                found = true;
                next = events.next();
            }
            match found {
                true => _ = idle.note_events(Some(wait)),
                false => idle.note_nothing(wait),
            }
        }
        (wakes, bells, longest)
    }

    const SECOND: u64 = 1_000_000;

    #[test]
    fn no_events_cause_few_wakeups() {
        let (wakes, bells, _) = simulate(std::iter::empty(), 10 * SECOND);
        assert!(wakes < 10 * 15 && bells == 0, "{wakes}");
    }

    #[test]
    fn rare_events_cause_few_wakeups_and_are_reported_at_once() {
        for distance in [SECOND / 12, 3 * SECOND, 13_000] {
            let events = (1..).map(|n| n * distance);
            let (wakes, bells, longest) = simulate(events, 10 * SECOND);
            let count = 10 * SECOND / distance + 1;
            assert!(wakes <= 10 * 15 + 3 * count && bells <= count, "{wakes} {bells}");
            assert!(longest < 1000, "{longest}");
        }
        // Three in a row, twelve times a second.
        let events = (0..).map(|n| n / 3 * SECOND / 12 + n % 3 * 900 + 20_000);
        let (wakes, _, longest) = simulate(events, 10 * SECOND);
        assert!(wakes < 10 * 150 && longest < 3000, "{wakes} {longest}");
    }

    #[test]
    fn no_bell_rings_while_events_come() {
        for distance in [2, 100, 600, 1500, 3000, 7000] {
            let (wakes, bells, longest) = simulate((1..).map(|n| n * distance), 10 * SECOND);
            assert!(bells <= 2, "{bells} bells at {distance}");
            assert!(wakes < 10 * 2100 && longest < 4000, "{wakes} {longest}");
        }
    }

    #[test]
    fn after_losses_it_checks_often_for_some_time() {
        let mut idle = IdleWait::default();
        idle.note_loss();
        let checks = std::iter::repeat_with(|| {
            let wait = idle.next_wait();
            idle.note_nothing(wait);
            wait
        });
        assert_eq!(
            checks.skip(1).take_while(|wait| *wait == Wait::Sleep(AWAKE)).count(),
            AWAKE_CHECKS as usize
        );
    }

    #[test]
    fn a_request_for_the_bell_is_cancelled() {
        let mut idle = IdleWait::default();
        idle.note_nothing(Wait::Sleep(SHORT));
        assert_eq!(idle.next_wait(), Wait::Listen(BEFORE_SLEEP));
        assert!(idle.note_events(Some(Wait::Listen(BEFORE_SLEEP))) && !idle.note_events(None));
        assert_eq!(idle.next_wait(), Wait::Sleep(SHORT));
    }
}
