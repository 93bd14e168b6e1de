//! An equal version of a scope means equal fields. After every event of random scripts and of captures, all
//! fields of a process with an unchanged version must have their previous values.

use eyas_testing::test;
use std::collections::HashMap;

use eyas_events::{EventType as E, FlagTable, param};
use eyas_fields::{ArgKind, Field, FieldSource, Schema, Scope, ScopeVersion};
use eyas_scap::{EventBuilder, Reader, Snapshot, ThreadEntry};
use eyas_sinsp::state::Fd;
use eyas_sinsp::{Described, EventView, Inspector, Step, schema};
use eyas_testing::Numbers;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Every field whose values a version of the scope determines, with at least one argument if it takes one.
fn fields_of(scope: Scope) -> Vec<Field> {
    let is_determined = |of: Scope| match scope {
        Scope::Fd => matches!(of, Scope::Host | Scope::Fd),
        scope => of <= scope,
    };
    let mut fields = Vec::new();
    for def in schema().fields().iter().filter(|def| is_determined(def.scope)) {
        let args: &[Option<&str>] = match def.arg {
            ArgKind::None => &[None],
            ArgKind::Index => &[Some("1")],
            ArgKind::OptionalIndex => &[None, Some("1"), Some("2")],
            ArgKind::Key => &[Some("app")],
            ArgKind::OptionalKey => &[None, Some("HOME")],
            ArgKind::Suffix => {
                fields.extend(schema().resolve(&format!("{}.cpu", def.name), None));
                continue;
            }
        };
        fields.extend(args.iter().map(|arg| schema().resolve(def.name, *arg).unwrap()));
    }
    fields
}

#[derive(Default)]
struct Witness {
    scopes: Vec<(Scope, Vec<Field>)>,
    seen: HashMap<(Scope, u32), ([u64; 2], Vec<String>)>,
    unchanged: u64,
    changed: u64,
    /// Number of events about a file with an unchanged version.
    same_files: u64,
}

impl Witness {
    fn new() -> Self {
        let scopes =
            [Scope::Process, Scope::Ancestors, Scope::Fd].map(|scope| (scope, fields_of(scope))).into();
        Self { scopes, ..Self::default() }
    }

    fn look(&mut self, event: &EventView<'_>) {
        for (scope, fields) in &self.scopes {
            let Some(ScopeVersion { slot, versions }) = event.scope_version(*scope) else { continue };
            let now: Vec<String> = fields.iter().map(|field| format!("{:?}", event.get(field))).collect();
            match self.seen.insert((*scope, slot), (versions, now.clone())) {
                Some((then, before)) if then == versions => {
                    let differing = before.iter().zip(&now).zip(fields).find(|((a, b), _)| a != b);
                    if let Some(((before, now), field)) = differing {
                        panic!("event {}: {field} was {before}, is {now}", event.num());
                    }
                    self.unchanged += 1;
                    self.same_files += u64::from(*scope == Scope::Fd);
                }
                _ => self.changed += 1,
            }
        }
    }
}

/// Numbers, ids and names at random.
struct Random(Numbers);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0.next() % end
    }

    fn tid(&mut self) -> i64 {
        1 + self.below(24) as i64
    }

    fn word(&mut self) -> Vec<u8> {
        format!("w{}", self.below(5)).into_bytes()
    }
}

