//! Skipped events, of which only the time of their threads' last activity is kept.

use eyas_scap::RawEvent;

use super::{State, ThreadKey};

/// Maximum number of threads with recorded activity.
const SLOTS: usize = 1024;

/// Times of last activity of threads whose events were skipped. They are written to the threads before they
/// are needed.
///
/// A thread gets a slot at its first event that is fully processed, so events of unknown threads are not
/// skipped.
#[derive(Debug)]
pub(crate) struct Skips {
    /// Thread and time, by the thread's id; time 0 for none.
    slots: Box<[(i64, u64); SLOTS]>,
    /// Used slots.
    used: Vec<u16>,
}

impl Default for Skips {
    fn default() -> Self {
        Self { slots: Box::new([(0, 0); SLOTS]), used: Vec::new() }
    }
}

impl Skips {
    /// Records the activity of the event's thread; returns whether that is all that the event needs.
    #[inline]
    pub(crate) fn note(&mut self, event: &RawEvent<'_>) -> bool {
        let (tid, ts) = &mut self.slots[event.tid as usize % SLOTS];
        let is_known = *tid == event.tid && *ts != 0;
        if is_known {
            *ts = event.ts;
        }
        is_known
    }

    /// Reserves a slot for the thread of a processed event, if the thread is known.
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

    /// Writes all times to the threads, and clears the slots, because threads may be created or end now.
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
