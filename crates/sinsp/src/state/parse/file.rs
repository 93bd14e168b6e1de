//! Files and other objects: opened, copied and closed.

use std::sync::Arc;

use eyas_events::{EventType, FlagTable, KernelPath, param};
use eyas_scap::{FdDetail, OwnedEvent, RawEvent, is_direct};

use super::enter::take_enter;
use crate::path::{self, Base};
use crate::path_params;
use crate::state::recent_names::RecentNames;
use crate::state::{Current, PendingChange};
use crate::state::{Fd, FdKind, State, Text, Thread, ThreadKey};

const O_DIRECTORY: u32 = FlagTable::FILE_FLAGS.value("O_DIRECTORY");
const O_WRONLY: u32 = FlagTable::FILE_FLAGS.value("O_WRONLY");
const O_TMPFILE: u32 = FlagTable::FILE_FLAGS.value("O_TMPFILE");
const O_CLOEXEC: u32 = FlagTable::FILE_FLAGS.value("O_CLOEXEC");
const UPPER: u32 = FlagTable::FILE_FLAGS.value("FD_UPPER_LAYER");
const LOWER: u32 = FlagTable::FILE_FLAGS.value("FD_LOWER_LAYER");
/// Flags that the kernel sets at the end; an enter event lacks them.
const KERNEL_FLAGS: u32 = FlagTable::FILE_FLAGS.value("O_F_CREATED") | UPPER | LOWER;
/// The kernel's value of `O_CLOEXEC`.
const KERNEL_CLOEXEC: u32 = 0x8_0000;
/// `AT_FDCWD` in events.
const AT_FDCWD: i64 = -100;

/// Adds an open file to the thread's table, and makes it the event's file.
pub(super) fn add(state: &mut State, now: &mut Current, num: i64, fd: Arc<Fd>, close_on_exec: bool) {
    now.fd = Some(num);
    let Some(table) = now.thread.and_then(|key| state.threads.fds_mut(key)) else { return };
    match table.insert(num, fd, close_on_exec) {
        true => state.stats.fds_added += 1,
        false => state.stats.fds_rejected += 1,
    }
}

pub(in crate::state) fn set_layers(fd: &mut Fd, flags: u32) {
    fd.upper_layer = flags & UPPER != 0;
    fd.lower_layer = flags & LOWER != 0;
}

/// Directory that a relative path begins at: the working directory for `AT_FDCWD`.
pub(super) fn base<'a>(state: &'a State, thread: &'a Thread, dirfd: Option<i64>) -> Base<'a> {
    match dirfd {
        None | Some(AT_FDCWD) => Base::Path(state.threads.cwd(thread)),
        Some(num) => match state.threads.fds(thread).and_then(|fds| fds.get(num)) {
            Some(fd) => Base::File(&fd.name),
            None => Base::Path(path::UNKNOWN),
        },
    }
}

/// Parameters of an event that opens a file, independent of its row.
struct Open<'a> {
    dirfd: Option<i64>,
    name: Option<&'a [u8]>,
    flags: u32,
    dev: u32,
    ino: u64,
}

fn open_params<'a>(raw: &RawEvent<'a>) -> Open<'a> {
    use param::SYSCALL_CREAT_X as creat;
    use param::SYSCALL_OPEN_BY_HANDLE_AT_X as handle;
    use param::SYSCALL_OPEN_X as open;
    use param::SYSCALL_OPENAT_2_X as openat;
    use param::SYSCALL_OPENAT2_X as openat2;
    const CREAT_UPPER: u64 = FlagTable::CREAT_FLAGS.value("FD_UPPER_LAYER_CREAT") as u64;
    const CREAT_LOWER: u64 = FlagTable::CREAT_FLAGS.value("FD_LOWER_LAYER_CREAT") as u64;
    let number = |index| raw.uint(index).unwrap_or(0);
    let (dirfd, name, flags, dev, ino) = match raw.ty {
        EventType::SYSCALL_OPEN_X => (None, open::name, number(open::flags) as u32, open::dev, open::ino),
        EventType::SYSCALL_OPENAT_2_X => {
            (raw.int(openat::dirfd), openat::name, number(openat::flags) as u32, openat::dev, openat::ino)
        }
        EventType::SYSCALL_OPENAT2_X => (
            raw.int(openat2::dirfd),
            openat2::name,
            number(openat2::flags) as u32,
            openat2::dev,
            openat2::ino,
        ),
        EventType::SYSCALL_CREAT_X => {
            let layers = number(creat::creat_flags);
            let upper = if layers & CREAT_UPPER != 0 { UPPER } else { 0 };
            let lower = if layers & CREAT_LOWER != 0 { LOWER } else { 0 };
            (None, creat::name, upper | lower, creat::dev, creat::ino)
        }
        _ => (None, handle::path, number(handle::flags) as u32, handle::dev, handle::ino),
    };
    Open { dirfd, name: raw.text(name), flags, dev: number(dev) as u32, ino: number(ino) }
}