/// An event that changes the state of processes, users or containers, or one that does not.
fn event_at_random(random: &mut Random, ts: u64) -> EventBuilder {
    let tid = random.tid();
    let at = |ty| EventBuilder::new(ty).ts(ts).tid(tid);
    let container = |random: &mut Random| format!("cpu=/docker/{:064x}", random.below(3)).into_bytes();
    match random.below(22) {
        0..=2 => {
            use param::SYSCALL_CLONE_20_X as p;
            const FLAGS: [&str; 6] = [
                "CLONE_FS",
                "CLONE_FILES",
                "CLONE_THREAD",
                "CLONE_PARENT",
                "CLONE_NEWPID",
                "CLONE_CHILD_IN_PIDNS",
            ];
            let mut flag = || FlagTable::CLONE_FLAGS.value(FLAGS[random.below(6) as usize]);
            let flag = flag() | flag();
            let child = random.tid();
            let (of_child, flags) = (random.below(2) == 0, if random.below(2) == 0 { flag } else { 0 });
            let pid = if random.below(3) == 0 { random.tid() } else { tid };
            let namespaced = if random.below(4) == 0 { 1 } else { tid };
            at(E::SYSCALL_CLONE_20_X)
                .int(p::res, if of_child { 0 } else { child })
                .text(p::exe, &random.word())
                .text(p::comm, &random.word())
                .bytes(p::args, b"a\0b\0")
                .int(p::tid, tid)
                .int(p::pid, pid)
                .int(p::ptid, random.tid())
                .uint(p::flags, flags.into())
                .uint(p::uid, random.below(3))
                .uint(p::gid, random.below(3))
                .int(p::vtid, namespaced)
                .int(p::vpid, namespaced)
                .bytes(p::cgroups, &container(random))
        }
        3..=5 => {
            use param::SYSCALL_EXECVE_19_X as p;
            at(E::SYSCALL_EXECVE_19_X)
                .int(p::res, if random.below(6) == 0 { -2 } else { 0 })
                .text(p::exe, &random.word())
                .text(p::comm, &random.word())
                .bytes(p::args, &[&random.word()[..], b"\0"].concat())
                .bytes(p::env, &[b"HOME=/", &random.word()[..], b"\0"].concat())
                .int(p::tid, tid)
                .int(p::pid, tid)
                .int(p::ptid, random.tid())
                .int(p::vpgid, random.tid())
                .int(p::pgid, random.tid())
                .uint(p::tty, random.below(2))
                .uint(p::loginuid, random.below(2))
                .uint(p::uid, random.below(3))
                .uint(p::flags, random.below(16))
                .bytes(p::cgroups, &container(random))
                .text(p::trusted_exepath, &random.word())
        }
        6 | 7 => {
            use param::PROCEXIT_1_E as p;
            at(E::PROCEXIT_1_E).int(p::status, 0).int(p::reaper_tid, random.tid())
        }
        8 => at(E::SYSCALL_SETUID_X).int(0, 0).uint(param::SYSCALL_SETUID_X::uid, random.below(3)),
        9 => at(E::SYSCALL_SETRESGID_X).int(0, 0).uint(param::SYSCALL_SETRESGID_X::egid, random.below(3)),
        10 => at(E::SYSCALL_SETSID_X).int(0, random.tid()),
        11 => {
            let path = [b"/", &random.word()[..]].concat();
            at(E::SYSCALL_CHDIR_X).int(0, 0).text(param::SYSCALL_CHDIR_X::path, &path)
        }
        12 => {
            use param::SYSCALL_CAPSET_X as p;
            at(E::SYSCALL_CAPSET_X).int(0, 0).uint(p::cap_effective, random.below(4))
        }
        13 => {
            use param::SYSCALL_PRCTL_X as p;
            const SET_NAME: u64 = FlagTable::PRCTL_OPTIONS.value("PR_SET_NAME") as u64;
            at(E::SYSCALL_PRCTL_X).int(0, 0).uint(p::option, SET_NAME).text(p::arg2_str, &random.word())
        }
        14 => {
            use param::USER_ADDED_E as p;
            at(E::USER_ADDED_E).uint(p::uid, random.below(3)).text(p::name, &random.word())
        }
        15 => at(E::GROUP_DELETED_E).uint(param::GROUP_DELETED_E::gid, random.below(3)),
        16 => {
            let (id, name) = (format!("{:012x}", 0), random.below(4));
            let json = format!(
                r#"{{"container":{{"id":"{id}","name":"n{name}","type":0,"labels":{{"app":"{name}"}}}}}}"#
            );
            at(E::CONTAINER_JSON_2_E).text(param::CONTAINER_JSON_2_E::json, json.as_bytes())
        }
        17 => {
            let flags = ["CLONE_FS", "CLONE_FILES", "CLONE_NEWUSER"][random.below(3) as usize];
            let flags = FlagTable::CLONE_FLAGS.value(flags);
            at(E::SYSCALL_UNSHARE_X).int(0, 0).uint(param::SYSCALL_UNSHARE_X::flags, flags.into())
        }
        18 => {
            use param::SYSCALL_SETPGID_X as p;
            at(E::SYSCALL_SETPGID_X).int(0, 0).int(p::pid, random.tid()).int(p::pgid, random.tid())
        }
        _ => at(E::SYSCALL_CLOSE_X).int(0, 0).int(param::SYSCALL_CLOSE_X::fd, 9),
    }
}

