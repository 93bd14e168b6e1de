/// The runtime that made a container; the numbers are those in container events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Docker,
    Lxc,
    LibvirtLxc,
    Mesos,
    Rkt,
    Custom,
    Cri,
    Containerd,
    CriO,
    Bpm,
    Static,
    Podman,
    /// No event has this number or the next, because no runtime reports these containers.
    Nspawn,
    Buildah,
}

impl Kind {
    const ALL: [Self; 14] = [
        Self::Docker,
        Self::Lxc,
        Self::LibvirtLxc,
        Self::Mesos,
        Self::Rkt,
        Self::Custom,
        Self::Cri,
        Self::Containerd,
        Self::CriO,
        Self::Bpm,
        Self::Static,
        Self::Podman,
        Self::Nspawn,
        Self::Buildah,
    ];

    pub(crate) fn of_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Lxc => "lxc",
            Self::LibvirtLxc => "libvirt-lxc",
            Self::Mesos => "mesos",
            Self::Rkt => "rkt",
            Self::Custom => "custom",
            Self::Cri => "cri",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Bpm => "bpm",
            Self::Static => "static",
            Self::Podman => "podman",
            Self::Nspawn => "systemd-nspawn",
            Self::Buildah => "buildah",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_kind_is_its_position() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number, "{kind:?}");
        }
        assert_eq!(Kind::of_number(14), None);
    }
}
