//! Makes a snapshot of the state, for the beginning of a capture.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use eyas_events::{EventType, param};
use eyas_scap::{FdDetail, FdEntry, MachineInfo, RawEvent, Snapshot, ThreadEntry};
use rustc_hash::{FxHashMap, FxHashSet};

use super::fd::{Fd, FdKind, Role, Socket};
use super::{FdTable, State, Thread, ThreadFlags, Threads};

impl State {
    /// All threads with their open files, users, containers, interfaces and the machine, as the events so far report them.
    ///
    /// It includes the changes by the last event, so it belongs between that event and the next. For a
    /// capture that contains the last event, see [`EventView::snapshot`](crate::EventView::snapshot).
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_with(0, |thread| !thread.is_dead())
    }

    /// A snapshot of the state before the event, so that a reader of the snapshot and the event gets the
    /// present state. Most events have the same result if they are applied twice, so only a few need a
    /// difference.
    pub(crate) fn snapshot_before(&self, event: &RawEvent<'_>) -> Snapshot {
        // The exiting thread was still alive.
        let mut snapshot =
            self.snapshot_with(event.ts, |thread| !thread.is_dead() || thread.tid == event.tid);
        if let Some(path) = relative_chdir(event)
            && let Some(thread) = self.threads.get(event.tid)
        {
            let before = directory_before(self.threads.cwd(thread), path);
            for entry in snapshot.threads.iter_mut().filter(|entry| !entry.cwd.is_empty()) {
                let known = self.threads.get(entry.tid);
                if known.is_some_and(|known| self.threads.share_directories(known, thread)) {
                    entry.cwd = before.clone();
                }
            }
        }
        for entry in snapshot.threads.iter_mut().filter(|entry| entry.tid == event.tid) {
            entry.flags &= !ThreadFlags::CLOSED.bits();
        }
        snapshot
    }

    fn snapshot_with(&self, ts: u64, lives: impl Fn(&Thread) -> bool) -> Snapshot {
        let known = |thread: &&Thread| thread.pid >= 0 && lives(thread);
        let mut threads: Vec<&Thread> = self.threads.iter().filter(known).collect();
        threads.sort_unstable_by_key(|thread| thread.tid);
        let served: FxHashSet<u16> = self
            .threads
            .file_tables()
            .flat_map(FdTable::iter)
            .filter_map(|(_, fd)| fd.server_port())
            .collect();
        let written = Written::new(&self.threads, &threads);
        let files = |thread: &&Thread| {
            let is_written =
                written.first_of(thread).is_some_and(|first| self.threads.share_files(first, thread));
            let files = self.threads.fds(thread).filter(|files| !is_written && !files.is_empty())?;
            Some((thread.tid, fd_entries(files, &served)))
        };
        Snapshot {
            machine: Some(&self.machine).filter(|machine| **machine != MachineInfo::default()).cloned(),
            interfaces: self.interfaces.clone(),
            users: self.users.of_host().cloned().collect(),
            groups: self.users.groups_of_host().cloned().collect(),
            fds: threads.iter().filter_map(files).collect(),
            threads: threads.iter().map(|thread| thread_entry(&written, thread)).collect(),
            metadata: self.metadata(ts),
        }
    }
}

/// The threads of a snapshot.
struct Written<'a> {
    threads: &'a Threads,
    /// The representative thread of each process: its leader, or the first thread in the snapshot. Data
    /// that threads share with it is reported only for it.
    first: FxHashMap<i64, &'a Thread>,
}

impl<'a> Written<'a> {
    fn new(threads: &'a Threads, written: &[&'a Thread]) -> Self {
        let mut first = FxHashMap::default();
        for thread in written {
            let stands = first.entry(thread.pid).or_insert(*thread);
            if thread.is_main() {
                *stands = thread;
            }
        }
        Self { threads, first }
    }

    /// The representative of the thread's process, unless it is this thread.
    fn first_of(&self, thread: &Thread) -> Option<&'a Thread> {
        self.first.get(&thread.pid).copied().filter(|first| first.tid != thread.tid)
    }

    /// The thread with which a reader makes it share data according to its flags: one of its process, or
    /// its parent.
    fn partner(&self, thread: &'a Thread) -> Option<&'a Thread> {
        let parent = || self.threads.parent_of(thread).filter(|parent| self.first.contains_key(&parent.pid));
        self.first_of(thread).or_else(parent)
    }

    /// Flags of the thread's creation, adjusted to what it shares now.
    fn flags(&self, thread: &'a Thread) -> ThreadFlags {
        let Some(partner) = self.partner(thread) else { return thread.flags };
        let mut flags = thread.flags;
        flags.set(ThreadFlags::FILES, self.threads.share_files(thread, partner));
        flags.set(ThreadFlags::FS, self.threads.share_directories(thread, partner));
        flags
    }

    /// Working and root directory, unless they are reported for another thread.
    fn directories(&self, thread: &'a Thread) -> (Vec<u8>, Vec<u8>) {
        let is_written =
            self.first_of(thread).is_some_and(|first| self.threads.share_directories(first, thread));
        let directories = self.threads.directories(thread).filter(|_| !is_written);
        directories.map(|d| (d.cwd.to_vec(), d.root.to_vec())).unwrap_or_default()
    }
}

/// The relative path of a successful `chdir`.
fn relative_chdir<'a>(event: &RawEvent<'a>) -> Option<&'a [u8]> {
    let is_done = event.ty == EventType::SYSCALL_CHDIR_X && event.result() == Some(0);
    event.text(param::SYSCALL_CHDIR_X::path).filter(|path| is_done && !path.starts_with(b"/"))
}

