//! Requested and actual results of calls that open files: scripts of events.

use eyas_events::{EventType as E, FlagTable, param};
use std::sync::Arc;

use eyas_events::filter::UnusedFiles;
use eyas_fields::CodeSet;
use eyas_scap::{Advance, Error, EventBuilder, EventSource, RawEvent};
use eyas_sinsp::{Inspector, Needs};

mod script;

use script::{at, close, exec, open, see, system};

const fn flag(name: &str) -> u64 {
    FlagTable::FILE_FLAGS.value(name) as u64
}

/// An `openat` of a path below the working directory with these flags, mode and inode.
fn opened(fd: i64, name: &[u8], flags: u64, mode: u64, ino: u64) -> EventBuilder {
    use param::SYSCALL_OPENAT_2_X as p;
    open(1, 10, fd, -100, name).uint(p::flags, flags).uint(p::mode, mode).uint(p::ino, ino)
}

/// Position of the first parameter after those of the row.
fn behind(ty: E) -> usize {
    ty.info().unwrap().params.len()
}

const ASKED: [&str; 4] = ["evt.is_open_read", "evt.is_open_write", "evt.is_open_exec", "evt.is_open_create"];

#[test]
fn only_a_file_that_is_made_is_made_executable() {
    let (create, made) = (flag("O_CREAT") | flag("O_RDWR"), flag("O_F_CREATED"));
    let mut system = system();
    let mut asked = |event| see(&mut system, event, &ASKED).join(" ");
    assert_eq!(asked(opened(4, b"x", create | made, 0o755, 9)), "true true true true");
    assert_eq!(asked(opened(4, b"x", create | made, 0o644, 9)), "true true false true");
    assert_eq!(asked(opened(4, b"x", create, 0o755, 9)), "true true false false");
    // Old captures lack the inode.
    assert_eq!(asked(opened(4, b"x", create, 0o755, 0)), "true true true false");
    // A call that fails makes nothing, as one with `O_EXCL` of a file that exists.
    assert_eq!(asked(opened(-17, b"x", create | flag("O_EXCL"), 0o755, 0)), "true true false false");
    assert_eq!(asked(opened(-22, b"/etc", flag("O_TMPFILE"), 0o755, 0)), "false false false false");
}

#[test]
fn creat_opens_for_writing() {
    use param::SYSCALL_CREAT_X as p;
    let mut system = system();
    let creat = |told: u64| {
        let event = at(1, E::SYSCALL_CREAT_X, 10).int(p::fd, 4).text(p::name, b"x").uint(p::mode, 0o755);
        event.uint(p::ino, 9).uint(p::creat_flags, told)
    };
    assert_eq!(see(&mut system, creat(0), &ASKED), ["false", "true", "false", "false"]);
    let made = creat(flag("O_F_CREATED"));
    assert_eq!(see(&mut system, made, &ASKED), ["false", "true", "true", "true"]);
}

#[test]
fn a_file_opened_for_its_path_alone_is_not_read() {
    let mut system = system();
    let fields = [&ASKED[..], &["evt.arg.flags", "fd.name"]].concat();
    let event = opened(4, b"x", flag("O_PATH") | flag("O_CLOEXEC"), 0, 9);
    let got = see(&mut system, event, &fields);
    assert_eq!(got, ["false", "false", "false", "false", "O_CLOEXEC|O_PATH", "/home/x"]);
}

#[test]
fn a_file_that_a_handle_finds_begins_at_no_directory() {
    use param::SYSCALL_OPEN_BY_HANDLE_AT_X as p;
    let mut system = system();
    let mut found = |path: &[u8]| {
        let event = at(1, E::SYSCALL_OPEN_BY_HANDLE_AT_X, 10).int(p::fd, 4).int(p::mountfd, -100);
        let event = event.uint(p::flags, flag("O_RDONLY")).text(p::path, path);
        see(&mut system, event, &["fd.type", "fd.name", "fs.path.name", "evt.abspath"]).join(" ")
    };
    assert_eq!(found(b"/etc/x"), "file /etc/x /etc/x /etc/x");
    assert_eq!(found(b"(unreachable)/x"), "file (unreachable)/x (unreachable)/x (unreachable)/x");
    assert_eq!(found(b"uts:[7]"), "unsupported uts:[7] uts:[7] uts:[7]");
    assert_eq!(found(b"pidfd:[12]"), "pidfd /proc/12 pidfd:[12] pidfd:[12]");
}

