use super::kind::Kind;
use crate::state::Text;

/// Whose containers count: a process in one of another engine is a process of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Engines {
    /// Docker.
    pub docker: bool,
    /// Podman.
    pub podman: bool,
    /// Kubernetes: containerd, CRI-O and others behind its interface.
    pub cri: bool,
    /// containerd by itself, as `ctr` and nerdctl use it.
    pub containerd: bool,
    /// LXC.
    pub lxc: bool,
    /// LXC as libvirt runs it.
    pub libvirt_lxc: bool,
    /// BOSH's.
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
    /// Whether containers that this one made count.
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

/// Which control groups are those of containers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layouts {
    pub(crate) engines: Engines,
    /// Namespaces of containerd beside those that every containerd may have.
    namespaces: Vec<Text>,
}

/// Namespaces that are remembered.
const MAX_NAMESPACES: usize = 64;

impl Layouts {
    pub(crate) fn new(engines: Engines) -> Self {
        Self { engines, namespaces: Vec::new() }
    }

    /// Containers of this namespace of containerd have control groups of its name; returns whether that was not known.
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
