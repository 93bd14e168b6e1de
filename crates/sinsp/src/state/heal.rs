//! Corrects the state after a loss of events.
//!
//! A lost event may have been an exit, an exec, an open or a close. So after a loss, the threads that may
//! have made such an event, or that the event may have been about, are in doubt, together with their open
//! files. They stay in doubt until they were looked up in the running system and corrected. The result is
//! what a capture that begins now would contain.

use std::sync::Arc;

use eyas_scap::{FdEntry, Loss, RawEvent, Suspects, ThreadEntry};
use rustc_hash::FxHashSet;

use super::doubts::Doubt;
use super::fd::Fd;
use super::fds::MAX as MAX_FDS;
use super::load::{fd_of, guess_role};
use super::parse::descriptor;
use super::proc_query::ProcQuery;
use super::reach::reach;
use super::untracked::{is_directory, is_unused};
use super::{Directories, State, Thread, ThreadKey};

mod same;

pub(super) use same::is_same_file;

/// Minimum age of a thread for a lookup, ns. A child that is about to execute a program would otherwise be
/// treated as that program.
const SETTLES_IN: u64 = 100_000_000;
/// Start times of a thread that differ by at most this, ns, are treated as equal, because `/proc` counts in
/// ticks.
const SAME_START: u64 = 1_000_000_000;

impl State {
    /// Records losses. Threads wait for a lookup only if `/proc` can be read.
    pub(crate) fn doubt(&mut self, losses: &[Loss], can_ask: bool) {
        self.stats.losses += losses.len() as u64;
        self.stats.events_lost += losses.iter().map(|loss| loss.events).sum::<u64>();
        for loss in losses {
            self.doubts.note(loss);
            let Some(of) = reach(&loss.of, self.threads.is_shared()) else { continue };
            if can_ask {
                match self.doubts.losing.iter_mut().find(|(cpu, _)| *cpu == loss.cpu) {
                    Some((_, others)) => others.merge(&of),
                    None => self.doubts.losing.push((loss.cpu, of)),
                }
            }
            self.doubt_these(loss.since, of, can_ask);
        }
    }

    /// The losses because of which threads are in doubt, or that continue after this time. A capture that
    /// begins with the current state and with these losses has the same doubts, including those of threads
    /// that inherited them.
    pub(crate) fn losses_at(&self, ts: u64) -> Vec<Loss> {
        let mut losses: Vec<Loss> = self.doubts.at(ts).collect();
        if let Some(last) = losses.last_mut().filter(|_| self.doubts.remain()) {
            let doubted = self.threads.doubted().filter_map(|key| self.threads.at(key));
            doubted.for_each(|thread| last.of.note_group(thread.pid));
        }
        losses
    }

    /// Records an event of the CPU, or that no event waits: the CPU's loss is over. So the changes by
    /// events of other CPUs since the beginning of the loss are in doubt, too.
    pub(crate) fn end_losses(&mut self, cpu: Option<u16>, ts: u64) {
        let mut over = Suspects::NONE;
        let mut is_over = false;
        self.doubts.losing.retain(|(losing, of)| {
            let goes_on = cpu.is_some_and(|cpu| cpu != *losing);
            if !goes_on {
                is_over = true;
                over.merge(of);
            }
            goes_on
        });
        if is_over {
            self.doubt_these(ts, over, true);
        }
    }

    pub(super) fn doubt_these(&mut self, since: u64, of: Suspects, can_ask: bool) {
        self.threads.doubt(since, of);
        self.doubts.any = true;
        if !can_ask {
            return;
        }
        // While threads of an earlier loss wait, others are found after these are done.
        if self.doubts.queue.is_empty() {
            self.queue_doubted();
        }
    }

    /// Queues every thread in doubt for a lookup.
    fn queue_doubted(&mut self) {
        let queue = &mut self.doubts.queue;
        queue.extend(self.threads.doubted().map(|key| Doubt { key, missed: None }));
        self.doubts.any = !queue.is_empty() || !self.doubts.losing.is_empty();
        self.stats.threads_doubted += queue.len() as u64;
        let files = |doubt: &Doubt| {
            let thread = self.threads.at(doubt.key).filter(|thread| thread.is_main())?;
            Some(self.threads.fds(thread)?.len() as u64)
        };
        self.stats.fds_doubted += queue.iter().filter_map(files).sum::<u64>();
        if !self.doubts.any {
            self.doubts.end();
            self.threads.end_doubt();
        }
    }

