//! Threads and files that the kernel's iterators listed before the scan, because a scan needs several calls
//! for each.
#![cfg_attr(not(feature = "live"), allow(dead_code, reason = "only a live capture has such lists"))]

use std::collections::{HashMap, HashSet};

use super::sockets::Own;
use crate::{FdEntry, ThreadEntry};

#[cfg(feature = "live")]
mod files;
#[cfg(feature = "live")]
mod threads;

/// Threads and files, by process.
#[derive(Default)]
pub(crate) struct Known {
    processes: HashMap<u32, Process>,
    /// Kernel threads.
    kernel: HashSet<u32>,
    /// Number of threads, and its limit.
    threads: usize,
    max_threads: usize,
    /// Maximum number of files of a process.
    max_fds: usize,
}

/// The listed part of a process.
#[derive(Default)]
pub(super) struct Process {
    /// When it started, ns since the epoch.
    start: u64,
    /// `None` if it did not exist yet when files were listed.
    files: Option<Vec<Listed>>,
    threads: Vec<Task>,
}

/// A thread.
pub(super) struct Task {
    pub(super) entry: ThreadEntry,
    /// Inode of its network namespace.
    pub(super) network: u64,
    /// Whether it is exiting.
    pub(super) ends: bool,
    /// Whether the kernel could not report some part of it.
    pub(super) has_gaps: bool,
}

/// An open file.
pub(super) struct Listed {
    pub(super) number: u32,
    pub(super) close_on_exec: bool,
    pub(super) found: Found,
}

/// A listed open file.
pub(super) enum Found {
    /// All.
    Entry(FdEntry),
    /// It is the socket with this inode.
    Socket(u64, Own),
    /// Only that it exists.
    Nothing,
}

impl Known {
    /// Makes it with the limits of the options.
    #[cfg(feature = "live")]
    pub(crate) fn new(options: &super::options::Options) -> Self {
        let super::options::Options { max_threads, max_fds, .. } = *options;
        Self { max_threads, max_fds, ..Self::default() }
    }

    /// Every process; `shown` are those in `/proc`, which also contains kernel threads. Some kernels leave
    /// processes out of their list.
    pub(super) fn pids(&self, shown: Vec<u32>) -> Vec<u32> {
        let is_listed =
            |pid: &u32| self.processes.get(pid).is_some_and(|process| !process.threads.is_empty());
        let listed = self.processes.keys().copied().filter(is_listed);
        let others = shown.into_iter().filter(|pid| !is_listed(pid) && !self.kernel.contains(pid));
        listed.chain(others).collect()
    }

    pub(super) fn take(&mut self, pid: u32) -> Process {
        self.processes.remove(&pid).unwrap_or_default()
    }
}

impl Process {
    /// The files of the process that started at this time, ns since the epoch, according to `/proc`.
    pub(super) fn files(self, start: u64) -> Option<Vec<Listed>> {
        /// `/proc` counts from boot in ticks of 10 ms, and the clock may be slewed meanwhile.
        const SLACK: u64 = 20_000_000;
        self.files.filter(|_| self.start.abs_diff(start) < SLACK)
    }

    /// Its leader, its other threads and its files; `None` if `/proc` must be read for some part.
    pub(super) fn whole(&mut self, pid: u32) -> Option<(Task, Vec<ThreadEntry>, Option<Vec<Listed>>)> {
        let leader = self.threads.iter().position(|task| task.entry.tid == i64::from(pid))?;
        let mut leader = self.threads.swap_remove(leader);
        let rest = std::mem::take(&mut self.threads);
        if leader.is_gone() {
            // If the leader has ended, another thread has the shared data.
            let other = rest.iter().find(|task| !task.is_gone())?;
            leader.has_gaps |= other.has_gaps;
            leader.network = other.network;
            leader.entry = ThreadEntry {
                tid: leader.entry.tid,
                vtid: leader.entry.vtid,
                comm: leader.entry.comm,
                clone_ts: leader.entry.clone_ts,
                ..other.entry.clone()
            };
        }
        if leader.has_gaps {
            return None;
        }
        let others = rest.into_iter().filter(|task| !task.is_gone());
        let others = others.map(|task| task.entry.in_process_of(&leader.entry)).collect();
        let files = self.files.take().filter(|_| self.start == leader.entry.clone_ts);
        Some((leader, others, files))
    }

    /// Whether no thread of it is left.
    pub(super) fn is_gone(&self) -> bool {
        !self.threads.is_empty() && self.threads.iter().all(Task::is_gone)
    }
}

impl Task {
    /// Whether it has released its memory already.
    fn is_gone(&self) -> bool {
        self.ends && self.entry.vmsize_kb == 0
    }
}
