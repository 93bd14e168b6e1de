//! Calls that create, copy, name and close file descriptors: scripts of events, and the state after them.

use eyas_events::{EventType as E, FlagTable, param};
use eyas_scap::{EventBuilder, Snapshot};
use eyas_sinsp::{Inspector, Step};

mod script;

use script::{at, clone, close, exec, open, see, system};

const O_CLOEXEC: u32 = FlagTable::FILE_FLAGS.value("O_CLOEXEC");
const O_DIRECTORY: u32 = FlagTable::FILE_FLAGS.value("O_DIRECTORY");

/// An event whose result is the created file descriptor.
fn make(ty: E, fd: i64) -> EventBuilder {
    at(1, ty, 10).int(0, fd)
}

#[test]
fn every_call_that_creates_a_descriptor_reports_its_kind() {
    for (ty, letter, kind) in [
        (E::SYSCALL_EVENTFD_X, "e", "event"),
        (E::SYSCALL_EVENTFD2_X, "e", "event"),
        (E::SYSCALL_SIGNALFD_X, "s", "signalfd"),
        (E::SYSCALL_SIGNALFD4_X, "s", "signalfd"),
        (E::SYSCALL_TIMERFD_CREATE_X, "t", "timerfd"),
        (E::SYSCALL_INOTIFY_INIT_X, "i", "inotify"),
        (E::SYSCALL_INOTIFY_INIT1_X, "i", "inotify"),
        (E::SYSCALL_EPOLL_CREATE_X, "l", "eventpoll"),
        (E::SYSCALL_EPOLL_CREATE1_X, "l", "eventpoll"),
        (E::SYSCALL_BPF_2_X, "b", "bpf"),
        (E::SYSCALL_USERFAULTFD_X, "u", "userfaultfd"),
        (E::SYSCALL_IO_URING_SETUP_X, "r", "io_uring"),
        (E::SYSCALL_OPEN_X, "f", "file"),
        (E::SYSCALL_OPENAT_2_X, "f", "file"),
        (E::SYSCALL_OPENAT2_X, "f", "file"),
        (E::SYSCALL_CREAT_X, "f", "file"),
        (E::SYSCALL_OPEN_BY_HANDLE_AT_X, "f", "file"),
        (E::SYSCALL_PIDFD_OPEN_X, "P", "pidfd"),
        (E::SYSCALL_MEMFD_CREATE_X, "m", "memfd"),
    ] {
        let mut inspector = system();
        let fields = ["fd.num", "fd.typechar", "fd.type"];
        assert_eq!(see(&mut inspector, make(ty, 7), &fields), ["7", letter, kind], "{}", ty.name());
        assert_eq!(see(&mut inspector, close(2, 10, 7), &fields), ["7", letter, kind], "{}", ty.name());
        assert_eq!(see(&mut inspector, close(3, 10, 7), &["fd.type"]), ["<NA>"]);
        // A failed call.
        see(&mut inspector, make(ty, -24), &[]);
        assert_eq!(see(&mut inspector, close(5, 10, 3), &["proc.fdopencount"]), ["1"], "{}", ty.name());
    }
}

#[test]
fn opening_reports_name_flags_device_and_inode() {
    use param::{SYSCALL_CREAT_X as c, SYSCALL_OPENAT_2_X as p, SYSCALL_OPENAT2_X as o};
    const UPPER: u32 = FlagTable::FILE_FLAGS.value("FD_UPPER_LAYER");
    let mut inspector = system();
    let fields = [
        "fd.name",
        "fd.nameraw",
        "fd.typechar",
        "fd.dev.major",
        "fd.dev.minor",
        "fd.ino",
        "fd.is_upper_layer",
    ];
    let event = open(1, 10, 5, -100, b"a//b/").uint(p::dev, 0xfe03).uint(p::ino, 77);
    assert_eq!(
        see(&mut inspector, event.uint(p::flags, UPPER.into()), &fields),
        ["/home/a/b", "a/b/", "f", "254", "3", "77", "true"]
    );
    let directory = at(2, E::SYSCALL_OPENAT2_X, 10).int(o::fd, 6).int(o::dirfd, -100).text(o::name, b"/etc");
    let directory = directory.uint(o::flags, O_DIRECTORY.into());
    let paths = ["fd.typechar", "fd.directory", "fd.filename"];
    assert_eq!(see(&mut inspector, directory, &paths), ["d", "/etc", "<NA>"]);
    assert_eq!(see(&mut inspector, open(3, 10, 7, 6, b"../usr/x"), &paths), ["f", "/usr", "x"]);
    assert_eq!(see(&mut inspector, open(3, 10, 7, -100, b"/"), &paths), ["f", "/", "/"]);
    const LOWER: u32 = FlagTable::CREAT_FLAGS.value("FD_LOWER_LAYER_CREAT");
    let creat = at(4, E::SYSCALL_CREAT_X, 10).int(c::fd, 8).text(c::name, b"new");
    let layers = ["fd.name", "fd.is_lower_layer", "fd.is_upper_layer"];
    let creat = creat.uint(c::creat_flags, LOWER.into());
    assert_eq!(see(&mut inspector, creat, &layers), ["/home/new", "true", "false"]);
}

