//! Kinds of files that the state does not track, because the source may filter out their events.

use eyas_scap::is_direct;

use super::fd::{Fd, FdKind};

/// What the source may filter out: events that open and close files of these kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Untracked {
    pub(crate) files: bool,
    /// Directories whose path is the kernel's.
    pub(crate) directories: bool,
}

impl Untracked {
    /// Whether the file is not tracked if a description of the descriptor is its only source: the event of its close may be
    /// missing.
    pub(super) fn has(self, num: i64, fd: &Fd) -> bool {
        self.files && is_plain(num, fd) || self.directories && is_directory(num, fd)
    }
}

/// Whether the entry may be a plain file. Files of namespaces are tracked.
fn is_plain(num: i64, fd: &Fd) -> bool {
    let is_namespace = || fd.name.windows(4).any(|part| part == b"/ns/");
    matches!(fd.kind, FdKind::File | FdKind::OldFile)
        && fd.name.starts_with(b"/")
        && !is_namespace()
        && !is_direct(num)
}

pub(super) fn is_directory(num: i64, fd: &Fd) -> bool {
    fd.is_directory() && !is_direct(num)
}
