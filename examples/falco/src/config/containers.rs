//! `container_engines:`

use std::path::PathBuf;

use eyas::sinsp::state::Engines;
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Section, Text};
use super::shape::{TEXTS, U32};

const SWITCH: Shape = Section(&[("enabled", Bool)]);
const RUNTIME: Shape = Section(&[("enabled", Bool), ("sockets", TEXTS)]);

/// Maximum time that events may wait for a runtime's metadata of their container, ms. It is less than the
/// delay that health checks accept.
pub const MAX_HOLD_MS: u64 = 4_000;

/// Fields whose values only a runtime has.
const OF_RUNTIMES: &[&str] = &[
    "container.image",
    "container.image.",
    "container.privileged",
    "container.mounts",
    "container.mount",
    "container.mount.",
    "container.healthcheck",
    "container.liveness_probe",
    "container.readiness_probe",
    "container.start_ts",
    "container.duration",
    "container.ip",
    "container.cni.json",
    "container.host_pid",
    "container.host_network",
    "container.host_ipc",
    "container.label",
    "container.labels",
    "k8s.",
];

/// Keys of the section.
pub const SHAPE: Shape = Section(&[
    ("docker", RUNTIME),
    ("podman", RUNTIME),
    ("cri", Section(&[("enabled", Bool), ("sockets", TEXTS), ("disable_async", Bool)])),
    ("containerd", RUNTIME),
    ("lxc", SWITCH),
    ("libvirt_lxc", SWITCH),
    ("bpm", SWITCH),
    ("follow_events", Bool),
    ("label_max_len", U32),
    ("with_size", Bool),
    ("hooks", TEXTS),
    ("verbosity", Text),
]);

/// Container runtimes to query, and their sockets.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct ContainerEngines {
    /// Docker.
    pub docker: Runtime,
    /// Podman.
    pub podman: Runtime,
    /// containerd, CRI-O and others, through the interface of Kubernetes (CRI).
    pub cri: Runtime,
    /// containerd by itself, through its own interface.
    pub containerd: Runtime,
    /// LXC.
    pub lxc: Switch,
    /// LXC under libvirt.
    pub libvirt_lxc: Switch,
    /// BOSH's.
    pub bpm: Switch,
    /// Whether to subscribe to the runtimes' event streams.
    pub follow_events: bool,
    /// Maximum length of a label, bytes.
    pub label_max_len: usize,
    /// Whether to request the sizes of containers.
    pub with_size: bool,
}

impl ContainerEngines {
    /// Disables all runtimes.
    pub fn disable(&mut self) {
        for runtime in [&mut self.docker, &mut self.podman, &mut self.cri, &mut self.containerd] {
            runtime.enabled = false;
        }
    }
}

/// Settings of one runtime.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Runtime {
    /// Whether to query this runtime.
    pub enabled: bool,
    /// Paths of its sockets; if empty, the usual paths.
    pub sockets: Vec<PathBuf>,
}

/// An engine that needs no queries.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Switch {
    /// Whether to recognise its containers.
    pub enabled: bool,
}

impl Default for Switch {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Default for ContainerEngines {
    fn default() -> Self {
        let runtime = Runtime::default;
        Self {
            docker: runtime(),
            podman: runtime(),
            cri: runtime(),
            containerd: runtime(),
            lxc: Switch::default(),
            libvirt_lxc: Switch::default(),
            bpm: Switch::default(),
            follow_events: true,
            label_max_len: 100,
            with_size: false,
        }
    }
}

impl ContainerEngines {
    /// Fields, or prefixes of field names, that have no values because no runtime is queried.
    pub fn unavailable(&self) -> &'static [&'static str] {
        let asked =
            [&self.docker, &self.podman, &self.cri, &self.containerd].iter().any(|runtime| runtime.enabled);
        if asked { &[] } else { OF_RUNTIMES }
    }

    /// Engines whose containers are recognised.
    pub fn engines(&self) -> Engines {
        let mut engines = Engines::default();
        engines.docker = self.docker.enabled;
        engines.podman = self.podman.enabled;
        engines.cri = self.cri.enabled;
        engines.containerd = self.containerd.enabled;
        engines.lxc = self.lxc.enabled;
        engines.libvirt_lxc = self.libvirt_lxc.enabled;
        engines.bpm = self.bpm.enabled;
        engines
    }
}

impl Default for Runtime {
    fn default() -> Self {
        Self { enabled: true, sockets: Vec::new() }
    }
}
