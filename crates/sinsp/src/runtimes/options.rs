//! Options of the lookups in runtimes.

use std::path::PathBuf;
use std::time::Duration;

/// The interface of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Api {
    /// Docker's.
    Docker,
    /// Docker's interface in Podman.
    Podman,
    /// Kubernetes' container runtime interface, version 1: containerd, CRI-O, k3s.
    Cri,
    /// containerd's own interface: it reports containers of all its namespaces, before they run.
    Containerd,
}

/// A socket of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// API of the socket.
    pub api: Api,
    /// Path on the host; a component `*` matches any name.
    pub socket: PathBuf,
}

/// Options of [`Runtimes`](super::Runtimes).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Sockets; missing ones are skipped until they exist.
    pub endpoints: Vec<Endpoint>,
    /// Path of the host's root directory (`HOST_ROOT`); `/` outside containers.
    pub root: PathBuf,
    /// Timeout of one exchange.
    pub deadline: Duration,
    /// Time until an unknown container is requested again. It doubles each time, up to a minute.
    pub retry: Duration,
    /// Maximum length of a label's value, bytes. Labels with a longer value are omitted.
    pub max_label: usize,
    /// Whether sizes of containers' writable layers are requested, which takes a runtime a long time.
    pub with_size: bool,
    /// Whether to follow the event streams of runtimes, so that a container is known when it is created.
    pub follow: bool,
    /// How long requests of other runtimes wait for one that does not respond.
    pub(super) patience: Duration,
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
            patience: Duration::from_secs(1),
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

    /// Whether the CRI is used.
    pub(super) fn queries_cri(&self) -> bool {
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
    /// A socket with this interface.
    pub fn new(api: Api, socket: impl Into<PathBuf>) -> Self {
        Self { api, socket: socket.into() }
    }

    /// Default sockets for this interface.
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