const FILE: [&str; 4] = ["fd.typechar", "fd.name", "fd.directory", "fd.filename"];

#[test]
fn a_file_without_a_name_is_in_the_requested_directory() {
    let (unnamed, directory) = (flag("O_TMPFILE"), flag("O_DIRECTORY"));
    let fields = [&FILE[..], &["evt.is_open_create"]].concat();
    // Captures of other programs also have the flag of a directory here, and both flags for directories.
    for flags in [unnamed, unnamed | directory] {
        let event = opened(4, b"/etc", flags | flag("O_RDWR"), 0o600, 672);
        let got = see(&mut system(), event, &fields);
        assert_eq!(got, ["f", "/etc/#672", "/etc", "#672", "true"]);
        let event = opened(4, b"/", flags | flag("O_WRONLY"), 0o600, 672);
        assert_eq!(see(&mut system(), event, &["fd.name"]), ["/#672"]);
        // The kernel gives the file this name, too, and treats it as deleted.
        let at = behind(E::SYSCALL_OPENAT_2_X);
        for (kernel, other) in
            [("/etc/#672 (deleted)", None), ("/var/#672 (deleted)", Some("/var/#672 (deleted)"))]
        {
            let event =
                opened(4, b"/etc", flags | flag("O_RDWR"), 0o600, 672).text(at, kernel.as_bytes()).build();
            let mut system = system();
            let view = system.process(event.as_raw());
            let name = view.fd().and_then(|fd| fd.opened()).map(|fd| &*fd.name);
            assert_eq!(name, other.map(str::as_bytes));
        }
    }
    // The access mode 3 gives no right to write.
    let event = opened(4, b"/etc", unnamed, 0o700, 672);
    assert_eq!(see(&mut system(), event, &fields), ["f", "/etc/#672", "/etc", "#672", "true"]);
    for flags in [directory, unnamed | directory] {
        let event = opened(4, b"/etc", flags | flag("O_RDONLY"), 0o600, 672);
        assert_eq!(see(&mut system(), event, &fields), ["d", "/etc", "/etc", "<NA>", "false"]);
    }
}

fn linkat(dirfd: i64, old: &[u8], new: &[u8]) -> EventBuilder {
    use param::SYSCALL_LINKAT_2_X as p;
    let event = at(2, E::SYSCALL_LINKAT_2_X, 10).int(p::res, 0).int(p::olddir, dirfd).text(p::oldpath, old);
    event.int(p::newdir, -100).text(p::newpath, new)
}

#[test]
fn a_file_without_a_name_has_the_one_that_it_is_linked_by() {
    let name_after = |link: EventBuilder| {
        let mut system = system();
        see(&mut system, opened(4, b"/etc", flag("O_TMPFILE") | flag("O_RDWR"), 0o600, 5), &[]);
        see(&mut system, link, &[]);
        see(&mut system, close(3, 10, 4), &["fd.name"]).remove(0)
    };
    for old in ["/proc/self/fd/4", "/proc/thread-self/fd/4", "/proc/10/fd/4", "/dev/fd/4"] {
        assert_eq!(name_after(linkat(-100, old.as_bytes(), b"/etc/made")), "/etc/made", "{old}");
    }
    assert_eq!(name_after(linkat(4, b"", b"made")), "/home/made");
    for old in ["/proc/self/fd/3", "/proc/11/fd/4", "/proc/self/fd/x", "/proc/self/fdinfo/4", "/etc/motd"] {
        assert_eq!(name_after(linkat(-100, old.as_bytes(), b"/etc/made")), "/etc/#5", "{old}");
    }
    let failed = linkat(4, b"", b"made").int(param::SYSCALL_LINKAT_2_X::res, -17);
    assert_eq!(name_after(failed), "/etc/#5");
    // A file with a name keeps it.
    let mut system = system();
    see(&mut system, linkat(-100, b"/proc/self/fd/3", b"/etc/made"), &[]);
    assert_eq!(see(&mut system, close(3, 10, 3), &["fd.name"]), ["/etc/motd"]);
}

