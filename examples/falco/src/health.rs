//! Health of the program: whether the event loop runs and no output is stuck.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::output::Hub;

/// Maximum time between two iterations of the event loop.
const STILL: Duration = Duration::from_secs(5);

/// Heartbeat of the event loop.
pub struct Pulse {
    began: Instant,
    /// Time of the last iteration, milliseconds since `began`; 0 before the first one, and while the loop
    /// may block on its input.
    last_beat: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { began: Instant::now(), last_beat: AtomicU64::new(0) }
    }
}

impl Pulse {
    fn now(&self) -> u64 {
        (self.began.elapsed().as_millis() as u64).max(1)
    }

    /// Records an iteration of the event loop; another one will follow soon.
    pub fn beat(&self) {
        self.last_beat.store(self.now(), Ordering::Relaxed);
    }

    /// Records that the event loop has ended or may block.
    pub fn suspend(&self) {
        self.last_beat.store(0, Ordering::Relaxed);
    }

    /// Time since the last iteration, if that is too long.
    fn stalled_for(&self) -> Option<Duration> {
        let last_beat = self.last_beat.load(Ordering::Relaxed);
        let still = Duration::from_millis(self.now().saturating_sub(last_beat));
        (last_beat > 0 && still >= STILL).then_some(still)
    }
}

/// Sources of the health state.
#[derive(Clone)]
pub struct Health {
    pulse: Arc<Pulse>,
    hub: Arc<Hub>,
}

/// A problem of the program.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Key of the problem, which does not change while it lasts.
    pub what: &'static str,
    /// Description without names of files or servers, because the health check is public.
    pub text: String,
    /// Destination of the alerts, for the log.
    pub place: Option<String>,
}

impl Health {
    /// Health of this event loop and these outputs.
    pub fn new(pulse: Arc<Pulse>, hub: Arc<Hub>) -> Self {
        Self { pulse, hub }
    }

    /// The current problems.
    pub fn problems(&self) -> Vec<Problem> {
        let still = self.pulse.stalled_for().map(|still| Problem {
            what: "the event loop",
            text: format!(
                "the event loop has made no progress for {} s: nothing is detected",
                still.as_secs()
            ),
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
    fn a_stalled_event_loop_is_noticed() {
        let pulse = Pulse { began: Instant::now().checked_sub(STILL * 3).unwrap(), ..Pulse::default() };
        assert_eq!(pulse.stalled_for(), None, "it has not begun");
        pulse.beat();
        assert_eq!(pulse.stalled_for(), None);
        pulse.last_beat.store(1, Ordering::Relaxed);
        assert!(pulse.stalled_for().unwrap() >= STILL * 2);
        pulse.suspend();
        assert_eq!(pulse.stalled_for(), None);
    }
}
