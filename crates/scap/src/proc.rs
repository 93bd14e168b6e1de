//! The system as `/proc` shows it: every thread, every open file, users, interfaces, the machine.
//!
//! A scan costs a few system calls per thread and per file. A process that ends meanwhile is left out as a
//! whole; nothing that a process controls (names, links, lengths) can make the scan fail or grow without
//! bound.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;

use crate::{Error, FdEntry, Snapshot, ThreadEntry};

mod acl;
mod dir;
mod exe;
pub(crate) mod fds;
mod host;
pub(crate) mod known;
mod mounts;
mod netlink;
mod parse;
pub(crate) mod sockets;
mod task;
mod users;

use dir::{Dir, Lazy};
use fds::Network;
use mounts::Mount;
use sockets::Tables;
use task::Clock;
pub use users::{AccountLimits, AccountReader, Accounts};

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

/// Takes a snapshot of the whole system, on a few threads where there are many processes.
///
/// # Errors
/// `/proc` of [`Options::root`] cannot be listed. Processes whose details may not be read appear with what
/// can be seen of them.
pub fn snapshot(options: &Options) -> Result<Snapshot, Error> {
    scan(Shared::new(Cow::Borrowed(options))?)
}

/// As [`snapshot`], of a system whose open files, and threads, the kernel has listed. A process whose files are not in the
/// list has started since, or is another with the same id: they are looked at here, as is what the kernel could not tell.
#[cfg(feature = "live")]
pub(crate) fn snapshot_with(options: &Options, known: known::Known) -> Result<Snapshot, Error> {
    scan(Shared { known: Mutex::new(known), ..Shared::new(Cow::Borrowed(options))? })
}

fn scan(shared: Shared<'_>) -> Result<Snapshot, Error> {
    let options = &*shared.options;
    let shown = shared.proc.numbers(usize::MAX).map_err(|cause| unreadable(options, cause))?;
    let pids = shared.lock_known().pids(shown);
    let workers = match pids.len() {
        0..64 => 1,
        _ => std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS),
    };
    let next = AtomicUsize::new(0);
    let mut parts: Vec<Part> = std::thread::scope(|scope| {
        let work = || shared.scan().run(&pids, &next);
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        parts.extend(others.into_iter().filter_map(|other| other.join().ok()));
        parts
    });
    let mut threads: Vec<ThreadEntry> = parts.iter_mut().flat_map(|part| part.threads.drain(..)).collect();
    let mut fds: Vec<(i64, Vec<FdEntry>)> = parts.iter_mut().flat_map(|part| part.fds.drain(..)).collect();
    for thread in &mut threads {
        let namespace = parts.iter().find_map(|part| part.foreign.get(&thread.tid));
        if let Some(ns) = namespace
            && let Some(start) = parts.iter().find_map(|part| part.pid_namespaces.get(ns))
        {
            thread.pidns_init_start_ts = *start;
        }
    }
    // Leaders come before their threads, processes in the order of their ids.
    threads.sort_by_key(|thread| (thread.pid, thread.pid != thread.tid, thread.tid));
    threads.truncate(options.max_threads);
    fds.sort_by_key(|(pid, _)| *pid);
    let accounts = users::of_host(&options.root);
    Ok(Snapshot {
        machine: Some(host::machine(options)),
        interfaces: netlink::interfaces(options),
        users: accounts.users,
        groups: accounts.groups,
        threads,
        fds,
    })
}

/// Reads one thread, and its open files if it leads its process; `None` if it does not exist (any more). Whoever reads
/// many of them keeps a [`ThreadReader`].
pub fn thread(options: &Options, tid: i64) -> Option<(ThreadEntry, Vec<FdEntry>)> {
    let tid = u32::try_from(tid).ok()?;
    Shared::new(Cow::Borrowed(options)).ok()?.scan().single(tid)
}

/// Reads single threads, and keeps what they have in common: the directory, and for a moment the tables of sockets.
pub struct ThreadReader {
    options: Options,
    /// Opened at the first thread.
    shared: Option<Shared<'static>>,
}

impl std::fmt::Debug for ThreadReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadReader").field("options", &self.options).finish_non_exhaustive()
    }
}

impl ThreadReader {
    /// A reader of the threads below [`Options::root`].
    pub fn new(options: Options) -> Self {
        Self { options, shared: None }
    }

    fn shared(&mut self) -> Option<&mut Shared<'static>> {
        if self.shared.is_none() {
            let shared = Shared::new(Cow::Owned(self.options.clone())).ok()?;
            self.shared = Some(Shared { sockets: Mutex::new(Tables::renewed()), ..shared });
        }
        self.shared.as_mut()
    }

    /// As [`thread`]. Ends of sockets may be some 100 ms old.
    pub fn thread(&mut self, tid: i64) -> Option<(ThreadEntry, Vec<FdEntry>)> {
        let tid = u32::try_from(tid).ok()?;
        let shared = self.shared()?;
        shared.clock = Clock::now();
        shared.scan().single(tid)
    }

    /// The name of a thread (`comm`); `None` if it does not exist. It costs a hundredth of [`ThreadReader::thread`].
    pub fn comm(&mut self, tid: i64) -> Option<Vec<u8>> {
        let tid = u32::try_from(tid).ok()?;
        let mut buffers = dir::Buffers::default();
        let comm = self.shared()?.proc.dir(tid).ok()?;
        let comm = comm.read("comm", 64, &mut buffers).ok()?;
        Some(comm.strip_suffix(b"\n").unwrap_or(comm).to_vec())
    }
}