#[test]
fn a_directory_is_one_whether_that_was_asked_for_or_not() {
    let ty = E::SYSCALL_OPENAT_2_X;
    let told = |event: EventBuilder| event.text(behind(ty), b"/tmp").bytes(behind(ty) + 1, &[1]);
    let event = told(opened(4, b"/tmp", flag("O_RDONLY"), 0, 9));
    assert_eq!(see(&mut system(), event, &FILE), ["d", "/tmp", "/tmp", "<NA>"]);
    let event =
        opened(4, b"/tmp", flag("O_RDONLY"), 0, 9).text(behind(ty), b"/tmp").bytes(behind(ty) + 1, &[]);
    assert_eq!(see(&mut system(), event, &FILE), ["f", "/tmp", "/", "tmp"]);
}

#[test]
fn no_path_is_not_the_working_directory() {
    let fields = [&FILE[1..], &["fs.path.name", "fd.nameraw"]].concat();
    let event = opened(-2, b"", flag("O_RDONLY"), 0, 0);
    assert_eq!(see(&mut system(), event, &fields), ["", "/", "", "", ""]);
    let event = opened(-2, b"missing", flag("O_RDONLY"), 0, 0);
    let wanted = ["/home/missing", "/home", "missing", "/home/missing", "missing"];
    assert_eq!(see(&mut system(), event, &fields), wanted);
}

#[test]
fn an_unknown_descriptor_has_no_directory() {
    let mut system = system();
    for ty in [E::SYSCALL_READ_X, E::SYSCALL_WRITE_X, E::SYSCALL_CLOSE_X, E::SYSCALL_FCHMOD_X] {
        let fd = ty.info().unwrap().param("fd").unwrap();
        let event = at(1, ty, 10).int(0, -9).int(fd, 777);
        let fields = ["fd.num", "fd.name", "fd.directory", "fd.filename", "fd.containerdirectory"];
        assert_eq!(see(&mut system, event, &fields), ["777", "", "<NA>", "<NA>", "<NA>"], "{}", ty.name());
    }
    // A failed connection has no directory either.
    let connect = at(1, E::SOCKET_CONNECT_X, 10).int(0, -111).int(2, 777);
    assert_eq!(see(&mut system, connect, &["fd.directory"]), ["<NA>"]);
}

fn ioctl(request: u64, fd: i64, res: i64) -> EventBuilder {
    use param::SYSCALL_IOCTL_3_X as p;
    at(2, E::SYSCALL_IOCTL_3_X, 10).int(p::res, res).int(p::fd, fd).uint(p::request, request)
}

/// Descriptors that are open after an exec.
fn left(system: &mut Inspector) -> String {
    see(system, exec(9, 10, b"cat", b""), &["proc.fdopencount"]).remove(0)
}

#[test]
fn close_on_exec_is_followed_however_it_is_set() {
    const FIONCLEX: u64 = 0x5450;
    const FIOCLEX: u64 = 0x5451;
    let closing = || opened(4, b"x", flag("O_CLOEXEC"), 0, 9);
    for (change, expected) in [
        (None, "1"),
        (Some(ioctl(FIOCLEX, 3, 0)), "0"),
        (Some(ioctl(FIONCLEX, 4, 0)), "2"),
        // The kernel uses the lower 32 bits of the request.
        (Some(ioctl(FIONCLEX | 1 << 32, 4, 0)), "2"),
        (Some(ioctl(FIONCLEX, 4, -9)), "1"),
        (Some(ioctl(0x5413, 4, 0)), "1"),
        // `dup2` onto the same descriptor, which changes nothing; onto another one.
        (Some(at(2, E::SYSCALL_DUP2_X, 10).int(0, 4).int(1, 4).int(2, 4)), "1"),
        (Some(at(2, E::SYSCALL_DUP2_X, 10).int(0, 5).int(1, 4).int(2, 5)), "2"),
    ] {
        let mut system = system();
        see(&mut system, closing(), &[]);
        let text = format!("{change:?}");
        if let Some(change) = change {
            see(&mut system, change, &[]);
        }
        assert_eq!(left(&mut system), expected, "{text}");
    }
}

