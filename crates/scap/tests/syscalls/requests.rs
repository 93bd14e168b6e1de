//! Requests of `io_uring`: each is reported as the equivalent call.

use eyas_events::{EventType, FlagTable, SyscallCode, param, request_of};
use eyas_scap::{OwnedEvent, is_direct};
use eyas_testing::{is_kernel_path, test};

use crate::call::{Fd, Scratch, at, call};
use crate::capture::{Capture, capture, capture_calls, tid};
use crate::network::{INET, address, port, sockaddr, socket};
use crate::open::identity;
use crate::ring::{ANY_SLOT, ASYNC, BY_SLOT, CQ_SIZE, Entry, POLLED, Ring};
use crate::want::{Want, bytes, empty, flags, has, int, is, path, text};

pub const CWD: i64 = libc::AT_FDCWD as i64;
const STREAM: i64 = libc::SOCK_STREAM as i64;

/// A ring, if the system supports them.
pub fn ring() -> Ring {
    ring_with(0, 0)
}

pub fn ring_with(flags: u32, completions: u32) -> Ring {
    let ring = Ring::new(flags, completions);
    let ring = ring.unwrap_or_else(|error| eyas_testing::ignore(format_args!("no io_uring here ({error})")));
    if !std::fs::exists("/sys/kernel/btf/vmlinux").unwrap()
        || eyas_scap::live::Features::detect().io_uring.is_none()
    {
        eyas_testing::ignore("the kernel's tracepoints of io_uring do not hand over the request");
    }
    ring
}

/// The result of a request, if the kernel supports its kind.
#[track_caller]
pub fn done(ring: &mut Ring, request: Entry) -> i64 {
    let res = ring.one(request);
    let kind = request_of(request.opcode).unwrap().name;
    if res == -i64::from(libc::EINVAL) {
        eyas_testing::ignore(format_args!("the kernel has no request {kind}"));
    }
    res
}

/// Checks that an event of this thread belongs to such a request and has the expected parameters.
#[track_caller]
pub fn saw(live: &mut Capture, opcode: u8, ty: EventType, wants: &[(&str, Want)]) -> OwnedEvent {
    live.saw(ty, wants);
    let mine = tid();
    let event = live.event_where(|raw| {
        raw.ty == ty && raw.tid == mine && raw.io_uring().is_some_and(|request| request.opcode == opcode)
    });
    let request = event.as_raw().io_uring().unwrap();
    assert!(!request.is_polled && !request.is_presumed);
    event
}

/// The n-th event of a request of this thread, from 0.
#[track_caller]
pub fn requested(live: &mut Capture, n: usize) -> OwnedEvent {
    let mine = tid();
    live.nth_where(n, |raw| raw.tid == mine && raw.io_uring().is_some())
}

fn file_flags(names: &[&str]) -> Want {
    const LAYERS: i64 = 0x18000;
    let Want::Int(wanted) = flags(&FlagTable::FILE_FLAGS, names) else { unreachable!() };
    is("the flags passed", move |got| got & !LAYERS == wanted)
}

pub fn openat(name: &std::ffi::CStr, flags: i32) -> Entry {
    Entry { op_flags: flags as u32, ..Entry::new(18, CWD).addr(name.as_ptr()).len(0o640) }
}

#[test]
fn openat_request() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let (mut ring, dir) = (ring(), Scratch::new("requests"));
    for (name, how) in [("new", 0), ("by-a-worker", ASYNC), (&"long".repeat(60), 0)] {
        let name = dir.path(name);
        let entry = openat(&name, libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC);
        let fd = Fd(done(&mut ring, Entry { flags: how, ..entry }));
        let [dev, ino] = identity(fd.0);
        let event = saw(
            &mut live,
            18,
            EventType::SYSCALL_OPENAT_2_X,
            &[
                ("fd", int(fd.0)),
                ("dirfd", int(-100)),
                ("name", path(&name)),
                ("flags", file_flags(&["O_RDWR", "O_CREAT", "O_CLOEXEC", "O_F_CREATED"])),
                ("mode", int(0o640)),
                dev,
                ino,
            ],
        );
        assert_eq!(event.as_raw().io_uring().unwrap().name(), Some("openat"));
    }
    let mut longest = dir.path("x").into_bytes();
    longest.truncate(longest.len() - 1);
    longest.extend(b"./".repeat(1000));
    longest.push(b'x');
    let name = std::ffi::CString::new(longest).unwrap();
    assert_eq!(done(&mut ring, openat(&name, libc::O_RDONLY)), -i64::from(libc::ENOENT));
    let failed = requested(&mut live, 3);
    assert_eq!(failed.as_raw().result(), Some(-2));
    assert_eq!(failed.as_raw().text(param::SYSCALL_OPENAT_2_X::name), Some(name.as_bytes()));
}

