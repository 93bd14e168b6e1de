//! Keys, modules, creation of file systems, BPF, seccomp, and the calls that share one event.

use eyas_events::{EventType, FlagTable, SyscallCode};
use eyas_testing::test;

use crate::call::{Fd, at, call, open};
use crate::capture::{Capture, capture};
use crate::want::{Want, bytes, empty, flags, has, int, path};

#[test]
fn calls_without_an_event_type_are_generic_events() {
    let mut live = capture(&[EventType::GENERIC_X]);
    for (code, number) in
        [(SyscallCode::SCHED_YIELD, libc::SYS_sched_yield), (SyscallCode::GETPID, libc::SYS_getpid)]
    {
        call(number, []);
        live.saw(EventType::GENERIC_X, &[("ID", int(code.0)), ("nativeID", int(number))]);
    }
}

#[test]
fn seccomp() {
    let mut live = capture(&[EventType::SYSCALL_SECCOMP_X]);
    // Queries whether an action is available.
    let action = 0x7fff_0000_u32;
    let res = call(libc::SYS_seccomp, [2, 0, at(&action)]);
    live.saw(EventType::SYSCALL_SECCOMP_X, &[("res", int(res)), ("op", int(2)), ("flags", int(0))]);
}

#[test]
fn bpf() {
    let mut live = capture(&[EventType::SYSCALL_BPF_2_X]);
    // Kind, sizes of key and value, number: a map.
    let attr = [2_u32, 4, 8, 1, 0, 0, 0, 0];
    let fd = Fd(call(libc::SYS_bpf, [0, at(&attr), 32]));
    assert!(fd.0 >= 0);
    let cmd = || flags(&FlagTable::BPF_COMMANDS, &["BPF_MAP_CREATE"]);
    live.saw(EventType::SYSCALL_BPF_2_X, &[("fd", int(fd.0)), ("cmd", cmd())]);
    let res = call(libc::SYS_bpf, [0, 0, 0]);
    live.saw(EventType::SYSCALL_BPF_2_X, &[("fd", int(res)), ("cmd", cmd())]);
}

fn number(value: i64) -> Want {
    bytes([&[0], &value.to_le_bytes()[..]].concat())
}

fn text(value: &str) -> Want {
    bytes([&[1], value.as_bytes(), &[0]].concat())
}

fn keyctl(live: &mut Capture, operation: i64, name: &str, args: [i64; 4], wants: [Want; 4]) {
    let [a, b, c, d] = args;
    let res = call(libc::SYS_keyctl, [operation, a, b, c, d]);
    let [a, b, c, d] = wants;
    let operation = flags(&FlagTable::KEYCTL_OPERATIONS, &[name]);
    live.saw(
        EventType::SYSCALL_KEYCTL_X,
        &[("res", int(res)), ("operation", operation), ("arg2", a), ("arg3", b), ("arg4", c), ("arg5", d)],
    );
}

#[test]
fn keys() {
    let mut live = capture(&[EventType::SYSCALL_KEYCTL_X]);
    let none = || number(0);
    let live = &mut live;
    keyctl(live, 0, "KEYCTL_GET_KEYRING_ID", [-3, 0, 7, 8], [number(-3), number(0), none(), none()]);
    let names = [c"user", c"no such key"].map(|name| at(name.as_ptr()));
    keyctl(
        live,
        10,
        "KEYCTL_SEARCH",
        [-3, names[0], names[1], 9],
        [number(-3), text("user"), text("no such key"), number(9)],
    );
    keyctl(
        live,
        29,
        "KEYCTL_RESTRICT_KEYRING",
        [-77, names[0], names[1], 9],
        [number(-77), text("user"), text("no such key"), none()],
    );
    keyctl(live, 12, "KEYCTL_INSTANTIATE", [1, 2, 3, 4], [number(1), number(2), number(3), number(4)]);
    keyctl(live, 24, "KEYCTL_PKEY_QUERY", [1, 0, names[0], 4], [number(1), number(0), text("user"), none()]);
    keyctl(
        live,
        27,
        "KEYCTL_PKEY_SIGN",
        [1, names[0], 3, 4],
        [number(1), text("user"), number(3), number(4)],
    );
    // The first argument of DESCRIBE is a key that does not exist.
    keyctl(live, 6, "KEYCTL_DESCRIBE", [-99, 2, 3, 4], [number(-99), number(2), number(3), none()]);
}

