//! The thread that asks: one task per container, from the first question until somebody knows it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::metadata::Metadata;
use super::options::{Api, Endpoint, Options};
use super::stats::Tally;
use super::{cri, docker};
use crate::lookups::Sender;

/// Containers that are asked for at the same time.
const AT_ONCE: usize = 8;
/// Containers that nobody knew and that will be asked for again.
const MAX_PENDING: usize = 4096;
/// Longest time until a container is asked for again.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// How long a container is asked for. A later process in it starts that again.
const GIVE_UP: Duration = Duration::from_secs(3600);
/// Responses about a container that lack something, until they are treated as complete.
const INCOMPLETE: u32 = 4;
/// Sockets that one endpoint may stand for.
const MAX_SOCKETS: usize = 64;

/// What all tasks need.
pub(super) struct Shared {
    options: Options,
    found: Sender<serde_json::Value>,
    pending: Mutex<FxHashSet<String>>,
    slots: Semaphore,
    tally: Tally,
}

impl Shared {
    pub(super) fn new(options: Options, found: Sender<serde_json::Value>, tally: Tally) -> Self {
        Self { options, found, pending: Mutex::default(), slots: Semaphore::new(AT_ONCE), tally }
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, FxHashSet<String>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes questions until nobody is left who could ask.
pub(super) async fn serve(shared: Arc<Shared>, mut asked: mpsc::Receiver<String>) {
    while let Some(id) = asked.recv().await {
        let is_new = {
            let mut pending = shared.pending();
            pending.len() < MAX_PENDING && pending.insert(id.clone())
        };
        if is_new {
            tokio::spawn(pursue(shared.clone(), id));
        }
    }
}

/// Asks until somebody knows the container, ever more slowly.
async fn pursue(shared: Arc<Shared>, id: String) {
    let began = Instant::now();
    let mut pause = shared.options.retry;
    let mut incomplete = 0;
    while began.elapsed() < GIVE_UP {
        let found = match shared.slots.acquire().await {
            Ok(_slot) => look_up(&shared, &id).await,
            Err(_) => None,
        };
        if let Some(found) = found {
            incomplete += 1;
            let enough = found.is_complete() || incomplete >= INCOMPLETE;
            // What finds no room is asked for once more.
            let sent = serde_json::to_value(found).is_ok_and(|json| shared.found.send(json));
            if sent && enough {
                break;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
    shared.pending().remove(&id);
}

/// Asks those in charge of the machine first, all at once, then those of its users: anybody may claim to run
/// a container.
async fn look_up(shared: &Shared, id: &str) -> Option<Metadata> {
    let Shared { options, tally, .. } = shared;
    tally.lookup();
    let (of_users, of_system): (Vec<_>, Vec<_>) =
        options.endpoints.iter().partition(|endpoint| has_wildcard(&endpoint.socket));
    for endpoints in [of_system, of_users] {
        let mut asked = tokio::task::JoinSet::new();
        for endpoint in endpoints {
            for socket in sockets(&options.root, &endpoint.socket) {
                let endpoint = Endpoint { api: endpoint.api, socket };
                asked.spawn(inspect(endpoint, id.to_owned(), options.deadline, tally.clone()));
            }
        }
        while let Some(answer) = asked.join_next().await {
            if let Ok(Some(mut found)) = answer
                && found.is_of(id)
            {
                found.bound(options.max_label);
                return Some(found);
            }
        }
    }
    None
}

/// A runtime that fails is asked again like one that does not know the container (yet).
async fn inspect(endpoint: Endpoint, id: String, deadline: Duration, tally: Tally) -> Option<Metadata> {
    let Endpoint { api, socket } = endpoint;
    let answer = match api {
        Api::Docker | Api::Podman => docker::inspect(api, &socket, &id, deadline, &tally).await,
        Api::Cri => cri::inspect(&socket, &id, deadline, &tally).await,
    };
    answer.inspect_err(|error| tally.failure(&socket, error)).ok().flatten()
}

fn has_wildcard(socket: &Path) -> bool {
    socket.components().any(|part| part.as_os_str() == "*")
}

/// Existing files that the pattern stands for, below the root.
fn sockets(root: &Path, pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    for part in pattern.strip_prefix("/").unwrap_or(pattern) {
        found = match part == "*" {
            true => found.iter().flat_map(|dir| entries(dir)).take(MAX_SOCKETS).collect(),
            false => found.into_iter().map(|path| path.join(part)).collect(),
        };
    }
    found.retain(|path| path.exists());
    found
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}
