//! Random system calls of a few processes.

use eyas::events::{EventFlags, EventType, ParamType, events as rows, syscalls};
use eyas::rules::condition::ast::Expr;
use eyas::scap::{EventBuilder, FdDetail, FdEntry, OwnedEvent, Snapshot, ThreadEntry};
use eyas::sinsp::{EventView, Inspector, schema};
use eyas_testing::Numbers;
use proptest::prelude::*;
use proptest::sample::select;

use super::conditions::{WORDS, conditions as over, known};

/// The last two have only the generic event; the two before them replace older calls.
const NAMES: &[&str] = &[
    "open",
    "openat",
    "close",
    "execve",
    "connect",
    "read",
    "write",
    "clone",
    "fchmodat",
    "mount",
    "fchmodat2",
    "move_mount",
    "dup",
    "dup2",
    "dup3",
    "socket",
    "kill",
    "tgkill",
    "mkdir",
    "unlinkat",
    "rename",
    "symlink",
    "link",
    "times",
    "getitimer",
];
const SUFFIXES: &[&str] =
    &["fd", "name", "flags", "res", "data", "path", "exe", "pid", "size", "cpu", "open", "src", "dst"];

/// Conditions over the fields of system calls.
pub fn conditions() -> BoxedStrategy<Expr> {
    over(known(schema(), SUFFIXES), NAMES)
}

fn param(ty: ParamType) -> BoxedStrategy<Vec<u8>> {
    let text = select(WORDS.to_vec()).prop_map(|word| [word.as_bytes(), b"\0"].concat());
    match ty {
        ParamType::CHARBUF | ParamType::FSPATH | ParamType::FSRELPATH => text.boxed(),
        ParamType::SOCKTUPLE => {
            let v4 = |a: u8, b: u16, c: u8, d: u16| {
                let mut out = vec![2, 10, 0, 0, a];
                out.extend_from_slice(&b.to_le_bytes());
                out.extend_from_slice(&[127, 0, 0, c]);
                out.extend_from_slice(&d.to_le_bytes());
                out
            };
            (1..3_u8, select(vec![22, 80, 443]), 1..3_u8, select(vec![80, 443]))
                .prop_map(move |(a, b, c, d)| v4(a, b, c, d))
                .boxed()
        }
        ParamType::SYSCALLID => {
            let codes =
                syscalls().filter(|row| NAMES.contains(&row.name)).map(|row| row.code.0).collect::<Vec<_>>();
            select(codes).prop_map(|code| code.to_le_bytes().to_vec()).boxed()
        }
        _ => match ty.size() {
            Some(size) => prop_oneof![
                8 => select(vec![0_i64, 1, 2, 3, 4, 7, 100, -1, -2]),
                1 => any::<i64>(),
            ]
            .prop_map(move |n| n.to_le_bytes()[..size.min(8)].to_vec())
            .boxed(),
            None => proptest::collection::vec(select(vec![0, 1, 2, b'a', b'b', b'/', 0xff]), 0..24).boxed(),
        },
    }
}

fn event(ty: EventType) -> BoxedStrategy<OwnedEvent> {
    let params: Vec<_> = ty.info().map_or(Vec::new(), |row| {
        row.params.iter().map(|p| prop_oneof![9 => param(p.ty), 1 => Just(Vec::new())].boxed()).collect()
    });
    // After the row's parameters: the kernel's paths.
    let own = proptest::collection::vec(param(ParamType::FSPATH), 0..3);
    let own = prop_oneof![2 => Just(Vec::new()), 1 => own];
    (params, own, select(vec![1_i64, 7, 8, 9, 10]), 1..1000_u64)
        .prop_map(move |(params, own, tid, ts)| {
            let mut event = EventBuilder::new(ty).tid(tid).ts(1_600_000_000_000_000_000 + ts);
            for (index, bytes) in params.iter().chain(&own).enumerate() {
                event = event.bytes(index, bytes);
            }
            event.build()
        })
        .boxed()
}

/// An event of any type; types that conditions name are more frequent.
pub fn events() -> BoxedStrategy<OwnedEvent> {
    let all: Vec<EventType> = rows().map(|row| row.ty).collect();
    let mut named: Vec<EventType> =
        rows().filter(|row| NAMES.contains(&row.name)).map(|row| row.ty).collect();
    named.extend([EventType::GENERIC_X; 2]);
    prop_oneof![3 => select(named), 1 => select(all)].prop_flat_map(event).boxed()
}

/// Like [`events`], without enter events and creations of threads: random ones contradict each other.
pub fn exit_events() -> BoxedStrategy<OwnedEvent> {
    let makes_threads = |ty: EventType| matches!(ty.name(), "clone" | "clone3" | "fork" | "vfork");
    let all: Vec<EventType> =
        rows().map(|row| row.ty).filter(|ty| ty.is_exit() && !makes_threads(*ty)).collect();
    let named: Vec<EventType> = all.iter().copied().filter(|ty| NAMES.contains(&ty.name())).collect();
    prop_oneof![3 => select(named), 1 => select(all)].prop_flat_map(event).boxed()
}

