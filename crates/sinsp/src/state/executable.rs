//! The file that a process executes.

use super::Text;

/// The file that a process executes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Executable {
    /// Path; empty if unknown.
    pub path: Text,
    /// Whether the process's user may write it.
    pub is_writable: bool,
    /// Whether it is in the upper layer of an overlay.
    pub in_upper_layer: bool,
    /// Whether it is in the lower layer of an overlay.
    pub in_lower_layer: bool,
    /// Whether it is a memfd.
    pub from_memfd: bool,
    /// Inode; 0 if unknown.
    pub ino: u64,
    /// Change time, ns since the epoch; 0 if unknown.
    pub ctime: u64,
    /// Modification time, ns since the epoch; 0 if unknown.
    pub mtime: u64,
    /// Time from its change to the start of the process, ns; 0 if unknown.
    pub ctime_to_clone: i64,
    /// Time from the start of the pid namespace to its change, ns; 0 if unknown.
    pub pidns_start_to_ctime: i64,
}

impl Executable {
    /// A file of which only the path is known.
    pub(crate) fn new(path: Text) -> Self {
        Self {
            path,
            is_writable: false,
            in_upper_layer: false,
            in_lower_layer: false,
            from_memfd: false,
            ino: 0,
            ctime: 0,
            mtime: 0,
            ctime_to_clone: 0,
            pidns_start_to_ctime: 0,
        }
    }
}