#[test]
fn a_failed_open_has_the_requested_name() {
    let mut inspector = system();
    let fields = ["fd.name", "fd.directory", "fd.filename", "fd.num", "fd.typechar", "evt.res"];
    let got = see(&mut inspector, open(1, 10, -2, -100, b"missing"), &fields);
    assert_eq!(got, ["/home/missing", "/home", "missing", "-1", "f", "ENOENT"]);
    assert_eq!(see(&mut inspector, open(2, 10, -13, 77, b"x"), &["fd.name"]), ["<UNKNOWN>x"]);
}

#[test]
fn long_names_are_kept() {
    let mut inspector = system();
    let long = [b'x'; 1020];
    let got = see(&mut inspector, open(1, 10, 5, -100, &long), &["fd.name"]);
    assert_eq!(got, [format!("/home/{}", "x".repeat(1020))]);
}

#[test]
fn calls_that_seccomp_skips_change_nothing() {
    let mut inspector = system();
    see(&mut inspector, open(1, 10, 5, -100, b"/etc/shadow"), &[]);
    let fields = ["fd.num", "fd.name", "proc.fdopencount"];
    let before = see(&mut inspector, close(2, 10, 5).skipped_by_seccomp(), &fields);
    assert_eq!(before[..2], ["5", "/etc/shadow"]);
    assert_eq!(see(&mut inspector, close(3, 10, 5).skipped_by_seccomp(), &fields), before);
    see(&mut inspector, open(4, 10, 257, -100, b"/etc/passwd").skipped_by_seccomp(), &[]);
    assert_eq!(see(&mut inspector, close(5, 10, 5), &fields), before);
    assert_eq!(see(&mut inspector, close(6, 10, 5), &["fd.name"]), [""]);
}

#[test]
fn the_path_of_the_enter_event_is_used() {
    use param::{SYSCALL_OPENAT_2_E as e, SYSCALL_OPENAT_2_X as x};
    let begin =
        |path: &[u8]| at(1, E::SYSCALL_OPENAT_2_E, 10).int(e::dirfd, 3).text(e::name, path).uint(e::flags, 2);
    let end = || open(2, 10, 5, -100, b"/etc/shadow").uint(x::flags, 1);
    let mut inspector = system();
    see(&mut inspector, begin(b"x"), &[]);
    assert_eq!(see(&mut inspector, end(), &["fd.name", "fd.nameraw"]), ["/etc/motd/x", "x"]);
    // The enter event's path is used once, and not if the program's memory was unreadable.
    assert_eq!(see(&mut inspector, end(), &["fd.name"]), ["/etc/shadow"]);
    see(&mut inspector, begin(b"<NA>"), &[]);
    assert_eq!(see(&mut inspector, end(), &["fd.name"]), ["/etc/shadow"]);
    // The exit event of that call was lost: another call ended meanwhile.
    see(&mut inspector, begin(b"x"), &[]);
    see(&mut inspector, close(2, 10, 99), &[]);
    assert_eq!(see(&mut inspector, end(), &["fd.name"]), ["/etc/shadow"]);
}

#[test]
fn a_close_that_fails_has_closed_unless_there_was_no_file() {
    use param::SYSCALL_CLOSE_X as p;
    let mut inspector = system();
    let failed = |second, res| at(second, E::SYSCALL_CLOSE_X, 10).int(p::res, res).int(p::fd, 5);
    for (res, name) in [(-9, "/etc/x"), (-5, ""), (-4, ""), (-28, "")] {
        see(&mut inspector, open(1, 10, 5, -100, b"/etc/x"), &[]);
        assert_eq!(see(&mut inspector, failed(2, res), &["fd.name"]), ["/etc/x"], "{res}");
        assert_eq!(see(&mut inspector, failed(3, -9), &["fd.name"]), [name], "{res}");
    }
}

/// A source of scripted events.
struct Script(std::vec::IntoIter<eyas_scap::OwnedEvent>, Option<eyas_scap::OwnedEvent>);

