//! Options of a scan.

use std::path::PathBuf;

/// Options and limits of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Path of the host's root directory (`HOST_ROOT`); `/` outside containers.
    pub root: PathBuf,
    /// Whether open files are read too.
    pub fds: bool,
    /// Maximum size of a process's environment, bytes; the rest is left out. The probe captures 4,096
    /// bytes.
    pub environment: usize,
    /// Maximum number of threads of a snapshot; the rest is left out.
    pub max_threads: usize,
    /// Maximum number of open files of a process; those with higher numbers are left out.
    pub max_fds: usize,
    /// Maximum number of sockets that are read in a network namespace.
    pub max_sockets: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            fds: true,
            environment: 4096,
            max_threads: 262_144,
            max_fds: 4096,
            max_sockets: 1 << 20,
        }
    }
}
