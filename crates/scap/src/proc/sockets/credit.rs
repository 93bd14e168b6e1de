//! The time that reads of the tables may take.

use std::time::{Duration, Instant};

/// Reads take at most one of this many parts of the time, except at first.
pub(super) const PARTS: u32 = 10;
/// Time for reads at first, and the most that is saved up: as for dozens of processes after a loss, on a usual machine.
const MAX: i64 = 50_000_000;

/// Time in ns; less than 0 after a long read.
pub(super) struct Credit {
    left: i64,
    at: Instant,
}

impl Default for Credit {
    fn default() -> Self {
        Self { left: MAX, at: Instant::now() }
    }
}

impl Credit {
    /// Whether a read is possible now. It may take longer than what is left.
    pub(super) fn is_left(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.at) / PARTS;
        self.at = now.max(self.at);
        self.left = self.left.saturating_add(ns(earned)).min(MAX);
        self.left > 0
    }

    pub(super) fn spend(&mut self, took: Duration) {
        self.left = self.left.saturating_sub(ns(took));
    }
}

fn ns(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_take_at_most_a_tenth_of_the_time_after_the_first_ones() {
        let mut credit = Credit::default();
        let (start, ms) = (credit.at, Duration::from_millis);
        for _ in 0..50 {
            assert!(credit.is_left(start));
            credit.spend(ms(1));
        }
        assert!(!credit.is_left(start));
        assert!(credit.is_left(start + ms(20)));
        // One long read makes all others wait.
        credit.spend(ms(102));
        assert!(!credit.is_left(start + ms(1_000)) && credit.is_left(start + ms(1_040)));
        // No more than that is saved up.
        assert!(credit.is_left(start + ms(1_000_000)));
        credit.spend(ms(50));
        assert!(!credit.is_left(start + ms(1_000_000)));
    }
}