    /// Looks up the thread of the next event if it is in doubt; returns whether it did.
    pub(crate) fn heal_thread_of(&mut self, event: &RawEvent<'_>, query: ProcQuery<'_>) -> bool {
        let Some(key) = self.threads.key(event.tid) else { return false };
        let Some(thread) = self.threads.at(key) else { return false };
        if !self.threads.is_doubted(thread) || !is_settled(thread, event.ts) || !self.threads.ask_once(key) {
            return false;
        }
        self.stats.proc_lookups += 1;
        // A thread that has ended since the event stays in doubt, because it cannot be looked up any more.
        if let Some((entry, fds)) = query(event.tid) {
            self.ensure_leader(&entry, query);
            self.correct(key, entry, fds, descriptor(event));
        }
        true
    }

    /// Looks up one of the threads in doubt; `ts` is the time of the last event.
    pub(crate) fn heal_next(&mut self, ts: u64, query: ProcQuery<'_>) {
        for _ in 0..self.doubts.queue.len() {
            let Some(doubt) = self.doubts.queue.pop_front() else { break };
            let Some(thread) = self.threads.at(doubt.key) else { continue };
            if !self.threads.is_doubted(thread) {
                continue;
            }
            if !is_settled(thread, ts) {
                self.doubts.queue.push_back(doubt);
                continue;
            }
            let (tid, last_event) = (thread.tid, thread.activity.last_access_ts);
            self.stats.proc_lookups += 1;
            match query(tid) {
                Some((entry, fds)) => {
                    self.ensure_leader(&entry, query);
                    self.correct(doubt.key, entry, fds, None);
                }
                None if doubt.missed == Some(last_event) => {
                    self.stats.threads_healed += 1;
                    self.stats.threads_removed += self.threads.remove(doubt.key);
                    // A leader stays while other threads of its process are known; these are looked up
                    // separately.
                    self.threads.trust(doubt.key);
                }
                None => self.doubts.queue.push_back(Doubt { missed: Some(last_event), ..doubt }),
            }
            return;
        }
        if self.doubts.queue.is_empty() {
            self.queue_doubted();
        }
    }

    /// Corrects the state of a thread, except for the descriptor `in_use`, because the current event may
    /// have closed it and refers to the old file.
    fn correct(&mut self, key: ThreadKey, entry: ThreadEntry, files: Vec<FdEntry>, in_use: Option<i64>) {
        let tid = entry.tid;
        let (there, directories) = self.thread_of(entry);
        let Some(known) = self.threads.at(key) else { return };
        if is_other(known, &there) {
            self.stats.threads_healed += 1;
            self.stats.threads_removed += self.threads.replace(key);
            if let Some(key) = self.add_thread(there) {
                self.place(key, &directories);
                self.threads.link(key);
                self.load_fds(tid, files);
            }
            return;
        }
        let is_main = there.is_main();
        if is_main && there.exe.is_empty() && there.executable.path.is_empty() {
            // It has ended, but other threads of its process have not.
            self.threads.exited(key, -1);
        } else {
            // One of the other threads has executed a program, and is the leader since then.
            self.threads.revive(key);
        }
        let is_corrected =
            self.correct_parent(key, there.ptid) | self.correct_thread(key, there, &directories);
        self.stats.threads_healed += u64::from(is_corrected);
        // An empty list may mean that the files cannot be read.
        if !files.is_empty() {
            // A thread has files of its own only if it shares none.
            if !is_main {
                self.threads.unshare_files(key);
            }
            self.correct_files(key, files, in_use);
        }
        self.threads.trust(key);
    }

    /// Sets the parent of a thread to the process `ptid`; returns whether it changed. An unknown process is
    /// ignored.
    fn correct_parent(&mut self, key: ThreadKey, ptid: i64) -> bool {
        let process_of =
            |tid| self.threads.get(tid).and_then(|parent| self.threads.main_of(parent)).map(|p| p.tid);
        let known = self.threads.at(key).and_then(|thread| process_of(thread.ptid));
        match self.threads.key(ptid) {
            Some(parent) if known != Some(ptid) => {
                self.threads.move_below(key, Some(parent));
                true
            }
            _ => false,
        }
    }