/// A directory from which `path` leads to `now`. The name of a directory that was left by `..` is unknown,
/// and becomes `?`.
fn directory_before(now: &[u8], path: &[u8]) -> Vec<u8> {
    let (mut up, mut down): (usize, Vec<&[u8]>) = (0, Vec::new());
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if down.pop().is_none() => up += 1,
            b".." => {}
            name => down.push(name),
        }
    }
    let mut rest = now.strip_suffix(b"/").unwrap_or(now);
    for name in down.iter().rev() {
        match rest.strip_suffix(*name).and_then(|rest| rest.strip_suffix(b"/")) {
            Some(before) => rest = before,
            // The path was resolved differently; the present directory is the best guess.
            None => return now.to_vec(),
        }
    }
    let mut before = rest.to_vec();
    before.extend_from_slice(&b"/?".repeat(up));
    before.push(b'/');
    before
}

fn thread_entry<'a>(written: &Written<'a>, t: &'a Thread) -> ThreadEntry {
    let (session, flags) = (written.threads.session(t), written.flags(t));
    let (cwd, root) = written.directories(t);
    ThreadEntry {
        tid: t.tid,
        pid: t.pid,
        ptid: t.ptid,
        sid: session.sid,
        vpgid: session.vpgid,
        pgid: session.pgid,
        comm: t.comm.to_vec(),
        exe: t.exe.to_vec(),
        exepath: t.executable.path.to_vec(),
        args: t.args.to_vec(),
        env: t.env.to_vec(),
        cwd,
        root,
        cgroups: t.cgroups.to_vec(),
        fdlimit: t.fdlimit as u64,
        flags: flags.bits(),
        uid: t.uid,
        gid: t.gid,
        loginuid: t.loginuid,
        vmsize_kb: t.activity.vm_size,
        vmrss_kb: t.activity.vm_rss,
        vmswap_kb: t.activity.vm_swap,
        pfmajor: t.activity.pf_major,
        pfminor: t.activity.pf_minor,
        vtid: t.vtid,
        vpid: t.vpid,
        pidns_init_start_ts: t.pidns_start,
        clone_ts: t.clone_ts,
        tty: session.tty,
        exe_writable: t.executable.is_writable,
        exe_upper_layer: t.executable.in_upper_layer,
        exe_lower_layer: t.executable.in_lower_layer,
        exe_from_memfd: t.executable.from_memfd,
        caps: t.caps,
        exe_ino: t.executable.ino,
        exe_ino_ctime: t.executable.ctime,
        exe_ino_mtime: t.executable.mtime,
    }
}

fn fd_entries(files: &FdTable, served: &FxHashSet<u16>) -> Vec<FdEntry> {
    let entry = |(num, fd): (i64, &Fd)| FdEntry {
        close_on_exec: files.closes_on_exec(num),
        ..FdEntry::new(num, fd.ino, detail(fd, served))
    };
    files.iter().map(entry).collect()
}

/// The file in the form from which a reader makes the same file. `served` are the listening ports, from
/// which a reader guesses roles.
fn detail(fd: &Fd, served: &FxHashSet<u16>) -> FdDetail {
    let l4 = fd.l4 as u8;
    let unset = |ip: IpAddr| (ip, 0);
    match (fd.kind, fd.socket()) {
        (FdKind::Ipv4, Socket::Inet { source, destination })
            if fd.role == Role::Server && served.contains(&destination.1) =>
        {
            FdDetail::Socket { local: destination, remote: source, l4 }
        }
        (FdKind::Ipv4 | FdKind::Ipv6, Socket::Inet { source, destination }) => {
            FdDetail::Socket { local: source, remote: destination, l4 }
        }
        (FdKind::Ipv4Server | FdKind::Ipv6Server, Socket::Server { addr }) => {
            FdDetail::ServerSocket { addr, l4 }
        }
        (FdKind::Ipv4 | FdKind::Ipv4Server, _) => {
            let nowhere = unset(Ipv4Addr::UNSPECIFIED.into());
            FdDetail::Socket { local: nowhere, remote: nowhere, l4 }
        }
        (FdKind::Ipv6 | FdKind::Ipv6Server, _) => {
            let nowhere = unset(Ipv6Addr::UNSPECIFIED.into());
            FdDetail::Socket { local: nowhere, remote: nowhere, l4 }
        }
        (FdKind::Unix, Socket::Unix { source, destination }) => {
            FdDetail::Unix { source, destination, path: fd.name.to_vec() }
        }
        (FdKind::Unix, _) => FdDetail::Unix { source: 0, destination: 0, path: fd.name.to_vec() },
        (FdKind::File, _) => FdDetail::File {
            open_flags: fd.open_flags,
            path: fd.name.to_vec(),
            dev: fd.dev,
            mount_id: fd.mount_id,
        },
        (FdKind::Unknown, _) => FdDetail::Other { type_code: 0, name: Vec::new() },
        (kind, _) => FdDetail::Other { type_code: kind as u8, name: fd.name.to_vec() },
    }
}

#[cfg(test)]
mod tests {
    use super::directory_before;

    #[test]
    fn a_chdir_is_undone() {
        for (now, path, want) in [
            ("/a/b/", "b", "/a/"),
            ("/a/b/c/", "./b//c/", "/a/"),
            ("/b/", "b", "/"),
            ("/a/", "..", "/a/?/"),
            ("/", "..", "/?/"),
            ("/a/c/", "../c", "/a/?/"),
            ("/a/", "b/..", "/a/"),
            ("/a/x/", "link", "/a/x/"),
        ] {
            let before = directory_before(now.as_bytes(), path.as_bytes());
            assert_eq!(String::from_utf8(before).unwrap(), want, "{path} to {now}");
        }
    }
}
