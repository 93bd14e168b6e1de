//! `container_engines:`

use std::path::PathBuf;

use eyas::sinsp::state::Engines;
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Section, Text};
use super::shape::{TEXTS, U32};

const SWITCH: Shape = Section(&[("enabled", Bool)]);
const RUNTIME: Shape = Section(&[("enabled", Bool), ("sockets", TEXTS)]);

/// Longest time that events may wait for what a runtime knows of their container, ms: less than what health checks allow
/// an event to take.
pub const MAX_HOLD_MS: u64 = 4_000;

/// Fields that only a runtime knows.
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

/// What the section may have.
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

/// Which container runtimes are asked, and where they listen.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct ContainerEngines {
    /// Docker.
    pub docker: Runtime,
    /// Podman.
    pub podman: Runtime,
    /// containerd, CRI-O and others behind Kubernetes' interface.
    pub cri: Runtime,
    /// containerd by itself, through its own interface.
    pub containerd: Runtime,
    /// LXC.
    pub lxc: Switch,
    /// LXC as libvirt runs it.
    pub libvirt_lxc: Switch,
    /// BOSH's.
    pub bpm: Switch,
    /// Whether the runtimes' streams of events are followed.
    pub follow_events: bool,
    /// Longest label that is kept, bytes.
    pub label_max_len: usize,
    /// Sizes of containers are asked for.
    pub with_size: bool,
}

impl ContainerEngines {
    /// No runtime is asked.
    pub fn disable(&mut self) {
        for runtime in [&mut self.docker, &mut self.podman, &mut self.cri, &mut self.containerd] {
            runtime.enabled = false;
        }
    }
}

/// One runtime.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Runtime {
    /// Whether it is asked.
    pub enabled: bool,
    /// Where it listens; the usual places if there are none.
    pub sockets: Vec<PathBuf>,
}

/// An engine that is not asked.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Switch {
    /// Whether its containers count.
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
    /// Fields, or beginnings of their names, that have no values because no runtime is asked.
    pub fn unavailable(&self) -> &'static [&'static str] {
        let asked =
            [&self.docker, &self.podman, &self.cri, &self.containerd].iter().any(|runtime| runtime.enabled);
        if asked { &[] } else { OF_RUNTIMES }
    }

    /// Whose containers count.
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
