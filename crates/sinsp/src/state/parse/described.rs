//! Descriptors that the event itself describes from the kernel's data. Another process may have opened the file.

use eyas_events::{EventType, param};
use eyas_scap::{FdDetail, FdEntry, RawEvent, Suspects};

use super::file;
use crate::state::heal::is_same_file;
use crate::state::load::fd_of;
use crate::state::{Current, Fd, FdTable, Role, Socket, State, ThreadKey};

/// Parses calls that make descriptors of files without a path.
pub(super) fn special(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    match raw.ty {
        EventType::SYSCALL_PIDFD_GETFD_X => pidfd_getfd(state, raw, now),
        EventType::SYSCALL_PIDFD_OPEN_X if raw.received_fds().next().is_some() => {
            now.fd = raw.int(0);
            made(state, raw, now);
        }
        // Its result is a descriptor only if the event describes one.
        EventType::SYSCALL_SECCOMP_X => complete(state, raw, now),
        _ => {
            file::special(state, raw, now);
            complete(state, raw, now);
        }
    }
}

/// Corrects the descriptors that the event describes. If the state has the same file, it is kept, because it has facts that the
/// description lacks: requested flags, the role of a socket.
pub(super) fn complete(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    let Some(key) = now.thread else { return };
    for entry in raw.received_fds() {
        correct(state, key, entry, raw.ts);
    }
}

fn correct(state: &mut State, key: ThreadKey, entry: FdEntry, ts: u64) {
    let (num, close_on_exec) = (entry.fd, entry.close_on_exec);
    let there = fd_of(entry.clone(), &state.empty(), &mut state.reuse.names);
    let Some(table) = state.threads.fds_mut(key) else { return };
    match table.get(num) {
        Some(known) if is_same_file(known, &there) => {
            if known.ino == 0
                && there.ino != 0
                && let Some(fd) = table.get_mut(num)
            {
                fd.ino = there.ino;
            }
            table.set_close_on_exec(num, close_on_exec);
        }
        _ => take(state, key, vec![entry], ts),
    }
}

/// Adds the descriptor that a supervisor has put into another thread's table. If the event does not say which thread that is, the
/// files of any thread may have changed.
pub(super) fn added(state: &mut State, raw: &RawEvent<'_>, can_ask: bool) {
    let Some(added) = raw.added_fd() else { return };
    match (state.threads.key(added.tid), added.entry) {
        (Some(key), Some(entry)) => correct(state, key, entry, raw.ts),
        _ if added.tid == 0 && can_ask && state.received.allows(raw.ts) => {
            state.doubt_these(raw.ts, Suspects::ALL, true);
        }
        // A thread that is unknown is looked up at its first event, and another thread has closed the descriptor already.
        _ => {}
    }
}

/// Adds the descriptors that the event's call made, if the event describes them.
pub(super) fn made(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    let entries: Vec<_> = raw.received_fds().collect();
    if let Some(key) = now.thread.filter(|_| !entries.is_empty()) {
        take(state, key, entries, raw.ts);
    }
}

/// Adds a descriptor for another process's file. It shares the state of that file if the pidfd's process is known and the event
/// does not describe another file. Process ids depend on the namespace, so the process may be the wrong one.
fn pidfd_getfd(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SYSCALL_PIDFD_GETFD_X as p;
    let (Some(num @ 0..), Some(key)) = (raw.int(p::fd), now.thread) else { return };
    now.fd = Some(num);
    let target = || {
        let thread = state.threads.at(key)?;
        let pidfd = state.threads.fds(thread)?.get(raw.int(p::pid_fd)?)?;
        let target = state.threads.get(i64::from(pidfd.pid))?;
        state.threads.fds(target)?.share(raw.int(p::target_fd)?)
    };
    let known = target();
    let described =
        raw.received_fds().next().map(|entry| fd_of(entry, &state.empty(), &mut state.reuse.names));
    match known {
        // The probe does not report the close of an untracked file.
        Some(fd) if state.is_untracked(num, &fd) => {}
        Some(fd) if described.is_none_or(|there| is_same_file(&fd, &there)) => {
            file::add(state, now, num, fd, true);
        }
        _ => made(state, raw, now),
    }
}