#[test]
fn descriptors_of_other_things_are_closed_by_an_exec_as_they_were_made() {
    use param::{SYSCALL_SIGNALFD4_X as s, SYSCALL_USERFAULTFD_X as u};
    const KERNEL_CLOEXEC: u64 = 0x8_0000;
    let make = |ty: E| at(1, ty, 10).int(0, 7);
    let timer = E::SYSCALL_TIMERFD_CREATE_X;
    for (event, expected) in [
        (make(timer), "1"),
        (make(timer).bytes(behind(timer), &[]), "1"),
        (make(timer).bytes(behind(timer), &[1]), "2"),
        (make(E::SYSCALL_USERFAULTFD_X), "2"),
        (make(E::SYSCALL_USERFAULTFD_X).uint(u::flags, KERNEL_CLOEXEC), "1"),
        (make(E::SYSCALL_IO_URING_SETUP_X), "1"),
        (make(E::SYSCALL_SIGNALFD4_X).int(s::fd, -1), "2"),
    ] {
        let mut system = system();
        let text = format!("{event:?}");
        see(&mut system, event, &[]);
        assert_eq!(left(&mut system), expected, "{text}");
    }
    // Another mask for an existing signalfd: an exec still closes it.
    let mut system = system();
    see(&mut system, make(E::SYSCALL_SIGNALFD4_X).int(s::fd, -1).uint(s::flags, flag("O_CLOEXEC")), &[]);
    let again = make(E::SYSCALL_SIGNALFD4_X).int(s::fd, 7);
    assert_eq!(see(&mut system, again, &["fd.typechar"]), ["s"]);
    assert_eq!(left(&mut system), "1");
}

#[test]
fn without_files_no_descriptor_refers_to_a_plain_file() {
    use param::{SYSCALL_DUP2_X as dup2, SYSCALL_READ_X as read};
    let mut system = system();
    let needs = Needs::of_rules(&CodeSet::empty(E::COUNT), &[], None).without_files();
    system.set_needs(Some(Arc::new(needs)));
    let own = behind(E::SYSCALL_OPENAT_2_X);
    let of_fd = |system: &mut Inspector, fd| {
        let event = at(5, E::SYSCALL_READ_X, 10).int(read::res, 1).int(read::fd, fd);
        see(system, event, &["fd.type", "fd.name"]).join(" ")
    };
    // Files that were already open are forgotten, too.
    assert_eq!(of_fd(&mut system, 3), "<NA> ");
    let plain = opened(4, b"/etc/passwd", 0, 0, 9).text(own, b"/etc/passwd");
    assert_eq!(see(&mut system, plain, &["fd.type", "fd.name"]), ["file", "/etc/passwd"]);
    assert_eq!(of_fd(&mut system, 4), "<NA> ");
    // Other files are tracked: directories (also if only the kernel reports the type), terminals, namespaces.
    let directory = opened(5, b"/etc", 0, 0, 9).text(own, b"/etc").bytes(own + 1, &[1]);
    see(&mut system, directory, &[]);
    assert_eq!(of_fd(&mut system, 5), "directory /etc");
    for (fd, path) in [(6, &b"/dev/tty"[..]), (7, b"user:[4026531837]")] {
        see(&mut system, opened(fd, path, 0, 0, 9).text(own, path), &[]);
        assert_ne!(of_fd(&mut system, fd), "<NA> ", "{fd}");
    }
    // A copy of an unknown file removes the previous entry of its target.
    let copy = at(6, E::SYSCALL_DUP2_X, 10).int(dup2::res, 5).int(dup2::oldfd, 4).int(dup2::newfd, 5);
    see(&mut system, copy, &[]);
    assert_eq!(of_fd(&mut system, 5), "<NA> ");
    // When files are needed again, they are tracked again.
    system.set_needs(None);
    see(&mut system, opened(4, b"/etc/passwd", 0, 0, 9).text(own, b"/etc/passwd"), &[]);
    assert_eq!(of_fd(&mut system, 4), "file /etc/passwd");
}

/// A source without events that may filter out those of some kinds of files.
struct Filtered(UnusedFiles);

impl EventSource for Filtered {
    fn advance(&mut self) -> Result<Advance, Error> {
        Ok(Advance::End)
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        None
    }

    fn unused_files(&self) -> UnusedFiles {
        self.0
    }
}