#[test]
fn modules() {
    let types = [
        EventType::SYSCALL_INIT_MODULE_X,
        EventType::SYSCALL_FINIT_MODULE_X,
        EventType::SYSCALL_DELETE_MODULE_X,
    ];
    let mut live = capture(&types);
    // No kernel accepts it as a module.
    let (image, arguments) = (b"not a module".as_slice(), c"debug=1");
    let res = call(libc::SYS_init_module, [at(image.as_ptr()), 12, at(arguments.as_ptr())]);
    let wants = |res, image, len: usize| {
        [("res", int::<i64>(res)), ("img", image), ("length", int(len)), ("uargs", path(arguments))]
    };
    live.saw(EventType::SYSCALL_INIT_MODULE_X, &wants(res, bytes(image), 12));
    // Too large for an event.
    let large = vec![b'm'; 100_000];
    let res = call(libc::SYS_init_module, [at(large.as_ptr()), 100_000, at(arguments.as_ptr())]);
    let begin = has("the beginning", |got| got.len() == 57_344 && got.iter().all(|byte| *byte == b'm'));
    live.saw(EventType::SYSCALL_INIT_MODULE_X, &wants(res, begin, 100_000));

    let fd = open(c"/dev/null", libc::O_RDONLY);
    let res = call(libc::SYS_finit_module, [fd.0, at(arguments.as_ptr()), 3]);
    let names = ["MODULE_INIT_IGNORE_MODVERSIONS", "MODULE_INIT_IGNORE_VERMAGIC"];
    let how = flags(&FlagTable::FINIT_MODULE_FLAGS, &names);
    live.saw(
        EventType::SYSCALL_FINIT_MODULE_X,
        &[("res", int(res)), ("fd", int(fd.0)), ("uargs", path(arguments)), ("flags", how)],
    );
    let name = c"no_such_module";
    let res = call(libc::SYS_delete_module, [at(name.as_ptr()), (libc::O_NONBLOCK | libc::O_TRUNC).into()]);
    let how = flags(&FlagTable::DELETE_MODULE_FLAGS, &["O_NONBLOCK", "O_TRUNC"]);
    live.saw(EventType::SYSCALL_DELETE_MODULE_X, &[("res", int(res)), ("name", path(name)), ("flags", how)]);
}

#[test]
fn fsconfig() {
    let mut live = capture(&[EventType::SYSCALL_FSCONFIG_X]);
    let fd = Fd(call(libc::SYS_fsopen, [at(c"tmpfs".as_ptr()), 0]));
    assert!(fd.0 >= 0);
    let (key, value) = (c"size", c"1M");
    let res = call(libc::SYS_fsconfig, [fd.0, 1, at(key.as_ptr()), at(value.as_ptr()), 0]);
    assert_eq!(res, 0);
    let wants = |res, cmd, bytes, text, aux: i64| {
        [
            ("res", int::<i64>(res)),
            ("fd", int(fd.0)),
            ("cmd", flags(&FlagTable::FSCONFIG_CMDS, &[cmd])),
            ("key", path(key)),
            ("value_bytebuf", bytes),
            ("value_charbuf", text),
            ("aux", int(aux)),
        ]
    };
    live.saw(EventType::SYSCALL_FSCONFIG_X, &wants(res, "FSCONFIG_SET_STRING", empty(), path(value), 0));
    // What was refused is left out.
    let res = call(libc::SYS_fsconfig, [fd.0, 2, at(key.as_ptr()), at(value.as_ptr()), 3]);
    assert!(res < 0);
    live.saw(EventType::SYSCALL_FSCONFIG_X, &wants(res, "FSCONFIG_SET_BINARY", empty(), empty(), 3));
    let res = call(libc::SYS_fsconfig, [fd.0, 0, at(key.as_ptr()), 0, 0]);
    live.saw(EventType::SYSCALL_FSCONFIG_X, &wants(res, "FSCONFIG_SET_FLAG", empty(), empty(), 0));
}

#[test]
fn perf_event_open() {
    const CLOEXEC: i64 = 8;
    let mut live = capture(&[EventType::SYSCALL_PERF_EVENT_OPEN_X]);
    // A clock, which every kernel can count, and a type that no kernel has.
    for ty in [1, 0x7000_0000] {
        let mut attributes = [0_u32; 32];
        attributes[..2].copy_from_slice(&[ty, 128]);
        let fd = Fd(call(libc::SYS_perf_event_open, [at(&attributes), 0, -1, -1, CLOEXEC]));
        live.saw(
            EventType::SYSCALL_PERF_EVENT_OPEN_X,
            &[
                ("fd", int(fd.0)),
                ("type", int(ty)),
                ("pid", int(0)),
                ("cpu", int(-1)),
                ("group_fd", int(-1)),
                ("flags", int(CLOEXEC)),
            ],
        );
    }
}

#[test]
fn landlock_create_ruleset() {
    const NUMBER: i64 = 444;
    let mut live = capture(&[EventType::SYSCALL_LANDLOCK_CREATE_RULESET_X]);
    // A ruleset, if the kernel has Landlock, and the version.
    let handled = 1_u64;
    for (attributes, size, how) in [(at(&handled), 8, 0), (0, 0, 1)] {
        let res = call(NUMBER, [attributes, size, how]);
        let _ruleset = (how == 0).then(|| Fd(res));
        let wants = [("fd", int(res)), ("size", int(size)), ("flags", int(how))];
        live.saw(EventType::SYSCALL_LANDLOCK_CREATE_RULESET_X, &wants);
    }
}