#[test]
fn openat_says_what_was_opened() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let (mut ring, dir) = (ring(), Scratch::new("requests-link"));
    let (file, link) = (dir.file("file", "x"), dir.path("link"));
    assert_eq!(call(libc::SYS_symlinkat, [at(file.as_ptr()), CWD, at(link.as_ptr())]), 0);
    let _fd = Fd(done(&mut ring, openat(&link, libc::O_RDONLY)));
    let event = requested(&mut live, 0);
    assert!(is_kernel_path(event.as_raw().opened_path(), file.as_bytes()));
}

#[test]
fn openat2_and_close_request() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT2_X, EventType::SYSCALL_CLOSE_X]);
    let (mut ring, dir) = (ring(), Scratch::new("requests-2"));
    let name = dir.file("file", "x");
    let how = [libc::O_RDONLY as u64, 0, 0x02];
    let fd = done(&mut ring, Entry::new(28, CWD).addr(name.as_ptr()).len(24).offset(how.as_ptr()));
    assert!(fd >= 0, "{fd}");
    let [dev, ino] = identity(fd);
    saw(
        &mut live,
        28,
        EventType::SYSCALL_OPENAT2_X,
        &[
            ("fd", int(fd)),
            ("dirfd", int(-100)),
            ("name", path(&name)),
            ("flags", file_flags(&["O_RDONLY"])),
            ("mode", int(0)),
            ("resolve", flags(&FlagTable::OPENAT2_FLAGS, &["RESOLVE_NO_MAGICLINKS"])),
            dev,
            ino,
        ],
    );
    assert_eq!(done(&mut ring, Entry::new(19, fd)), 0);
    saw(&mut live, 19, EventType::SYSCALL_CLOSE_X, &[("res", int(0)), ("fd", int(fd))]);
}

#[test]
fn names_are_made_changed_and_taken_away() {
    use EventType as E;
    let types = [
        E::SYSCALL_MKDIRAT_X,
        E::SYSCALL_LINKAT_2_X,
        E::SYSCALL_SYMLINKAT_X,
        E::SYSCALL_RENAMEAT2_X,
        E::SYSCALL_UNLINKAT_2_X,
    ];
    let mut live = capture(&types);
    let (mut ring, dir) = (ring(), Scratch::new("requests-names"));
    let below = dir.fd();
    let (made, file, hard, soft, moved) =
        (dir.path("made"), dir.file("file", "x"), dir.path("hard"), dir.path("soft"), dir.path("moved"));
    // The kernel takes 0o700 of it.
    let odd_mode = 0xabcd_f000 | 0o6700;
    assert_eq!(done(&mut ring, Entry::new(37, below.0).addr(c"made".as_ptr()).len(odd_mode)), 0);
    let event = saw(
        &mut live,
        37,
        E::SYSCALL_MKDIRAT_X,
        &[("res", int(0)), ("dirfd", int(below.0)), ("path", text("made")), ("mode", int(0o700))],
    );
    assert!(is_kernel_path(event.as_raw().kernel_path(2), made.as_bytes()));
    let two = |opcode, old: &std::ffi::CStr, new: &std::ffi::CStr| {
        Entry::new(opcode, CWD).addr(old.as_ptr()).len(CWD as usize).offset(new.as_ptr())
    };
    assert_eq!(done(&mut ring, two(39, &file, &hard)), 0);
    saw(
        &mut live,
        39,
        E::SYSCALL_LINKAT_2_X,
        &[
            ("res", int(0)),
            ("olddir", int(-100)),
            ("oldpath", path(&file)),
            ("newdir", int(-100)),
            ("newpath", path(&hard)),
            ("flags", int(0)),
        ],
    );
    assert_eq!(done(&mut ring, Entry::new(38, CWD).addr(c"file".as_ptr()).offset(soft.as_ptr())), 0);
    saw(
        &mut live,
        38,
        E::SYSCALL_SYMLINKAT_X,
        &[("res", int(0)), ("target", text("file")), ("linkdirfd", int(-100)), ("linkpath", path(&soft))],
    );
    assert_eq!(done(&mut ring, two(35, &hard, &moved)), 0);
    saw(
        &mut live,
        35,
        E::SYSCALL_RENAMEAT2_X,
        &[
            ("res", int(0)),
            ("olddirfd", int(-100)),
            ("oldpath", path(&hard)),
            ("newdirfd", int(-100)),
            ("newpath", path(&moved)),
            ("flags", int(0)),
        ],
    );
    let entry = Entry { op_flags: libc::AT_REMOVEDIR as u32, ..Entry::new(36, CWD).addr(made.as_ptr()) };
    assert_eq!(done(&mut ring, entry), 0);
    saw(
        &mut live,
        36,
        E::SYSCALL_UNLINKAT_2_X,
        &[
            ("res", int(0)),
            ("dirfd", int(-100)),
            ("name", path(&made)),
            ("flags", flags(&FlagTable::UNLINKAT_FLAGS, &["AT_REMOVEDIR"])),
        ],
    );
}

