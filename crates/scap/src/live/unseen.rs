//! Losses that no ring reports.

use std::collections::HashMap;

use eyas_bpf::Probe;

use crate::Loss;

/// Interval of the checks, ns; each check queries the kernel about every program.
const INTERVAL: u64 = 1_000_000_000;

/// Reported losses.
#[derive(Default)]
pub(super) struct UnseenLosses {
    /// Events for which the kernel did not run a program.
    missed: u64,
    /// Losses by CPU without a ring.
    ringless: HashMap<usize, u64>,
    /// Time of the last check.
    last_check: u64,
}

impl UnseenLosses {
    /// Whether the next check is due.
    #[inline]
    pub(super) fn is_due(&self, now: u64) -> bool {
        now.saturating_sub(self.last_check) >= INTERVAL
    }

    /// Adds the losses since the last check, as those of CPU `at_hand`, because these losses are over. A
    /// loss that is reported at its beginning is assumed to continue until an event of its CPU comes.
    #[cold]
    pub(super) fn check(&mut self, probe: &Probe, now: u64, at_hand: u16, losses: &mut Vec<Loss>) {
        let since = std::mem::replace(&mut self.last_check, now);
        let mut add = |events: u64, since: u64| {
            if events > 0 {
                losses.push(Loss::unknown(at_hand, since, now, events));
            }
        };
        let missed = probe.misses().events;
        add(missed.saturating_sub(self.missed), since);
        self.missed = missed;
        for (cpu, lost, first) in probe.pending_losses().filter(|(cpu, ..)| !probe.has_ring(*cpu)) {
            let before = std::mem::replace(self.ringless.entry(cpu).or_default(), lost);
            add(lost.saturating_sub(before), since.max(first));
        }
    }
}
