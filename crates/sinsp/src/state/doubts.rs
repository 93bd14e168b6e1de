//! Threads of which the state may be wrong since events were lost.

use std::collections::VecDeque;

use super::ThreadKey;

/// Threads that are in doubt since events were lost.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// Some thread may be in doubt.
    pub(super) any: bool,
    pub(super) queue: VecDeque<Doubt>,
    /// CPUs of which losses were reported where they began, and that no event has come of since: there may be more of these
    /// losses, among the events of other CPUs.
    pub(super) losing: Vec<u16>,
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