#[test]
fn a_server_and_who_calls_it() {
    use EventType as E;
    let types = [
        E::SOCKET_SOCKET_X,
        E::SOCKET_BIND_X,
        E::SOCKET_LISTEN_X,
        E::SOCKET_CONNECT_X,
        E::SOCKET_ACCEPT4_6_X,
        E::SOCKET_SHUTDOWN_X,
    ];
    let mut live = capture(&types);
    let mut ring = ring();
    let make = Entry { offset: STREAM as u64, ..Entry::new(45, INET) };
    let (server, client) = (Fd(done(&mut ring, make)), Fd(done(&mut ring, make)));
    saw(
        &mut live,
        45,
        E::SOCKET_SOCKET_X,
        &[
            ("fd", int(server.0)),
            ("domain", int(INET)),
            ("type", int(STREAM)),
            ("proto", int(0)),
            ("flags", int(0)),
        ],
    );
    let any = address(0);
    // Older kernels bind and listen only by calls.
    let by_request = ring.one(Entry { offset: 16, ..Entry::new(56, server.0).addr(any.as_ptr()) }) == 0;
    if by_request {
        // The kernel chooses the port.
        let wants = [("res", int(0)), ("addr", sockaddr(port(&server))), ("fd", int(server.0))];
        saw(&mut live, 56, E::SOCKET_BIND_X, &wants);
        let bound = live.event_where(|event| event.ty == E::SOCKET_BIND_X && event.tid == tid());
        assert!(bound.as_raw().port_is_chosen());
        assert_eq!(ring.one(Entry::new(57, server.0).len(9)), 0);
        saw(
            &mut live,
            57,
            E::SOCKET_LISTEN_X,
            &[("res", int(0)), ("fd", int(server.0)), ("backlog", int(9))],
        );
        let listens = live.event_where(|event| event.ty == E::SOCKET_LISTEN_X && event.tid == tid());
        let address = [&[2, 127, 0, 0, 1][..], &port(&server).to_le_bytes()].concat();
        assert_eq!(listens.as_raw().listening_address(), Some(&*address));
    } else {
        assert_eq!(call(libc::SYS_bind, [server.0, at(&any), 16]), 0);
        assert_eq!(call(libc::SYS_listen, [server.0, 9]), 0);
    }
    let served = port(&server);
    let to = address(served);
    let [low, high] = served.to_le_bytes();
    assert_eq!(done(&mut ring, Entry { offset: 16, ..Entry::new(16, client.0).addr(to.as_ptr()) }), 0);
    let own = port(&client).to_le_bytes();
    let ends = [2, 127, 0, 0, 1, own[0], own[1], 127, 0, 0, 1, low, high];
    saw(
        &mut live,
        16,
        E::SOCKET_CONNECT_X,
        &[
            ("res", int(0)),
            ("tuple", bytes(ends)),
            ("fd", int(client.0)),
            ("addr", bytes([2, 127, 0, 0, 1, low, high])),
        ],
    );
    let entry = Entry { op_flags: libc::SOCK_CLOEXEC as u32, ..Entry::new(13, server.0) };
    let taken = Fd(done(&mut ring, entry));
    saw(
        &mut live,
        13,
        E::SOCKET_ACCEPT4_6_X,
        &[
            ("fd", int(taken.0)),
            ("tuple", bytes(ends)),
            ("queuepct", int(0)),
            ("queuelen", int(0)),
            ("queuemax", int(9)),
            ("flags", is("of a socket", |flags| flags != 0)),
        ],
    );
    assert_eq!(done(&mut ring, Entry::new(34, client.0).len(libc::SHUT_WR as usize)), 0);
    saw(&mut live, 34, E::SOCKET_SHUTDOWN_X, &[("res", int(0)), ("fd", int(client.0)), ("how", int(1))]);
}

