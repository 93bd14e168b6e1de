//! Loads a snapshot as the initial state of a capture.

use std::sync::Arc;

use eyas_scap::{FdDetail, FdEntry, Snapshot, ThreadEntry};
use rustc_hash::{FxHashMap, FxHashSet};

use super::fd::{Fd, FdKind, L4, Role, Socket};
use super::mapped::unmapped_pair;
use super::parse::{file, values};
use super::proc_query::ProcQuery;
use super::recent_names::RecentNames;
use super::{
    Directories, Executable, Layouts, Reports, Session, State, Text, Thread, ThreadFlags, ThreadKey,
};

impl State {
    /// Replaces the state by the snapshot.
    pub(crate) fn load(&mut self, snapshot: Snapshot, max_threads: usize) {
        let changes = self.names_changed();
        let users = std::mem::take(&mut self.users);
        let rendering = std::mem::take(&mut self.rendering);
        let layouts = Layouts::new(self.layouts.engines);
        let (unused_files, unshown_changes) = (self.unused_files, self.unshown_changes + 1);
        *self = Self { layouts, unused_files, unshown_changes, ..Self::with_max(max_threads) };
        self.set_rendering(rendering);
        let kept = snapshot.users.is_empty() && snapshot.groups.is_empty();
        self.users = users.begin_again(kept, changes);
        self.interfaces = snapshot.interfaces;
        self.machine = snapshot.machine.unwrap_or_default();
        if !kept {
            self.users.replace(None, snapshot.users, snapshot.groups, &mut Reports::default());
        }
        for entry in snapshot.threads {
            if let Some(old) = self.threads.key(entry.tid) {
                self.threads.remove(old);
            }
            self.add_entry(entry);
        }
        for (tid, fds) in snapshot.fds {
            self.load_fds(tid, fds);
        }
        let keys: Vec<_> = self.threads.iter().filter_map(|t| self.threads.key(t.tid)).collect();
        for key in &keys {
            self.threads.link(*key);
        }
        self.join_relatives(keys);
        self.guess_roles();
        self.share_sockets();
        for event in &snapshot.metadata {
            self.take_metadata(&event.as_raw());
        }
    }

    /// Adds a process's threads and files from `/proc`.
    pub(crate) fn load_thread(&mut self, entry: ThreadEntry, fds: Vec<FdEntry>) -> Option<ThreadKey> {
        let tid = entry.tid;
        let key = self.add_entry(entry)?;
        self.threads.link(key);
        self.load_fds(tid, fds);
        Some(key)
    }

    /// Adds a thread from an entry, without its files.
    fn add_entry(&mut self, entry: ThreadEntry) -> Option<ThreadKey> {
        let (thread, directories) = self.thread_of(entry);
        let key = self.add_thread(thread)?;
        self.place(key, &directories);
        Some(key)
    }

    /// Sets the directories of a new thread. A thread without any, or with those of its leader, shares the
    /// leader's.
    pub(super) fn place(&mut self, key: ThreadKey, directories: &Directories) {
        let Some(thread) = self.threads.at(key) else { return };
        if !thread.is_main() {
            if directories.cwd.is_empty() || self.threads.cwd(thread) == &*directories.cwd {
                return;
            }
            self.threads.unshare_directories(key);
        }
        self.threads.set_cwd(key, &directories.cwd);
        self.threads.set_root(key, &directories.root);
    }

    /// Makes threads share files and directories according to their flags, parents before children.
    fn join_relatives(&mut self, mut keys: Vec<ThreadKey>) {
        let shared = ThreadFlags::FS | ThreadFlags::FILES;
        keys.retain(|key| self.threads.at(*key).is_some_and(|thread| thread.flags.intersects(shared)));
        keys.sort_by_cached_key(|key| {
            self.threads.at(*key).map(|thread| (!thread.is_main(), self.threads.ancestors(thread).count()))
        });
        for key in keys {
            self.join_relative(key);
        }
    }

