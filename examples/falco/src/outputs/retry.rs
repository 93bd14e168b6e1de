//! Retries after failures of a server.

use std::time::{Duration, Instant};

use crate::output::{AGAIN, Failure};

/// The first and the longest delay after a failure.
const FIRST: Duration = Duration::from_millis(500);
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Maximum delay that a server may request.
const MAX_REQUESTED_WAIT: Duration = Duration::from_secs(300);

/// Increases the delay after each failure.
#[derive(Debug)]
pub struct Retry {
    /// Delay after the next failure.
    wait: Duration,
    /// No request is sent before this time.
    not_before: Option<Instant>,
    /// The reason of the last failure.
    why: String,
}

impl Default for Retry {
    fn default() -> Self {
        Self { wait: FIRST, not_before: None, why: String::new() }
    }
}

impl Retry {
    /// # Errors
    /// It is too early to retry.
    pub fn check(&mut self) -> Result<(), Failure> {
        if let Some(left) = self.not_before.and_then(|time| time.checked_duration_since(Instant::now())) {
            return Err(Failure::Later(format!("{}{AGAIN} {} ms", self.why, left.as_millis())));
        }
        self.not_before = None;
        Ok(())
    }

    /// Records that the server has responded.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Records that the server has failed, and the delay that it requested, if any.
    pub fn failed(&mut self, asked: Option<Duration>, why: String) -> Failure {
        let wait = asked.map_or(self.wait, |asked| asked.min(MAX_REQUESTED_WAIT));
        self.wait = (2 * self.wait).min(MAX_WAIT);
        self.not_before = Some(Instant::now() + wait);
        self.why.clone_from(&why);
        Failure::Later(why)
    }
}

/// Whether an output waits before it tries again. It waits longer after each attempt: on a busy machine, one may be due.
#[cfg(test)]
pub fn is_delayed(mut deliver: impl FnMut() -> Result<usize, Failure>) -> bool {
    (0..9).any(|_| matches!(deliver(), Err(Failure::Later(why)) if why.contains("the next attempt")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_failure_is_reported_while_waiting() {
        let mut retry = Retry::default();
        assert!(retry.check().is_ok());
        let before = Instant::now();
        assert!(matches!(retry.failed(None, "refused".into()), Failure::Later(why) if why == "refused"));
        assert!(retry.not_before.unwrap() >= before + FIRST);
        // So long that this test does not take it.
        retry.failed(Some(MAX_REQUESTED_WAIT), "refused".into());
        let Err(Failure::Later(why)) = retry.check() else { panic!("it is too early") };
        assert!(why.starts_with("refused; the next attempt is in ") && why.ends_with(" ms"), "{why}");
        retry.succeeded();
        assert!(retry.check().is_ok());
    }
}