/// More threads than this wait for each other in the kernel.
const MAX_WORKERS: usize = 8;

/// What all threads of a snapshot share.
struct Shared<'a> {
    options: Cow<'a, Options>,
    proc: Dir,
    clock: Clock,
    sockets: Mutex<Tables>,
    own_pid_namespace: Option<u64>,
    own_user_namespace: Option<u64>,
    known: Mutex<known::Known>,
}

impl<'a> Shared<'a> {
    fn new(options: Cow<'a, Options>) -> Result<Self, Error> {
        let proc = Dir::open(&options.root.join("proc")).map_err(|cause| unreadable(&options, cause))?;
        let mut buffers = dir::Buffers::default();
        Ok(Self {
            options,
            clock: Clock::now(),
            sockets: Mutex::default(),
            own_pid_namespace: proc.namespace("1/ns/pid", &mut buffers),
            own_user_namespace: proc.namespace("1/ns/user", &mut buffers),
            known: Mutex::default(),
            proc,
        })
    }

    fn lock_known(&self) -> std::sync::MutexGuard<'_, known::Known> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn scan(&self) -> Scan<'_> {
        Scan {
            shared: self,
            buffers: dir::Buffers::default(),
            part: Part::default(),
            mounts: HashMap::new(),
            anonymous_inode: None,
        }
    }
}

/// What one thread of a snapshot found.
#[derive(Default)]
struct Part {
    threads: Vec<ThreadEntry>,
    fds: Vec<(i64, Vec<FdEntry>)>,
    /// Start of pid namespaces, by inode.
    pid_namespaces: HashMap<u64, u64>,
    /// Threads (by tid) in a pid namespace other than ours: its inode.
    foreign: HashMap<i64, u64>,
}

/// The work of one thread.
struct Scan<'a> {
    shared: &'a Shared<'a>,
    buffers: dir::Buffers,
    part: Part,
    /// By mount id: each is asked about once.
    mounts: HashMap<u64, Mount>,
    anonymous_inode: Option<u64>,
}

impl Scan<'_> {
    /// Takes processes off the list until none is left.
    fn run(mut self, pids: &[u32], next: &AtomicUsize) -> Part {
        while let Some(pid) = pids.get(next.fetch_add(1, Ordering::Relaxed)) {
            if self.part.threads.len() >= self.shared.options.max_threads {
                break;
            }
            self.process(*pid);
        }
        self.part
    }

    /// Adds a process with all its threads and files.
    fn process(&mut self, pid: u32) {
        let mut known = self.shared.lock_known().take(pid);
        let dir = Lazy::new(&self.shared.proc, pid);
        if known.is_gone() {
            return;
        }
        let (namespace, files) = match known.whole(pid) {
            Some((leader, others, files)) => {
                self.part.threads.push(leader.entry);
                self.part.threads.extend(others);
                (Some(leader.network), files)
            }
            None => {
                let Some(dir) = dir.get() else { return };
                let Some((leader, threads)) = self.leader(dir, pid) else { return };
                if threads > 1 {
                    self.followers(dir, &leader);
                }
                let files = known.files(leader.clone_ts);
                self.part.threads.push(leader);
                (None, files)
            }
        };
        let mut network = Network::of(&dir, namespace);
        if self.shared.options.fds
            && let Some(fds) = match files {
                Some(files) => Some(self.known_fds(&mut network, files)),
                None => self.fds(&mut network),
            }
        {
            self.part.fds.push((i64::from(pid), fds));
        }
    }

    fn followers(&mut self, dir: &Dir, leader: &ThreadEntry) {
        let room = self.shared.options.max_threads.saturating_sub(self.part.threads.len());
        let Ok(tasks) = dir.subdir("task") else { return };
        let Ok(tids) = tasks.numbers(room) else { return };
        for tid in tids.into_iter().filter(|tid| i64::from(*tid) != leader.tid) {
            let Ok(task) = tasks.dir(tid) else { continue };
            if let Some(entry) = self.follower(&task, tid, leader) {
                self.part.threads.push(entry);
            }
        }
    }

    fn single(mut self, tid: u32) -> Option<(ThreadEntry, Vec<FdEntry>)> {
        let process = Lazy::new(&self.shared.proc, tid);
        let dir = process.get()?;
        let pid = self.tgid(dir)?;
        let (mut entry, fds) = if pid == tid {
            let (entry, _) = self.leader(dir, pid)?;
            let mut network = Network::of(&process, None);
            let fds = if self.shared.options.fds { self.fds(&mut network)? } else { Vec::new() };
            (entry, fds)
        } else {
            let leader_dir = self.shared.proc.dir(pid).ok()?;
            let (leader, _) = self.leader(&leader_dir, pid)?;
            let task = leader_dir.subdir("task").ok()?.dir(tid).ok()?;
            (self.follower(&task, tid, &leader)?, Vec::new())
        };
        if self.part.foreign.contains_key(&entry.tid) {
            entry.pidns_init_start_ts = self.init_seen_from(dir).unwrap_or(self.shared.clock.boot_ts);
        }
        Some((entry, fds))
    }
}

fn unreadable(options: &Options, cause: Errno) -> Error {
    Error::Proc { path: options.root.join("proc"), cause: cause.into() }
}

#[cfg(test)]
mod tests;
