//! After dropped events, the state becomes correct again with data from the running system.

use eyas_testing::test;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use eyas_events::EventType as E;
use eyas_fields::{FieldSource, Schema, Value};
use eyas_scap::{
    Advance, Error, EventBuilder, EventSource, FdDetail, FdEntry, Loss, OwnedEvent, RawEvent, Reader,
    Snapshot, Suspects, ThreadEntry,
};
use eyas_sinsp::state::State;
use eyas_sinsp::{Config, Inspector, Step, schema};
use eyas_testing::Numbers;

mod script;

use script::{SECOND, at, beginning, clone, close, exec, open, system_with};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// An item that a source yields.
enum Item {
    Event(OwnedEvent),
    Idle,
}

/// A scripted source.
#[derive(Default)]
struct Script {
    items: VecDeque<Item>,
    current: Option<OwnedEvent>,
    losses: Vec<Loss>,
    behind: u64,
}

impl Script {
    fn event(mut self, event: EventBuilder) -> Self {
        self.items.push_back(Item::Event(event.build()));
        self
    }

    /// The source is idle for this many calls.
    fn idle(mut self, times: usize) -> Self {
        self.items.extend((0..times).map(|_| Item::Idle));
        self
    }
}

impl EventSource for Script {
    fn advance(&mut self) -> Result<Advance, Error> {
        let item = self.items.pop_front();
        let (advance, current) = match item {
            Some(Item::Event(event)) => (Advance::Event, Some(event)),
            Some(Item::Idle) => (Advance::Idle, None),
            None => (Advance::End, None),
        };
        self.current = current;
        Ok(advance)
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        self.current.as_ref().map(OwnedEvent::as_raw)
    }

    fn losses(&self) -> &[Loss] {
        &self.losses
    }

    fn lag(&self) -> u64 {
        self.behind
    }
}

const LOSS: Loss = Loss::unknown(1, SECOND, SECOND, 3);

/// The running system, for lookups and changes.
type System = Arc<Mutex<Snapshot>>;

fn thread_of(system: &Snapshot, tid: i64) -> Option<(ThreadEntry, Vec<FdEntry>)> {
    let thread = system.threads.iter().find(|thread| thread.tid == tid)?.clone();
    let files = system.fds.iter().find(|(pid, _)| *pid == tid).map(|(_, files)| files.clone());
    Some((thread, files.unwrap_or_default()))
}

/// An inspector of a system that has changed.
fn inspector_of(change: impl FnOnce(&mut Snapshot)) -> Inspector {
    let mut now = beginning();
    change(&mut now);
    let system: System = Arc::new(Mutex::new(now));
    let lookup = move |tid| thread_of(&system.lock().unwrap(), tid);
    system_with(Config::default().with_proc(lookup))
}

/// Plays the script; the source reports the losses with the first item. Returns the number of lookups of threads.
fn play(inspector: &mut Inspector, mut script: Script) -> u64 {
    script.losses = vec![LOSS];
    loop {
        let over = matches!(inspector.next(&mut script).unwrap(), Step::End);
        script.losses.clear();
        if over {
            return inspector.stats().proc_lookups;
        }
    }
}

fn name(state: &State, pid: i64, fd: i64) -> Option<String> {
    let fd = state.threads.fds(state.threads.get(pid)?)?.get(fd)?;
    Some(String::from_utf8_lossy(&fd.name).into_owned())
}

fn file(num: i64, path: &str, ino: u64) -> FdEntry {
    FdEntry::new(num, ino, FdDetail::File { open_flags: 1, path: path.into(), dev: 1, mount_id: 0 })
}

#[test]
fn no_thread_is_looked_up_without_a_loss() {
    let mut inspector = inspector_of(|system| system.threads.clear());
    let mut script = Script::default().idle(3).event(open(5, 10, 4, -100, b"x")).idle(3);
    while !matches!(inspector.next(&mut script).unwrap(), Step::End) {}
    assert_eq!(inspector.stats().proc_lookups, 0);
    assert_eq!(inspector.state().threads.len(), 2);
}

