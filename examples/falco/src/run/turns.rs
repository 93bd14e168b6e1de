//! Assigns rules to the stretches of a replay on several threads. A reload takes effect from some stretch
//! on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::output::{Batch, Change};
use crate::reload::{Reload, Update};
use crate::setup::Setup;

/// The rules of every stretch that was not collected yet.
pub(super) struct Turns<'r> {
    reload: &'r Reload,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The last stretch that a thread has begun.
    begun: u64,
    /// The setups with their first stretches; at least one.
    setups: VecDeque<Turn>,
}

struct Turn {
    from: u64,
    setup: Arc<Setup>,
    change: Option<Change>,
}

/// A setup that was replaced.
pub(super) struct Retired {
    /// The previous setup.
    pub(super) before: Arc<Setup>,
    /// Change of the outputs.
    pub(super) change: Option<Change>,
}

impl<'r> Turns<'r> {
    /// Uses this setup for all stretches, until a reload.
    pub(super) fn new(setup: &Arc<Setup>, reload: &'r Reload) -> Self {
        let first = Turn { from: 0, setup: Arc::clone(setup), change: None };
        Self { reload, inner: Mutex::new(Inner { begun: 0, setups: [first].into() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No data is left half updated while the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the setup for a stretch that a thread begins now. A reload takes effect after all stretches
    /// that were begun.
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
                Update::Alert(alert) => inner.of(stretch).add_alert(&alert, alerts),
            }
        }
        Arc::clone(inner.of(stretch))
    }

    /// Records that the stretches before this one were collected. Returns the setups replaced since the
    /// last call.
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

    /// The setup of the last collected stretch.
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
