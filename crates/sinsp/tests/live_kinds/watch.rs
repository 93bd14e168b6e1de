//! The three views of the system that must agree: the state that events make, live and in a replay of their recording; `/proc`;
//! and a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eyas_events::SyscallCode;
use eyas_scap::live::{ProbeOptions, Source};
use eyas_scap::proc::{Options, ThreadReader};
use eyas_scap::{Advance, Error, EventSource, RawEvent, Reader, Snapshot, Writer};
use eyas_sinsp::state::{Fd, FdKind, Role, State, Thread};
use eyas_sinsp::{Config, Inspector, Step};

/// Facts by their names.
pub type Facts = BTreeMap<String, String>;

/// A live source that records what it yields.
struct Recorded {
    source: Source,
    writer: Writer,
}

impl EventSource for Recorded {
    fn advance(&mut self) -> Result<Advance, Error> {
        let next = self.source.advance()?;
        match &next {
            Advance::Snapshot(snapshot) => self.writer.snapshot(snapshot)?,
            Advance::Event => self.writer.event(&self.source.current().unwrap())?,
            Advance::Idle | Advance::End => {}
        }
        Ok(next)
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        self.source.current()
    }
}

/// A live capture, and what is to be checked in a replay of its recording.
pub struct Watch {
    source: Recorded,
    pub inspector: Inspector,
    path: PathBuf,
    /// Facts after the event with this number.
    checks: Vec<(u64, i64, Facts)>,
    events: u64,
}

impl Watch {
    /// Captures what the state needs, and records it below a directory.
    pub fn start(dir: &Path) -> Self {
        Self::start_with(dir, ProbeOptions::default())
    }

    /// The same, with these options of the probe.
    pub fn start_with(dir: &Path, options: ProbeOptions) -> Self {
        let mut interest = eyas_sinsp::syscalls_of_state();
        // These only change memory sizes.
        interest.retain(|code| ![SyscallCode::BRK, SyscallCode::MMAP, SyscallCode::MUNMAP].contains(code));
        let options = ProbeOptions { interest: Some(interest), ring_bytes: 32 << 20, ..options };
        let path = dir.join("recorded.scap");
        let source = Source::open(options).unwrap();
        let source = Recorded { source, writer: Writer::create(&path, false).unwrap() };
        let inspector = Inspector::new(Config::default());
        let mut watch = Self { source, inspector, path, checks: Vec::new(), events: 0 };
        watch.drain();
        watch
    }

    /// Processes all events until now.
    pub fn drain(&mut self) {
        self.drain_with(|_, _| {});
    }

    /// The same; `look` gets each event, and the state after it.
    pub fn drain_with(&mut self, mut look: impl FnMut(&RawEvent<'_>, &State)) {
        // The clocks of CPUs differ by less than this, and no event stays longer in a ring that looks empty.
        const MARGIN: Duration = Duration::from_millis(100);
        let until = (SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + MARGIN).as_nanos() as u64;
        let mut idle_since = None;
        loop {
            match self.inspector.next(&mut self.source).unwrap() {
                Step::Event(event) => {
                    self.events += 1;
                    idle_since = None;
                    look(&event.event(), event.state());
                    if event.event().ts > until {
                        return;
                    }
                }
                Step::Idle => {
                    if idle_since.get_or_insert_with(Instant::now).elapsed() > MARGIN {
                        return;
                    }
                }
                Step::End => panic!("the capture ended"),
            }
        }
    }

    /// The facts about a thread that differ from those of the running system, or from those of a snapshot.
    pub fn differences(&mut self, tid: i64) -> Vec<String> {
        let stats = self.source.source.stats();
        assert_eq!(stats.drops(), 0, "{stats:?}");
        let known = facts(&self.inspector, tid);
        let mut found = vec![("a snapshot", facts_of_snapshot(&self.source.source, tid))];
        // A thread that does not lead its process has less in /proc.
        if known.get("process").is_some_and(|pid| *pid == tid.to_string()) {
            found.push(("/proc", facts_of_proc(tid, &known)));
        }
        let all = found.iter().flat_map(|(place, there)| different(&known, there, place)).collect();
        self.checks.push((self.events, tid, known));
        all
    }

    /// The facts about a process in a snapshot.
    pub fn of_snapshot(&self, pid: i64) -> Facts {
        facts_of_snapshot(&self.source.source, pid)
    }

    /// The facts about a process in `/proc`.
    pub fn of_proc(&self, pid: i64) -> Facts {
        facts_of_proc(pid, &Facts::new())
    }

    /// The numbers of a process's descriptors.
    pub fn numbers(&self, tid: i64) -> BTreeSet<i64> {
        let threads = &self.inspector.state().threads;
        let table = threads.get(tid).and_then(|thread| threads.fds(thread));
        table.into_iter().flat_map(|table| table.iter().map(|(num, _)| num)).collect()
    }

    /// The facts that differ in a replay of the recording. Ends the capture.
    pub fn differences_in_replay(mut self) -> Vec<String> {
        let stats = self.source.source.stats();
        assert_eq!(stats.drops(), 0, "{stats:?}");
        self.source.writer.flush().unwrap();
        let mut reader = Reader::open(&self.path).unwrap();
        let mut inspector = Inspector::new(Config::default());
        let (mut events, mut all) = (0, Vec::new());
        let mut checks = self.checks.iter().peekable();
        loop {
            while let Some((_, tid, known)) = checks.next_if(|(at, ..)| *at <= events) {
                let there = facts(&inspector, *tid);
                all.extend(different(known, &there, "a replay").map(|text| format!("{tid}: {text}")));
            }
            match inspector.next(&mut reader).unwrap() {
                Step::Event(_) => events += 1,
                Step::Idle => {}
                Step::End => break,
            }
        }
        assert_eq!(checks.count(), 0, "the recording is too short");
        all
    }
}

fn different<'a>(known: &'a Facts, there: &'a Facts, place: &'a str) -> impl Iterator<Item = String> + 'a {
    let names = known.keys().chain(there.keys().filter(|name| !known.contains_key(*name)));
    names.filter(|name| known.get(*name) != there.get(*name)).map(move |name| {
        let [known, there] = [known, there].map(|facts| facts.get(name).map_or("nothing", String::as_str));
        format!("{name}: {known} known, {there} in {place}")
    })
}