#[test]
fn files_that_were_closed_and_opened_unseen() {
    let files = [
        vec![file(3, "/etc/shadow", 8), file(5, "/tmp/new", 9)],
        // The same file with another name is not a difference.
        vec![file(3, "/run/motd", 7), file(5, "/tmp/new", 9)],
    ];
    for (now, (third, healed)) in files.into_iter().zip([("/etc/shadow", 2), ("/etc/motd", 1)]) {
        let mut inspector = inspector_of(|system| system.fds = vec![(10, now)]);
        play(&mut inspector, Script::default().event(at(5, E::SYSCALL_SETSID_X, 10)));
        let state = inspector.state();
        assert_eq!(
            (name(state, 10, 3).as_deref(), name(state, 10, 5).as_deref()),
            (Some(third), Some("/tmp/new"))
        );
        assert_eq!((inspector.stats().fds_doubted, inspector.stats().fds_healed), (1, healed));
    }
}

#[test]
fn a_file_is_known_to_the_event_that_closes_it() {
    let mut inspector = inspector_of(|system| system.fds = vec![(10, vec![file(4, "/tmp/new", 9)])]);
    let mut script = Script { losses: vec![LOSS], ..Script::default() }.event(close(5, 10, 3)).idle(1);
    assert!(matches!(inspector.next(&mut script).unwrap(), Step::Event(_)));
    assert_eq!(name(inspector.state(), 10, 3).as_deref(), Some("/etc/motd"));
    assert_eq!(name(inspector.state(), 10, 4).as_deref(), Some("/tmp/new"));
    assert!(matches!(inspector.next(&mut script).unwrap(), Step::Idle));
    assert_eq!(name(inspector.state(), 10, 3), None);
}

#[test]
fn a_program_and_a_user_that_changed_unseen() {
    let mut inspector = inspector_of(|system| {
        let thread = &mut system.threads[1];
        (thread.comm, thread.exe, thread.exepath) = (b"cat".into(), b"cat".into(), b"/usr/bin/cat".into());
        (thread.args, thread.uid, thread.cwd) = (b"-n\0".into(), 33, b"/srv".into());
    });
    play(&mut inspector, Script::default().event(at(5, E::SYSCALL_SETSID_X, 10)));
    let thread = inspector.state().threads.get(10).unwrap();
    assert_eq!(
        (&*thread.comm, &*thread.executable.path, &*thread.cmdline),
        (&b"cat"[..], &b"/usr/bin/cat"[..], &b"cat -n"[..])
    );
    assert_eq!((thread.uid, inspector.state().threads.cwd(thread)), (33, &b"/srv/"[..]));
    let stats = inspector.stats();
    assert_eq!((stats.losses, stats.events_lost, stats.threads_doubted, stats.threads_healed), (1, 3, 2, 1));
}

#[test]
fn a_process_that_ended_unseen_is_removed_after_two_lookups() {
    let mut inspector = inspector_of(|system| system.threads.retain(|thread| thread.tid == 1));
    inspector.process(clone(2, 10, 11, 10, 1, 0).build().as_raw());
    play(&mut inspector, Script::default().event(at(5, E::SYSCALL_SETSID_X, 1)));
    assert!(inspector.state().threads.get(10).is_some(), "its last event may still come");
    play(&mut inspector, Script::default().idle(9));
    let left: Vec<_> = inspector.state().threads.iter().map(|thread| thread.tid).collect();
    assert_eq!(left, [1]);
}

#[test]
fn an_event_after_the_first_lookup_proves_that_a_thread_lives() {
    let mut inspector = inspector_of(|system| system.threads.retain(|thread| thread.tid == 1));
    let script = Script::default().event(at(5, E::SYSCALL_SETSID_X, 1)).idle(1);
    // The inspector also looks threads up at the end of a source.
    play(&mut inspector, script.event(at(5, E::SYSCALL_SETSID_X, 10)));
    assert!(inspector.state().threads.get(10).is_some());
}

