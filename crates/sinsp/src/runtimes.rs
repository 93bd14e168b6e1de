//! What container runtimes say of their containers, asked over their own sockets in the background.
//!
//! ```text
//!   Inspector ──ask──> queue ──> worker thread: Docker, Podman: HTTP; containerd, CRI-O: gRPC
//!       ^                           │ again and again, ever more slowly, until somebody knows
//!       └──────────── queue <───────┘
//! ```
//!
//! Nothing a runtime does can hold up events or fill memory: every exchange has a deadline, every answer and
//! every text in it a longest length, every queue a bound.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::lookups::{ContainerLookup, Mailbox, mailbox};

mod cri;
mod docker;
mod image;
mod metadata;
#[cfg(test)]
mod tests;
mod wire;
mod worker;

/// Ids and answers that wait at most; what finds no room is asked again later.
const QUEUE: usize = 1024;

/// Which programming interface a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Docker's.
    Docker,
    /// Docker's, as Podman serves it.
    Podman,
    /// Kubernetes' container runtime interface, version 1: containerd, CRI-O, k3s.
    Cri,
}

/// A socket of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What it speaks.
    pub api: Api,
    /// Where it is on the host; a component `*` stands for any name.
    pub socket: PathBuf,
}

/// Whom to ask, and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// Sockets; those that do not exist (yet) are passed over.
    pub endpoints: Vec<Endpoint>,
    /// Where the host's root directory is seen from here (`HOST_ROOT`); `/` unless in a container.
    pub root: PathBuf,
    /// Time that one exchange may take.
    pub deadline: Duration,
    /// Time until a container that nobody knows is asked for again; it doubles each time, up to a minute.
    pub retry: Duration,
    /// Labels whose value is longer than this, in bytes, are left out.
    pub max_label: usize,
}

impl Default for Options {
    /// The sockets and limits of Falco's container plugin.
    fn default() -> Self {
        let endpoints = [Api::Docker, Api::Podman, Api::Cri].into_iter().flat_map(Endpoint::defaults);
        Self {
            endpoints: endpoints.collect(),
            root: PathBuf::from("/"),
            deadline: Duration::from_secs(5),
            retry: Duration::from_millis(30),
            max_label: 100,
        }
    }
}

impl Endpoint {
    /// Where runtimes that speak this listen by default.
    pub fn defaults(api: Api) -> impl Iterator<Item = Self> {
        let sockets: &[&str] = match api {
            Api::Docker => &["/var/run/docker.sock"],
            Api::Podman => &["/run/podman/podman.sock", "/run/user/*/podman/podman.sock"],
            Api::Cri => &[
                "/run/containerd/containerd.sock",
                "/run/crio/crio.sock",
                "/run/k3s/containerd/containerd.sock",
                "/run/host-containerd/containerd.sock",
            ],
        };
        sockets.iter().map(move |socket| Self { api, socket: PathBuf::from(socket) })
    }
}

/// The runtimes of this machine, asked by a thread of their own that ends when this is dropped.
#[derive(Debug)]
pub struct Runtimes {
    asked: mpsc::Sender<String>,
    answers: Mailbox<serde_json::Value>,
}

impl Runtimes {
    /// Starts the thread; sockets are not touched before something is asked.
    ///
    /// # Errors
    /// The system refuses a thread or what it waits on.
    pub fn start(options: Options) -> std::io::Result<Self> {
        let (asked, questions) = mpsc::channel(QUEUE);
        let (sender, answers) = mailbox(QUEUE);
        let shared = Arc::new(worker::Shared::new(options, sender));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        std::thread::Builder::new()
            .name("containers".into())
            .spawn(move || runtime.block_on(worker::serve(shared, questions)))?;
        Ok(Self { asked, answers })
    }
}

impl ContainerLookup for Runtimes {
    fn ask(&mut self, id: &[u8]) -> bool {
        match worker::checked(id) {
            Some(id) => self.asked.try_send(id.to_owned()).is_ok(),
            None => true,
        }
    }

    fn answer(&mut self) -> Option<serde_json::Value> {
        self.answers.take()
    }
}
