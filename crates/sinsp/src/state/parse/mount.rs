//! Mounts through descriptors.

use eyas_events::{EventType, FlagTable, param};
use eyas_scap::RawEvent;

use super::directory::set_directories;
use super::file::{add, base};
use crate::path;
use crate::state::{Current, PendingChange};
use crate::state::{Fd, FdKind, State};

const CLONE: u64 = FlagTable::OPEN_TREE_FLAGS.value("OPEN_TREE_CLONE") as u64;
const TREE_CLOEXEC: u64 = FlagTable::OPEN_TREE_FLAGS.value("OPEN_TREE_CLOEXEC") as u64;
const FROM_EMPTY: u64 = FlagTable::MOVE_MOUNT_FLAGS.value("MOVE_MOUNT_F_EMPTY_PATH") as u64;
/// First flag of a new mount's or file system's descriptor: an exec closes it.
const CLOEXEC: u64 = 1;

pub(super) fn apply(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::{SYSCALL_FSMOUNT_X as fsmount, SYSCALL_FSOPEN_X as fsopen, SYSCALL_FSPICK_X as fspick};
    if raw.ty == EventType::SYSCALL_MOVE_MOUNT_X {
        if let Some(key) = now.thread.filter(|_| raw.int(0) == Some(0)) {
            set_directories(state, key, raw);
        }
        return moved(state, raw, now);
    }
    now.fd = raw.int(0).map(|num| num.max(-1));
    let Some(num) = raw.int(0).filter(|num| *num >= 0) else { return };
    let flags = |index| raw.uint(index).unwrap_or(0);
    let (fd, close_on_exec) = match raw.ty {
        EventType::SYSCALL_FSOPEN_X => (context(state, raw), flags(fsopen::flags) & CLOEXEC != 0),
        EventType::SYSCALL_FSPICK_X => (context(state, raw), flags(fspick::flags) & CLOEXEC != 0),
        EventType::SYSCALL_FSMOUNT_X => {
            let mut fd = Fd::new(FdKind::Directory, &state.empty());
            let kind = raw.text(fsmount::r#type).unwrap_or(b"?");
            fd.ino = raw.mounted_inode().unwrap_or(0);
            // It has no path until a call moves it to one.
            fd.rename([b"mount:[", kind, b"]"].concat().into(), raw.ts);
            (fd, flags(fsmount::flags) & CLOEXEC != 0)
        }
        _ => tree(state, raw, now),
    };
    let fd = state.reuse.hold(fd);
    add(state, now, num, fd, close_on_exec);
}

/// The descriptor of a file system's configuration.
fn context(state: &mut State, raw: &RawEvent<'_>) -> Fd {
    let mut fd = Fd::new(FdKind::Unsupported, &state.empty());
    fd.rename(b"[fscontext]"[..].into(), raw.ts);
    fd
}

/// Handles `open_tree`: a file or directory with its path, and whether an exec closes it.
fn tree(state: &mut State, raw: &RawEvent<'_>, now: &Current) -> (Fd, bool) {
    // `open_tree_attr` has the same parameters at the same positions.
    use param::SYSCALL_OPEN_TREE_X as p;
    let mut out = std::mem::take(&mut state.scratch);
    let name = raw.text(p::path).unwrap_or(b"<NA>");
    let thread = now.thread.and_then(|key| state.threads.at(key));
    let from = thread.map_or(path::Base::Path(b""), |thread| base(state, thread, raw.int(p::dirfd)));
    path::resolve(from, name, &mut out);
    let kind = if raw.opened_directory() { FdKind::Directory } else { FdKind::File };
    let mut fd = Fd::new(kind, &state.empty());
    fd.rename(state.reuse.names.name(&out), raw.ts);
    fd.raw_name = if *out == *name { fd.name.clone() } else { state.reuse.names.name(name) };
    state.scratch = out;
    fd.dev = raw.uint(p::dev).unwrap_or(0) as u32;
    fd.ino = raw.uint(p::ino).unwrap_or(0);
    let flags = raw.uint(p::flags).unwrap_or(0);
    fd.open_flags = const { FlagTable::FILE_FLAGS.value("O_PATH") };
    // A copy has the paths of its original until a call moves it.
    if let Some(path) = raw.opened_path().filter(|path| flags & CLONE == 0 && **path != *fd.name) {
        let mut opened = fd.clone();
        opened.rename(state.reuse.names.name(path), raw.ts);
        fd.set_opened(state.reuse.hold(opened));
    }
    (fd, flags & TREE_CLOEXEC != 0)
}

/// Handles `move_mount`: a mount with a descriptor gets the path of its destination.
fn moved(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SYSCALL_MOVE_MOUNT_X as p;
    let is_whole = raw.uint(p::flags).unwrap_or(0) & FROM_EMPTY != 0 && raw.text(p::dev) == Some(b"");
    if raw.int(p::res) != Some(0) || !is_whole {
        return;
    }
    let thread = now.thread.and_then(|key| state.threads.at(key));
    let (Some(thread), Some(num)) = (thread, raw.int(p::from_fd)) else { return };
    let mut name = Vec::new();
    path::resolve(base(state, thread, raw.int(p::to_fd)), raw.text(p::dir).unwrap_or_default(), &mut name);
    now.pending = PendingChange::Rename(num, name.into(), raw.kernel_path(p::dir).map(Into::into));
}