#[test]
fn an_id_that_another_process_has_now() {
    let mut inspector = inspector_of(|system| {
        let thread = &mut system.threads[1];
        (thread.ptid, thread.comm, thread.clone_ts) = (1, b"new".into(), 4 * SECOND);
    });
    const THREAD: u32 = eyas_events::FlagTable::CLONE_FLAGS.value("CLONE_THREAD")
        | eyas_events::FlagTable::CLONE_FLAGS.value("CLONE_FS")
        | eyas_events::FlagTable::CLONE_FLAGS.value("CLONE_FILES");
    for event in [clone(1, 10, 12, 10, 1, THREAD), clone(1, 10, 13, 10, 1, 0), exec(1, 10, b"old", b"")] {
        inspector.process(event.build().as_raw());
    }
    // Only its own event shows when the thread was made.
    inspector.process(clone(1, 10, 0, 10, 1, 0).build().as_raw());
    play(&mut inspector, Script::default().event(at(9, E::SYSCALL_SETSID_X, 10)));
    let threads = &inspector.state().threads;
    assert_eq!(threads.get(10).map(|thread| &*thread.comm), Some(&b"new"[..]));
    assert!(threads.get(12).is_none(), "a thread of the old process");
    assert_eq!(threads.get(13).map(|thread| thread.ptid), Some(1), "a child of the old process");
}

#[test]
fn a_child_whose_parent_ended_unseen_is_moved() {
    let mut inspector = inspector_of(|system| {
        system.threads[1].tid = 11;
        system.threads[1].pid = 11;
    });
    inspector.process(clone(1, 11, 0, 11, 10, 0).build().as_raw());
    assert_eq!(inspector.state().threads.get(11).map(|thread| thread.ptid), Some(10));
    play(&mut inspector, Script::default().event(at(5, E::SYSCALL_SETSID_X, 11)));
    assert_eq!(inspector.state().threads.get(11).map(|thread| thread.ptid), Some(1));
}

#[test]
fn a_child_that_may_be_about_to_execute_is_left_alone() {
    let mut inspector = inspector_of(|system| {
        let mut child = system.threads[1].clone();
        (child.tid, child.pid, child.comm) = (11, 11, b"cat".into());
        system.threads.push(child);
    });
    let events = |script: Script| script.event(clone(5, 11, 0, 11, 10, 0)).event(open(5, 11, 4, -100, b"x"));
    play(&mut inspector, events(Script::default()).idle(5));
    assert_eq!(inspector.state().threads.get(11).map(|thread| &*thread.comm), Some(&b"sh"[..]));
    play(&mut inspector, Script::default().event(open(6, 11, 5, -100, b"x")));
    assert_eq!(inspector.state().threads.get(11).map(|thread| &*thread.comm), Some(&b"cat"[..]));
}

#[test]
fn no_thread_is_looked_up_while_the_events_lag_far_behind() {
    let mut inspector = inspector_of(|system| system.threads[1].comm = b"new".into());
    let script = Script { behind: SECOND, ..Script::default() }.event(at(5, E::SYSCALL_SETSID_X, 10));
    assert_eq!(play(&mut inspector, script), 1, "one when nothing waits any more");
    assert_eq!(inspector.stats().threads_doubted, 2);
}

#[test]
fn fields_show_what_is_in_doubt() {
    let [is_doubtful, doubt] =
        ["evt.is_doubtful", "evt.doubt"].map(|name| schema().resolve(name, None).unwrap());
    let mut inspector = inspector_of(|_| {});
    let mut look = |script: &mut Script| loop {
        if let Step::Event(event) = inspector.next(script).unwrap() {
            let text =
                event.get(&doubt).map(|text| String::from_utf8_lossy(text.as_bytes().unwrap()).into_owned());
            break (event.get(&is_doubtful) == Some(Value::Bool(true)), text);
        }
    };
    let event = |second| at(second, E::SYSCALL_SETSID_X, 10).cpu(LOSS.cpu);
    let mut script = Script::default().event(event(4)).event(event(5)).idle(9).event(event(6));
    assert_eq!(look(&mut script), (false, None));
    (script.losses, script.behind) = (vec![LOSS], SECOND);
    assert_eq!(look(&mut script), (true, Some("thread ancestors".to_owned())));
    (script.losses, script.behind) = (Vec::new(), 0);
    assert_eq!(look(&mut script), (false, None), "the system was asked meanwhile");
}

