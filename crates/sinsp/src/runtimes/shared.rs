//! Shared data of the thread's tasks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, watch};

use super::metadata::Metadata;
use super::options::Options;
use super::sources::Sources;
use super::stats::Tally;
use crate::lookups::Sender;
use crate::state::Kind;

/// Maximum number of unknown containers with pending requests.
const MAX_PENDING: usize = 4096;
/// Maximum number of remembered containers.
const MAX_COMPLETE: usize = 16_384;

/// Shared data of all tasks.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) sources: Sources,
    pub(super) tally: Tally,
    found: Sender<serde_json::Value>,
    /// The sender of requests; only the owner of the lookups keeps the channel open.
    requests: mpsc::WeakSender<String>,
    /// Containers with complete metadata from Podman itself.
    complete: Mutex<FxHashSet<String>>,
    /// Requested containers, each with the channel that wakes its task.
    pending: Mutex<FxHashMap<String, watch::Sender<u64>>>,
}

impl Shared {
    pub(super) fn new(
        options: Options,
        found: Sender<serde_json::Value>,
        tally: Tally,
        requests: mpsc::WeakSender<String>,
    ) -> Self {
        let sources = Sources::new(&options);
        Self {
            options,
            sources,
            tally,
            found,
            requests,
            complete: Mutex::default(),
            pending: Mutex::default(),
        }
    }

    fn pending(&self) -> MutexGuard<'_, FxHashMap<String, watch::Sender<u64>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests a container, as its first process would.
    pub(super) fn request(&self, id: &str) {
        if let Some(requests) = self.requests.upgrade() {
            // If there is no room, the container's first process requests it.
            let _ = requests.try_send(id.to_owned());
        }
    }

    /// Returns the channel that wakes a new task for the container. If a task exists, wakes it and returns
    /// `None`; also `None` if there is no room.
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

    /// Wakes all tasks, because a new socket may know their containers.
    pub(super) fn wake_all(&self) {
        for wake in self.pending().values() {
            wake.send_modify(|times| *times += 1);
        }
    }

    /// Ends the requests for the container.
    pub(super) fn forget(&self, id: &str) {
        self.pending().remove(id);
    }

    /// Whether the metadata from Podman itself is complete.
    pub(super) fn is_complete(&self, id: &str) -> bool {
        self.complete.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Sends the metadata; returns `false` if there is no room.
    pub(super) fn publish(&self, mut found: Metadata) -> bool {
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
