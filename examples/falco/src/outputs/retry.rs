//! When a server that has failed is asked again.

use std::time::{Duration, Instant};

use crate::output::{AGAIN, Failure};

/// How long the first and the longest wait after a failure are.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Waits longer after each failure.
#[derive(Debug)]
pub struct Retry {
    /// How long is waited after the next failure.
    wait: Duration,
    /// The server is not asked before.
    not_before: Option<Instant>,
    /// Why it failed the last time.
    why: String,
}

impl Default for Retry {
    fn default() -> Self {
        Self { wait: FIRST, not_before: None, why: String::new() }
    }
}

impl Retry {
    /// # Errors
    /// It is too early to ask again.
    pub fn check(&mut self) -> Result<(), Failure> {
        if let Some(left) = self.not_before.and_then(|time| time.checked_duration_since(Instant::now())) {
            return Err(Failure::Later(format!("{}{AGAIN} {} ms", self.why, left.as_millis())));
        }
        self.not_before = None;
        Ok(())
    }

    /// The server has answered.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The server has failed, and may have asked for a wait.
    pub fn failed(&mut self, asked: Option<Duration>, why: String) -> Failure {
        let wait = asked.map_or(self.wait, |asked| asked.min(LONGEST_ASKED));
        self.wait = (2 * self.wait).min(LONGEST);
        self.not_before = Some(Instant::now() + wait);
        self.why.clone_from(&why);
        Failure::Later(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_knows_why() {
        let mut retry = Retry::default();
        assert!(retry.check().is_ok());
        assert!(matches!(retry.failed(None, "refused".into()), Failure::Later(why) if why == "refused"));
        let Err(Failure::Later(why)) = retry.check() else { panic!("it is too early") };
        assert!(why.starts_with("refused; it is asked again in ") && why.ends_with(" ms"), "{why}");
        retry.succeeded();
        assert!(retry.check().is_ok());
    }
}