/// The value of `evt.doubt` for an event of process 10 after dropped events of these types, of a thread
/// group.
fn doubt_after(types: &[E], group: i64, event: EventBuilder) -> Option<String> {
    let [doubt, is_doubtful] =
        ["evt.doubt", "evt.is_doubtful"].map(|name| schema().resolve(name, None).unwrap());
    let mut of = Suspects::NONE;
    types.iter().for_each(|ty| of.note(*ty, group));
    let mut inspector = system_with(Config::default());
    let losses = vec![Loss { until: 2 * SECOND, of, ..LOSS }];
    let mut script = Script { losses, ..Script::default() }.event(event);
    let Step::Event(event) = inspector.next(&mut script).unwrap() else { panic!("no event") };
    let doubt = event.get(&doubt).map(|text| String::from_utf8_lossy(text.as_bytes().unwrap()).into_owned());
    assert_eq!(event.get(&is_doubtful), Some(Value::Bool(doubt.is_some())));
    doubt
}

#[test]
fn only_suspected_threads_are_in_doubt() {
    let event = |second| at(second, E::SYSCALL_SETSID_X, 10);
    assert_eq!(doubt_after(&[E::SYSCALL_OPENAT_2_X], 10, event(5)).as_deref(), Some("thread"));
    assert_eq!(doubt_after(&[E::SYSCALL_OPENAT_2_X], 1, event(5)).as_deref(), Some("ancestors"));
    assert_eq!(doubt_after(&[E::SYSCALL_OPENAT_2_X], 77, event(5)), None, "another process");
    assert_eq!(doubt_after(&[E::SYSCALL_GETEGID_X], 10, event(5)), None, "it changes no state");
    // Another process renames a directory in which this process has files.
    assert_eq!(doubt_after(&[E::SYSCALL_RENAME_X], 77, event(5)).as_deref(), Some("thread ancestors"));
    // A lost event of the same type: at its time, and later.
    let types = [E::SYSCALL_SETSID_X];
    assert_eq!(doubt_after(&types, 10, event(2)).as_deref(), Some("thread events"));
    assert_eq!(doubt_after(&types, 10, event(3)).as_deref(), Some("thread"));
    assert_eq!(doubt_after(&types, 77, event(2)), None);
    // The creation of an unknown thread may have been lost.
    let types = [E::SYSCALL_CLONE_20_X];
    assert_eq!(doubt_after(&types, 77, at(5, E::SYSCALL_SETSID_X, 99)).as_deref(), Some("thread"));
}

#[test]
fn a_child_of_a_thread_in_doubt_is_in_doubt() {
    let mut of = Suspects::NONE;
    of.note(E::SYSCALL_SETUID_X, 10);
    let mut inspector = system_with(Config::default());
    let script = Script { losses: vec![Loss { of, ..LOSS }], ..Script::default() };
    let mut script = script.event(clone(5, 10, 11, 10, 1, 0)).event(at(6, E::SYSCALL_SETSID_X, 11));
    while !matches!(inspector.next(&mut script).unwrap(), Step::End) {
        script.losses.clear();
    }
    let state = inspector.state();
    let since = |tid| state.doubted_since(state.threads.get(tid).unwrap());
    assert_eq!((since(10), since(11), since(1)), (Some(SECOND), Some(SECOND), None));
}