/// Two datagram sockets, and the address of the second.
pub fn datagrams() -> (Fd, Fd, [u8; 16]) {
    let (from, to) = (socket(INET, libc::SOCK_DGRAM.into()), socket(INET, libc::SOCK_DGRAM.into()));
    for socket in [&from, &to] {
        assert_eq!(call(libc::SYS_bind, [socket.0, at(&address(0)), 16]), 0);
    }
    let there = address(port(&to));
    (from, to, there)
}

#[test]
fn messages_are_sent_and_received() {
    use EventType as E;
    let mut live =
        capture(&[E::SOCKET_SENDTO_X, E::SOCKET_RECVFROM_X, E::SOCKET_SENDMSG_X, E::SOCKET_RECVMSG_X]);
    let mut ring = ring();
    let (from, to, there) = datagrams();
    let (own, other) = (port(&from).to_le_bytes(), port(&to).to_le_bytes());
    let ends = [2, 127, 0, 0, 1, own[0], own[1], 127, 0, 0, 1, other[0], other[1]];
    let said = b"a request";
    let iov = [at(said.as_ptr()), said.len() as i64];
    let header = |iov: &[i64; 2], name: Option<&[u8; 16]>| {
        let name = name.map_or([0, 0], |name| [at(name.as_ptr()), 16]);
        [name[0], name[1], at(iov.as_ptr()), 1, 0, 0, 0]
    };
    let message = header(&iov, Some(&there));
    assert_eq!(done(&mut ring, Entry::new(9, from.0).addr(message.as_ptr()).len(1)), 9);
    saw(
        &mut live,
        9,
        E::SOCKET_SENDMSG_X,
        &[
            ("res", int(9)),
            ("data", bytes(said)),
            ("fd", int(from.0)),
            ("size", int(9)),
            ("tuple", bytes(ends)),
        ],
    );
    let mut buffer = [0_u8; 32];
    let into = [at(buffer.as_mut_ptr()), 32];
    let message = header(&into, None);
    assert_eq!(done(&mut ring, Entry::new(10, to.0).addr(message.as_ptr()).len(1)), 9);
    saw(
        &mut live,
        10,
        E::SOCKET_RECVMSG_X,
        &[
            ("res", int(9)),
            ("size", int(9)),
            ("data", bytes(said)),
            ("tuple", is_tuple()),
            ("msgcontrol", empty()),
            ("fd", int(to.0)),
        ],
    );
    // The address of a send, in the entry.
    let entry =
        Entry { file_index: 16, ..Entry::new(26, from.0).addr(said.as_ptr()).len(9).offset(there.as_ptr()) };
    assert_eq!(done(&mut ring, entry), 9);
    saw(
        &mut live,
        26,
        E::SOCKET_SENDTO_X,
        &[
            ("res", int(9)),
            ("data", bytes(said)),
            ("fd", int(from.0)),
            ("size", int(9)),
            ("tuple", bytes(ends)),
        ],
    );
    assert_eq!(done(&mut ring, Entry::new(27, to.0).addr(buffer.as_ptr()).len(32)), 9);
    saw(
        &mut live,
        27,
        E::SOCKET_RECVFROM_X,
        &[
            ("res", int(9)),
            ("data", bytes(said)),
            ("tuple", is_tuple()),
            ("fd", int(to.0)),
            ("size", int(32)),
        ],
    );
}

