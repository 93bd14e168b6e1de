//! What all tasks of the thread that asks have in common.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, watch};

use super::metadata::Metadata;
use super::options::Options;
use super::sources::Sources;
use super::stats::Tally;
use crate::lookups::Sender;
use crate::state::Kind;

/// Containers that nobody knew and that will be asked for again.
const MAX_PENDING: usize = 4096;
/// Containers that are remembered.
const MAX_COMPLETE: usize = 16_384;

/// What all tasks need.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) sources: Sources,
    pub(super) tally: Tally,
    found: Sender<serde_json::Value>,
    /// Where questions come from; only the owner of the look-ups keeps it open.
    questions: mpsc::WeakSender<String>,
    /// Containers of which Podman itself has said all.
    complete: Mutex<FxHashSet<String>>,
    /// Containers that are asked for, each with what wakes its task.
    pending: Mutex<FxHashMap<String, watch::Sender<u64>>>,
}

impl Shared {
    pub(super) fn new(
        options: Options,
        found: Sender<serde_json::Value>,
        tally: Tally,
        questions: mpsc::WeakSender<String>,
    ) -> Self {
        let sources = Sources::new(&options);
        Self {
            options,
            sources,
            tally,
            found,
            questions,
            complete: Mutex::default(),
            pending: Mutex::default(),
        }
    }

    fn pending(&self) -> MutexGuard<'_, FxHashMap<String, watch::Sender<u64>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a container, as the first process in it would.
    pub(super) fn ask(&self, id: &str) {
        if let Some(questions) = self.questions.upgrade() {
            // What finds no room is asked for by the container's first process.
            let _ = questions.try_send(id.to_owned());
        }
    }

    /// What wakes a new task that asks for the container; `None` if there is one, which is woken, or no room.
    pub(super) fn begin(&self, id: &str) -> Option<watch::Receiver<u64>> {
        let mut pending = self.pending();
        if let Some(wake) = pending.get(id) {
            wake.send_modify(|times| *times += 1);
            return None;
        }
        if pending.len() >= MAX_PENDING {
            return None;
        }
        let (wake, woken) = watch::channel(0);
        pending.insert(id.to_owned(), wake);
        Some(woken)
    }

    /// A socket is there that was not: all that is asked for may be known now.
    pub(super) fn wake_all(&self) {
        for wake in self.pending().values() {
            wake.send_modify(|times| *times += 1);
        }
    }

    /// The container is asked for no more.
    pub(super) fn forget(&self, id: &str) {
        self.pending().remove(id);
    }

    /// Whether Podman itself has said all of the container.
    pub(super) fn is_complete(&self, id: &str) -> bool {
        self.complete.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Hands on what is known; `false` if there is no room.
    pub(super) fn tell(&self, mut found: Metadata) -> bool {
        if found.kind == Kind::Podman as u8 && !found.is_early {
            let mut complete = self.complete.lock().unwrap_or_else(PoisonError::into_inner);
            if complete.len() >= MAX_COMPLETE {
                complete.clear();
            }
            complete.insert(found.id.clone());
        }
        found.bound(self.options.max_label);
        serde_json::to_value(found).is_ok_and(|json| self.found.send(json))
    }
}