#[test]
fn an_alert_of_a_negated_comparison_reports_the_doubt() {
    // `not proc.name = cat`, for a process whose exec of `cat` may have been lost.
    let name = schema().resolve("proc.name", None).unwrap();
    let is_doubtful = schema().resolve("evt.is_doubtful", None).unwrap();
    for (group, expected) in [(10, true), (77, false)] {
        let mut of = Suspects::NONE;
        of.note(E::SYSCALL_EXECVE_19_X, group);
        let mut inspector = system_with(Config::default());
        let losses = vec![Loss { of, ..LOSS }];
        let mut script = Script { losses, ..Script::default() }.event(at(5, E::SYSCALL_SETSID_X, 10));
        let Step::Event(event) = inspector.next(&mut script).unwrap() else { panic!("no event") };
        assert_ne!(event.get(&name).unwrap().as_bytes(), Some(&b"cat"[..]));
        assert_eq!(event.get(&is_doubtful), Some(Value::Bool(expected)));
    }
}

#[test]
fn a_loss_lasts_until_its_cpu_has_an_event() {
    let mut inspector = inspector_of(|_| {});
    let settle = |cpu, second| at(second, E::SYSCALL_SETSID_X, 10).cpu(cpu);
    let script = Script::default().event(settle(0, 5)).event(clone(5, 10, 11, 10, 1, 0));
    let mut script = Script { losses: vec![LOSS], ..script.event(settle(0, 6)).event(settle(LOSS.cpu, 7)) };
    for _ in 0..3 {
        assert!(matches!(inspector.next(&mut script).unwrap(), Step::Event(_)));
        script.losses.clear();
    }
    // The child's exit was lost, after the lookup of all known threads.
    assert!(inspector.is_in_doubt() && inspector.state().threads.get(11).is_some());
    while !matches!(inspector.next(&mut script).unwrap(), Step::End) {}
    play(&mut inspector, Script::default().idle(9));
    assert!(!inspector.is_in_doubt() && inspector.state().threads.get(11).is_none());
}

#[test]
fn a_replay_counts_losses_without_lookups() {
    let mut inspector = system_with(Config::default());
    play(&mut inspector, Script::default().event(at(5, E::SYSCALL_SETSID_X, 10)).idle(5));
    let stats = inspector.stats();
    assert_eq!((stats.losses, stats.threads_doubted, stats.proc_lookups), (1, 0, 0));
}

/// A capture with some events dropped, and the system state after all events.
struct Lossy {
    reader: Reader,
    truth: Arc<Mutex<Inspector>>,
    random: Numbers,
    lost: u64,
    losses: Vec<Loss>,
    /// An event after the last one. It lets the inspector finish its lookups.
    last: Option<OwnedEvent>,
    idle: u32,
}

impl Lossy {
    fn open(path: PathBuf, seed: u64) -> Self {
        Self {
            reader: Reader::open(path).unwrap(),
            truth: Arc::default(),
            random: Numbers::new(seed),
            lost: 0,
            losses: Vec::new(),
            last: None,
            idle: 0,
        }
    }

    fn is_lost(&mut self, ty: E) -> bool {
        let may_be = matches!(
            ty,
            E::SYSCALL_OPEN_X
                | E::SYSCALL_OPENAT_2_X
                | E::SYSCALL_CLOSE_X
                | E::SYSCALL_DUP2_X
                | E::SYSCALL_PIPE2_X
                | E::SYSCALL_CLONE_20_X
                | E::SYSCALL_VFORK_20_X
                | E::SYSCALL_CLONE3_X
                | E::SYSCALL_EXECVE_19_X
                | E::SYSCALL_CHDIR_X
                | E::PROCEXIT_1_E
        );
        let is_hit = self.random.below(5) == 0;
        may_be && is_hit
    }
}

