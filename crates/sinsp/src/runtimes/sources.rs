//! The sockets of runtimes: which are there, and how many exchanges each has at a time.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::metadata::Metadata;
use super::options::{Api, Endpoint, Options};
use super::stats::Tally;
use super::wire::Error;
use super::{containerd, cri, docker};

/// Exchanges with one runtime at the same time.
const AT_ONCE: usize = 8;
/// Sockets that one endpoint may stand for.
const MAX_SOCKETS: usize = 64;
/// How long a runtime that did not respond counts as one that hangs.
const HUNG: Duration = Duration::from_secs(30);

/// A socket, with slots of its own: one that hangs delays no question to another.
pub(super) struct Source {
    pub(super) api: Api,
    pub(super) socket: PathBuf,
    slots: Semaphore,
    /// When it did not respond in time, unless it has done since.
    late: Mutex<Option<Instant>>,
}

impl Source {
    /// What the runtime says of the container. One that fails is like one that does not know the container.
    pub(super) async fn inspect(&self, id: &str, options: &Options, tally: &Tally) -> Answer {
        let (with_size, deadline) = (options.with_size, options.deadline);
        let Ok(_slot) = self.slots.acquire().await else { return Answer::Failed };
        let found = match self.api {
            Api::Docker | Api::Podman => {
                docker::inspect(self.api, &self.socket, id, with_size, deadline, tally).await
            }
            Api::Cri => cri::inspect(&self.socket, id, with_size, deadline, tally).await,
            Api::Containerd => containerd::inspect(&self.socket, id, deadline).await,
        };
        self.note(found.as_ref().err(), tally);
        match found {
            Ok(Some(found)) if found.is_of(id) => Answer::Known(Box::new(found)),
            Ok(_) => Answer::Unknown,
            Err(_) => Answer::Failed,
        }
    }

    /// Takes note of how an exchange ended.
    pub(super) fn note(&self, error: Option<&Error>, tally: &Tally) {
        let late = matches!(error, Some(Error::Late(_))).then(Instant::now);
        *self.late.lock().unwrap_or_else(PoisonError::into_inner) = late;
        match error {
            Some(error) => tally.failure(&self.socket, error),
            None => tally.success(&self.socket),
        }
    }

    /// Whether it did not respond lately: nobody waits for it.
    pub(super) fn hangs(&self) -> bool {
        let late = *self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.is_some_and(|at| at.elapsed() < HUNG)
    }
}

/// What came of a question.
pub(super) enum Answer {
    Known(Box<Metadata>),
    Unknown,
    Failed,
}

/// All of them.
pub(super) struct Sources {
    root: PathBuf,
    /// Where Podman listens.
    podman: Vec<PathBuf>,
    known: Mutex<FxHashMap<(Api, PathBuf), Arc<Source>>>,
}

impl Sources {
    pub(super) fn new(options: &Options) -> Self {
        let podman = options.endpoints.iter().filter(|endpoint| endpoint.api == Api::Podman);
        let podman = podman.map(|endpoint| endpoint.socket.clone()).collect();
        Self { root: options.root.clone(), podman, known: Mutex::default() }
    }

    /// Whether Podman listens there: Docker's socket is a link to Podman's where Podman stands in for Docker.
    fn is_podman(&self, socket: &Path) -> bool {
        let inode = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        let mut podman = self.podman.iter().flat_map(|pattern| sockets(&self.root, pattern));
        inode(socket).is_some_and(|own| podman.any(|other| inode(&other) == Some(own)))
    }

    /// The sockets of an endpoint that are there now.
    pub(super) fn of(&self, endpoint: &Endpoint) -> Vec<Arc<Source>> {
        let mut paths = sockets(&self.root, &endpoint.socket);
        if endpoint.api == Api::Docker {
            paths.retain(|path| !self.is_podman(path));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > 4 * MAX_SOCKETS {
            known.retain(|(_, path), source| Arc::strong_count(source) > 1 || path.exists());
        }
        let source = |socket: PathBuf| {
            let api = endpoint.api;
            let make = || {
                let (slots, late) = (Semaphore::new(AT_ONCE), Mutex::default());
                Arc::new(Source { api, socket: socket.clone(), slots, late })
            };
            known.entry((api, socket.clone())).or_insert_with(make).clone()
        };
        paths.into_iter().map(source).collect()
    }
}

/// Whether it is asked when others don't know a container: containerd has less to say than those that it works for.
pub(super) fn is_late(endpoint: &Endpoint) -> bool {
    is_of_users(endpoint) || endpoint.api == Api::Containerd
}

/// Whether the sockets are those of users of the machine: anybody may claim to run a container.
pub(super) fn is_of_users(endpoint: &Endpoint) -> bool {
    endpoint.socket.components().any(|part| part.as_os_str() == "*")
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