/// Parameters of the enter event, because another thread may have changed the memory since.
fn enter_params<'a>(enter: &RawEvent<'a>) -> Option<(Option<i64>, &'a [u8], Option<u32>)> {
    use param::{SYSCALL_CREAT_E as creat, SYSCALL_OPEN_E as open};
    use param::{SYSCALL_OPENAT_2_E as openat, SYSCALL_OPENAT2_E as openat2};
    let flags = |index| enter.uint(index).map(|f| f as u32);
    let (dirfd, name, flags) = match enter.ty {
        EventType::SYSCALL_OPEN_E => (None, open::name, flags(open::flags)),
        EventType::SYSCALL_OPENAT_2_E => (enter.int(openat::dirfd), openat::name, flags(openat::flags)),
        EventType::SYSCALL_OPENAT2_E => (enter.int(openat2::dirfd), openat2::name, flags(openat2::flags)),
        EventType::SYSCALL_CREAT_E => (None, creat::name, None),
        _ => return None,
    };
    Some((dirfd, enter.text(name).filter(|name| *name != b"<NA>")?, flags))
}

/// End of the path of a deleted file.
const DELETED: &[u8] = b" (deleted)";

/// Beginning of the probe's name of a pidfd, before the process and a bracket.
const PIDFD: &[u8] = b"pidfd:[";

/// Kind of a file without a path, by the kernel's name.
fn kind_of(name: &[u8]) -> Option<FdKind> {
    /// Beginning of the path of a file outside the mounts of the process's namespace.
    const UNREACHABLE: &[u8] = b"(unreachable)";
    match name {
        [b'/', ..] => None,
        name if name.starts_with(UNREACHABLE) => None,
        name if name.starts_with(b"pipe:[") => Some(FdKind::Pipe),
        name if name.starts_with(b"memfd:") => Some(FdKind::Memfd),
        name if name.starts_with(PIDFD) => Some(FdKind::Pidfd),
        _ => Some(FdKind::Unsupported),
    }
}

/// Sets the name and the kind of a file by the kernel's name of it. A pidfd gets the name that it has in other events.
fn name_by_kernel(fd: &mut Fd, name: &[u8], ts: u64, names: &mut RecentNames) {
    fd.kind = kind_of(name).unwrap_or(fd.kind);
    let process = name.strip_prefix(PIDFD).and_then(|rest| rest.strip_suffix(b"]"));
    match process.and_then(|process| std::str::from_utf8(process).ok()?.parse().ok()) {
        Some(process) => {
            fd.pid = process;
            fd.rename(text_name(format!("/proc/{process}")), ts);
        }
        None => fd.rename(names.name(name), ts),
    }
}

pub(super) fn open(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    let enter = take_enter(state, raw, now);
    opened(state, raw, now, enter.as_deref().map(OwnedEvent::as_raw));
    state.reuse.recycle(enter);
}