impl EventSource for Lossy {
    fn advance(&mut self) -> Result<Advance, Error> {
        self.losses.clear();
        loop {
            match self.reader.advance()? {
                Advance::Event => {
                    let event = self.reader.current().unwrap();
                    let group = {
                        let mut truth = self.truth.lock().unwrap();
                        truth.process(event);
                        truth.state().threads.get(event.tid).map_or(event.tid, |thread| thread.pid)
                    };
                    let (ty, ts) = (event.ty, event.ts);
                    if self.is_lost(ty) {
                        let mut of = Suspects::NONE;
                        of.note(ty, group);
                        self.losses.push(Loss { cpu: 0, since: ts, until: ts, events: 1, of });
                        self.lost += 1;
                        continue;
                    }
                    self.last = Some(EventBuilder::new(E::SYSCALL_SETSID_X).ts(ts + SECOND).tid(1).build());
                    return Ok(Advance::Event);
                }
                Advance::Snapshot(snapshot) => {
                    self.truth.lock().unwrap().load((*snapshot).clone());
                    return Ok(Advance::Snapshot(snapshot));
                }
                Advance::Idle => return Ok(Advance::Idle),
                Advance::End if self.idle == 0 => {
                    self.idle = 1;
                    self.truth.lock().unwrap().process(self.last.as_ref().unwrap().as_raw());
                    return Ok(Advance::Event);
                }
                Advance::End if self.idle < 5000 => {
                    (self.last, self.idle) = (None, self.idle + 1);
                    return Ok(Advance::Idle);
                }
                Advance::End => return Ok(Advance::End),
            }
        }
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        match self.idle {
            0 => self.reader.current(),
            _ => self.last.as_ref().map(OwnedEvent::as_raw),
        }
    }

    fn losses(&self) -> &[Loss] {
        &self.losses
    }
}

/// The compared attributes of a thread, and of its files: number, kind, name.
type Described = (Vec<String>, Vec<(i64, String, String)>);

/// All attributes that the test compares, by thread.
fn describe(state: &State) -> BTreeMap<i64, Described> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let threads = state.threads.iter().filter(|thread| thread.pid >= 0 && !thread.is_dead());
    let described = threads.map(|thread| {
        let parent = state.threads.parent_of(thread).map_or(0, |parent| parent.tid);
        let ids = format!("{} below {parent}, user {}", thread.pid, thread.uid);
        let cwd = state.threads.directories(thread).map(|d| &d.cwd).cloned().unwrap_or_default();
        let texts = [&thread.comm, &thread.executable.path, &thread.args, &cwd].map(|bytes| text(bytes));
        let files = state.threads.fds(thread).into_iter().flat_map(|files| files.iter());
        // A pipe has a name only in /proc.
        let name = |fd: &eyas_sinsp::state::Fd| {
            if fd.kind.name() == "pipe" { String::new() } else { text(&fd.name) }
        };
        let files = files.map(|(num, fd)| (num, fd.kind.name().to_owned(), name(fd))).collect();
        (thread.tid, ([ids].into_iter().chain(texts).collect(), files))
    });
    described.collect()
}

fn heals(path: PathBuf, seed: u64) {
    let mut source = Lossy::open(path, seed);
    let truth = source.truth.clone();
    let asked = truth.clone();
    let lookup = move |tid| thread_of(&asked.lock().unwrap().state().snapshot(), tid);
    let mut healed = Inspector::new(Config::default().with_proc(lookup));
    while !matches!(healed.next(&mut source).unwrap(), Step::End) {}
    let stats = healed.stats();
    println!("{} events lost; {stats:?}", source.lost);
    assert!(source.lost > 100 && stats.threads_healed > 0 && stats.fds_healed > 0);
    assert_eq!(stats.events_lost, source.lost);
    let (mut found, truth) = (describe(healed.state()), describe(truth.lock().unwrap().state()));
    for (tid, real) in &truth {
        if let Some(found) = found.remove(tid) {
            assert_eq!(&found, real, "thread {tid}, seed {seed}");
        }
    }
    assert!(found.is_empty(), "threads that have ended: {:?}, seed {seed}", found.keys());
}

#[test]
fn a_capture_with_events_lost_at_random_heals() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    for seed in 1..9 {
        heals(root.join("demo/demo.scap.gz"), seed * 0x9e37_79b9);
    }
}

#[test]
fn a_large_capture_with_events_lost_at_random_heals() {
    heals(eyas_testing::data_or_ignore("captures/attack.scap.gz"), 7);
}