impl eyas_scap::EventSource for Script {
    fn advance(&mut self) -> Result<eyas_scap::Advance, eyas_scap::Error> {
        self.1 = self.0.next();
        Ok(if self.1.is_some() { eyas_scap::Advance::Event } else { eyas_scap::Advance::End })
    }

    fn current(&self) -> Option<eyas_scap::RawEvent<'_>> {
        self.1.as_ref().map(|event| event.as_raw())
    }
}

#[test]
fn events_of_calls_that_begin_are_counted_but_not_shown() {
    use param::SYSCALL_OPENAT_2_E as e;
    let events = [
        close(1, 10, 9).build(),
        at(2, E::SYSCALL_OPENAT_2_E, 10).int(e::dirfd, -100).text(e::name, b"x").build(),
        open(3, 10, 5, -100, b"x").build(),
    ];
    let mut inspector = Inspector::default();
    inspector.load(Snapshot::default());
    let mut source = Script(Vec::from(events).into_iter(), None);
    let mut shown = Vec::new();
    while let Step::Event(view) = inspector.next(&mut source).unwrap() {
        shown.push((view.num(), view.event().ty));
    }
    assert_eq!(shown, [(1, E::SYSCALL_CLOSE_X), (3, E::SYSCALL_OPENAT_2_X)]);
}

#[test]
fn a_file_is_known_while_its_close_is_shown_and_no_longer() {
    let mut inspector = system();
    let mut source = Script(vec![close(1, 10, 3).build()].into_iter(), None);
    let file = |inspector: &Inspector| {
        let threads = &inspector.state().threads;
        threads.fds(threads.get(10).unwrap()).is_some_and(|fds| fds.get(3).is_some())
    };
    assert!(file(&inspector));
    assert!(matches!(inspector.next(&mut source).unwrap(), Step::Event(_)));
    assert!(file(&inspector));
    assert!(matches!(inspector.next(&mut source).unwrap(), Step::End));
    assert!(!file(&inspector));
}

#[test]
fn copies_have_the_close_on_exec_flag_of_their_call() {
    use param::{SYSCALL_DUP_1_X as d, SYSCALL_DUP3_X as d3, SYSCALL_FCNTL_X as f};
    let fcntl = |command: &str, res, arg: u64| {
        let command = FlagTable::FCNTL_COMMANDS.entries.iter().find(|(name, _)| *name == command).unwrap().1;
        let event = at(1, E::SYSCALL_FCNTL_X, 10).int(f::res, res).int(f::fd, 3);
        event.uint(f::cmd, command.into()).uint(f::arg, arg)
    };
    let dup3 = |flags: u32| {
        at(1, E::SYSCALL_DUP3_X, 10).int(d3::res, 9).int(d3::oldfd, 3).uint(d3::flags, flags.into())
    };
    for (event, stays) in [
        (at(1, E::SYSCALL_DUP_1_X, 10).int(d::res, 9).int(d::oldfd, 3), true),
        (dup3(0), true),
        (dup3(O_CLOEXEC), false),
        (fcntl("F_DUPFD", 9, 9), true),
        (fcntl("F_DUPFD_CLOEXEC", 9, 9), false),
    ] {
        let mut inspector = system();
        // The original of the copy is closed.
        see(&mut inspector, fcntl("F_SETFD", 0, 1), &[]);
        assert_eq!(see(&mut inspector, event, &["fd.num", "fd.name"]), ["9", "/etc/motd"]);
        see(&mut inspector, exec(2, 10, b"cat", b""), &[]);
        let fields = ["fd.name", "proc.fdopencount"];
        let want = if stays { ["/etc/motd", "1"] } else { ["", "0"] };
        assert_eq!(see(&mut inspector, close(3, 10, 9), &fields), want);
    }
}

