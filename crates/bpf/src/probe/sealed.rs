//! The last settings of this process.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use super::maps::ExcludedIds;
use eyas_events::SyscallCode;
use rustix::fs::{CWD, Mode, OFlags, openat};

/// The settings of this process.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    pub(super) bss: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) names: BTreeSet<Vec<u8>>,
    pub(super) ids: ExcludedIds,
    /// Programs by the names of their links; `None` if the kernel does not report them.
    pub(super) programs: Vec<(&'static str, Option<u32>)>,
    pub(super) call: Option<Call>,
    /// Whether the probe can identify this process; not if its id in the kernel differs, as in containers.
    pub(super) is_heard: bool,
}

/// A call without an effect, as a test.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Open,
    ChangeDirectory,
    Duplicate,
}

impl Call {
    pub(super) const ALL: [(SyscallCode, Self); 3] = [
        (SyscallCode::OPENAT, Self::Open),
        (SyscallCode::CHDIR, Self::ChangeDirectory),
        (SyscallCode::DUP, Self::Duplicate),
    ];

    /// Only the last one succeeds, and its descriptor is closed at once.
    pub(super) fn make(self, fd: impl AsFd) {
        match self {
            Self::Open => drop(openat(CWD, "", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())),
            Self::ChangeDirectory => drop(rustix::process::chdir("")),
            Self::Duplicate => drop(rustix::io::dup(fd)),
        }
    }
}