#[test]
fn scripts_at_random() {
    let changed = eyas_testing::on_all_cpus(1..=40, |seed| {
        let mut random = Random(Numbers::new(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed)));
        let mut inspector = Inspector::default();
        let init =
            ThreadEntry { tid: 1, pid: 1, vtid: 1, vpid: 1, comm: b"init".to_vec(), ..Default::default() };
        inspector.load(Snapshot { threads: vec![init], ..Snapshot::default() });
        let mut witness = Witness::new();
        for step in 1..=1_500 {
            let event = event_at_random(&mut random, step * 700_000_000).build();
            witness.look(&inspector.process(event.as_raw()));
            let mut tids: Vec<i64> = inspector.state().threads.iter().map(|thread| thread.tid).collect();
            tids.sort_unstable();
            assert!(tids.is_sorted_by(|a, b| a < b), "seed {seed}, event {step}: an id twice: {tids:?}");
            // Events of other processes may have changed this process.
            let other =
                EventBuilder::new(E::SYSCALL_CLOSE_X).ts(step * 700_000_000).tid(random.tid()).build();
            witness.look(&inspector.process(other.as_raw()));
        }
        assert!(witness.unchanged > 300, "seed {seed}: only {} unchanged", witness.unchanged);
        witness.changed
    });
    assert!(changed.into_iter().sum::<u64>() > 10_000);
}

/// The versions of a process stay the same during unrelated events of other processes.
#[test]
fn events_of_other_processes_do_not_change_a_version() {
    const THREAD: u32 = FlagTable::CLONE_FLAGS.value("CLONE_THREAD")
        | FlagTable::CLONE_FLAGS.value("CLONE_FS")
        | FlagTable::CLONE_FLAGS.value("CLONE_FILES");
    let mut inspector = Inspector::default();
    let thread = |tid, pid, ptid, flags| ThreadEntry {
        comm: format!("p{pid}").into_bytes(),
        ..ThreadEntry { tid, pid, ptid, vtid: tid, vpid: pid, flags, ..Default::default() }
    };
    let threads = vec![
        thread(1, 1, 0, 0),
        // A shell with a child that has two threads,
        thread(10, 10, 1, 0),
        thread(11, 11, 10, 0),
        thread(12, 11, 10, THREAD),
        // and an unrelated server with children and threads.
        thread(20, 20, 1, 0),
        thread(21, 21, 20, 0),
        thread(22, 20, 1, THREAD),
    ];
    inspector.load(Snapshot { threads, ..Snapshot::default() });
    let mut ts = 1_000_000_000;
    let mut versions = |inspector: &mut Inspector, event: EventBuilder| {
        ts += 1000;
        inspector.process(event.ts(ts).build().as_raw());
        let look = |tid: i64, scope| {
            ts += 1000;
            let idle = EventBuilder::new(E::SYSCALL_CLOSE_X).ts(ts).tid(tid).build();
            inspector.process(idle.as_raw()).scope_version(scope)
        };
        [(11, Scope::Process), (11, Scope::Ancestors), (12, Scope::Process), (12, Scope::Ancestors)]
            .map(|(tid, scope)| (tid, scope))
            .map({
                let mut look = look;
                move |(tid, scope)| look(tid, scope)
            })
    };
    let event = |ty, tid| EventBuilder::new(ty).tid(tid);
    let first = versions(&mut inspector, event(E::SYSCALL_CLOSE_X, 1));
    let fork = |maker: i64, child: i64, flags: u32| {
        use param::SYSCALL_CLONE_20_X as p;
        event(E::SYSCALL_CLONE_20_X, maker).int(p::res, child).int(p::pid, maker).uint(p::flags, flags.into())
    };
    let mut others = Vec::new();
    for child in 100..200 {
        others.push(fork(20, child, 0));
    }
    others.push(fork(1, 200, 0));
    // The process makes a child, too.
    others.push(fork(11, 201, 0));
    others.push(fork(20, 202, THREAD));
    use param::{SYSCALL_CHDIR_X as chdir, SYSCALL_EXECVE_19_X as execve};
    others.push(
        event(E::SYSCALL_EXECVE_19_X, 20).int(execve::res, 0).int(execve::pid, 20).text(execve::exe, b"x"),
    );
    others.push(event(E::SYSCALL_SETUID_X, 20).int(0, 0).uint(param::SYSCALL_SETUID_X::uid, 5));
    others.push(event(E::SYSCALL_CHDIR_X, 20).int(0, 0).text(chdir::path, b"/srv"));
    others.push(event(E::SYSCALL_SETSID_X, 21).int(0, 21));
    others.push(event(E::PROCEXIT_1_E, 150));
    others.push(event(E::PROCEXIT_1_E, 20));
    // Its own calls that change nothing keep the versions, too.
    others.push(event(E::SYSCALL_SETUID_X, 11).int(0, 0).uint(param::SYSCALL_SETUID_X::uid, u32::MAX.into()));
    others.push(event(E::SYSCALL_CHDIR_X, 11).int(0, 0).text(chdir::path, b"/"));
    others.push(event(E::SYSCALL_SETSID_X, 11).int(0, -1));
    for (number, event) in others.into_iter().enumerate() {
        assert_eq!(versions(&mut inspector, event), first, "event {number}");
    }
    // Calls that change the values change the versions.
    let of_parent =
        event(E::SYSCALL_EXECVE_19_X, 10).int(execve::res, 0).int(execve::pid, 10).text(execve::exe, b"x");
    let second = versions(&mut inspector, of_parent);
    assert_eq!([second[0], second[2]], [first[0], first[2]]);
    assert!(second[1] != first[1] && second[3] != first[3]);
    let third = versions(&mut inspector, event(E::SYSCALL_CHDIR_X, 11).int(0, 0).text(chdir::path, b"/srv"));
    assert!(third.iter().zip(&second).all(|(third, second)| third != second));
}

