//! Compares both sides and counts differences.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use eyas_sinsp::state::{Fd, Socket, State};

use crate::proc::{self, File, Name, Process, Task};

#[derive(Debug, Default)]
pub struct Counts {
    pub events: u64,
    pub pauses: u64,
    /// Number of threads and files in `/proc`, at all pauses together.
    pub threads: usize,
    pub files: usize,
    /// Number of those in the state.
    known_threads: usize,
    known_files: usize,
    /// Names, types, directories and so on that were compared.
    pub values: usize,
    tids: BTreeSet<i64>,
    /// Whether events were dropped. A thread whose creation was dropped, and that has been idle since, is
    /// unknown. Data that threads share is unknown, too, if the leader has ended without being known.
    pub may_miss: bool,
    /// Number of threads that are unknown for that reason.
    missed: usize,
    pub differences: Vec<String>,
    /// Number of processes and threads with attributes that differ from the initial ones.
    pub changed: BTreeMap<&'static str, usize>,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in self.differences.iter().take(40) {
            writeln!(f, "{difference}")?;
        }
        write!(
            f,
            "{} events, {} pauses: threads {} in /proc, {} known ({} different ones, {} missed); files {} in /proc, {} known; \
             {} values compared, {} differences; changed: {:?}",
            self.events,
            self.pauses,
            self.threads,
            self.known_threads,
            self.tids.len(),
            self.missed,
            self.files,
            self.known_files,
            self.values,
            self.differences.len(),
            self.changed
        )
    }
}

const ALL_CAPS: u64 = (1 << 41) - 1;

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

impl Counts {
    fn same(&mut self, what: impl fmt::Display, known: &[u8], real: &[u8]) {
        self.values += 1;
        if known != real {
            let (known, real) = (text(known), text(real));
            self.differences.push(format!("{}: {what}: {known:?} known, {real:?} in /proc", self.pauses));
        }
    }

    /// Counts processes with unusual attributes.
    fn note_changes(&mut self, process: &Process) {
        let first = process.threads.values().next();
        let mut note = |what, holds: bool| *self.changed.entry(what).or_default() += usize::from(holds);
        note("terminals", process.tty != 0);
        note("sessions", process.threads.contains_key(&process.sid));
        note("groups", process.threads.contains_key(&process.pgid) && process.pgid != process.sid);
        for task in process.threads.values() {
            note("names", task.comm.starts_with(b"name "));
            note("users", task.uid != 0);
            note("groups of users", task.gid != 0);
            note("capabilities", task.caps[1..] != [ALL_CAPS; 2]);
            note("directories apart", first.is_some_and(|first| first.cwd != task.cwd));
            note("descriptors apart", first.is_some_and(|first| first.fds.keys().ne(task.fds.keys())));
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: impl fmt::Display, known: T, real: T) {
        self.values += 1;
        if known != real {
            self.differences.push(format!("{}: {what}: {known:x?} known, {real:x?} in /proc", self.pauses));
        }
    }

    /// Compares the state of the processes that run a program of the directory with `/proc`.
    pub fn compare(&mut self, state: &State, dir: &Path, real: &BTreeMap<i64, Process>) {
        let dir = [dir.as_os_str().as_bytes(), b"/"].concat();
        let mut known: BTreeSet<i64> = state
            .threads
            .iter()
            .filter(|thread| thread.executable.path.starts_with(&dir) && !thread.is_dead())
            .map(|thread| thread.tid)
            .collect();
        self.known_threads += known.len();
        for (pid, process) in real {
            self.threads += process.threads.len();
            self.note_changes(process);
            if self.may_miss && !process.threads.contains_key(pid) {
                known.retain(|tid| tid != pid && !process.threads.contains_key(tid));
                self.missed += process.threads.len();
                continue;
            }
            for (tid, task) in &process.threads {
                self.tids.insert(*tid);
                known.remove(tid);
                match state.threads.get(*tid) {
                    None if self.may_miss => self.missed += 1,
                    None => {
                        self.differences.push(format!("{}: thread {tid} of {pid} is not known", self.pauses))
                    }
                    Some(thread) => {
                        self.equal(format!("{tid} pid"), thread.pid, *pid);
                        self.same(format!("{tid} comm"), &thread.comm, &task.comm);
                        self.same(format!("{tid} exe"), &thread.executable.path, &process.exe);
                        self.same(format!("{tid} cwd"), state.threads.cwd(thread), &task.cwd);
                        let ids = (task.uid, task.gid);
                        self.equal(format!("{tid} uid, gid"), (thread.uid, thread.gid), ids);
                        self.equal(format!("{tid} capabilities"), thread.caps, task.caps);
                        let session = state.threads.session(thread);
                        let is = (session.pgid, session.vpgid, session.sid, session.tty);
                        let real = (process.pgid, process.pgid, process.sid, process.tty);
                        self.equal(format!("{tid} group, session, terminal"), is, real);
                        self.compare_files(state, *pid, *tid, task);
                    }
                }
            }
        }
        for tid in known {
            self.differences.push(format!("{}: thread {tid} is known, and not in /proc", self.pauses));
        }
    }

    fn compare_files(&mut self, state: &State, pid: i64, tid: i64, task: &Task) {
        self.files += task.fds.len();
        let Some(fds) = state.threads.get(tid).and_then(|thread| state.threads.fds(thread)) else {
            self.differences.push(format!("{}: the files of {tid} are not known", self.pauses));
            return;
        };
        self.known_files += fds.len();
        for (num, fd) in fds.iter() {
            if !task.fds.contains_key(&num) {
                self.differences.push(format!(
                    "{}: {tid}:{num}: {} {:?} is known, and not in /proc",
                    self.pauses,
                    fd.kind.letter(),
                    text(&fd.name)
                ));
            }
        }
        for (num, file) in &task.fds {
            self.values += 1;
            let known = fds.get(*num);
            if !known.is_some_and(|fd| is_same(pid, fd, file)) && !proc::is_connecting(pid, *num) {
                let known = known.map(|fd| (fd.kind.letter(), text(&fd.name), fd.from_snapshot));
                self.differences.push(format!(
                    "{}: {tid}:{num}: {known:?} known, {} {} in /proc",
                    self.pauses, file.letter, file.name
                ));
            }
        }
    }
}

fn is_same(pid: i64, fd: &Fd, file: &File) -> bool {
    if file.letter != '?' && file.letter != fd.kind.letter() {
        return false;
    }
    match &file.name {
        Name::Unknown => true,
        // A link is known by the name that it was opened by: a library while a program starts, /proc/self.
        Name::Is(name) => {
            let own = fd.name.strip_prefix(b"/proc/self/");
            let path = match own {
                Some(rest) => [format!("/proc/{pid}/").as_bytes(), rest].concat(),
                None => fd.name.to_vec(),
            };
            let target = || std::fs::canonicalize(OsStr::from_bytes(&path)).ok();
            path == *name || target().is_some_and(|target| target.as_os_str().as_bytes() == &**name)
        }
        // The client's end of a connection has no path; the state shows the server's path.
        Name::EndsWith(path) => fd.name.is_empty() || fd.name.ends_with(path),
        Name::Ends(ends) => match fd.socket() {
            Socket::Inet { source, destination } => {
                let known = [source, destination].map(|(ip, port)| format!("{ip}:{port}"));
                known == *ends || [&known[1], &known[0]] == [&ends[0], &ends[1]]
            }
            _ => false,
        },
    }
}
