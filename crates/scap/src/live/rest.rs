//! How long a capture waits when there is nothing.
//!
//! Under load it looks at the rings again after half a millisecond. After a look that finds nothing it has the probe ring a
//! bell at the next event and sleeps: that takes few wake-ups and reports the event at once, but costs the program that
//! rings. So where the bell rings soon, looks at a distance take its place as long as they find something.

use std::time::Duration;

const SHORT: Duration = Duration::from_micros(500);
/// Between the order to ring and the look behind which it is slept: a program that had not seen the order has published its
/// event by then.
const BEFORE_SLEEP: Duration = Duration::from_millis(1);
/// How long is slept at most: who captures may have other things to do.
const LONG: Duration = Duration::from_millis(100);
/// Between looks that take the bell's place.
const DISTANCE: Duration = Duration::from_millis(2);
/// How many of these that find nothing there are in a row.
const LOOKS: u32 = 4;
/// Between looks after events were lost: who captures then asks about threads while nothing comes, one at a time.
const AWAKE: Duration = Duration::from_millis(1);
/// How many looks that takes at most.
const AWAKE_LOOKS: u32 = 5000;
/// A bell that rings earlier than this rings soon.
const SOON: Duration = Duration::from_millis(10);

/// What to do until the next look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Sleep(Duration),
    /// Sleep, but until the bell rings.
    Listen(Duration),
}

/// What the last looks came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    /// Events.
    #[default]
    Events,
    /// The first after a bell: most often there are no more.
    EventsAfterBell,
    Bell,
    Nothing,
}

/// When to look, and when to sleep.
#[derive(Default)]
pub(super) struct Rest {
    last: Last,
    /// How long the bell has been listened for.
    listened: Option<Duration>,
    /// Looks that are still to take the bell's place.
    looks: u32,
    /// Those that are to do so since events were lost.
    awake: u32,
}

impl Rest {
    /// The next wait.
    pub(super) fn wait(&mut self) -> Wait {
        match (self.listened, self.last) {
            (Some(_), _) => Wait::Listen(LONG),
            (None, Last::Events | Last::Bell) => Wait::Sleep(SHORT),
            (None, _) if self.awake > 0 => Wait::Sleep(AWAKE),
            (None, _) if self.looks > 0 => Wait::Sleep(DISTANCE),
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
    pub(super) fn lost(&mut self) {
        self.awake = AWAKE_LOOKS;
    }

    /// The bell rang during a wait, after so long.
    pub(super) fn rung(&mut self, after: Duration) {
        let listened = self.listened.take().unwrap_or_default() + after;
        self.looks = if listened < SOON { LOOKS } else { 0 };
        self.last = Last::Bell;
    }

    /// The look after a wait found nothing.
    pub(super) fn nothing(&mut self, wait: Wait) {
        match wait {
            Wait::Listen(time) => self.listened = self.listened.map(|listened| listened + time),
            Wait::Sleep(DISTANCE) => self.looks = self.looks.saturating_sub(1),
            Wait::Sleep(AWAKE) => self.awake = self.awake.saturating_sub(1),
            Wait::Sleep(_) => {}
        }
        if self.last != Last::Bell || matches!(wait, Wait::Sleep(_)) {
            self.last = Last::Nothing;
        }
    }

    /// A look found events, after a wait or without one. Returns whether the probe would have rung, and need not any more.
    #[inline]
    pub(super) fn found(&mut self, wait: Option<Wait>) -> bool {
        if wait == Some(Wait::Sleep(DISTANCE)) {
            self.looks = LOOKS;
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

    /// What came of events at these times, µs, looked at for so long: wake-ups, bells, and the longest time until an event
    /// was seen.
    fn simulate(mut events: impl Iterator<Item = u64>, until: u64) -> (u64, u64, u64) {
        let mut rest = Rest::default();
        let (mut now, mut wakes, mut bells, mut longest) = (0, 0, 0, 0);
        let mut next = events.next();
        while now < until {
            let wait = rest.wait();
            let (Wait::Sleep(time) | Wait::Listen(time)) = wait;
            let end = now + time.as_micros() as u64;
            wakes += 1;
            let rung = matches!(wait, Wait::Listen(_)) && next.is_some_and(|next| next < end);
            if rung {
                let at = next.unwrap().max(now);
                rest.rung(Duration::from_micros(at - now));
                (now, bells) = (at, bells + 1);
            } else {
                now = end;
            }
            let mut found = false;
            // What has just happened is not counted yet.
            while let Some(at) = next.filter(|next| next + 50 <= now) {
                longest = longest.max(now - at);
                found = true;
                next = events.next();
            }
            match found {
                true => _ = rest.found(Some(wait)),
                false => rest.nothing(wait),
            }
        }
        (wakes, bells, longest)
    }

    const SECOND: u64 = 1_000_000;

    #[test]
    fn nothing_takes_few_wakeups() {
        let (wakes, bells, _) = simulate(std::iter::empty(), 10 * SECOND);
        assert!(wakes < 10 * 15 && bells == 0, "{wakes}");
    }

    #[test]
    fn a_few_events_take_a_few_more_and_are_reported_at_once() {
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
    fn losses_keep_it_awake_for_some_time() {
        let mut rest = Rest::default();
        rest.lost();
        let looks = std::iter::repeat_with(|| {
            let wait = rest.wait();
            rest.nothing(wait);
            wait
        });
        assert_eq!(
            looks.skip(1).take_while(|wait| *wait == Wait::Sleep(AWAKE)).count(),
            AWAKE_LOOKS as usize
        );
    }

    #[test]
    fn an_order_to_ring_is_taken_back() {
        let mut rest = Rest::default();
        rest.nothing(Wait::Sleep(SHORT));
        assert_eq!(rest.wait(), Wait::Listen(BEFORE_SLEEP));
        assert!(rest.found(Some(Wait::Listen(BEFORE_SLEEP))) && !rest.found(None));
        assert_eq!(rest.wait(), Wait::Sleep(SHORT));
    }
}
