//! Threads of which the state may be wrong since events were lost.

use std::collections::VecDeque;

use eyas_events::EventType;
use eyas_scap::{Loss, Suspects};

use super::ThreadKey;

/// Losses that are remembered for the events that come between their first and their last.
const REMEMBERED: usize = 16;

/// Threads that are in doubt since events were lost.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// Some thread may be in doubt.
    pub(super) any: bool,
    pub(super) queue: VecDeque<Doubt>,
    /// CPUs of which losses were reported where they began, and that no event has come of since: there may be more of these
    /// losses, among the events of other CPUs.
    pub(super) losing: Vec<(u16, Suspects)>,
    /// The last losses.
    recent: VecDeque<Loss>,
    /// When the last of them ended.
    until: u64,
}

/// A thread that is to be asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    pub(super) key: ThreadKey,
    /// When its last event was, when the running system did not know it. A second look that finds nothing either, and
    /// no event in between, proves that it is gone; after one, the event of its end may still come.
    pub(super) missed: Option<u64>,
}

impl Doubts {
    /// Remembers a loss.
    pub(super) fn note(&mut self, loss: &Loss) {
        if self.recent.len() == REMEMBERED {
            let older = self.recent.pop_front();
            if let (Some(older), Some(next)) = (older, self.recent.front_mut()) {
                (next.since, next.until) = (next.since.min(older.since), next.until.max(older.until));
                next.of.merge(&older.of);
            }
        }
        self.until = self.until.max(loss.until);
        self.recent.push_back(*loss);
    }

    /// Whether events of this type and thread group may have been lost at this time.
    pub(crate) fn misses(&self, ts: u64, ty: EventType, group: i64) -> bool {
        let covers = |loss: &Loss| (loss.since..=loss.until).contains(&ts);
        let is_among = |loss: &Loss| covers(loss) && loss.of.may_be(ty) && loss.of.may_be_of(group);
        ts <= self.until && self.recent.iter().any(is_among)
    }

    /// Whether some thread may be in doubt.
    #[inline]
    pub(crate) fn remain(&self) -> bool {
        self.any
    }

    /// A thread is new, and in doubt: nothing was known of the one that made it, or that was in doubt, too. It is found
    /// when those that wait are done.
    pub(crate) fn add(&mut self) {
        self.any = true;
    }
}