    /// Makes a thread share files and directories according to its flags: a leader with its parent, and a
    /// thread whose leader has ended with the first thread of the process. Flags of a leader may be
    /// outdated, so only equal files and directories are joined.
    fn join_relative(&mut self, key: ThreadKey) {
        let Some(thread) = self.threads.at(key) else { return };
        let flags = thread.flags;
        let Some(other) = self.relative(key, thread) else { return };
        let Some(relative) = self.threads.at(other) else { return };
        let is_surely = !thread.is_main();
        let same_files = match (self.threads.fds(thread), self.threads.fds(relative)) {
            (Some(one), Some(other)) => is_surely || one.is_like(other),
            _ => false,
        };
        let same_directories =
            is_surely || self.threads.directories(thread) == self.threads.directories(relative);
        if flags.contains(ThreadFlags::FILES) && same_files {
            self.threads.join_files(key, other);
        }
        if flags.contains(ThreadFlags::FS) && same_directories {
            self.threads.join_directories(key, other);
        }
    }

    fn relative(&self, key: ThreadKey, thread: &Thread) -> Option<ThreadKey> {
        match self.threads.main_of(thread) {
            Some(main) if main.tid == thread.tid => self.threads.key(self.threads.parent_of(thread)?.tid),
            // It shares its leader's already.
            Some(_) => None,
            None => self.threads.members(thread).next().filter(|first| *first != key),
        }
    }

    /// Looks up the leader of a thread from the running system if it is unknown, because shared data is
    /// stored with the leader.
    pub(super) fn ensure_leader(&mut self, thread: &ThreadEntry, query: ProcQuery<'_>) {
        if thread.pid == thread.tid || self.threads.key(thread.pid).is_some() {
            return;
        }
        self.stats.proc_lookups += 1;
        if let Some((leader, fds)) = query(thread.pid) {
            self.load_thread(leader, fds);
        }
    }

    pub(crate) fn add_thread(&mut self, thread: Thread) -> Option<ThreadKey> {
        let key = self.threads.add(thread);
        if key.and_then(|key| self.threads.at(key)).is_some_and(|thread| self.threads.is_doubted(thread)) {
            self.doubts.add();
        }
        match key {
            Some(_) => self.stats.threads_added += 1,
            None => self.stats.threads_rejected += 1,
        }
        key
    }

    /// Adds open files of the process `tid` from `/proc`.
    pub(super) fn load_fds(&mut self, tid: i64, fds: Vec<FdEntry>) {
        let empty = self.empty();
        let Some(key) = self.threads.key(tid) else { return };
        for entry in fds {
            let (num, close_on_exec) = (entry.fd, entry.close_on_exec);
            let fd = fd_of(entry, &empty, &mut self.reuse.names);
            if self.is_untracked(num, &fd) {
                continue;
            }
            let Some(files) = self.threads.fds_mut(key) else { return };
            match files.insert(num, Arc::new(fd), close_on_exec) {
                true => self.stats.fds_added += 1,
                false => self.stats.fds_rejected += 1,
            }
        }
    }

