//! Searches threads whose end was lost, a few at a time, because events wait while `/proc` is read.

use std::collections::VecDeque;

use crate::proc_lookup::ProcLookup;
use crate::state::{State, ThreadKey};

/// Number of threads that are looked up at once.
const AT_ONCE: usize = 4;
/// Minimum time between two steps, ns.
const STEP: u64 = 2_000_000;

/// The search for threads whose end was lost. A replay keeps every thread, because there is no lookup.
#[derive(Debug, Default)]
pub(crate) struct Purge {
    /// Time of the event at which the next step is due, ns; 0 before the first event.
    pub(crate) next: u64,
    /// Time of the next search of the table.
    search: u64,
    /// Threads without recent events, which may have ended.
    suspects: VecDeque<ThreadKey>,
}

impl Purge {
    /// Looks up the next suspects. Every `interval`, it searches threads without an event for `age`.
    pub(crate) fn step(
        &mut self,
        state: &mut State,
        proc: &mut dyn ProcLookup,
        now: u64,
        interval: u64,
        age: u64,
    ) {
        if now >= self.search {
            if self.search != 0 {
                let (suspects, invalid) = state.threads.idle(now.saturating_sub(age));
                self.suspects = suspects.into();
                let removed: u64 = invalid.into_iter().map(|key| state.threads.remove(key)).sum();
                state.stats.threads_removed += removed;
            }
            self.search = now + interval;
        }
        for _ in 0..AT_ONCE {
            let Some(key) = self.suspects.pop_front() else { break };
            let Some(thread) = state.threads.at(key) else { continue };
            if thread.activity.last_access_ts >= now.saturating_sub(age) {
                continue;
            }
            let (tid, comm) = (thread.tid, thread.comm.clone());
            state.stats.proc_lookups += 1;
            if proc.comm(tid).is_none_or(|found| *found != *comm) {
                state.stats.threads_removed += state.threads.remove(key);
            }
        }
        self.next = if self.suspects.is_empty() { self.search } else { (now + STEP).min(self.search) };
    }
}