#[test]
fn close_on_exec_flags_take_effect_at_an_exec() {
    use param::{SYSCALL_EPOLL_CREATE1_X as l, SYSCALL_MEMFD_CREATE_X as m, SYSCALL_PIPE2_X as p};
    const MFD: u32 = FlagTable::MEMFD_CREATE_FLAGS.value("MFD_CLOEXEC");
    const EPOLL: u32 = FlagTable::EPOLL_CREATE1_FLAGS.value("EPOLL_CLOEXEC");
    let mut inspector = system();
    see(
        &mut inspector,
        open(1, 10, 5, -100, b"x").uint(param::SYSCALL_OPENAT_2_X::flags, O_CLOEXEC.into()),
        &[],
    );
    see(
        &mut inspector,
        make(E::SYSCALL_MEMFD_CREATE_X, 6).text(m::name, b"x").uint(m::flags, MFD.into()),
        &[],
    );
    see(&mut inspector, make(E::SYSCALL_EPOLL_CREATE1_X, 7).uint(l::flags, EPOLL.into()), &[]);
    let pipe = make(E::SYSCALL_PIPE2_X, 0).int(p::fd1, 8).int(p::fd2, 9).uint(p::ino, 5);
    assert_eq!(see(&mut inspector, pipe.uint(p::flags, O_CLOEXEC.into()), &["fd.num", "fd.ino"]), ["9", "5"]);
    see(&mut inspector, make(E::SYSCALL_EVENTFD2_X, 11), &[]);
    assert_eq!(see(&mut inspector, close(2, 10, 8), &["proc.fdopencount", "fd.typechar"]), ["7", "p"]);
    // The snapshot's file and the eventfd stay.
    assert_eq!(see(&mut inspector, exec(3, 10, b"cat", b""), &["proc.fdopencount"]), ["2"]);
}

#[test]
fn a_range_is_closed_or_marked() {
    use param::SYSCALL_CLOSE_RANGE_X as p;
    const CLOEXEC: u32 = FlagTable::CLOSE_RANGE_FLAGS.value("CLOSE_RANGE_CLOEXEC");
    let range = |flags: u32| {
        let event = at(2, E::SYSCALL_CLOSE_RANGE_X, 10).int(p::res, 0).uint(p::first, 4);
        event.uint(p::last, u32::MAX.into()).uint(p::flags, flags.into())
    };
    for flags in [0, CLOEXEC] {
        let mut inspector = system();
        for fd in [4, 2000, 3000] {
            see(&mut inspector, open(1, 10, fd, -100, b"x"), &[]);
        }
        see(&mut inspector, range(flags), &[]);
        let open = if flags == 0 { "1" } else { "4" };
        assert_eq!(see(&mut inspector, close(3, 10, 99), &["proc.fdopencount"]), [open]);
        assert_eq!(see(&mut inspector, exec(4, 10, b"cat", b""), &["proc.fdopencount"]), ["1"]);
    }
}

#[test]
fn a_close_that_fails_closes_nothing() {
    let mut inspector = system();
    see(&mut inspector, close(1, 10, 3).int(param::SYSCALL_CLOSE_X::res, -9), &[]);
    assert_eq!(see(&mut inspector, close(2, 10, 3), &["fd.name"]), ["/etc/motd"]);
}

#[test]
fn a_process_has_a_table_of_its_own_from_its_birth_on() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 11, 0, 11, 10, 0), &[]);
    see(&mut inspector, open(2, 11, 4, -100, b"mine"), &[]);
    assert_eq!(see(&mut inspector, close(3, 10, 4), &["fd.name"]), [""]);
    see(&mut inspector, close(4, 10, 3), &[]);
    assert_eq!(see(&mut inspector, close(5, 11, 3), &["fd.name"]), ["/etc/motd"]);
}

#[test]
fn a_process_descriptor_is_named_by_its_process_and_copies_its_files() {
    use param::{SYSCALL_PIDFD_GETFD_X as g, SYSCALL_PIDFD_OPEN_X as p};
    let mut inspector = system();
    let open = at(1, E::SYSCALL_PIDFD_OPEN_X, 1).int(0, 5).int(p::pid, 10);
    assert_eq!(see(&mut inspector, open, &["fd.name"]), ["/proc/10"]);
    let get = at(2, E::SYSCALL_PIDFD_GETFD_X, 1).int(g::fd, 6).int(g::pid_fd, 5).int(g::target_fd, 3);
    assert_eq!(see(&mut inspector, get, &["fd.num", "fd.name"]), ["6", "/etc/motd"]);
    // An exec closes such a copy, and the pidfd.
    assert_eq!(see(&mut inspector, exec(3, 1, b"cat", b""), &["proc.fdopencount"]), ["0"]);
}

#[test]
fn a_splice_is_about_its_destination() {
    use param::SYSCALL_SPLICE_X as p;
    let mut inspector = system();
    see(&mut inspector, open(1, 10, 4, -100, b"out"), &[]);
    let splice = at(2, E::SYSCALL_SPLICE_X, 10).int(p::res, 5).int(p::fd_in, 3).int(p::fd_out, 4);
    assert_eq!(see(&mut inspector, splice, &["fd.num", "fd.name"]), ["4", "/home/out"]);
}

