//! One process: its threads and its files.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::dir::{Dir, Lazy};
use super::fds::Network;
use super::scan::{Part, Scan};
use crate::{FdEntry, ThreadEntry};

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

    pub(super) fn single(mut self, tid: u32) -> Option<(ThreadEntry, Vec<FdEntry>)> {
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
