//! The sockets of runtimes, with their concurrent exchanges.

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

/// Maximum number of concurrent exchanges with one runtime.
const AT_ONCE: usize = 8;
/// Maximum number of sockets of one endpoint.
const MAX_SOCKETS: usize = 64;
/// How long a runtime that did not respond is treated as hanging.
const HUNG: Duration = Duration::from_secs(30);

/// A socket with its own slots, so that one that hangs delays no request to another.
pub(super) struct Source {
    pub(super) api: Api,
    pub(super) socket: PathBuf,
    slots: Semaphore,
    /// Time of the last timeout, unless it has responded since.
    late: Mutex<Option<Instant>>,
}

impl Source {
    /// The runtime's metadata of the container. A failure is treated like an unknown container.
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

    /// Records the result of an exchange.
    pub(super) fn note(&self, error: Option<&Error>, tally: &Tally) {
        let late = matches!(error, Some(Error::Late(_))).then(Instant::now);
        *self.late.lock().unwrap_or_else(PoisonError::into_inner) = late;
        match error {
            Some(error) => tally.failure(&self.socket, error),
            None => tally.success(&self.socket),
        }
    }

    /// Whether it timed out recently, so that nothing waits for it.
    pub(super) fn hangs(&self) -> bool {
        let late = *self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.is_some_and(|at| at.elapsed() < HUNG)
    }
}

/// Result of a request.
pub(super) enum Answer {
    Known(Box<Metadata>),
    Unknown,
    Failed,
}

/// All of them.
pub(super) struct Sources {
    root: PathBuf,
    /// Sockets of Podman.
    podman: Vec<PathBuf>,
    known: Mutex<FxHashMap<(Api, PathBuf), Arc<Source>>>,
}

impl Sources {
    pub(super) fn new(options: &Options) -> Self {
        let podman = options.endpoints.iter().filter(|endpoint| endpoint.api == Api::Podman);
        let podman = podman.map(|endpoint| endpoint.socket.clone()).collect();
        Self { root: options.root.clone(), podman, known: Mutex::default() }
    }

    /// Whether Podman listens on the socket. If Podman replaces Docker, Docker's socket is a symlink to
    /// Podman's.
    fn is_podman(&self, socket: &Path) -> bool {
        let inode = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        let mut podman = self.podman.iter().flat_map(|pattern| sockets(&self.root, pattern));
        inode(socket).is_some_and(|own| podman.any(|other| inode(&other) == Some(own)))
    }

    /// The existing sockets of an endpoint.
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

/// Whether it is queried only if others do not know a container: containerd knows less than the programs
/// that use it.
pub(super) fn is_late(endpoint: &Endpoint) -> bool {
    is_of_users(endpoint) || endpoint.api == Api::Containerd
}

/// Whether the sockets belong to users of the machine, who could claim to run any container.
pub(super) fn is_of_users(endpoint: &Endpoint) -> bool {
    endpoint.socket.components().any(|part| part.as_os_str() == "*")
}

/// Existing files that match the pattern, below the root.
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
