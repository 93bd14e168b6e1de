//! Snapshots from `/proc`: every thread, every open file, users, interfaces, the machine.
//!
//! A scan costs a few system calls per thread and per file. A process that ends meanwhile is left out
//! completely. Nothing that a process controls (names, symlinks, lengths) can make the scan fail or grow
//! without bound.

use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use crate::{Error, FdEntry, Snapshot, ThreadEntry};

mod acl;
mod clock;
pub(crate) mod code;
mod dir;
pub(crate) mod ends;
mod exe;
pub(crate) mod fds;
mod host;
pub(crate) mod known;
mod mounts;
mod namespace;
mod netlink;
mod options;
mod parse;
mod process;
mod scan;
pub(crate) mod sockets;
mod task;
mod users;

use clock::Clock;
pub use namespace::foreign_processes;
pub use options::Options;
use scan::{Part, Shared, unreadable};
use sockets::Tables;
pub use users::{AccountLimits, AccountReader, Accounts};

/// Takes a snapshot of the whole system, with several threads if there are many processes.
///
/// # Errors
/// `/proc` of [`Options::root`] cannot be listed. Processes with unreadable details appear with the
/// readable ones.
pub fn snapshot(options: &Options) -> Result<Snapshot, Error> {
    scan(Shared::new(Cow::Borrowed(options))?)
}

/// Like [`snapshot`], with open files and threads that the kernel's iterators have listed. If the list lacks
/// a process's files, the process has started since, or has a reused id: then this function reads the
/// files. It also reads everything that the kernel could not report.
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
        // If the system allows no further thread, this one does all the work.
        let worker = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..workers).map_while(worker).collect();
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
        metadata: Vec::new(),
    })
}

/// Reads one thread, and its open files if it leads its process; `None` if it does not exist (any more). To
/// read many threads, use a [`ThreadReader`].
pub fn thread(options: &Options, tid: i64) -> Option<(ThreadEntry, Vec<FdEntry>)> {
    let tid = u32::try_from(tid).ok()?;
    Shared::new(Cow::Borrowed(options)).ok()?.scan().single(tid)
}

/// Reads single threads, and caches shared data: the directory, and for a short time the tables of sockets.
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

    /// Like [`thread`]. Addresses of sockets may be about 100 ms old.
    pub fn thread(&mut self, tid: i64) -> Option<(ThreadEntry, Vec<FdEntry>)> {
        let tid = u32::try_from(tid).ok()?;
        let shared = self.shared()?;
        shared.clock = Clock::now();
        shared.scan().single(tid)
    }

    /// The name of a thread (`comm`); `None` if it does not exist. It costs a hundredth of the time of
    /// [`ThreadReader::thread`].
    pub fn comm(&mut self, tid: i64) -> Option<Vec<u8>> {
        let tid = u32::try_from(tid).ok()?;
        let mut buffers = dir::Buffers::default();
        let comm = self.shared()?.proc.dir(tid).ok()?;
        let comm = comm.read("comm", 64, &mut buffers).ok()?;
        Some(comm.strip_suffix(b"\n").unwrap_or(comm).to_vec())
    }
}

/// More threads than this would wait for each other in the kernel.
const MAX_WORKERS: usize = 8;

#[cfg(test)]
mod tests;