/// A type and parameters of events that create, change or end processes, or of calls that conditions name.
pub fn process_calls() -> BoxedStrategy<(EventType, Vec<Vec<u8>>)> {
    const CHANGES: [&str; 14] = [
        "setuid",
        "setgid",
        "setresuid",
        "setreuid",
        "capset",
        "unshare",
        "setns",
        "execve",
        "execveat",
        "procexit",
        "prctl",
        "task_rename",
        "clone",
        "clone3",
    ];
    let is_alone = |ty: EventType| matches!(ty, EventType::PROCEXIT_1_E | EventType::TASK_RENAME_X);
    let all: Vec<EventType> = rows().map(|row| row.ty).filter(|ty| ty.is_exit() || is_alone(*ty)).collect();
    let current = |ty: &EventType| !ty.info().is_some_and(|row| row.flags.contains(EventFlags::OLD_VERSION));
    let changes = |ty: &EventType| CHANGES.contains(&ty.name()) && current(ty);
    let changes: Vec<EventType> = all.iter().copied().filter(changes).collect();
    let calls: Vec<EventType> = all.into_iter().filter(|ty| ty.name() == "fchmodat").collect();
    let params = |ty: EventType| {
        let params = ty.info().map_or(&[][..], |row| row.params).iter().map(|row| param(row.ty));
        params.collect::<Vec<_>>().prop_map(move |params| (ty, params))
    };
    prop_oneof![1 => select(changes), 7 => select(calls)].prop_flat_map(params).boxed()
}

/// Events of these calls by existing processes. After [`snapshot`], each process is created once and ends once.
pub fn of_processes(calls: Vec<(EventType, Vec<Vec<u8>>)>) -> Vec<OwnedEvent> {
    let (mut there, mut next) = (vec![7_i64, 8, 9], 100_i64);
    let mut random = Numbers::new(calls.len() as u64 + 1);
    let makes = |ty: EventType| matches!(ty.name(), "clone" | "clone3");
    let events = calls.into_iter().zip(0..).map(|((ty, mut params), at)| {
        let parent = there[random.below(there.len())];
        let is_end = ty == EventType::PROCEXIT_1_E && there.len() > 2;
        let tid = if makes(ty) { next } else { parent };
        let names = ty.info().map_or(&[][..], |row| row.params).iter().map(|row| row.name);
        for (name, bytes) in names.zip(&mut params) {
            let number = match name {
                "tid" | "pid" | "vtid" | "vpid" => tid,
                "ptid" if makes(ty) => parent,
                "res" | "flags" if makes(ty) => 0,
                "reaper_tid" => 1,
                _ => continue,
            };
            let size = bytes.len().max(4);
            *bytes = number.to_le_bytes()[..size].to_vec();
        }
        if makes(ty) {
            there.push(next);
            next += 1;
        } else if is_end {
            there.retain(|other| *other != tid);
        }
        let ty = if ty == EventType::PROCEXIT_1_E && !is_end { EventType::SYSCALL_FCHMODAT_X } else { ty };
        let mut event = EventBuilder::new(ty).tid(tid).ts(1_600_000_000_000_000_000 + at);
        for (index, bytes) in params.iter().enumerate() {
            event = event.bytes(index, bytes);
        }
        event.build()
    });
    events.collect()
}

fn thread(tid: i64, ptid: i64, comm: &str) -> ThreadEntry {
    ThreadEntry {
        tid,
        pid: tid,
        ptid,
        comm: comm.into(),
        exe: comm.into(),
        exepath: format!("/etc/{comm}").into(),
        args: b"-ab\0-t\0x\0".to_vec(),
        env: b"HOME=/etc\0a=b\0".to_vec(),
        cwd: b"/etc".to_vec(),
        ..ThreadEntry::default()
    }
}

/// A chain of processes with a file and a socket.
pub fn snapshot() -> Snapshot {
    let socket = FdDetail::Socket {
        local: ("10.0.0.1".parse().unwrap(), 443),
        remote: ("127.0.0.1".parse().unwrap(), 80),
        l4: 2,
    };
    let file = FdDetail::File { open_flags: 1, path: b"/etc/passwd".to_vec(), dev: 0, mount_id: 0 };
    let fds = vec![FdEntry::new(3, 1, file), FdEntry::new(4, 2, socket)];
    Snapshot {
        threads: vec![thread(1, 0, "a"), thread(7, 1, "cat"), thread(8, 7, "b"), thread(9, 8, "ab")],
        fds: vec![(7, fds.clone()), (8, fds.clone()), (9, fds)],
        ..Snapshot::default()
    }
}

/// Replays the events after [`snapshot`]; calls `each` with all of them.
pub fn replay(
    events: &[OwnedEvent],
    mut each: impl FnMut(&EventView<'_>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut inspector = Inspector::default();
    inspector.load(snapshot());
    events.iter().try_for_each(|event| each(&inspector.process(event.as_raw())))
}
