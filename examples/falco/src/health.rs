//! Whether the program still detects: the event loop turns, and no output is stuck.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::output::Hub;

/// How long the event loop may stand still.
const STILL: Duration = Duration::from_secs(5);

/// Notes that the event loop turns.
pub struct Pulse {
    began: Instant,
    /// Milliseconds since `began` of the last turn; 0 before the first, and while the loop may wait for its input.
    turned: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { began: Instant::now(), turned: AtomicU64::new(0) }
    }
}

impl Pulse {
    fn now(&self) -> u64 {
        (self.began.elapsed().as_millis() as u64).max(1)
    }

    /// The event loop turns, and will again soon.
    pub fn beat(&self) {
        self.turned.store(self.now(), Ordering::Relaxed);
    }

    /// The event loop ends.
    pub fn rest(&self) {
        self.turned.store(0, Ordering::Relaxed);
    }

    /// How long the event loop has stood still, if that is too long.
    fn still(&self) -> Option<Duration> {
        let turned = self.turned.load(Ordering::Relaxed);
        let still = Duration::from_millis(self.now().saturating_sub(turned));
        (turned > 0 && still >= STILL).then_some(still)
    }
}

/// What health is told by.
#[derive(Clone)]
pub struct Health {
    pulse: Arc<Pulse>,
    hub: Arc<Hub>,
}

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is about: stays the same while the problem lasts.
    pub what: &'static str,
    /// A sentence, without names of files or servers: anybody may ask.
    pub text: String,
    /// Where alerts should go, for the log.
    pub place: Option<String>,
}

impl Health {
    /// Of this event loop and these outputs.
    pub fn new(pulse: Arc<Pulse>, hub: Arc<Hub>) -> Self {
        Self { pulse, hub }
    }

    /// What is wrong now.
    pub fn problems(&self) -> Vec<Problem> {
        let still = self.pulse.still().map(|still| Problem {
            what: "the event loop",
            text: format!("the event loop has stood still for {} s: nothing is detected", still.as_secs()),
            place: None,
        });
        let stuck = self.hub.stuck().into_iter().map(|(channel, text)| Problem {
            what: channel.row().name,
            text,
            place: Some(channel.place().to_owned()),
        });
        still.into_iter().chain(stuck).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_does_not_turn_is_noticed() {
        let pulse = Pulse { began: Instant::now().checked_sub(STILL * 3).unwrap(), ..Pulse::default() };
        assert_eq!(pulse.still(), None, "it has not begun");
        pulse.beat();
        assert_eq!(pulse.still(), None);
        pulse.turned.store(1, Ordering::Relaxed);
        assert!(pulse.still().unwrap() >= STILL * 2);
        pulse.rest();
        assert_eq!(pulse.still(), None);
    }
}
