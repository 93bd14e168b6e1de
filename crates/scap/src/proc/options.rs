//! What to scan.

use std::path::PathBuf;

/// What to scan, and how much of it at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the host's root directory is seen from here (`HOST_ROOT`); `/` unless in a container.
    pub root: PathBuf,
    /// Whether open files are read too.
    pub fds: bool,
    /// Longest environment of a process that is read, bytes; the rest is left out. The probe keeps 4,096 bytes.
    pub environment: usize,
    /// The most threads that a snapshot holds; the rest is left out.
    pub max_threads: usize,
    /// The most open files of a process; those with higher numbers are left out.
    pub max_fds: usize,
    /// The most sockets that are looked at in a network namespace.
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
