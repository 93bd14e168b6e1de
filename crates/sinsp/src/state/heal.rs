//! What becomes of the state when events were lost.
//!
//! A lost event may have been the end of a thread, a program that was executed, a file that was opened or closed. So
//! after a loss the threads that may have made such an event, or that one may have been about, are in doubt, together with their
//! open files, until the running system has been asked about them and what it returned stands here: what a capture that begins
//! now would know.

use std::sync::Arc;

use eyas_scap::{FdEntry, Loss, RawEvent, Suspects, ThreadEntry};
use rustc_hash::FxHashSet;

use super::doubts::Doubt;
use super::fds::MAX as MAX_FDS;
use super::left_files::is_left_out;
use super::load::{fd_of, guess_role};
use super::parse::descriptor;
use super::proc_query::ProcQuery;
use super::reach::reach;
use super::{Directories, State, Thread, ThreadKey};

mod same;

pub(super) use same::is_same_file;

/// A thread is not asked about before it has had the time to execute a program, ns: a child that is about to do so
/// would be treated as the program that it becomes.
const SETTLES_IN: u64 = 100_000_000;
/// Starts of a thread that are no further apart than this, ns, are the same: `/proc` counts in ticks.
const SAME_START: u64 = 1_000_000_000;

impl State {
    /// Takes note of losses. Only if `/proc` can be asked what is right, threads wait for that.
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

    /// Takes note of an event of the CPU, or that nothing waits for any: what the CPU lost, it lost before. So what
    /// events of other CPUs reported since the loss began is in doubt, too.
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
        // While threads still wait from an earlier loss, those that do not are found when these are done.
        if self.doubts.queue.is_empty() {
            self.queue_doubted();
        }
    }

    /// Every thread in doubt is to be asked about.
    fn queue_doubted(&mut self) {
        let queue = &mut self.doubts.queue;
        queue.extend(self.threads.doubted().map(|key| Doubt { key, missed: None }));
        self.doubts.any = !queue.is_empty() || !self.doubts.losing.is_empty();
        if !self.doubts.any {
            self.threads.end_doubt();
        }
        self.stats.threads_doubted += queue.len() as u64;
        let files = |doubt: &Doubt| {
            let thread = self.threads.at(doubt.key).filter(|thread| thread.is_main())?;
            Some(self.threads.fds(thread)?.len() as u64)
        };
        self.stats.fds_doubted += queue.iter().filter_map(files).sum::<u64>();
    }

    /// Asks about the thread of an event that is about to be taken in, if it is in doubt; returns whether it asked.
    pub(crate) fn heal_thread_of(&mut self, event: &RawEvent<'_>, query: ProcQuery<'_>) -> bool {
        let Some(key) = self.threads.key(event.tid) else { return false };
        let Some(thread) = self.threads.at(key) else { return false };
        if !self.threads.is_doubted(thread) || !is_settled(thread, event.ts) || !self.threads.ask_once(key) {
            return false;
        }
        self.stats.proc_lookups += 1;
        // One that has ended since it made the event stays in doubt: nobody knows any more what it was.
        if let Some((entry, fds)) = query(event.tid) {
            self.know_leader(&entry, query);
            self.correct(key, entry, fds, descriptor(event));
        }
        true
    }

    /// Asks about one of the threads that are in doubt, `ts` being the time of the last event.
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
                    self.know_leader(&entry, query);
                    self.correct(doubt.key, entry, fds, None);
                }
                None if doubt.missed == Some(last_event) => {
                    self.stats.threads_healed += 1;
                    self.stats.threads_removed += self.threads.remove(doubt.key);
                    // A leader stays as long as others of its process are known, who are asked about by themselves.
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

    /// Makes the state of a thread equal to that of the running system, except for the descriptor `in_use`: the
    /// event at hand may have closed it, and is about what it was.
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
        if there.is_main() && there.exe.is_empty() && there.executable.path.is_empty() {
            // It has ended, and others of its process have not.
            self.threads.exited(key, -1);
        } else {
            // One of those others has executed a program, and is the leader since.
            self.threads.revive(key);
        }
        let is_corrected =
            self.correct_parent(key, there.ptid) | self.correct_thread(key, there, &directories);
        self.stats.threads_healed += u64::from(is_corrected);
        // None at all may be one that may not be looked at.
        if !files.is_empty() {
            self.correct_files(key, files, in_use);
        }
        self.threads.trust(key);
    }

    /// Moves a thread below the process `ptid`; returns whether it was elsewhere. An unknown process is no correction.
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

    /// Takes over what differs; returns whether anything did. Memory, faults and the time of the start stay.
    fn correct_thread(&mut self, key: ThreadKey, there: Thread, directories: &Directories) -> bool {
        let Some(known) = self.threads.at(key) else { return false };
        let is_main = known.is_main();
        // Of a leader that others of its process outlive, nothing but its ids is left.
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
            // The probe and /proc list different hierarchies, so that only another container is a correction.
            (known.container, known.cgroups) = (there.container, there.cgroups);
        }
        true
    }

    /// Makes the open files of a process those that it has.
    fn correct_files(&mut self, key: ThreadKey, files: Vec<FdEntry>, in_use: Option<i64>) {
        let is_whole = files.len() < MAX_FDS;
        let leaves_out = self.leaves_out_files;
        let empty = self.empty();
        let there: Vec<_> = files
            .into_iter()
            .map(|entry| (entry.fd, entry.close_on_exec, fd_of(entry, &empty, &mut self.reuse.names)))
            .filter(|(num, _, fd)| !leaves_out || !is_left_out(*num, fd))
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

/// Whether the thread has been there for long enough to be asked about.
fn is_settled(thread: &Thread, ts: u64) -> bool {
    ts.saturating_sub(thread.clone_ts.max(thread.exec_ts)) > SETTLES_IN
}

/// Whether the id is another thread's now. By their starts alone nothing is proved: clocks are set.
fn is_other(known: &Thread, there: &Thread) -> bool {
    let same_start = known.clone_ts == 0 || known.clone_ts.abs_diff(there.clone_ts) <= SAME_START;
    !known.is_valid()
        || known.pid != there.pid
        || (!same_start && (known.ptid != there.ptid || !is_same_program(known, there)))
}

/// Whether the two execute the same program with the same arguments. A path that nobody may see differs from none.
fn is_same_program(known: &Thread, there: &Thread) -> bool {
    (there.executable.path.is_empty() || known.executable.path == there.executable.path)
        && (&known.comm, &known.exe, &known.args) == (&there.comm, &there.exe, &there.args)
}