/// Both ends of a socket of IPv4.
fn is_tuple() -> Want {
    has("two ends", |bytes| bytes.len() == 13 && bytes[0] == 2)
}

#[test]
fn reads_and_writes() {
    use EventType as E;
    let mut live = capture(&[E::SYSCALL_READ_X, E::SYSCALL_WRITE_X, E::SYSCALL_READV_X, E::SYSCALL_WRITEV_X]);
    let (mut ring, dir) = (ring(), Scratch::new("requests-io"));
    let file = Fd(call(libc::SYS_openat, [CWD, at(dir.file("f", "").as_ptr()), libc::O_RDWR.into()]));
    let (said, mut buffer) = (b"some words", [0_u8; 32]);
    let vector = [at(said.as_ptr()), said.len() as i64];
    let into = [at(buffer.as_mut_ptr()), 32];
    assert_eq!(done(&mut ring, Entry::new(23, file.0).addr(said.as_ptr()).len(10)), 10);
    let wrote = [("res", int(10)), ("data", bytes(said)), ("fd", int(file.0)), ("size", int(10))];
    saw(&mut live, 23, E::SYSCALL_WRITE_X, &wrote);
    assert_eq!(done(&mut ring, Entry::new(22, file.0).addr(buffer.as_ptr()).len(32)), 10);
    let read = [("res", int(10)), ("data", bytes(said)), ("fd", int(file.0)), ("size", int(32))];
    saw(&mut live, 22, E::SYSCALL_READ_X, &read);
    assert_eq!(done(&mut ring, Entry::new(2, file.0).addr(vector.as_ptr()).len(1)), 10);
    saw(&mut live, 2, E::SYSCALL_WRITEV_X, &wrote);
    assert_eq!(done(&mut ring, Entry::new(1, file.0).addr(into.as_ptr()).len(1)), 10);
    let read = [("res", int(10)), ("size", int(10)), ("data", bytes(said)), ("fd", int(file.0))];
    saw(&mut live, 1, E::SYSCALL_READV_X, &read);
}

#[test]
fn attributes_are_set_and_read() {
    use EventType as E;
    let types =
        [E::SYSCALL_SETXATTR_X, E::SYSCALL_FSETXATTR_X, E::SYSCALL_GETXATTR_X, E::SYSCALL_FGETXATTR_X];
    let mut live = capture(&types);
    let (mut ring, dir) = (ring(), Scratch::new("requests-xattr"));
    let (name, attribute, value) = (dir.file("f", ""), c"trusted.eyas", *b"value");
    let mut room = [0_u8; 5];
    let file = Fd(call(libc::SYS_openat, [CWD, at(name.as_ptr()), libc::O_RDWR.into()]));
    let entry = |opcode| Entry::new(opcode, file.0).addr(attribute.as_ptr()).len(5).offset(value.as_ptr());
    let with_path = |entry: Entry| Entry { addr3: at(name.as_ptr()) as u64, ..entry };
    assert_eq!(done(&mut ring, with_path(entry(42))), 0);
    let last = |first| [first, ("name", text("trusted.eyas")), ("value", bytes(b"value")), ("flags", int(0))];
    let [a, b, c, d] = last(("path", path(&name)));
    saw(&mut live, 42, E::SYSCALL_SETXATTR_X, &[("res", int(0)), a, b, c, d]);
    assert_eq!(done(&mut ring, entry(41)), 0);
    let [a, b, c, d] = last(("fd", int(file.0)));
    saw(&mut live, 41, E::SYSCALL_FSETXATTR_X, &[("res", int(0)), a, b, c, d]);
    let into = Entry { offset: at(room.as_mut_ptr()) as u64, ..entry(44) };
    assert_eq!(done(&mut ring, with_path(into)), 5);
    let name_of = ("name", text("trusted.eyas"));
    saw(&mut live, 44, E::SYSCALL_GETXATTR_X, &[("res", int(5)), ("path", path(&name)), name_of]);
    assert_eq!(done(&mut ring, Entry { opcode: 43, ..into }), 5);
    let name_of = ("name", text("trusted.eyas"));
    saw(&mut live, 43, E::SYSCALL_FGETXATTR_X, &[("res", int(5)), ("fd", int(file.0)), name_of]);
}