#[test]
fn unused_pipes_and_sockets_are_known_only_in_the_event_that_makes_them() {
    use param::{SOCKET_ACCEPT4_6_X as accept, SOCKET_SOCKET_X as socket, SOCKET_SOCKETPAIR_X as pair};
    use param::{SYSCALL_FCHMOD_X as fchmod, SYSCALL_PIPE2_X as pipe, SYSCALL_READ_X as read};
    let client = [2, 127, 0, 0, 1, 0x39, 0x30, 127, 0, 0, 1, 0x50, 0];
    let makes = |first: i64, second: i64| {
        [
            (
                at(1, E::SYSCALL_PIPE2_X, 10)
                    .int(pipe::res, 0)
                    .int(pipe::fd1, first)
                    .int(pipe::fd2, second)
                    .uint(pipe::ino, 7),
                "pipe",
            ),
            (at(1, E::SOCKET_SOCKET_X, 10).int(socket::fd, first).uint(socket::domain, 2), "ipv4"),
            (
                at(1, E::SOCKET_SOCKETPAIR_X, 10)
                    .int(pair::res, 0)
                    .int(pair::fd1, first)
                    .int(pair::fd2, second),
                "unix",
            ),
            (at(1, E::SOCKET_ACCEPT4_6_X, 10).int(accept::fd, first).bytes(accept::tuple, &client), "ipv4"),
        ]
    };
    let later = |system: &mut Inspector| {
        let of = |fd| at(5, E::SYSCALL_READ_X, 10).int(read::res, 1).int(read::fd, fd);
        [4, 5].map(|fd| see(system, of(fd), &["fd.type"]).join(" "))
    };
    let kinds = |pipes, sockets| UnusedFiles { plain: true, pipes, sockets, ..UnusedFiles::NONE };
    for of in [kinds(true, false), kinds(false, true), kinds(true, true)] {
        let mut system = system();
        // Those that were open before are forgotten, too.
        for (event, kind) in makes(4, 4) {
            see(&mut system, event, &[]);
            system.note_losses(&Filtered(of));
            let is_unused = if kind == "pipe" { of.pipes } else { of.sockets };
            assert_eq!(later(&mut system)[0] == "<NA>", is_unused, "{kind}, {of:?}");
            system.note_losses(&Filtered(UnusedFiles::NONE));
        }
        system.note_losses(&Filtered(of));
        for (event, kind) in makes(4, 5) {
            let is_unused = if kind == "pipe" { of.pipes } else { of.sockets };
            see(&mut system, close(1, 10, 4), &[]);
            see(&mut system, close(1, 10, 5), &[]);
            assert_eq!(see(&mut system, event, &["fd.type"]), [kind]);
            assert_eq!(later(&mut system)[0] == "<NA>", is_unused, "{kind}, {of:?}");
        }
        // Only an `fchmod` or `fchown` shows them, by the kernel's name.
        see(&mut system, close(1, 10, 4), &[]);
        let event = at(6, E::SYSCALL_FCHMOD_X, 10).int(fchmod::res, 0).int(fchmod::fd, 4);
        let event = event.text(behind(E::SYSCALL_FCHMOD_X), b"pipe:[42]");
        assert_eq!(see(&mut system, event, &["fd.type", "fd.ino", "fd.name"]), ["pipe", "42", ""]);
        assert_eq!(later(&mut system)[0], "<NA>");
    }
}

#[test]
fn a_file_of_an_unused_kind_does_not_hide_the_next_one_with_its_number() {
    use param::{SOCKET_SENDTO_X as sendto, SOCKET_SOCKET_X as socket, SYSCALL_FCHMOD_X as fchmod};
    let tuple = [2, 127, 0, 0, 1, 0x39, 0x30, 127, 0, 0, 1, 53, 0];
    let packets = || at(1, E::SOCKET_SOCKET_X, 10).int(socket::fd, 4).uint(socket::domain, 17);
    let sent =
        || at(1, E::SOCKET_SENDTO_X, 10).int(sendto::res, 1).int(sendto::fd, 4).bytes(sendto::tuple, &tuple);
    let unmarked = || opened(4, b"/etc/passwd", 0, 0, 9);
    let unused = UnusedFiles { plain: true, sockets: true, ..UnusedFiles::NONE };
    let shown = |system: &mut Inspector| {
        let event = at(6, E::SYSCALL_FCHMOD_X, 10).int(fchmod::res, 0).int(fchmod::fd, 4);
        see(system, event.text(behind(E::SYSCALL_FCHMOD_X), b"/etc/x"), &["fd.type", "fd.name"]).join(" ")
    };
    for event in [packets(), sent(), unmarked()] {
        let text = format!("{event:?}");
        // The event came before the filter, or the filter let it pass.
        for is_before in [true, false] {
            let mut system = system();
            if !is_before {
                system.note_losses(&Filtered(unused));
            }
            see(&mut system, event.clone(), &[]);
            system.note_losses(&Filtered(unused));
            assert_eq!(shown(&mut system), "file /etc/x", "{text}");
        }
    }
}