/// Adds the descriptors that an event of a thread at the time `ts` describes.
pub(super) fn take(state: &mut State, key: ThreadKey, entries: Vec<FdEntry>, ts: u64) {
    let Some(tid) = state.threads.at(key).map(|thread| thread.tid) else { return };
    let is_socket = |detail: &FdDetail| {
        matches!(detail, FdDetail::Socket { .. } | FdDetail::ServerSocket { .. } | FdDetail::Unix { .. })
    };
    let sockets: Vec<_> = entries.iter().filter(|e| is_socket(&e.detail)).map(|entry| entry.fd).collect();
    // The number's previous file is gone, even if the new one is not tracked.
    if let Some(table) = state.threads.fds_mut(key) {
        entries.iter().for_each(|entry| drop(table.remove(entry.fd)));
    }
    state.load_fds(tid, entries);
    for num in sockets {
        if !share_socket(state, key, num, ts) {
            copy_role(state, key, num, ts);
        }
    }
}

/// Makes a described socket share the state of the same socket's descriptors in other processes, so that it follows calls through any
/// of them; returns whether there is one.
fn share_socket(state: &mut State, key: ThreadKey, num: i64, ts: u64) -> bool {
    let table = state.threads.at(key).and_then(|thread| state.threads.fds(thread));
    let Some(own) = table.and_then(|table| table.share(num)).filter(|own| own.ino != 0) else { return false };
    // This searches all files of all processes, so it has the same rate limit as lookups in `/proc`.
    if !state.searches.allows(ts) {
        return false;
    }
    let is_it = |fd: &Fd| fd.kind.is_socket() && fd.ino == own.ino && !std::ptr::eq(fd, &*own);
    let known = state.threads.file_tables().find_map(|table| {
        let (num, _) = table.iter().find(|(_, fd)| is_it(fd))?;
        table.share(num)
    });
    let Some(known) = known.filter(|known| is_same_file(known, &own)) else { return false };
    if let Some(table) = state.threads.fds_mut(key) {
        table.replace_file(num, known);
    }
    true
}

/// Sets the role of a described socket to its role in the process that made it. The event does not contain the role.
fn copy_role(state: &mut State, key: ThreadKey, num: i64, ts: u64) {
    let Some(fd) = state.threads.at(key).and_then(|thread| state.threads.fds(thread)?.get(num)) else {
        return;
    };
    if fd.role != Role::None {
        return;
    }
    let Socket::Inet { source: local, destination: remote } = fd.socket() else { return };
    let tables = || state.threads.file_tables().flat_map(FdTable::iter).map(|(_, other)| other);
    // Both ends of a connection may be on this machine.
    let is_it = |other: &&Fd| {
        let ends = match other.role {
            Role::None => return false,
            Role::Client => (local, remote),
            Role::Server => (remote, local),
        };
        let Socket::Inet { source, destination } = other.socket() else { return false };
        other.l4 == fd.l4 && (source, destination) == ends
    };
    // This searches all files of all processes, so it has the same rate limit as lookups in `/proc`.
    let (known, is_served) = match state.searches.allows(ts) {
        true => (
            tables().find(is_it).map(|other| other.role),
            tables().any(|other| other.server_port() == Some(local.1)),
        ),
        false => (None, false),
    };
    let role = known.unwrap_or(if is_served { Role::Server } else { Role::Client });
    if let Some(fd) = state.threads.fds_mut(key).and_then(|files| files.get_mut(num)) {
        fd.role = role;
        if role == Role::Server {
            fd.swap_ends();
            fd.rename_by_ends(ts, &mut state.reuse.names);
        }
    }
}
