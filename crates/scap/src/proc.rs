//! The system as `/proc` shows it: every thread, every open file, users, interfaces, the machine.
//!
//! A scan costs a few system calls per thread and per file. A process that ends meanwhile is left out as a
//! whole; nothing that a process controls (names, links, lengths) can make the scan fail or grow without
//! bound.

use std::collections::HashMap;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::{Error, FdEntry, Snapshot, ThreadEntry};

mod dir;
mod exe;
mod fds;
mod host;
mod netlink;
mod parse;
mod sockets;
mod task;
mod users;

use dir::Dir;
use sockets::Sockets;
use task::Clock;

/// What to scan, and how much of it at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the host's root directory is seen from here (`HOST_ROOT`); `/` unless in a container.
    pub root: PathBuf,
    /// Whether open files are read too.
    pub fds: bool,
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
            max_threads: 262_144,
            max_fds: 4096,
            max_sockets: 1 << 20,
        }
    }
}

/// Takes a snapshot of the whole system.
///
/// # Errors
/// `/proc` of [`Options::root`] cannot be listed. Processes whose details may not be read appear with what
/// can be seen of them.
pub fn snapshot(options: &Options) -> Result<Snapshot, Error> {
    let mut scan = Scan::new(options)?;
    let mut snapshot = Snapshot {
        machine: Some(host::machine(options)),
        interfaces: netlink::interfaces(options),
        users: users::users(&options.root),
        groups: users::groups(&options.root),
        ..Snapshot::default()
    };
    let pids = scan.proc.numbers(usize::MAX).map_err(|cause| unreadable(options, cause))?;
    for pid in pids {
        if snapshot.threads.len() >= options.max_threads {
            break;
        }
        scan.process(pid, &mut snapshot);
    }
    scan.fill_namespaces(&mut snapshot.threads);
    Ok(snapshot)
}

/// Reads one thread, and its open files if it leads its process; `None` if it does not exist (any more).
pub fn thread(options: &Options, tid: i64) -> Option<(ThreadEntry, Vec<FdEntry>)> {
    let tid = u32::try_from(tid).ok()?;
    let mut scan = Scan::new(options).ok()?;
    scan.single(tid)
}

/// The state of one scan: buffers and tables that are shared by all processes.
struct Scan<'a> {
    options: &'a Options,
    proc: Dir,
    buffers: dir::Buffers,
    clock: Clock,
    /// Sockets by network namespace.
    sockets: HashMap<u64, Sockets>,
    /// Start of pid namespaces, by inode.
    pid_namespaces: HashMap<u64, u64>,
    /// Threads (by tid) in a pid namespace other than ours: its inode.
    foreign: HashMap<i64, u64>,
    own_pid_namespace: Option<u64>,
    own_user_namespace: Option<u64>,
}

impl<'a> Scan<'a> {
    fn new(options: &'a Options) -> Result<Self, Error> {
        let proc = Dir::open(&options.root.join("proc")).map_err(|cause| unreadable(options, cause))?;
        let mut buffers = dir::Buffers::default();
        let clock = Clock::now(&proc, &mut buffers);
        let own_pid_namespace = proc.namespace("1/ns/pid", &mut buffers);
        let own_user_namespace = proc.namespace("1/ns/user", &mut buffers);
        Ok(Self {
            options,
            proc,
            buffers,
            clock,
            sockets: HashMap::new(),
            pid_namespaces: HashMap::new(),
            foreign: HashMap::new(),
            own_pid_namespace,
            own_user_namespace,
        })
    }

    /// Adds a process with all its threads and files.
    fn process(&mut self, pid: u32, snapshot: &mut Snapshot) {
        let Ok(dir) = self.proc.dir(pid) else { return };
        let Ok(tasks) = dir.subdir("task") else { return };
        let room = self.options.max_threads.saturating_sub(snapshot.threads.len());
        let Ok(tids) = tasks.numbers(room) else { return };
        let Some(leader) = self.leader(&dir, pid, tids.len() > 1) else { return };
        snapshot.threads.push(leader.clone());
        for tid in tids.into_iter().filter(|tid| *tid != pid) {
            let Ok(task) = tasks.dir(tid) else { continue };
            if let Some(entry) = self.follower(&task, tid, &leader) {
                snapshot.threads.push(entry);
            }
        }
        if self.options.fds
            && let Some(fds) = self.fds(&dir)
        {
            snapshot.fds.push((i64::from(pid), fds));
        }
    }

    fn single(&mut self, tid: u32) -> Option<(ThreadEntry, Vec<FdEntry>)> {
        let dir = self.proc.dir(tid).ok()?;
        let pid = self.tgid(&dir)?;
        let (mut entry, fds) = if pid == tid {
            let many = dir.subdir("task").ok()?.numbers(2).ok()?.len() > 1;
            let entry = self.leader(&dir, pid, many)?;
            let fds = if self.options.fds { self.fds(&dir)? } else { Vec::new() };
            (entry, fds)
        } else {
            let leader_dir = self.proc.dir(pid).ok()?;
            let leader = self.leader(&leader_dir, pid, true)?;
            let task = leader_dir.subdir("task").ok()?.dir(tid).ok()?;
            (self.follower(&task, tid, &leader)?, Vec::new())
        };
        if self.foreign.contains_key(&entry.tid) {
            entry.pidns_init_start_ts = self.init_seen_from(&dir).unwrap_or(self.clock.boot_ts);
        }
        Some((entry, fds))
    }

    /// Gives the threads of pid namespaces the start of their namespace.
    fn fill_namespaces(&self, threads: &mut [ThreadEntry]) {
        for thread in threads {
            if let Some(start) = self.foreign.get(&thread.tid).and_then(|ns| self.pid_namespaces.get(ns)) {
                thread.pidns_init_start_ts = *start;
            }
        }
    }
}

fn unreadable(options: &Options, cause: Errno) -> Error {
    Error::Live(format!(
        "cannot read {}: {cause}; mount procfs there, or say where the host's root directory is",
        options.root.join("proc").display()
    ))
}

#[cfg(test)]
mod tests;