#[test]
fn data_that_moves_between_files() {
    use EventType as E;
    let mut live = capture(&[E::SYSCALL_SPLICE_X, E::SYSCALL_PIPE2_X, E::SYSCALL_FTRUNCATE_X]);
    let (mut ring, dir) = (ring(), Scratch::new("requests-splice"));
    let file =
        Fd(call(libc::SYS_openat, [CWD, at(dir.file("f", "0123456789").as_ptr()), libc::O_RDWR.into()]));
    let mut ends = [0_i32; 2];
    assert_eq!(call(libc::SYS_pipe2, [at(&raw mut ends), 0]), 0);
    let [read, write] = ends.map(|end| Fd(end.into()));
    let splice =
        Entry { addr: 0, offset: u64::MAX, file_index: file.0 as u32, ..Entry::new(30, write.0).len(10) };
    assert_eq!(done(&mut ring, splice), 10);
    saw(
        &mut live,
        30,
        E::SYSCALL_SPLICE_X,
        &[
            ("res", int(10)),
            ("fd_in", int(file.0)),
            ("fd_out", int(write.0)),
            ("size", int(10)),
            ("flags", int(0)),
        ],
    );
    drop((read, write));
    if ring.one(Entry { offset: 4, ..Entry::new(55, file.0) }) == 0 {
        let wants = [("res", int(0)), ("fd", int(file.0)), ("length", int(4))];
        saw(&mut live, 55, E::SYSCALL_FTRUNCATE_X, &wants);
    }
    if ring.one(Entry { op_flags: libc::O_CLOEXEC as u32, ..Entry::new(62, 0).addr(&raw mut ends) }) == 0 {
        let [read, write] = ends.map(|end| Fd(end.into()));
        let [_, (_, ino)] = identity(read.0);
        let wants = [
            ("res", int(0)),
            ("fd1", int(read.0)),
            ("fd2", int(write.0)),
            ("ino", ino),
            ("flags", flags(&FlagTable::FILE_FLAGS, &["O_CLOEXEC"])),
        ];
        saw(&mut live, 62, E::SYSCALL_PIPE2_X, &wants);
    }
}

#[test]
fn a_file_is_looked_at() {
    let mut live = capture(&[EventType::SYSCALL_STATX_X]);
    let (mut ring, dir) = (ring(), Scratch::new("requests-statx"));
    dir.file("f", "0123456789");
    let (below, mut found) = (dir.fd(), [0_u8; 256]);
    let how = libc::AT_SYMLINK_NOFOLLOW | libc::AT_STATX_DONT_SYNC;
    let plain = Entry::new(21, below.0).addr(c"f".as_ptr()).len(0x7ff).offset(found.as_mut_ptr());
    assert_eq!(done(&mut ring, Entry { op_flags: how as u32, ..plain }), 0);
    let names = ["AT_SYMLINK_NOFOLLOW", "AT_STATX_DONT_SYNC"];
    let wants = [
        ("res", int(0)),
        ("dirfd", int(below.0)),
        ("path", text("f")),
        ("flags", flags(&FlagTable::STATX_FLAGS, &names)),
        ("mask", int(0x7ff)),
    ];
    saw(&mut live, 21, EventType::SYSCALL_STATX_X, &wants);
}