fn opened(state: &mut State, raw: &RawEvent<'_>, now: &mut Current, enter: Option<RawEvent<'_>>) {
    let num = raw.int(0);
    now.fd = num.map(|num| num.max(-1));
    let Some(num) = num.filter(|num| *num >= 0) else { return };
    let mut params = open_params(raw);
    if let Some((dirfd, name, flags)) = enter.as_ref().and_then(enter_params) {
        params.dirfd = dirfd.or(params.dirfd);
        params.name = Some(name);
        if let Some(flags) = flags {
            params.flags = flags | (params.flags & KERNEL_FLAGS);
        }
    }
    // A file that the kernel found by its handle, and that is in no directory.
    let has_own_name = path_params::is_kernel_name(raw.ty, params.name.unwrap_or_default());
    let name = params.name.unwrap_or(if has_own_name { b"" } else { b"<NA>" });
    let mut out = std::mem::take(&mut state.scratch);
    match now.thread.and_then(|key| state.threads.at(key)) {
        _ if has_own_name => {
            out.clear();
            out.extend_from_slice(name);
        }
        Some(thread) => {
            let base = base(state, thread, params.dirfd);
            let base = if path_params::has_own_root(raw) { base.as_root() } else { base };
            path::resolve(base, name, &mut out);
        }
        None => path::resolve(Base::Path(b""), name, &mut out),
    }
    let is_unnamed = is_unnamed(params.flags);
    if is_unnamed {
        // The kernel's name of an unnamed file.
        let below = if out.ends_with(b"/") { "" } else { "/" };
        out.extend_from_slice(format!("{below}#{}", params.ino).as_bytes());
    }
    let is_directory = !is_unnamed && (params.flags & O_DIRECTORY != 0 || raw.opened_directory());
    let empty = state.empty();
    let mut fd = Fd::new(if is_directory { FdKind::Directory } else { FdKind::File }, &empty);
    fd.rename(state.reuse.names.name(&out), raw.ts);
    fd.raw_name = if *out == *name { fd.name.clone() } else { state.reuse.names.name(name) };
    state.scratch = out;
    if has_own_name && !name.is_empty() {
        name_by_kernel(&mut fd, name, raw.ts, &mut state.reuse.names);
    }
    fd.open_flags = params.flags;
    (fd.dev, fd.ino) = (params.dev, params.ino);
    set_layers(&mut fd, params.flags);
    // The kernel reports an unnamed file as deleted.
    let is_same =
        |path: &&[u8]| **path == *fd.name || is_unnamed && path.strip_suffix(DELETED) == Some(&*fd.name);
    if let Some(path) = raw.opened_path().filter(|path| !is_same(path)) {
        let mut opened = fd.clone();
        name_by_kernel(&mut opened, path, raw.ts, &mut state.reuse.names);
        fd.set_opened(state.reuse.hold(opened));
    }
    let fd = state.reuse.hold(fd);
    add(state, now, num, fd, params.flags & O_CLOEXEC != 0);
}

/// Removes the file after the rules saw the event, if the event of its close may be filtered out. In a
/// replay, this function makes the probe's decision from the event.
pub(super) fn leave(state: &State, raw: &RawEvent<'_>, now: &mut Current, is_live: bool) {
    let is_modelled = || state.unused_files.plain && !is_live && is_plain(raw);
    if let Some(num) = raw.int(0).filter(|num| *num >= 0) {
        forget_if(raw.closes_unseen() || is_modelled(), now, num, None);
    }
}

/// Removes new descriptors after the rules saw the event, if the events of their closes may be filtered out (`is_unused`). Those of
/// a ring's table are tracked in any case.
pub(super) fn forget_if(is_unused: bool, now: &mut Current, num: i64, second: Option<i64>) {
    if is_unused && !is_direct(num) {
        now.pending = PendingChange::Close(num, second);
    }
}

/// Whether events of the type contain the path of their descriptor's file ([`KernelPath::File`]).
pub(super) const fn has_path(ty: EventType) -> bool {
    use EventType as E;
    matches!(ty, E::SYSCALL_FCHMOD_X | E::SYSCALL_FCHOWN_X | E::SYSCALL_FCHMODAT2_X | E::SYSCALL_FCHOWNAT_X)
}