#[test]
fn data_that_is_moved_has_the_names_of_both_files() {
    use param::{SYSCALL_COPY_FILE_RANGE_X as copy, SYSCALL_SENDFILE_X as send, SYSCALL_SPLICE_X as splice};
    let mut inspector = system();
    see(&mut inspector, open(1, 10, 4, -100, b"out"), &[]);
    for (event, from, to) in [
        (
            at(2, E::SYSCALL_SPLICE_X, 10).int(splice::res, 5).int(splice::fd_in, 3).int(splice::fd_out, 4),
            "evt.arg.fd_in",
            "evt.arg.fd_out",
        ),
        (
            at(2, E::SYSCALL_SENDFILE_X, 10).int(send::res, 5).int(send::in_fd, 3).int(send::out_fd, 4),
            "evt.arg.in_fd",
            "evt.arg.out_fd",
        ),
        (
            at(2, E::SYSCALL_COPY_FILE_RANGE_X, 10).int(copy::res, 5).int(copy::fdin, 3).int(copy::fdout, 4),
            "evt.arg.fdin",
            "evt.arg.fdout",
        ),
    ] {
        let got = see(&mut inspector, event, &[from, to, "fd.num", "fd.name"]);
        assert_eq!(got, ["<f>/etc/motd", "<f>/home/out", "4", "/home/out"]);
    }
}

#[test]
fn standard_streams_have_names_and_kinds() {
    let mut inspector = system();
    see(&mut inspector, open(1, 10, 0, -100, b"in"), &[]);
    see(&mut inspector, make(E::SYSCALL_EVENTFD2_X, 1), &[]);
    let fields =
        ["proc.stdin.name", "proc.stdin.type", "proc.stdout.name", "proc.stdout.type", "proc.stderr.type"];
    assert_eq!(see(&mut inspector, close(2, 10, 99), &fields), ["/home/in", "file", "", "event", "<NA>"]);
}

/// A descriptor that a message brought, as the probe reports it.
fn came(fd: i32, flags: u32, mode: u16, name: &[u8]) -> Vec<u8> {
    let (ino, dev) = (77_u64.to_le_bytes(), 0x801_u32.to_le_bytes());
    let ends = [mode, name.len() as u16].map(u16::to_le_bytes).concat();
    [&fd.to_le_bytes()[..], &flags.to_le_bytes(), &ino, &dev, &ends, name].concat()
}

#[test]
fn a_descriptor_that_a_message_or_a_read_brought_is_known_from_then_on() {
    let reads = [E::SYSCALL_READ_X, E::SYSCALL_READV_X, E::SYSCALL_PREADV2_X];
    for ty in [E::SOCKET_RECVMSG_X, E::SOCKET_RECVMMSG_X].into_iter().chain(reads) {
        let mut inspector = system();
        let behind = ty.info().unwrap().params.len();
        let told = [came(8, 3, 0o100_600, b"/etc/shadow"), came(9, 1 | O_CLOEXEC, 0o010_600, b"pipe:[5]")];
        see(&mut inspector, at(1, ty, 10).int(0, 1).bytes(behind, &told.concat()), &[]);
        let fields = ["fd.name", "fd.typechar", "fd.ino"];
        let read = |fd| at(2, E::SYSCALL_READ_X, 10).int(0, 1).int(param::SYSCALL_READ_X::fd, fd);
        assert_eq!(see(&mut inspector, read(8), &fields), ["/etc/shadow", "f", "77"]);
        assert_eq!(see(&mut inspector, read(9), &fields), ["pipe:[5]", "p", "77"]);
        // The shell has one more file.
        assert_eq!(see(&mut inspector, exec(3, 10, b"cat", b""), &["proc.fdopencount"]), ["2"]);
    }
}

#[test]
fn a_root_of_the_call_s_own_is_not_the_caller_s() {
    use param::SYSCALL_OPENAT2_X as p;
    const IN_ROOT: u64 = FlagTable::OPENAT2_FLAGS.value("RESOLVE_IN_ROOT") as u64;
    let mut inspector = system();
    let directory = open(1, 10, 5, -100, b"/etc");
    see(&mut inspector, directory, &["fd.name"]);
    for (res, fields) in
        [(6, ["fd.name", "fs.path.name", "evt.abspath"]), (-2, ["fd.name", "fs.path.name", "evt.abspath"])]
    {
        let event = at(2, E::SYSCALL_OPENAT2_X, 10)
            .int(p::fd, res)
            .int(p::dirfd, 5)
            .text(p::name, b"/../shadow")
            .uint(p::resolve, IN_ROOT);
        assert_eq!(see(&mut inspector, event, &fields), ["/etc/shadow"; 3]);
    }
}
