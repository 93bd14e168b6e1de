//! Which rules test which stretch of a replay on several threads: from some stretch on, those of a reload.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::output::{Batch, Change};
use crate::reload::{Reload, Update};
use crate::setup::Setup;

/// The rules of every stretch that is not collected yet.
pub(super) struct Turns<'r> {
    reload: &'r Reload,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The last stretch that some thread has begun.
    begun: u64,
    /// At least one, by their first stretches.
    setups: VecDeque<Turn>,
}

struct Turn {
    from: u64,
    setup: Arc<Setup>,
    change: Option<Change>,
}

/// Others have taken over.
pub(super) struct Retired {
    /// What tested before.
    pub(super) before: Arc<Setup>,
    /// Where alerts go from here on.
    pub(super) change: Option<Change>,
}

impl<'r> Turns<'r> {
    /// All stretches, until a reload.
    pub(super) fn new(setup: &Arc<Setup>, reload: &'r Reload) -> Self {
        let first = Turn { from: 0, setup: Arc::clone(setup), change: None };
        Self { reload, inner: Mutex::new(Inner { begun: 0, setups: [first].into() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing is left half done where it is locked.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tests this stretch, which a thread begins now. What a reload has takes over behind all that were begun.
    pub(super) fn begin(&self, stretch: u64, alerts: &mut Batch) -> Arc<Setup> {
        let mut inner = self.lock();
        inner.begun = inner.begun.max(stretch);
        while let Some(update) = self.reload.take() {
            match update {
                Update::Replace(next) => {
                    let (from, setup) = (inner.begun + 1, Arc::clone(&next.setup));
                    self.reload.replaced(Arc::clone(&setup));
                    inner.setups.push_back(Turn { from, setup, change: Some(next.outputs) });
                }
                Update::Alert(alert) => inner.of(stretch).tell(&alert, alerts),
            }
        }
        Arc::clone(inner.of(stretch))
    }

    /// The stretches before this one are done with: what took over since the last call.
    pub(super) fn collected(&self, stretch: u64) -> Vec<Retired> {
        let mut inner = self.lock();
        let mut passed = Vec::new();
        while inner.setups.get(1).is_some_and(|next| next.from <= stretch) {
            if let Some(before) = inner.setups.pop_front() {
                let change = inner.setups.front_mut().and_then(|now| now.change.take());
                passed.push(Retired { before: before.setup, change });
            }
        }
        passed
    }

    /// What tested the last stretch that was collected.
    pub(super) fn last(&self) -> Arc<Setup> {
        Arc::clone(&self.lock().setups[0].setup)
    }
}

impl Inner {
    fn of(&self, stretch: u64) -> &Arc<Setup> {
        let after = self.setups.partition_point(|turn| turn.from <= stretch);
        &self.setups[after.saturating_sub(1)].setup
    }
}
