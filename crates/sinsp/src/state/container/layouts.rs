use super::kind::Kind;
use crate::state::Text;

/// Enabled container engines: a process in a container of another engine is a process of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Engines {
    /// Docker.
    pub docker: bool,
    /// Podman.
    pub podman: bool,
    /// Kubernetes: containerd, CRI-O and other runtimes that it uses.
    pub cri: bool,
    /// containerd with `ctr` and nerdctl.
    pub containerd: bool,
    /// LXC.
    pub lxc: bool,
    /// LXC through libvirt.
    pub libvirt_lxc: bool,
    /// The process manager of BOSH (bpm).
    pub bpm: bool,
}

impl Default for Engines {
    /// All of them.
    fn default() -> Self {
        Self {
            docker: true,
            podman: true,
            cri: true,
            containerd: true,
            lxc: true,
            libvirt_lxc: true,
            bpm: true,
        }
    }
}

impl Engines {
    /// Whether containers of this runtime are enabled.
    pub(super) fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Docker => self.docker,
            Kind::Podman => self.podman,
            Kind::Cri | Kind::CriO => self.cri,
            Kind::Containerd => self.cri || self.containerd,
            Kind::Lxc => self.lxc,
            Kind::LibvirtLxc => self.libvirt_lxc,
            Kind::Bpm => self.bpm,
            Kind::Mesos | Kind::Rkt | Kind::Custom | Kind::Static | Kind::Nspawn | Kind::Buildah => true,
        }
    }
}

/// The cgroups that are containers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layouts {
    pub(crate) engines: Engines,
    /// Namespaces of containerd beside those that every containerd may have.
    namespaces: Vec<Text>,
}

/// Maximum number of namespaces.
const MAX_NAMESPACES: usize = 64;

impl Layouts {
    pub(crate) fn new(engines: Engines) -> Self {
        Self { engines, namespaces: Vec::new() }
    }

    /// Adds a namespace of containerd, whose containers have cgroups with its name; returns whether it is
    /// new.
    pub(crate) fn add_namespace(&mut self, name: &[u8]) -> bool {
        let is_new = !self.has_namespace(name) && self.namespaces.len() < MAX_NAMESPACES;
        if is_new {
            self.namespaces.push(name.into());
        }
        is_new
    }

    pub(super) fn has_namespace(&self, name: &[u8]) -> bool {
        matches!(name, b"default" | b"k8s.io") || self.namespaces.iter().any(|known| **known == *name)
    }
}