    /// Replaces values that differ; returns whether any did. Memory, faults and the start time stay.
    fn correct_thread(&mut self, key: ThreadKey, there: Thread, directories: &Directories) -> bool {
        let Some(known) = self.threads.at(key) else { return false };
        let is_main = known.is_main();
        // If other threads outlive their leader, only the leader's ids are left.
        let is_whole = !there.exe.is_empty() || !there.executable.path.is_empty();
        let same_program = !is_whole || is_same_program(known, &there);
        let session = self.threads.session(&there);
        let ids = |t: &Thread| (t.vtid, t.vpid, t.uid, t.gid, t.loginuid, t.caps);
        let same_ids = ids(known) == ids(&there) && self.threads.session(known) == session;
        let same_place = !is_whole || !is_main || self.threads.directories(known) == Some(directories);
        let same_limit = !is_whole || !is_main || known.fdlimit == there.fdlimit;
        let same_container = known.container == there.container;
        if same_program && same_ids && same_place && same_limit && same_container {
            return false;
        }
        self.threads.set_session(key, session);
        if is_whole && is_main {
            self.threads.set_cwd(key, &directories.cwd);
            self.threads.set_root(key, &directories.root);
        }
        let Some(known) = self.threads.at_mut(key) else { return false };
        if !same_program {
            (known.comm, known.exe, known.executable) = (there.comm, there.exe, there.executable);
            (known.args, known.cmdline, known.env) = (there.args, there.cmdline, there.env);
        }
        (known.vtid, known.vpid) = (there.vtid, there.vpid);
        (known.uid, known.gid, known.loginuid, known.caps) =
            (there.uid, there.gid, there.loginuid, there.caps);
        if is_whole && is_main {
            known.fdlimit = there.fdlimit;
        }
        if !same_container {
            // The probe and /proc list different hierarchies, so only another container is a correction.
            (known.container, known.cgroups) = (there.container, there.cgroups);
        }
        true
    }

    /// Corrects the open files of a process.
    fn correct_files(&mut self, key: ThreadKey, files: Vec<FdEntry>, in_use: Option<i64>) {
        let is_whole = files.len() < MAX_FDS;
        let unused = self.unused_files;
        let empty = self.empty();
        let known = self.threads.at(key).and_then(|thread| self.threads.fds(thread));
        // A known directory was opened by another path than the kernel's, so that its close is not filtered out.
        let is_known = |num: i64, fd: &Fd| {
            is_directory(num, fd)
                && known.and_then(|table| table.get(num)).is_some_and(|known| is_same_file(known, fd))
        };
        let there: Vec<_> = files
            .into_iter()
            .map(|entry| (entry.fd, entry.close_on_exec, fd_of(entry, &empty, &mut self.reuse.names)))
            .filter(|(num, _, fd)| !is_unused(unused, *num, fd) || is_known(*num, fd))
            .collect();
        let numbers: FxHashSet<i64> = there.iter().map(|(num, ..)| *num).collect();
        let served: FxHashSet<u16> = there.iter().filter_map(|(.., fd)| fd.server_port()).collect();
        let Some(table) = self.threads.fds_mut(key) else { return };
        for (num, close_on_exec, mut fd) in there {
            if table.get(num).is_some_and(|known| is_same_file(known, &fd)) {
                table.set_close_on_exec(num, close_on_exec);
                continue;
            }
            guess_role(&mut fd, &served, &mut self.reuse.names);
            self.stats.fds_healed += 1;
            match table.insert(num, Arc::new(fd), close_on_exec) {
                true => self.stats.fds_added += 1,
                false => self.stats.fds_rejected += 1,
            }
        }
        let closed = |num: &i64| is_whole && !numbers.contains(num) && in_use != Some(*num);
        let gone: Vec<i64> = table.iter().map(|(num, _)| num).filter(closed).collect();
        for num in gone {
            table.remove(num);
            self.stats.fds_healed += 1;
            self.stats.fds_removed += 1;
        }
    }
}

/// Whether the thread is old enough for a lookup.
fn is_settled(thread: &Thread, ts: u64) -> bool {
    ts.saturating_sub(thread.clone_ts.max(thread.exec_ts)) > SETTLES_IN
}

/// Whether the id belongs to another thread now. Start times by themselves prove nothing, because clocks can be
/// set.
fn is_other(known: &Thread, there: &Thread) -> bool {
    let same_start = known.clone_ts == 0 || known.clone_ts.abs_diff(there.clone_ts) <= SAME_START;
    !known.is_valid()
        || known.pid != there.pid
        || (!same_start && (known.ptid != there.ptid || !is_same_program(known, there)))
}

/// Whether the two execute the same program with the same arguments. An unreadable path is equal to any
/// path.
fn is_same_program(known: &Thread, there: &Thread) -> bool {
    (there.executable.path.is_empty() || known.executable.path == there.executable.path)
        && (&known.comm, &known.exe, &known.args) == (&there.comm, &there.exe, &there.args)
}