/// Whether the fact is about a stream that is bound and not connected, which no table in `/proc` lists unless it listens.
fn is_bound(fact: &str) -> bool {
    fact.contains(" tcp \"") && !fact.contains("->") && !fact.contains(" \"\" ")
}

/// The parent is not read. The link of a directory in a detached mount begins at that mount.
fn facts_of_proc(tid: i64, known: &Facts) -> Facts {
    let mut reader = ThreadReader::new(Options::default());
    let Some((entry, fds)) = reader.thread(tid) else { return Facts::new() };
    let mut inspector = Inspector::default();
    inspector.load(Snapshot { threads: vec![entry], fds: vec![(tid, fds)], ..Snapshot::default() });
    let mut facts = facts(&inspector, tid);
    let is_detached = known.get("directory").is_some_and(|directory| directory == "(unreachable)");
    for name in ["parent"].into_iter().chain(is_detached.then_some("directory")) {
        facts.extend(known.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    for (name, fact) in known.iter().filter(|(_, fact)| is_bound(fact)) {
        facts.entry(name.clone()).and_modify(|there| {
            if there.contains(" tcp \"\" ") {
                there.clone_from(fact);
            }
        });
    }
    facts
}

fn facts_of_snapshot(source: &Source, tid: i64) -> Facts {
    let mut inspector = Inspector::default();
    inspector.load(source.snapshot().unwrap());
    facts(&inspector, tid)
}

/// What the state says about a thread and its files, in words.
fn facts(inspector: &Inspector, tid: i64) -> Facts {
    let threads = &inspector.state().threads;
    let Some(thread) = threads.get(tid) else { return Facts::new() };
    let mut facts = facts_of_thread(inspector, thread);
    let Some(table) = threads.fds(thread) else { return facts };
    for (num, fd) in table.iter() {
        let closes = if table.closes_on_exec(num) { ", closed by an exec" } else { "" };
        facts.insert(format!("descriptor {num}"), format!("{}{closes}", words(fd)));
    }
    facts
}

fn facts_of_thread(inspector: &Inspector, thread: &Thread) -> Facts {
    let threads = &inspector.state().threads;
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    // Events show less of long lists, and not all subsystems.
    let begin = |list: &[u8]| text(&list[..list.len().min(3000)]);
    let groups = thread.cgroups.split(|byte| *byte == 0).map(text);
    let is_shown = |group: &String| {
        ["cpuset=", "cpu=", "cpuacct=", "blkio=", "memory="].iter().any(|name| group.starts_with(name))
    };
    let (session, program) = (threads.session(thread), &thread.executable);
    let directories = threads.directories(thread).unwrap();
    [
        ("process", thread.pid.to_string()),
        ("parent", threads.parent_of(thread).map_or(0, |parent| parent.pid).to_string()),
        ("ids in the namespace", format!("{} {}", thread.vtid, thread.vpid)),
        ("name", text(&thread.comm)),
        ("argv[0]", text(&thread.exe)),
        ("arguments", begin(&thread.args)),
        ("environment", begin(threads.env(thread))),
        ("program", text(&program.path)),
        ("file of the program", format!("{} {} {}", program.ino, program.ctime, program.mtime)),
        ("memfd", program.from_memfd.to_string()),
        ("directory", text(directories.cwd.strip_suffix(b"/").unwrap_or(&directories.cwd))),
        ("root", text(&directories.root)),
        ("cgroups", groups.filter(is_shown).collect::<Vec<_>>().join(" ")),
        ("users", format!("{} {} {}", thread.uid, thread.gid, thread.loginuid as i32)),
        ("capabilities", format!("{:x?}", thread.caps)),
        ("session", format!("{} {} {} {}", session.pgid, session.vpgid, session.sid, session.tty)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A descriptor as the kernel opened it. Events show neither the inode of a socket nor the side of a Unix socket that is not
/// connected, and do not name pipes.
fn words(fd: &Fd) -> String {
    let fd = fd.opened().unwrap_or(fd);
    let ino = if fd.kind.is_socket() { 0 } else { fd.ino };
    let role = if fd.kind == FdKind::Unix { Role::None } else { fd.role };
    let name = match fd.kind {
        FdKind::Pipe => &[],
        FdKind::Memfd => fd.name.strip_prefix(b"memfd:").unwrap_or(&fd.name),
        _ => fd.name.strip_suffix(b" (deleted)").unwrap_or(&fd.name),
    };
    let (kind, l4, name) = (fd.kind.name(), fd.l4.name(), name.escape_ascii());
    format!("{kind} {l4} \"{name}\" ino {ino} pid {} {role:?} connected {}", fd.pid, fd.connected)
}
