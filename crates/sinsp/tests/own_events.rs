//! Events that Falco's schema lacks: their effects on the state, and their fields.

use eyas_events::{EventType as E, FlagTable, SyscallCode, param};
use eyas_fields::{FieldSource, Schema};
use eyas_scap::EventBuilder;
use eyas_sinsp::schema;

mod script;

use script::{at, close, exec, open, see, system};

const PATHS: [&str; 3] = ["fs.path.name", "fs.path.source", "fs.path.target"];

fn behind(ty: E) -> usize {
    ty.info().unwrap().params.len()
}

#[test]
fn calls_that_change_a_file_say_which() {
    use param::{SYSCALL_FCHMODAT2_X as c, SYSCALL_FTRUNCATE_X as f, SYSCALL_SETXATTRAT_X as x};
    use param::{SYSCALL_FSETXATTR_X as fx, SYSCALL_REMOVEXATTR_X as r, SYSCALL_TRUNCATE_X as t};
    let chmod = |dirfd: i64, name: &[u8]| {
        let event = at(1, E::SYSCALL_FCHMODAT2_X, 10).int(c::res, 0).int(c::dirfd, dirfd);
        event.text(c::filename, name).uint(c::mode, 0o4755)
    };
    let mut system = system();
    let fields = ["fs.path.name", "fs.path.nameraw", "evt.arg.mode", "evt.type", "evt.res", "evt.abspath"];
    let got = see(&mut system, chmod(-100, b"x"), &fields);
    assert_eq!(got[..2], ["/home/x", "x"]);
    assert!(got[2].contains("S_ISUID"), "{got:?}");
    assert_eq!(got[3..], ["fchmodat2", "SUCCESS", "/home/x"]);
    // The event has only the descriptor.
    assert_eq!(see(&mut system, chmod(3, b""), &fields[..1]), ["/etc/motd"]);
    assert_eq!(see(&mut system, chmod(3, b"").int(c::res, -1), &fields[..1]), ["<NA>"]);
    let cases: [(EventBuilder, &str); 6] = [
        (at(1, E::SYSCALL_TRUNCATE_X, 10).int(t::res, 0).text(t::path, b"x"), "/home/x"),
        (at(1, E::SYSCALL_FTRUNCATE_X, 10).int(f::res, 0).int(f::fd, 3), "/etc/motd"),
        (at(1, E::SYSCALL_FSETXATTR_X, 10).int(fx::res, 0).int(fx::fd, 3), "/etc/motd"),
        (at(1, E::SYSCALL_LREMOVEXATTR_X, 10).int(r::res, 0).text(r::path, b"x"), "/home/x"),
        (at(1, E::SYSCALL_GETXATTR_X, 10).int(r::res, 5).text(r::path, b"x"), "/home/x"),
        (
            at(1, E::SYSCALL_SETXATTRAT_X, 10).int(x::res, 0).int(x::dirfd, -100).text(x::path, b"x"),
            "/home/x",
        ),
    ];
    for (event, path) in cases {
        let text = format!("{event:?}");
        assert_eq!(see(&mut system, event, &fields[..1]), [path], "{text}");
    }
}

#[test]
fn reads_and_writes_with_flags_are_like_those_without() {
    use param::{SYSCALL_PREADV2_X as r, SYSCALL_PWRITEV2_X as w};
    let mut system = system();
    let read = at(1, E::SYSCALL_PREADV2_X, 10).int(r::res, 4).uint(r::size, 4).bytes(r::data, b"word");
    let read = read.int(r::fd, 3).uint(r::pos, 7).uint(r::flags, 0x11);
    let write = at(2, E::SYSCALL_PWRITEV2_X, 10).int(w::res, 5).bytes(w::data, b"words").int(w::fd, 3);
    let write = write.uint(w::size, 5).uint(w::pos, 8).uint(w::flags, 0);
    let fields = [
        "evt.type",
        "fd.name",
        "evt.is_io_read",
        "evt.is_io_write",
        "evt.io_dir",
        "evt.arg.data",
        "evt.buflen.file",
        "evt.arg.size",
        "evt.arg.pos",
        "evt.arg.flags",
    ];
    let got = see(&mut system, read, &fields);
    let want =
        ["preadv2", "/etc/motd", "true", "false", "read", "word", "4", "4", "7", "RWF_HIPRI|RWF_APPEND"];
    assert_eq!(got, want);
    let got = see(&mut system, write, &fields);
    assert_eq!(got, ["pwritev2", "/etc/motd", "false", "true", "write", "words", "5", "5", "8", "0"]);
}

#[test]
fn a_rule_on_an_older_call_is_one_on_the_newer_call_too() {
    for (name, newer) in [
        ("preadv", E::SYSCALL_PREADV2_X),
        ("pwritev", E::SYSCALL_PWRITEV2_X),
        ("access", E::SYSCALL_FACCESSAT_X),
        ("access", E::SYSCALL_FACCESSAT2_X),
        ("newfstatat", E::SYSCALL_STATX_X),
        ("mprotect", E::SYSCALL_PKEY_MPROTECT_X),
        ("kill", E::SYSCALL_RT_SIGQUEUEINFO_X),
        ("tgkill", E::SYSCALL_RT_TGSIGQUEUEINFO_X),
    ] {
        for name in [name, newer.name()] {
            assert!(schema().codes_of(name).unwrap().contains(newer.0), "{name}");
        }
    }
}

