//! An equal version of a scope means equal fields: after every event, of scripts at random and of captures,
//! all fields of a process that claims to be unchanged have the values that they had.

use eyas_testing::test;
use std::collections::HashMap;

use eyas_events::{EventType as E, FlagTable, param};
use eyas_fields::{ArgKind, Field, FieldSource, Schema, Scope, ScopeVersion};
use eyas_scap::{EventBuilder, Reader, Snapshot, ThreadEntry};
use eyas_sinsp::{EventView, Inspector, Step, schema};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Every field of a scope, with one argument at least where it takes any.
fn fields_of(scope: Scope) -> Vec<Field> {
    let mut fields = Vec::new();
    for def in schema().fields().iter().filter(|def| def.scope <= scope) {
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
}

impl Witness {
    fn new() -> Self {
        let scopes = [Scope::Process, Scope::Ancestors].map(|scope| (scope, fields_of(scope))).into();
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
                }
                _ => self.changed += 1,
            }
        }
    }
}

/// Numbers at random (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn tid(&mut self) -> i64 {
        1 + self.below(24) as i64
    }

    fn word(&mut self) -> Vec<u8> {
        format!("w{}", self.below(5)).into_bytes()
    }
}

/// One of the events that change what is known of processes, users or containers; or one that does not.
fn event_at_random(random: &mut Random, ts: u64) -> EventBuilder {
    let tid = random.tid();
    let at = |ty| EventBuilder::new(ty).ts(ts).tid(tid);
    let container = |random: &mut Random| format!("cpu=/docker/{:064x}", random.below(3)).into_bytes();
    match random.below(20) {
        0..=2 => {
            use param::SYSCALL_CLONE_20_X as p;
            const FLAGS: [&str; 5] =
                ["CLONE_FILES", "CLONE_THREAD", "CLONE_PARENT", "CLONE_NEWPID", "CLONE_CHILD_IN_PIDNS"];
            let flag = FlagTable::CLONE_FLAGS.value(FLAGS[random.below(5) as usize]);
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
        _ => at(E::SYSCALL_CLOSE_X).int(0, 0).int(param::SYSCALL_CLOSE_X::fd, 9),
    }
}

#[test]
fn scripts_at_random() {
    let mut changed = 0;
    for seed in 1..=40 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut inspector = Inspector::default();
        let init =
            ThreadEntry { tid: 1, pid: 1, vtid: 1, vpid: 1, comm: b"init".to_vec(), ..Default::default() };
        inspector.load(Snapshot { threads: vec![init], ..Snapshot::default() });
        let mut witness = Witness::new();
        for step in 1..=1_500 {
            let event = event_at_random(&mut random, step * 700_000_000).build();
            witness.look(&inspector.process(event.as_raw()));
            // Who did nothing may have been changed by others all the same.
            let other =
                EventBuilder::new(E::SYSCALL_CLOSE_X).ts(step * 700_000_000).tid(random.tid()).build();
            witness.look(&inspector.process(other.as_raw()));
        }
        assert!(witness.unchanged > 300, "seed {seed}: only {} unchanged", witness.unchanged);
        changed += witness.changed;
    }
    assert!(changed > 10_000);
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
