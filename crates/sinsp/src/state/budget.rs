//! Limits for lookups in `/proc` on the event thread.

/// Lookups per second of event time. One takes 50 to 200 us, so they cost at most a tenth of a core.
const PER_SECOND: u64 = 500;
/// Time that one lookup uses of the budget, ns.
const COST: u64 = 1_000_000_000 / PER_SECOND;

/// A budget of lookups that fills with time.
#[derive(Debug, Default)]
pub(super) struct LookupBudget {
    /// Time up to which the budget is used, at most a second ahead of the events, ns.
    used_until: u64,
}

impl LookupBudget {
    /// Takes one lookup at the time `now`, ns; `false` if none is left.
    pub(super) fn take(&mut self, now: u64) -> bool {
        // The unused budget of a second expires.
        let used = self.used_until.max(now);
        let left = used + COST <= now.saturating_add(1_000_000_000);
        if left {
            self.used_until = used + COST;
        }
        left
    }
}

/// Maximum number of processes that are looked up in a second of event time, so that a program that sends
/// many files does not stop events.
const MAX_PER_SECOND: u32 = 100;
/// The remaining lookups of received descriptors in this second.
#[derive(Debug, Default)]
pub(super) struct ReceivedBudget {
    second: u64,
    used: u32,
}

impl ReceivedBudget {
    /// Takes one lookup at the time `ts`, ns; `false` if none is left.
    pub(super) fn allows(&mut self, ts: u64) -> bool {
        let second = ts / 1_000_000_000;
        if self.second != second {
            *self = Self { second, used: 0 };
        }
        self.used += 1;
        self.used <= MAX_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_in_any_second_are_within_the_budget() {
        let mut budget = LookupBudget::default();
        let mut taken = 0;
        for ms in 0..10_000_u64 {
            for us in 0..10 {
                taken += u64::from(budget.take(1_000_000_000_000 + ms * 1_000_000 + us * 100_000));
            }
        }
        assert!((PER_SECOND * 10..=PER_SECOND * 11).contains(&taken), "{taken}");
    }
}
