//! Threads whose state may be wrong after a loss of events.

use std::collections::VecDeque;

use eyas_events::EventType;
use eyas_scap::{Loss, Suspects};

use super::ThreadKey;

/// Number of remembered losses, for events that come between the first and the last lost event.
const REMEMBERED: usize = 16;

/// Threads that are in doubt since events were lost.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// Whether a thread may be in doubt.
    pub(super) any: bool,
    pub(super) queue: VecDeque<Doubt>,
    /// CPUs that reported the beginning of a loss, and from which no event has come since. The loss may
    /// continue among the events of other CPUs.
    pub(super) losing: Vec<(u16, Suspects)>,
    /// The last losses.
    recent: VecDeque<Loss>,
    /// End of the last loss.
    until: u64,
    /// End of the last loss when no thread was in doubt any more.
    healed: u64,
}

/// A thread that must be looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    pub(super) key: ThreadKey,
    /// Time of its last event when a lookup did not find it. A second lookup that finds nothing, without
    /// an event in between, proves that the thread has ended. After only one, its exit event may still
    /// come.
    pub(super) missed: Option<u64>,
}

impl Doubts {
    /// Remembers a loss.
    pub(super) fn note(&mut self, loss: &Loss) {
        if self.recent.len() == REMEMBERED {
            let older = self.recent.pop_front();
            if let (Some(older), Some(next)) = (older, self.recent.front_mut()) {
                next.merge(&older);
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

    /// Records that no thread is in doubt any more.
    pub(super) fn end(&mut self) {
        (self.any, self.healed) = (false, self.until);
    }

    /// The losses that may have changed the state of threads that are still in doubt, or that continue after
    /// this time.
    pub(crate) fn at(&self, ts: u64) -> impl Iterator<Item = Loss> {
        let healed = if self.any { self.healed } else { self.until };
        self.recent.iter().copied().filter(move |loss| loss.until > healed || loss.until >= ts)
    }

    /// Whether some thread may be in doubt.
    #[inline]
    pub(crate) fn remain(&self) -> bool {
        self.any
    }

    /// Records that a new thread is in doubt, because its creator is unknown or in doubt. It is found after
    /// the waiting threads are done.
    pub(crate) fn add(&mut self) {
        self.any = true;
    }
}