    /// Makes the thread of an entry, and its directories.
    pub(super) fn thread_of(&mut self, entry: ThreadEntry) -> (Thread, Directories) {
        let empty = self.empty();
        let boot_ts = self.machine.boot_ts;
        let mut t = Thread::unknown(entry.tid, &empty);
        t.sure_after = self.threads.losses();
        (t.pid, t.ptid) = (entry.pid, entry.ptid);
        (t.vtid, t.vpid) = (entry.vtid, entry.vpid);
        let session = Session { sid: entry.sid, vpgid: entry.vpgid, pgid: entry.pgid, tty: entry.tty };
        t.session = Some(Box::new(session));
        t.comm = entry.comm.into();
        t.exe = entry.exe.into();
        t.executable = Executable {
            path: values::exepath(&entry.exepath).into(),
            is_writable: entry.exe_writable,
            in_upper_layer: entry.exe_upper_layer,
            in_lower_layer: entry.exe_lower_layer,
            from_memfd: entry.exe_from_memfd,
            ino: entry.exe_ino,
            ctime: entry.exe_ino_ctime,
            mtime: entry.exe_ino_mtime,
            ctime_to_clone: 0,
            pidns_start_to_ctime: 0,
        };
        t.env = entry.env.into();
        t.set_args(values::list(&entry.args));
        values::set_cgroups(&mut t, &entry.cgroups, &self.layouts);
        t.flags = ThreadFlags::from_bits_retain(entry.flags);
        t.fdlimit = entry.fdlimit as i64;
        (t.uid, t.gid, t.loginuid) = (entry.uid, entry.gid, entry.loginuid);
        // Ids that differ are rare, and nothing reports them.
        (t.real_uid, t.saved_uid) = (entry.uid, entry.uid);
        t.caps = entry.caps;
        let activity = &mut t.activity;
        (activity.vm_size, activity.vm_rss, activity.vm_swap) =
            (entry.vmsize_kb, entry.vmrss_kb, entry.vmswap_kb);
        (activity.pf_major, activity.pf_minor) = (entry.pfmajor, entry.pfminor);
        t.pidns_start = if entry.pidns_init_start_ts == 0 { boot_ts } else { entry.pidns_init_start_ts };
        t.clone_ts = entry.clone_ts;
        // A thread that is no leader may have none.
        let cwd = if t.is_main() || !entry.cwd.is_empty() { with_slash(entry.cwd) } else { empty };
        (t, Directories { cwd, root: entry.root.into(), changed: 0 })
    }

    /// Sets the role of every socket, by the ports on which all processes listen.
    fn guess_roles(&mut self) {
        let mut served: FxHashSet<u16> = FxHashSet::default();
        for files in self.threads.file_tables() {
            served.extend(files.iter().filter_map(|(_, fd)| fd.server_port()));
        }
        for files in self.threads.file_tables_mut() {
            let sockets: Vec<i64> =
                files.iter().filter(|(_, fd)| fd.kind.is_socket()).map(|(num, _)| num).collect();
            for num in sockets {
                let Some(fd) = files.get_mut(num) else { continue };
                guess_role(fd, &served, &mut self.reuse.names);
            }
        }
    }
}

impl State {
    /// Makes all descriptors of a socket (`dup`, `fork`, `SCM_RIGHTS`) refer to one file of the state, so that they follow calls through
    /// any of them.
    fn share_sockets(&mut self) {
        let mut first: FxHashMap<u64, Arc<Fd>> = FxHashMap::default();
        for files in self.threads.file_tables_mut() {
            let is_socket = |fd: &Fd| fd.kind.is_socket() && fd.ino != 0;
            let sockets: Vec<(i64, u64)> =
                files.iter().filter(|(_, fd)| is_socket(fd)).map(|(num, fd)| (num, fd.ino)).collect();
            for (num, ino) in sockets {
                let Some(own) = files.share(num) else { continue };
                let first = first.entry(ino).or_insert_with(|| own.clone());
                if !Arc::ptr_eq(first, &own) && is_one_socket(first, &own) {
                    files.replace_file(num, first.clone());
                }
            }
        }
    }
}

/// Whether two descriptions with one inode are of one socket. Another network namespace may lack its address.
fn is_one_socket(one: &Fd, other: &Fd) -> bool {
    (one.kind, one.l4, &one.name) == (other.kind, other.l4, &other.name)
}