/// Kinds whose calls have no event of their own, and those that no call does.
#[test]
fn requests_without_an_event_of_their_own() {
    use SyscallCode as C;
    let calls = [C::TEE, C::FALLOCATE, C::FSYNC, C::IO_URING_ENTER];
    let mut live = capture_calls(&calls);
    let (mut ring, mut other, dir) = (ring(), ring(), Scratch::new("requests-generic"));
    let name = dir.file("f", "0123456789");
    let file = Fd(call(libc::SYS_openat, [CWD, at(name.as_ptr()), libc::O_RDWR.into()]));
    let fallocate = Entry { addr: 20, ..Entry::new(17, file.0) };
    for (request, call) in [(fallocate, C::FALLOCATE), (Entry::new(3, file.0), C::FSYNC)] {
        assert_eq!(done(&mut ring, request), 0, "{request:?}");
        let number = call.info().unwrap().number(eyas_events::Arch::X86_64).unwrap();
        let number = if cfg!(target_arch = "x86_64") { int(number) } else { is("a number", |n| n > 0) };
        let wants = [("ID", int(call.0)), ("nativeID", number)];
        saw(&mut live, request.opcode, EventType::GENERIC_X, &wants);
    }
    // A message for another ring.
    let message = Entry { offset: 7, ..Entry::new(40, other.fd).len(3) };
    assert_eq!(done(&mut ring, message), 0);
    assert_eq!(other.wait(1)[0].user_data, 7);
    saw(
        &mut live,
        40,
        EventType::SYSCALL_IO_URING_ENTER_X,
        &[
            ("res", int(0)),
            ("fd", int(other.fd)),
            ("to_submit", int(0)),
            ("min_complete", int(0)),
            ("flags", int(0)),
            ("sig", int(0)),
        ],
    );
    // Number of bytes waiting in a socket.
    let socket = socket(INET, libc::SOCK_DGRAM.into());
    ring.one(Entry::new(46, socket.0));
    let of = |raw: &eyas_scap::RawEvent<'_>| raw.io_uring().is_some_and(|request| request.opcode == 46);
    assert_eq!(live.event_where(of).as_raw().int(1), Some(socket.0));
}

#[test]
fn places_in_a_ring_s_table() {
    use EventType as E;
    let mut live =
        capture(&[E::SYSCALL_OPENAT_2_X, E::SYSCALL_READ_X, E::SYSCALL_CLOSE_X, E::SYSCALL_DUP_1_X]);
    let (mut ring, dir) = (ring(), Scratch::new("requests-table"));
    let (name, other, mut buffer) = (dir.file("f", "words"), dir.file("other", "more"), [0_u8; 16]);
    let given = Fd(call(libc::SYS_openat, [CWD, at(other.as_ptr()), libc::O_RDONLY.into()]));
    assert_eq!(ring.table(4, &[given.0]), 0);
    let open = Entry { file_index: 3, ..openat(&name, libc::O_RDONLY) };
    let mut read = |slot| Entry { flags: BY_SLOT, ..Entry::new(22, slot).addr(buffer.as_mut_ptr()).len(16) };
    let read = [read(2), read(0)];
    assert_eq!(done(&mut ring, open), 0);
    let mine = tid();
    let opened = live
        .event_where(|raw| raw.ty == E::SYSCALL_OPENAT_2_X && raw.tid == mine && raw.io_uring().is_some());
    let fd = opened.as_raw().int(0).unwrap();
    assert!(is_direct(fd) && fd as u32 == 2, "{fd:#x}");
    assert!(is_kernel_path(opened.as_raw().opened_path(), name.as_bytes()));
    assert_eq!([ring.one(read[0]), ring.one(read[1])], [5, 4]);
    let reads: Vec<OwnedEvent> = (0..2)
        .map(|n| {
            live.nth_where(n, |raw| {
                raw.ty == E::SYSCALL_READ_X && raw.tid == mine && raw.io_uring().is_some()
            })
        })
        .collect();
    assert_eq!(reads[0].as_raw().int(param::SYSCALL_READ_X::fd), Some(fd));
    assert_eq!(reads[0].as_raw().param(param::SYSCALL_READ_X::data), Some(&b"words"[..]));
    // A file that another call has put there is described.
    let of_given = reads[1].as_raw().direct_fd().unwrap();
    assert!(format!("{:?}", of_given.detail).contains("path"), "{of_given:?}");
    assert_eq!(reads[1].as_raw().int(param::SYSCALL_READ_X::fd), Some(fd - 2));
    if ring.one(Entry { flags: BY_SLOT, ..Entry::new(54, 2) }) >= 0 {
        let event = live.event_of(mine, E::SYSCALL_DUP_1_X);
        assert_eq!(event.as_raw().int(param::SYSCALL_DUP_1_X::oldfd), Some(fd));
    }
    assert_eq!(ring.one(Entry { file_index: 3, ..Entry::new(19, 0) }), 0);
    saw(&mut live, 19, E::SYSCALL_CLOSE_X, &[("res", int(0)), ("fd", int(fd))]);
    // The kernel chooses the place.
    let res = ring.one(Entry { file_index: ANY_SLOT, ..openat(&name, libc::O_WRONLY) });
    assert!(res > 0, "{res}");
    let is_it =
        |raw: &eyas_scap::RawEvent<'_>| raw.ty == E::SYSCALL_OPENAT_2_X && raw.int(0) == Some(fd - 2 + res);
    live.event_where(is_it);
}

