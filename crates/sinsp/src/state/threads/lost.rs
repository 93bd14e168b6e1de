//! Losses after which threads may be in doubt.

use std::collections::VecDeque;

use eyas_scap::Suspects;

use crate::state::Thread;

/// Number of separately recorded losses; older ones are merged.
const KEPT_APART: usize = 32;

/// Number of losses, and the losses after which a thread may be in doubt.
#[derive(Debug, Default)]
pub(super) struct Losses {
    count: u32,
    /// Recent losses, oldest first, each with its number and its beginning.
    recent: VecDeque<(u32, u64, Suspects)>,
}

impl Losses {
    /// Number of losses.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Adds a loss.
    pub(super) fn add(&mut self, since: u64, of: Suspects) {
        self.count = self.count.saturating_add(1);
        self.recent.push_back((self.count, since, of));
        if self.recent.len() > KEPT_APART
            && let Some((_, first, older)) = self.recent.pop_front()
            && let Some((_, since, next)) = self.recent.front_mut()
        {
            *since = first.min(*since);
            next.merge(&older);
        }
    }

    /// Beginning of the first loss after which the thread is in doubt.
    pub(super) fn doubted_since(&self, thread: &Thread) -> Option<u64> {
        if thread.sure_after >= self.count {
            return None;
        }
        let unsure = self.recent.iter().filter(|(number, ..)| *number > thread.sure_after);
        let mut suspecting = unsure
            .filter(|(.., of)| thread.inherits_doubt || of.may_be_of(thread.pid))
            .map(|(_, since, _)| *since);
        suspecting.next()
    }

    /// Ends all doubts.
    pub(super) fn forget(&mut self) {
        self.recent.clear();
    }
}
