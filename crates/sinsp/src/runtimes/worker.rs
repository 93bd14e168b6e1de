//! The thread that asks: a task per container that is asked for, and one per runtime whose events are followed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, watch};

use super::metadata::Metadata;
use super::options::Options;
use super::pursuit::pursue;
use super::sources::Sources;
use super::stats::Tally;
use super::watch::follow_all;
use crate::lookups::Sender;

/// Containers that nobody knew and that will be asked for again.
const MAX_PENDING: usize = 4096;

/// What all tasks need.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) sources: Sources,
    pub(super) tally: Tally,
    found: Sender<serde_json::Value>,
    /// Containers that are asked for, each with what wakes its task.
    pending: Mutex<FxHashMap<String, watch::Sender<u64>>>,
}

impl Shared {
    pub(super) fn new(options: Options, found: Sender<serde_json::Value>, tally: Tally) -> Self {
        let sources = Sources::new(options.root.clone());
        Self { options, sources, tally, found, pending: Mutex::default() }
    }

    fn pending(&self) -> MutexGuard<'_, FxHashMap<String, watch::Sender<u64>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a container, or once more if that goes on already.
    pub(super) fn begin(self: &Arc<Self>, id: &str) {
        let mut pending = self.pending();
        if let Some(wake) = pending.get(id) {
            wake.send_modify(|times| *times += 1);
        } else if pending.len() < MAX_PENDING {
            let (wake, woken) = watch::channel(0);
            pending.insert(id.to_owned(), wake);
            tokio::spawn(pursue(self.clone(), id.to_owned(), woken));
        }
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

    /// Hands on what is known; `false` if there is no room.
    pub(super) fn tell(&self, mut found: Metadata) -> bool {
        found.bound(self.options.max_label);
        serde_json::to_value(found).is_ok_and(|json| self.found.send(json))
    }
}

/// Takes questions until nobody is left who could ask.
pub(super) async fn serve(shared: Arc<Shared>, mut asked: mpsc::Receiver<String>) {
    if shared.options.follow {
        tokio::spawn(follow_all(shared.clone()));
    }
    while let Some(id) = asked.recv().await {
        shared.begin(&id);
    }
}