#[test]
fn answers_that_find_no_room_are_seen() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let (mut ring, dir) = (ring_with(CQ_SIZE, 8), Scratch::new("requests-overflow"));
    let name = dir.file("f", "x");
    let nop = Entry::new(0, -1);
    ring.submit(&[nop; 8]);
    ring.submit(&[Entry { user_data: 77, ..openat(&name, libc::O_RDONLY) }]);
    let mine = tid();
    let event = live.event_where(|raw| raw.tid == mine && raw.io_uring().is_some());
    let fd = event.as_raw().int(0).unwrap();
    assert!(fd >= 0);
    let completions = ring.wait(9);
    assert_eq!((completions[8].user_data, i64::from(completions[8].res)), (77, fd));
    drop(Fd(fd));
}

#[test]
fn a_polled_ring_s_requests_are_its_process_s() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("requests-polled");
    let name = dir.file("f", "x");
    let mut ring = ring_with(POLLED, 0);
    let fd = Fd(done(&mut ring, openat(&name, libc::O_RDONLY)));
    let process = i64::from(std::process::id());
    let event = live.event_where(|raw| raw.io_uring().is_some() && raw.tid == process);
    assert!(event.as_raw().io_uring().unwrap().is_polled);
    assert_eq!(event.as_raw().int(0), Some(fd.0));
    assert!(is_kernel_path(event.as_raw().opened_path(), name.as_bytes()));
}

#[test]
fn one_accept_that_is_answered_several_times() {
    use EventType as E;
    const MULTISHOT: u16 = 1;
    let mut live = capture(&[E::SOCKET_ACCEPT4_6_X]);
    let mut ring = ring();
    let server = socket(INET, STREAM);
    assert_eq!(call(libc::SYS_bind, [server.0, at(&address(0)), 16]), 0);
    assert_eq!(call(libc::SYS_listen, [server.0, 9]), 0);
    let to = address(port(&server));
    ring.submit(&[Entry { priority: MULTISHOT, user_data: 3, ..Entry::new(13, server.0) }]);
    let mut taken = Vec::new();
    for n in 0..3 {
        let client = socket(INET, STREAM);
        assert_eq!(call(libc::SYS_connect, [client.0, at(&to), 16]), 0);
        taken.push(Fd(ring.wait(1)[0].res.into()));
        let mine = tid();
        let event = live.nth_where(n, |raw| raw.tid == mine && raw.ty == E::SOCKET_ACCEPT4_6_X);
        assert_eq!(event.as_raw().int(0), Some(taken[n].0));
        assert_eq!(event.as_raw().param(1).map(<[u8]>::len), Some(13));
    }
}

#[test]
fn what_is_not_wanted_makes_no_event() {
    let mut live = capture(&[EventType::SYSCALL_UNLINKAT_2_X, EventType::SYSCALL_LSEEK_X]);
    let (mut ring, dir) = (ring(), Scratch::new("requests-unwanted"));
    let name = dir.file("f", "x");
    let events = live.own(|| {
        drop(Fd(ring.one(openat(&name, libc::O_RDONLY))));
        ring.one(Entry::new(0, -1));
    });
    assert!(events.iter().all(|event| event.as_raw().io_uring().is_none()), "{events:?}");
}
