//! Kinds of files that the state does not track, because the source may filter out their events.

use eyas_events::filter::UnusedFiles;
use eyas_scap::is_direct;

use super::fd::{Fd, FdKind};

/// Whether a file is of a kind that rules do not use. If a description of the descriptor is the only source of the file, it is not
/// tracked: the event of its close may be missing.
pub(super) fn is_unused(of: UnusedFiles, num: i64, fd: &Fd) -> bool {
    of.plain && is_plain(num, fd)
        || of.directories && is_directory(num, fd)
        || of.pipes && is_unnamed_pipe(num, fd)
        || of.sockets && is_socket(num, fd)
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

/// Whether the entry may be a socket, of any family.
fn is_socket(num: i64, fd: &Fd) -> bool {
    let is_of_other_family = || fd.kind == FdKind::Unsupported && fd.name.starts_with(b"socket:[");
    (fd.kind.is_socket() || fd.kind == FdKind::Unknown || is_of_other_family()) && !is_direct(num)
}

fn is_unnamed_pipe(num: i64, fd: &Fd) -> bool {
    fd.kind == FdKind::Pipe && !fd.name.starts_with(b"/") && !is_direct(num)
}