/// Guesses whether a socket's process connected or accepted. If a process listens on the local port, the
/// connection was accepted, and its name begins with the client. Otherwise the process connected.
pub(super) fn guess_role(fd: &mut Fd, served: &FxHashSet<u16>, names: &mut RecentNames) {
    match (fd.kind, fd.socket()) {
        (FdKind::Ipv4 | FdKind::Ipv6, Socket::Inet { source, .. }) if served.contains(&source.1) => {
            fd.swap_ends();
            fd.role = Role::Server;
            fd.rename_by_ends(0, names);
        }
        (FdKind::Ipv4 | FdKind::Ipv6, Socket::None) => {}
        (FdKind::Ipv4 | FdKind::Ipv6, _) => fd.role = Role::Client,
        (FdKind::Unix, _) => fd.role = if fd.name.is_empty() { Role::Client } else { Role::Server },
        _ => {}
    }
}

/// The process of a pidfd, from the pidfd's name.
fn process_of(kind: FdKind, name: &[u8]) -> Option<i32> {
    let number = name.strip_prefix(b"/proc/").filter(|_| kind == FdKind::Pidfd)?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

fn with_slash(mut path: Vec<u8>) -> Text {
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.into()
}

/// Default range of ports that Linux chooses (net.ipv4.ip_local_port_range).
const EPHEMERAL_PORTS: std::ops::RangeInclusive<u16> = 32768..=60999;

pub(super) fn fd_of(entry: FdEntry, empty: &Text, names: &mut RecentNames) -> Fd {
    let mut fd = Fd::new(FdKind::Unknown, empty);
    fd.ino = entry.ino;
    fd.from_snapshot = true;
    match entry.detail {
        FdDetail::Socket { local, remote, l4 } => {
            // A pair of IPv4-mapped addresses is an IPv4 connection of an IPv6 socket.
            let (local, remote) = unmapped_pair(local, remote).unwrap_or((local, remote));
            fd.kind = if local.0.is_ipv4() { FdKind::Ipv4 } else { FdKind::Ipv6 };
            fd.l4 = L4::from_code(l4);
            // A socket without ends is unused, as after the call that makes one.
            if [local, remote].iter().any(|end| !end.0.is_unspecified() || end.1 != 0) {
                fd.connected = !remote.0.is_unspecified() || remote.1 != 0;
                fd.set_socket(Socket::Inet { source: local, destination: remote });
                fd.rename_by_ends(0, names);
            }
        }
        // A raw socket that is not bound.
        FdDetail::ServerSocket { addr, l4 } if addr.0.is_unspecified() && addr.1 == 0 => {
            fd.kind = if addr.0.is_ipv4() { FdKind::Ipv4 } else { FdKind::Ipv6 };
            fd.l4 = L4::from_code(l4);
        }
        FdDetail::ServerSocket { addr, l4 } => {
            fd.kind = if addr.0.is_ipv4() { FdKind::Ipv4Server } else { FdKind::Ipv6Server };
            fd.l4 = L4::from_code(l4);
            // The kernel gives a datagram socket that sends without bind(2) a port of this range.
            let is_client = fd.l4 == L4::Udp && EPHEMERAL_PORTS.contains(&addr.1);
            fd.role = if is_client { Role::None } else { Role::Server };
            fd.set_socket(Socket::Server { addr });
            fd.rename_by_ends(0, names);
        }
        FdDetail::Unix { source, destination, path } => {
            fd.kind = FdKind::Unix;
            fd.set_socket(Socket::Unix { source, destination });
            fd.name = path.into();
        }
        FdDetail::File { open_flags, path, dev, mount_id } => {
            fd.kind = FdKind::File;
            fd.open_flags = open_flags;
            (fd.dev, fd.mount_id) = (dev, mount_id);
            file::set_layers(&mut fd, open_flags);
            fd.name = path.into();
        }
        FdDetail::Other { type_code, name } => {
            fd.kind = FdKind::from_code(type_code).unwrap_or(FdKind::Unsupported);
            fd.pid = process_of(fd.kind, &name).unwrap_or(-1);
            fd.name = name.into();
        }
    }
    fd
}
