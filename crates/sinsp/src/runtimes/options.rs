//! Which runtimes are asked, and how.

use std::path::PathBuf;
use std::time::Duration;

/// Which programming interface a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Api {
    /// Docker's.
    Docker,
    /// Docker's, as Podman serves it.
    Podman,
    /// Kubernetes' container runtime interface, version 1: containerd, CRI-O, k3s.
    Cri,
    /// containerd's own: it has containers of all its namespaces, and each before it runs.
    Containerd,
}

/// A socket of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// What it speaks.
    pub api: Api,
    /// Where it is on the host; a component `*` stands for any name.
    pub socket: PathBuf,
}

/// Whom to ask, and for how long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Sockets; those that do not exist (yet) are skipped.
    pub endpoints: Vec<Endpoint>,
    /// Where the host's root directory is seen from here (`HOST_ROOT`); `/` unless in a container.
    pub root: PathBuf,
    /// Time that one exchange may take.
    pub deadline: Duration,
    /// Time until a container that nobody knows is asked for again; it doubles each time, up to a minute.
    pub retry: Duration,
    /// Labels whose value is longer than this, in bytes, are left out.
    pub max_label: usize,
    /// Whether sizes of containers' writable layers are asked for, which takes a runtime long.
    pub with_size: bool,
    /// Whether the runtimes' streams of events are followed, so that a container is known when it is created.
    pub follow: bool,
}

impl Default for Options {
    /// The sockets and limits of Falco's container plugin.
    fn default() -> Self {
        let endpoints =
            [Api::Docker, Api::Podman, Api::Cri, Api::Containerd].into_iter().flat_map(Endpoint::defaults);
        Self {
            endpoints: endpoints.collect(),
            root: PathBuf::from("/"),
            deadline: Duration::from_secs(5),
            retry: Duration::from_millis(30),
            max_label: 100,
            with_size: false,
            follow: true,
        }
    }
}

impl Options {
    /// See [`Options::endpoints`].
    #[must_use]
    pub fn with_endpoints(mut self, endpoints: Vec<Endpoint>) -> Self {
        self.endpoints = endpoints;
        self
    }

    /// Whether Kubernetes' interface is asked.
    pub(super) fn asks_cri(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.api == Api::Cri)
    }

    /// See [`Options::root`].
    #[must_use]
    pub fn with_root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = root.into();
        self
    }
}

impl Endpoint {
    /// A socket of a runtime that speaks this.
    pub fn new(api: Api, socket: impl Into<PathBuf>) -> Self {
        Self { api, socket: socket.into() }
    }

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
            Api::Containerd => &[
                "/run/containerd/containerd.sock",
                "/run/k3s/containerd/containerd.sock",
                "/run/host-containerd/containerd.sock",
            ],
        };
        sockets.iter().map(move |socket| Self { api, socket: PathBuf::from(socket) })
    }
}
