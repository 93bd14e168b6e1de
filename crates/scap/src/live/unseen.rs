//! Losses that no ring reports.

use std::collections::HashMap;

use eyas_bpf::Probe;

use crate::Loss;

/// How often they are looked for, ns: the kernel is asked about each program.
const INTERVAL: u64 = 1_000_000_000;

/// What was reported about them.
#[derive(Default)]
pub(super) struct Unseen {
    /// Events that the kernel did not run a program for.
    missed: u64,
    /// By CPUs that have no ring.
    ringless: HashMap<usize, u64>,
    /// When they were last looked for.
    looked: u64,
}

impl Unseen {
    /// Whether it is time to look.
    #[inline]
    pub(super) fn is_due(&self, now: u64) -> bool {
        now.saturating_sub(self.looked) >= INTERVAL
    }

    /// Adds what was lost since the last look, as of the CPU `at_hand`: these losses are over, and those that are reported
    /// where they begin are taken to go on until an event of their CPU comes.
    #[cold]
    pub(super) fn look(&mut self, probe: &Probe, now: u64, at_hand: u16, losses: &mut Vec<Loss>) {
        let since = std::mem::replace(&mut self.looked, now);
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