/// Sets the plain file, directory or pipe of a descriptor until the rules have seen the event, because no other event may have shown
/// it.
pub(super) fn take_path(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    let (Some(path), Some(num), Some(key)) = (raw.file_path(), now.fd, now.thread) else { return };
    let known = state.threads.at(key).and_then(|thread| state.threads.fds(thread)?.get(num));
    // An entry of an unused kind is of a file that may have been closed since. A known directory has the path that was requested.
    if known.is_some_and(|known| known.is_directory() || !state.is_untracked(num, known)) {
        return;
    }
    let fd = match (path.strip_suffix(b"/"), pipe_number(path)) {
        (_, Some(ino)) => {
            // As an event of `pipe` shows it.
            let mut fd = Fd::new(FdKind::Pipe, &state.empty());
            fd.ino = ino;
            state.reuse.hold(fd)
        }
        (Some(path), _) => {
            described(state, FdKind::Directory, if path.is_empty() { b"/" } else { path }, raw.ts)
        }
        (None, None) => described(state, FdKind::File, path, raw.ts),
    };
    add(state, now, num, fd, false);
    now.pending = PendingChange::Close(num, None);
}

/// The inode of a pipe, from the kernel's name of it.
fn pipe_number(name: &[u8]) -> Option<u64> {
    let number = name.strip_prefix(b"pipe:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

fn described(state: &mut State, kind: FdKind, path: &[u8], ts: u64) -> Arc<Fd> {
    let mut fd = Fd::new(kind, &state.empty());
    fd.rename(state.reuse.names.name(path), ts);
    fd.raw_name = fd.name.clone();
    state.reuse.hold(fd)
}

/// Sets the directories at which the event's paths begin, until the rules have seen the event. A known directory keeps its path,
/// because the program opened it by another path than the kernel's.
#[cold]
pub(super) fn take_bases(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    let Some(key) = now.thread else { return };
    for (num, path) in raw.bases() {
        let directory = described(state, FdKind::Directory, path, raw.ts);
        let Some(table) = state.threads.fds_mut(key) else { return };
        let known = table.share(num);
        if known.as_ref().is_some_and(|known| known.is_directory()) {
            continue;
        }
        let close_on_exec = table.closes_on_exec(num);
        if table.insert(num, directory, close_on_exec) {
            now.bases.push((num, known));
        }
    }
}

/// Restores the descriptors that [`take_bases`] changed.
#[cold]
pub(super) fn drop_bases(state: &mut State, key: ThreadKey, bases: Vec<(i64, Option<Arc<Fd>>)>) {
    let Some(table) = state.threads.fds_mut(key) else { return };
    for (num, known) in bases.into_iter().rev() {
        match known {
            Some(known) => table.replace_file(num, known),
            None => drop(table.remove(num)),
        }
    }
}

/// Whether the event opened a plain file according to the kernel's path: absolute, not below `/dev/`, not of a directory.
fn is_plain(raw: &RawEvent<'_>) -> bool {
    let has_path =
        raw.opened_path().is_some_and(|path| path.starts_with(b"/") && !path.starts_with(b"/dev/"));
    has_path && !raw.opened_directory() && open_params(raw).flags & O_DIRECTORY == 0
}

/// Whether the call opened an unnamed file; the requested path is then its directory. Other programs than
/// eyas set the flag for directories, too, together with `O_DIRECTORY`; a directory cannot be opened for writing.
pub(crate) fn is_unnamed(flags: u32) -> bool {
    flags & O_TMPFILE != 0 && (flags & O_WRONLY != 0 || flags & O_DIRECTORY == 0)
}

/// Updates the directories of threads below a renamed directory.
pub(super) fn moved(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    const EXCHANGE: u64 = FlagTable::RENAMEAT2_FLAGS.value("RENAME_EXCHANGE") as u64;
    let &[KernelPath::Param(old), KernelPath::Param(new)] = raw.ty.kernel_paths() else { return };
    let (Some(old), Some(new)) = (raw.kernel_path(old), raw.kernel_path(new)) else { return };
    let is_exchange = raw.ty == EventType::SYSCALL_RENAMEAT2_X
        && raw.uint(param::SYSCALL_RENAMEAT2_X::flags).unwrap_or(0) & EXCHANGE != 0;
    let Some(key) = now.thread.filter(|_| is_exchange || new.ends_with(b"/")) else { return };
    let new = new.strip_suffix(b"/").unwrap_or(new);
    state.threads.move_directory(key, old, new, is_exchange);
}

/// Whether a `close` has closed its descriptor, although it may have failed: the kernel does that before it asks the file for
/// errors, as those of a disk that is full or of a server. A request of `io_uring` may also fail before.
pub(crate) fn has_closed(raw: &RawEvent<'_>) -> bool {
    const EBADF: i64 = -9;
    let Some(result) = raw.int(0) else { return false };
    let closes_with_error = || match raw.io_uring() {
        Some(_) => raw.closed_with_error(),
        None => result != EBADF,
    };
    result >= 0 || raw.ty == EventType::SYSCALL_CLOSE_X && closes_with_error()
}

pub(super) fn close(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    if !has_closed(raw) {
        return;
    }
    if raw.ty == EventType::SYSCALL_CLOSE_X {
        if let Some(num) = raw.int(param::SYSCALL_CLOSE_X::fd) {
            now.pending = PendingChange::Close(num, None);
        }
        return;
    }
    use param::SYSCALL_CLOSE_RANGE_X as p;
    const CLOEXEC: u64 = FlagTable::CLOSE_RANGE_FLAGS.value("CLOSE_RANGE_CLOEXEC") as u64;
    let (first, last) = (raw.int(p::first).unwrap_or(0), raw.int(p::last).unwrap_or(-1));
    let (first, last) = (i64::from(first as u32), i64::from(last as u32));
    const UNSHARE: u64 = FlagTable::CLOSE_RANGE_FLAGS.value("CLOSE_RANGE_UNSHARE") as u64;
    let Some(key) = now.thread else { return };
    if raw.uint(p::flags).unwrap_or(0) & UNSHARE != 0 {
        state.threads.unshare_files(key);
    }
    let Some(table) = state.threads.fds_mut(key) else { return };
    let range = table.range(first, last);
    if raw.uint(p::flags).unwrap_or(0) & CLOEXEC != 0 {
        range.into_iter().for_each(|num| table.set_close_on_exec(num, true));
    } else {
        range.into_iter().for_each(|num| remove(state, key, num));
    }
}

pub(super) fn duplicate(state: &mut State, raw: &RawEvent<'_>, now: &mut Current, is_live: bool) {
    use param::{SYSCALL_DUP_1_X as dup, SYSCALL_DUP2_X as dup2, SYSCALL_DUP3_X as dup3};
    let (Some(key), Some(res)) = (now.thread, raw.int(0).filter(|res| *res >= 0)) else { return };
    let (old, close_on_exec) = match raw.ty {
        EventType::SYSCALL_FCNTL_X => {
            use param::SYSCALL_FCNTL_X as p;
            const DUP: u64 = FlagTable::FCNTL_COMMANDS.value("F_DUPFD") as u64;
            const DUP_CLOEXEC: u64 = FlagTable::FCNTL_COMMANDS.value("F_DUPFD_CLOEXEC") as u64;
            const SETFD: u64 = FlagTable::FCNTL_COMMANDS.value("F_SETFD") as u64;
            match (raw.uint(p::cmd), raw.int(p::fd)) {
                (Some(DUP), fd) => (fd, false),
                (Some(DUP_CLOEXEC), fd) => (fd, true),
                (Some(SETFD), Some(fd)) => {
                    let on = raw.uint(p::arg).unwrap_or(0) & 1 != 0;
                    if let Some(table) = state.threads.fds_mut(key) {
                        table.set_close_on_exec(fd, on);
                    }
                    return;
                }
                _ => return,
            }
        }
        // The kernel installs the file of a ring's table with close-on-exec, unless the request says otherwise.
        EventType::SYSCALL_DUP_1_X => {
            let closes = raw.installed_fd().map_or(raw.io_uring().is_some(), |entry| entry.close_on_exec);
            (raw.int(dup::oldfd), closes)
        }
        EventType::SYSCALL_DUP2_X => (raw.int(dup2::oldfd), false),
        _ => {
            const CLOEXEC: u64 = O_CLOEXEC as u64;
            (raw.int(dup3::oldfd), raw.uint(dup3::flags).unwrap_or(0) & CLOEXEC != 0)
        }
    };
    if old == Some(res) {
        // dup2 of a descriptor onto itself changes nothing.
        now.fd = old;
        return;
    }
    let shared = old.and_then(|old| {
        let thread = state.threads.at(key)?;
        state.threads.fds(thread)?.share(old)
    });
    match shared {
        Some(fd) => add(state, now, res, fd, close_on_exec),
        // The copied file is unknown, and the call closes the previous file of the target. In a replay, where many files are
        // unknown, the target keeps its previous file, as in the reference.
        None => {
            now.fd = old;
            if state.unused_files.plain {
                remove(state, key, res);
            } else if is_live {
                now.pending = PendingChange::Close(res, None);
            }
        }
    }
}

/// Close-on-exec set or cleared by an `ioctl`.
pub(super) fn control(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    use param::SYSCALL_IOCTL_3_X as p;
    const FIONCLEX: u32 = 0x5450;
    const FIOCLEX: u32 = 0x5451;
    let request = raw.uint(p::request).map(|request| request as u32);
    let (Some(request @ (FIOCLEX | FIONCLEX)), Some(0)) = (request, raw.int(p::res)) else { return };
    if let (Some(fd), Some(table)) = (raw.int(p::fd), now.thread.and_then(|key| state.threads.fds_mut(key))) {
        table.set_close_on_exec(fd, request == FIOCLEX);
    }
}

/// Handles a call that gives a name to an unnamed file (`O_TMPFILE`).
pub(super) fn linked(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SYSCALL_LINKAT_2_X as p;
    if raw.int(p::res) != Some(0) {
        return;
    }
    let Some(thread) = now.thread.and_then(|key| state.threads.at(key)) else { return };
    let old = raw.text(p::oldpath).unwrap_or_default();
    let Some(num) = (if old.is_empty() { raw.int(p::olddir) } else { own_descriptor(old, thread.pid) })
    else {
        return;
    };
    let fd = state.threads.fds(thread).and_then(|fds| fds.get(num));
    if !fd.is_some_and(|fd| fd.kind == FdKind::File && is_unnamed(fd.open_flags)) {
        return;
    }
    let mut name = Vec::new();
    path::resolve(
        base(state, thread, raw.int(p::newdir)),
        raw.text(p::newpath).unwrap_or_default(),
        &mut name,
    );
    now.pending = PendingChange::Rename(num, name.into(), raw.kernel_path(p::newpath).map(Text::from));
}

/// Renames the file of a descriptor, and sets the kernel's name.
pub(super) fn rename(state: &mut State, key: ThreadKey, num: i64, name: Text, opened: Option<Text>, ts: u64) {
    change_file(state, key, num, ts, |fd, _| {
        fd.move_to(name, ts);
        if let Some(path) = opened.filter(|path| *path != fd.name) {
            let mut opened = fd.clone();
            opened.rename(path, ts);
            fd.set_opened(Arc::new(opened));
        }
    });
}

/// Changes the open file of a descriptor, and of all its copies (`dup`, `fork`, `SCM_RIGHTS`).
pub(super) fn change_file(
    state: &mut State,
    key: ThreadKey,
    num: i64,
    ts: u64,
    change: impl FnOnce(&mut Fd, &mut RecentNames),
) {
    let Some(table) = state.threads.fds_mut(key) else { return };
    let old = table.share_if_copied(num);
    if let Some(fd) = table.get_mut(num) {
        change(fd, &mut state.reuse.names);
    }
    let (Some(old), Some(new)) = (old, table.share(num)) else { return };
    table.replace(&old, &new);
    if state.searches.allows(ts) {
        state.threads.file_tables_mut().for_each(|table| table.replace(&old, &new));
    }
}

/// The descriptor of the process `pid` to which a path in `/proc` refers.
fn own_descriptor(path: &[u8], pid: i64) -> Option<i64> {
    let number = path.strip_prefix(b"/dev/fd/").or_else(|| {
        let rest = path.strip_prefix(b"/proc/")?;
        let (process, rest) = rest.split_at(rest.iter().position(|b| *b == b'/')?);
        let is_own = matches!(process, b"self" | b"thread-self") || process == pid.to_string().as_bytes();
        rest.strip_prefix(b"/fd/").filter(|_| is_own)
    })?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Descriptors of objects without a path.
pub(super) fn special(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use EventType as E;
    use FdKind as K;
    if raw.int(0).is_none_or(|res| res < 0) {
        return;
    }
    if !makes_descriptor(raw) {
        return;
    }
    now.fd = raw.int(0);
    let flags = |index| raw.uint(index).unwrap_or(0) as u32;
    // An existing signalfd gets another mask.
    let updates = |fd| raw.int(fd).is_some_and(|fd| fd >= 0);
    let (kind, flags) = match raw.ty {
        E::SYSCALL_PIPE_X | E::SYSCALL_PIPE2_X => return pipe(state, raw, now),
        E::SYSCALL_EVENTFD_X => (K::Event, 0),
        E::SYSCALL_EVENTFD2_X => (K::Event, flags(param::SYSCALL_EVENTFD2_X::flags)),
        E::SYSCALL_SIGNALFD_X if updates(param::SYSCALL_SIGNALFD_X::fd) => return,
        E::SYSCALL_SIGNALFD4_X if updates(param::SYSCALL_SIGNALFD4_X::fd) => return,
        E::SYSCALL_SIGNALFD_X => (K::Signal, 0),
        E::SYSCALL_SIGNALFD4_X => (K::Signal, flags(param::SYSCALL_SIGNALFD4_X::flags)),
        E::SYSCALL_TIMERFD_CREATE_X => (K::Timer, 0),
        E::SYSCALL_INOTIFY_INIT_X => (K::Inotify, 0),
        E::SYSCALL_INOTIFY_INIT1_X => (K::Inotify, flags(param::SYSCALL_INOTIFY_INIT1_X::flags)),
        E::SYSCALL_EPOLL_CREATE_X => (K::EventPoll, 0),
        E::SYSCALL_EPOLL_CREATE1_X => (K::EventPoll, flags(param::SYSCALL_EPOLL_CREATE1_X::flags)),
        E::SYSCALL_BPF_2_X => (K::Bpf, 0),
        E::SYSCALL_USERFAULTFD_X => (K::Userfault, flags(param::SYSCALL_USERFAULTFD_X::flags)),
        E::SYSCALL_IO_URING_SETUP_X => (K::IoUring, flags(param::SYSCALL_IO_URING_SETUP_X::flags)),
        E::SYSCALL_MEMFD_CREATE_X => (K::Memfd, flags(param::SYSCALL_MEMFD_CREATE_X::flags)),
        E::SYSCALL_PIDFD_OPEN_X => (K::Pidfd, flags(param::SYSCALL_PIDFD_OPEN_X::flags)),
        _ => return,
    };
    let Some(num) = raw.int(0) else { return };
    let empty = state.empty();
    let mut fd = Fd::new(kind, &empty);
    fd.open_flags = flags;
    match kind {
        K::Memfd => {
            let name = raw.text(param::SYSCALL_MEMFD_CREATE_X::name).unwrap_or_default();
            fd.rename(name.into(), raw.ts);
        }
        K::Pidfd => {
            fd.pid = raw.int(param::SYSCALL_PIDFD_OPEN_X::pid).map_or(-1, |pid| pid as i32);
            fd.rename(text_name(format!("/proc/{}", fd.pid)), raw.ts);
        }
        _ => {}
    }
    // Most use the flag of open.
    let close_on_exec = match kind {
        K::Memfd => flags & const { FlagTable::MEMFD_CREATE_FLAGS.value("MFD_CLOEXEC") } != 0,
        K::EventPoll => flags & const { FlagTable::EPOLL_CREATE1_FLAGS.value("EPOLL_CLOEXEC") } != 0,
        // The kernel always closes these.
        K::Bpf | K::Pidfd | K::IoUring => true,
        // Captures of other programs do not show it; few timers are meant to outlive an exec.
        K::Timer => !raw.timer_is_inherited(),
        // The kernel's flag, not converted.
        K::Userfault => flags & KERNEL_CLOEXEC != 0,
        _ => flags & O_CLOEXEC != 0,
    };
    let fd = state.reuse.hold(fd);
    add(state, now, num, fd, close_on_exec);
}

/// Whether the result of a call that succeeded is a new descriptor: of some commands of `bpf` only, of a ring unless it is in the
/// table of rings, of a ruleset unless the call queries a version.
fn makes_descriptor(raw: &RawEvent<'_>) -> bool {
    /// BPF_TOKEN_CREATE, which the table of commands lacks.
    const TOKEN_CREATE: u64 = 36;
    const MAKES: [&str; 12] = [
        "BPF_MAP_CREATE",
        "BPF_PROG_LOAD",
        "BPF_OBJ_GET",
        "BPF_PROG_GET_FD_BY_ID",
        "BPF_MAP_GET_FD_BY_ID",
        "BPF_RAW_TRACEPOINT_OPEN",
        "BPF_BTF_LOAD",
        "BPF_BTF_GET_FD_BY_ID",
        "BPF_LINK_CREATE",
        "BPF_LINK_GET_FD_BY_ID",
        "BPF_ENABLE_STATS",
        "BPF_ITER_CREATE",
    ];
    match raw.ty {
        EventType::SYSCALL_BPF_2_X => {
            raw.uint(param::SYSCALL_BPF_2_X::cmd).is_none_or(|command| {
                let name = FlagTable::BPF_COMMANDS.entries.iter().find(|(_, value)| u64::from(*value) == command);
                command == TOKEN_CREATE || name.is_some_and(|(name, _)| MAKES.contains(name))
            })
        }
        // The event lacks the flag `IORING_SETUP_REGISTERED_FD_ONLY`.
        EventType::SYSCALL_IO_URING_SETUP_X => raw.received_fds().all(
            |entry| matches!(entry.detail, FdDetail::Other { type_code, .. } if type_code == FdKind::IoUring as u8),
        ),
        EventType::SYSCALL_LANDLOCK_CREATE_RULESET_X => {
            raw.uint(param::SYSCALL_LANDLOCK_CREATE_RULESET_X::flags) == Some(0)
        }
        _ => true,
    }
}

fn pipe(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SYSCALL_PIPE2_X as p;
    let empty = state.empty();
    let mut fd = Fd::new(FdKind::Pipe, &empty);
    fd.ino = raw.uint(p::ino).unwrap_or(0);
    let flags = if raw.ty == EventType::SYSCALL_PIPE2_X { raw.uint(p::flags).unwrap_or(0) as u32 } else { 0 };
    fd.open_flags = flags;
    let fd = state.reuse.hold(fd);
    // The last one is the event's descriptor.
    for index in [p::fd1, p::fd2] {
        if let Some(num) = raw.int(index) {
            add(state, now, num, fd.clone(), flags & O_CLOEXEC != 0);
        }
    }
    if let Some(first) = raw.int(p::fd1) {
        forget_if(state.unused_files.pipes, now, first, raw.int(p::fd2));
    }
}

/// Removes a descriptor that was closed.
pub(super) fn remove(state: &mut State, key: ThreadKey, num: i64) {
    let Some(table) = state.threads.fds_mut(key) else { return };
    if let Some(fd) = table.remove(num) {
        if fd.kind == FdKind::IoUring && table.iter().all(|(_, fd)| fd.kind != FdKind::IoUring) {
            table.close_rings();
        }
        state.stats.fds_removed += 1;
        state.reuse.release(fd);
    }
}

/// A name from a text.
pub(super) fn text_name(text: String) -> Text {
    text.into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_path_agrees_with_the_kernel_paths_of_the_types() {
        for code in 0..EventType::COUNT as u16 {
            let paths = EventType(code).kernel_paths();
            let has_file = paths.iter().any(|path| matches!(path, KernelPath::File(_)));
            assert_eq!(has_path(EventType(code)), has_file, "{code}");
        }
    }
}
