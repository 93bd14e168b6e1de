//! One process: its threads and its files.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::dir::{Dir, Lazy};
use super::fds::Network;
#[cfg(feature = "live")]
use super::parse;
use super::scan::{Part, Scan};
use crate::{FdEntry, ThreadEntry};
#[cfg(feature = "live")]
use eyas_events::FlagMap;

/// Maximum number of threads to look at for one that runs.
const MAX_ENDED: usize = 64;
/// `CLONE_FILES` of the kernel.
#[cfg(feature = "live")]
const CLONE_FILES: u64 = 0x400;

impl Scan<'_> {
    /// Takes processes off the list until none is left.
    pub(super) fn run(mut self, pids: &[u32], next: &AtomicUsize) -> Part {
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
        let from = self.part.threads.len();
        let (namespace, files) = match known.whole(pid) {
            Some((leader, others, files)) => {
                self.part.threads.push(leader.entry);
                self.part.threads.extend(others);
                (Some(leader.network), files)
            }
            None => {
                let Some(dir) = dir.get() else { return };
                let Some((leader, threads)) = self.leader(dir, pid, true) else { return };
                if threads > 1 {
                    self.followers(dir, &leader);
                }
                let files = known.files(leader.clone_ts);
                self.part.threads.push(leader);
                (None, files)
            }
        };
        let tasks = match self.part.threads.len() - from {
            0 | 1 => None,
            _ => dir.get().and_then(|dir| dir.subdir("task").ok()),
        };
        // A leader that has ended has released its files.
        let holder = tasks.as_ref().and_then(|tasks| self.holder(tasks, pid));
        let stand_in = tasks.as_ref().zip(holder).map(|(tasks, tid)| Lazy::new(tasks, tid));
        let files = files.filter(|_| stand_in.is_none());
        let mut network = Network::of(stand_in.as_ref().unwrap_or(&dir), namespace);
        if self.shared.options.fds
            && let Some(fds) = match files {
                Some(files) => Some(self.known_fds(&mut network, files)),
                None => self.fds(&mut network),
            }
        {
            self.part.fds.push((i64::from(pid), fds));
        }
        let Some(tasks) = &tasks else { return };
        let mut threads = self.part.threads.split_off(from);
        for thread in threads.iter_mut().filter(|thread| thread.tid != i64::from(pid)) {
            let fds = self.separate(tasks, holder.unwrap_or(pid), thread);
            self.part.fds.extend(fds.map(|fds| (thread.tid, fds)));
        }
        self.part.threads.append(&mut threads);
    }

    /// The first thread that runs, if the leader of the process has ended.
    pub(super) fn holder(&mut self, tasks: &Dir, pid: u32) -> Option<u32> {
        if self.runs(&tasks.dir(pid).ok()?) {
            return None;
        }
        let others = tasks.numbers(MAX_ENDED).ok()?.into_iter().filter(|tid| *tid != pid);
        others.into_iter().find(|tid| tasks.dir(*tid).is_ok_and(|task| self.runs(&task)))
    }

    /// Sets the directory of a thread that shares it with no thread of its process, and returns the files of
    /// one that shares none.
    #[cfg(feature = "live")]
    fn separate(&mut self, tasks: &Dir, process: u32, thread: &mut ThreadEntry) -> Option<Vec<FdEntry>> {
        use eyas_bpf::{Sharing, share};
        let tid = u32::try_from(thread.tid).ok().filter(|tid| *tid != process)?;
        if !self.shared.has_our_ids {
            return None;
        }
        if share(process, tid, Sharing::Directories) == Some(false)
            && let Ok(task) = tasks.dir(tid)
            && let Ok(cwd) = task.link("cwd", &mut self.buffers)
        {
            thread.cwd = parse::directory(parse::undeleted(cwd));
        }
        if share(process, tid, Sharing::Files) != Some(false) {
            return None;
        }
        thread.flags &= !(FlagMap::CLONE_FLAGS.apply(CLONE_FILES) as u32);
        let task = Lazy::new(tasks, tid);
        let mut network = Network::of(&task, None);
        if self.shared.options.fds { self.fds(&mut network) } else { None }
    }

    /// Without the probe, nothing shows what threads share.
    #[cfg(not(feature = "live"))]
    #[allow(clippy::unused_self, reason = "as with the probe")]
    fn separate(&mut self, _: &Dir, _: u32, _: &mut ThreadEntry) -> Option<Vec<FdEntry>> {
        None
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

    pub(super) fn single(mut self, tid: u32) -> Option<(ThreadEntry, Vec<FdEntry>)> {
        let process = Lazy::new(&self.shared.proc, tid);
        let dir = process.get()?;
        let pid = self.tgid(dir)?;
        let (mut entry, fds) = if pid == tid {
            let (entry, threads) = self.leader(dir, pid, false)?;
            let tasks = (threads > 1).then(|| dir.subdir("task").ok()).flatten();
            let holder = tasks.as_ref().and_then(|tasks| self.holder(tasks, pid));
            let stand_in = tasks.as_ref().zip(holder).map(|(tasks, tid)| Lazy::new(tasks, tid));
            let mut network = Network::of(stand_in.as_ref().unwrap_or(&process), None);
            let fds = if self.shared.options.fds { self.fds(&mut network)? } else { Vec::new() };
            (entry, fds)
        } else {
            let leader_dir = self.shared.proc.dir(pid).ok()?;
            let (leader, _) = self.leader(&leader_dir, pid, false)?;
            let tasks = leader_dir.subdir("task").ok()?;
            let mut entry = self.follower(&tasks.dir(tid).ok()?, tid, &leader)?;
            let holder = self.holder(&tasks, pid).unwrap_or(pid);
            let fds = self.separate(&tasks, holder, &mut entry);
            (entry, fds.unwrap_or_default())
        };
        if self.part.foreign.contains_key(&entry.tid) {
            entry.pidns_init_start_ts = self.init_seen_from(dir).unwrap_or(self.shared.clock.boot_ts);
        }
        Some((entry, fds))
    }
}
