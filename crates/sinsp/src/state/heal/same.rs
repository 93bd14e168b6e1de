//! Checks whether a descriptor still has the file that events reported.

use crate::state::mapped::unmapped;
use crate::state::{Fd, FdKind, L4, Socket};

/// Whether the descriptor's file in the state is the one in the running system. Events and `/proc` name files
/// differently, so only attributes that both have can prove that the files differ.
pub(in crate::state) fn is_same_file(known: &Fd, there: &Fd) -> bool {
    let mut names = [Some(known), known.opened()].into_iter().flatten().map(|fd| &fd.name);
    let same_kind = known.kind == there.kind || (has_path(known) && has_path(there));
    if same_kind && !there.name.is_empty() && names.any(|name| *name == there.name) {
        return true;
    }
    if has_inode(known) && has_inode(there) {
        // The assumed starting directory of a relative path may have been wrong.
        return known.ino == there.ino && (known.raw_name.is_empty() || known.raw_name.starts_with(b"/"));
    }
    match (known.kind, there.kind) {
        // A socket that no table of /proc lists.
        (kind, FdKind::Unsupported) => kind.is_socket() && there.name.starts_with(b"socket:"),
        // Its path comes after the addresses of its ends.
        (FdKind::Unix, FdKind::Unix) if !there.name.is_empty() => known.name.ends_with(&there.name),
        (FdKind::Unix, FdKind::Unix) => known.ino == 0 || there.ino == 0 || known.ino == there.ino,
        (one, other) if one.is_inet() && other.is_inet() => has_same_ends(known, there),
        // The path differs from the opened one.
        (one, other) if one.is_file() && other.is_file() => false,
        (one, other) => one == other,
    }
}

/// Whether the inode identifies the file: descriptors without a file share one, and sockets have none in
/// events.
fn has_inode(fd: &Fd) -> bool {
    fd.ino != 0 && (has_path(fd) || fd.kind == FdKind::Memfd)
}

/// Whether it may have been opened by a path, so that its kind may be unknown.
fn has_path(fd: &Fd) -> bool {
    fd.kind.is_file() || fd.kind == FdKind::Pipe
}

fn has_same_ends(known: &Fd, there: &Fd) -> bool {
    if known.l4 != there.l4 && known.l4 != L4::Unknown && there.l4 != L4::Unknown {
        return false;
    }
    match (known.socket(), there.socket()) {
        (_, Socket::Inet { source, destination }) => known.has_ends(source, destination),
        // A datagram socket has a peer in every event, and none in /proc unless it connected.
        (Socket::Inet { source, destination }, Socket::Server { addr }) => {
            known.l4 == L4::Udp && (source.1 == addr.1 || destination.1 == addr.1)
        }
        // For the unset address, events show that of IPv4, and the tables of /proc that of the socket's family.
        (Socket::Server { addr }, Socket::Server { addr: other }) => unmapped(addr) == unmapped(other),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests;
