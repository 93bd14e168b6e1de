//! Events that are left out, and what remains to be known of them: when their threads were last active.

use eyas_scap::RawEvent;

use super::{State, ThreadKey};

/// Threads whose activity is noted here, at most.
const SLOTS: usize = 1024;

/// When threads were last active whose events were left out: written to the threads before that matters.
///
/// A thread has a slot from the first event on that is taken in as a whole, so events of unknown threads are not left out.
#[derive(Debug)]
pub(crate) struct Skips {
    /// Thread and time, by the thread's id; time 0 for none.
    slots: Box<[(i64, u64); SLOTS]>,
    /// Slots that are not empty.
    used: Vec<u16>,
}

impl Default for Skips {
    fn default() -> Self {
        Self { slots: Box::new([(0, 0); SLOTS]), used: Vec::new() }
    }
}

impl Skips {
    /// Notes that the event's thread was active; returns whether that was all there was to do.
    #[inline]
    pub(crate) fn note(&mut self, event: &RawEvent<'_>) -> bool {
        let (tid, ts) = &mut self.slots[event.tid as usize % SLOTS];
        let is_known = *tid == event.tid && *ts != 0;
        if is_known {
            *ts = event.ts;
        }
        is_known
    }

    /// Gives the thread of an event that was taken in a slot, if it is known.
    pub(crate) fn keep(&mut self, state: &mut State, event: &RawEvent<'_>, thread: Option<ThreadKey>) {
        if thread.is_none() || event.ts == 0 {
            return;
        }
        let at = event.tid as usize % SLOTS;
        match self.slots[at] {
            (_, 0) => self.used.push(at as u16),
            before => write(state, before),
        }
        self.slots[at] = (event.tid, event.ts);
    }

    /// Writes everything to the threads, and forgets it: threads may be made or end now.
    pub(crate) fn flush(&mut self, state: &mut State) {
        for at in self.used.drain(..) {
            write(state, std::mem::take(&mut self.slots[usize::from(at)]));
        }
    }
}

fn write(state: &mut State, (tid, ts): (i64, u64)) {
    if let Some(activity) = state.threads.key(tid).and_then(|key| state.threads.activity_mut(key)) {
        activity.last_access_ts = activity.last_access_ts.max(ts);
        activity.last_event_ts = activity.last_event_ts.max(ts);
    }
}