fn open_tree(fd: i64, path: &[u8], flags: u64) -> EventBuilder {
    use param::SYSCALL_OPEN_TREE_X as p;
    let event = at(1, E::SYSCALL_OPEN_TREE_X, 10).int(p::fd, fd).int(p::dirfd, -100).text(p::path, path);
    event.uint(p::flags, flags).bytes(behind(E::SYSCALL_OPEN_TREE_X) + 1, &[1])
}

fn move_mount(from: (i64, &[u8]), to: &[u8], flags: u64) -> EventBuilder {
    use param::SYSCALL_MOVE_MOUNT_X as p;
    let event = at(3, E::SYSCALL_MOVE_MOUNT_X, 10).int(p::res, 0).int(p::from_fd, from.0);
    event.text(p::dev, from.1).int(p::to_fd, -100).text(p::dir, to).uint(p::flags, flags)
}

const CLONE: u64 = FlagTable::OPEN_TREE_FLAGS.value("OPEN_TREE_CLONE") as u64;
const EMPTY: u64 = FlagTable::MOVE_MOUNT_FLAGS.value("MOVE_MOUNT_F_EMPTY_PATH") as u64;

#[test]
fn a_tree_is_a_directory_that_paths_begin_at() {
    let fields = ["fd.num", "fd.typechar", "fd.name", "fs.path.name"];
    for flags in [0, CLONE] {
        let mut system = system();
        assert_eq!(see(&mut system, open_tree(5, b"/etc", flags), &fields), ["5", "d", "/etc", "/etc"]);
        assert_eq!(see(&mut system, open(2, 10, 6, 5, b"passwd"), &["fd.name"]), ["/etc/passwd"]);
        // After the move, the mount has another path.
        let moved = see(&mut system, move_mount((5, b""), b"/mnt", EMPTY), &PATHS);
        assert_eq!(moved, ["<NA>", "/etc", "/mnt"]);
        assert_eq!(see(&mut system, open(4, 10, 7, 5, b"passwd"), &["fd.name"]), ["/mnt/passwd"]);
    }
    // A failed call; a move by a path instead of a descriptor; an opened file with another path.
    let mut system = system();
    assert_eq!(see(&mut system, open_tree(-2, b"gone", 0), &fields), ["-1", "f", "/home/gone", "/home/gone"]);
    see(&mut system, open_tree(5, b"/etc", 0), &[]);
    see(&mut system, move_mount((5, b"x"), b"/mnt", 0), &[]);
    assert_eq!(see(&mut system, close(4, 10, 5), &["fd.name"]), ["/etc"]);
    let event = open_tree(5, b"/link", 0).text(behind(E::SYSCALL_OPEN_TREE_X), b"/etc").build();
    let view = system.process(event.as_raw());
    assert_eq!(view.fd().and_then(|fd| fd.opened()).map(|fd| &*fd.name), Some(&b"/etc"[..]));
}

#[test]
fn a_mount_has_a_path_once_it_is_moved_to_one() {
    use param::{SYSCALL_FSMOUNT_X as m, SYSCALL_FSOPEN_X as o};
    let mut system = system();
    let context = at(1, E::SYSCALL_FSOPEN_X, 10).int(o::fd, 4).text(o::fsname, b"tmpfs").uint(o::flags, 1);
    let fields = ["fd.num", "fd.type", "fd.name", "evt.arg.fsname"];
    assert_eq!(see(&mut system, context, &fields), ["4", "unsupported", "[fscontext]", "tmpfs"]);
    let mount = at(2, E::SYSCALL_FSMOUNT_X, 10).int(m::fd, 5).int(m::fsfd, 4).text(m::r#type, b"tmpfs");
    assert_eq!(see(&mut system, mount, &fields[..3]), ["5", "directory", "mount:[tmpfs]"]);
    assert_eq!(see(&mut system, open(3, 10, 6, 5, b"x"), &["fd.name"]), ["mount:[tmpfs]/x"]);
    let moved = move_mount((5, b""), b"mnt", EMPTY);
    assert_eq!(see(&mut system, moved, &PATHS), ["<NA>", "mount:[tmpfs]", "/home/mnt"]);
    assert_eq!(see(&mut system, open(4, 10, 7, 5, b"x"), &["fd.name"]), ["/home/mnt/x"]);
    // The exec closes the context, and nothing else.
    assert_eq!(see(&mut system, exec(5, 10, b"cat", b""), &["proc.fdopencount"]), ["4"]);
}

#[test]
fn a_generic_event_of_such_a_call_is_tested_as_the_call() {
    use param::GENERIC_X as g;
    let mut system = system();
    for (call, code) in [
        (SyscallCode::FCHMODAT2, E::SYSCALL_FCHMODAT2_X),
        (SyscallCode::MOVE_MOUNT, E::SYSCALL_MOVE_MOUNT_X),
        (SyscallCode::PWRITEV2, E::SYSCALL_PWRITEV2_X),
        (SyscallCode::GETPID, E::GENERIC_X),
        (SyscallCode(9999), E::GENERIC_X),
    ] {
        let event = at(1, E::GENERIC_X, 10).uint(g::ID, call.0.into()).build();
        assert_eq!(system.process(event.as_raw()).code(), code.0, "{call:?}");
    }
}