/// Versions over the first events of a capture.
fn check_capture(name: &str) {
    let path = eyas_testing::data_or_ignore(format!("captures/{name}.scap.gz"));
    let mut source = Reader::open(path).unwrap();
    let (mut inspector, mut witness) = (Inspector::default(), Witness::new());
    while let Step::Event(event) = inspector.next(&mut source).unwrap() {
        if event.num() > 40_000 {
            break;
        }
        if event.num() % 5 == 0 {
            witness.look(&event);
        }
    }
    assert!(
        witness.unchanged > witness.changed,
        "{} unchanged, {} changed",
        witness.unchanged,
        witness.changed
    );
    assert!(witness.same_files > 100, "{}", witness.same_files);
}

#[test]
fn attack() {
    check_capture("attack");
}

#[test]
fn gcc() {
    check_capture("gcc");
}

#[test]
fn nginx() {
    check_capture("nginx");
}

/// Fields about files have equal values wherever [`eyas_sinsp::state::Fd::shows_same`] says so.
#[test]
fn files_that_show_the_same_have_equal_fields() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");
    let mut source = Reader::open(path).unwrap();
    let mut inspector = Inspector::default();
    let of_names = |name: &str| name == "fd.domain" || name.ends_with(".name") && name != "fd.name";
    let fields: Vec<Field> = schema()
        .fields()
        .iter()
        .filter(|def| def.scope == Scope::Fd && !of_names(def.name))
        .map(|def| schema().resolve(def.name, None).unwrap())
        .collect();
    assert!(fields.len() > 30, "{}", fields.len());
    let mut known: HashMap<Vec<u8>, Vec<(Fd, Vec<String>)>> = HashMap::new();
    let (mut compared, mut without) = (0, 0);
    while let Step::Event(event) = inspector.next(&mut source).unwrap() {
        let values = || fields.iter().map(|field| format!("{field}: {:?}", event.get(field))).collect();
        match event.described() {
            Described::Nothing => {
                assert!(fields.iter().all(|field| event.get(field).is_none()), "event {}", event.num());
                without += 1;
            }
            Described::File(fd) => {
                let files = known.entry(fd.name.to_vec()).or_default();
                match files.iter().find(|(other, _)| other.shows_same(fd)) {
                    Some((_, before)) => {
                        assert_eq!(*before, values(), "event {}", event.num());
                        compared += 1;
                    }
                    None => files.push((fd.clone(), values())),
                }
            }
            _ => {}
        }
    }
    assert!(compared > 500 && without > 500, "{compared} {without}");
}
