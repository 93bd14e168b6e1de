//! Sockets, on the loopback only.

use eyas_events::{EventType, FlagTable};
use eyas_testing::test;

use crate::call::{Fd, Scratch, at, call};
use crate::capture::{Capture, capture, tid};
use crate::want::{Want, bytes, empty, flags, has, int, is};

const STREAM: i64 = libc::SOCK_STREAM as i64;
pub const DATAGRAM: i64 = libc::SOCK_DGRAM as i64;
pub const INET: i64 = libc::AF_INET as i64;
const INET6: i64 = libc::AF_INET6 as i64;
const UNIX: i64 = libc::AF_UNIX as i64;
const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

pub fn socket(domain: i64, ty: i64) -> Fd {
    let fd = call(libc::SYS_socket, [domain, ty, 0]);
    assert!(fd >= 0);
    Fd(fd)
}

/// A `sockaddr_in` of the loopback.
pub fn address(port: u16) -> [u8; 16] {
    let mut out = [0; 16];
    out[0] = libc::AF_INET as u8;
    out[2..4].copy_from_slice(&port.to_be_bytes());
    out[4..8].copy_from_slice(&LOOPBACK);
    out
}

/// A `sockaddr_un`, and its length.
fn unix_address(path: &[u8]) -> ([u8; 110], i64) {
    let mut out = [0; 110];
    out[0] = libc::AF_UNIX as u8;
    out[2..2 + path.len()].copy_from_slice(path);
    (out, 2 + path.len() as i64)
}

/// The inode of a descriptor's file.
fn inode(fd: &Fd) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(format!("/proc/self/fd/{}", fd.0)).unwrap().ino()
}

pub fn port(fd: &Fd) -> u16 {
    let (mut name, mut len) = ([0_u8; 16], 16_u32);
    assert_eq!(call(libc::SYS_getsockname, [fd.0, at(&raw mut name), at(&raw mut len)]), 0);
    u16::from_be_bytes([name[2], name[3]])
}

/// A socket that listens on a free port, and the port.
fn listener() -> (Fd, u16) {
    let fd = socket(INET, STREAM);
    assert_eq!(call(libc::SYS_bind, [fd.0, at(&address(0)), 16]), 0);
    assert_eq!(call(libc::SYS_listen, [fd.0, 10]), 0);
    let port = port(&fd);
    (fd, port)
}

/// Waits until this many connections are queued at a port: connect may return before the connection is in
/// the queue.
fn wait_for_callers(port: u16, count: u64) {
    let waiting = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let line =
            table.lines().find(|line| line.contains(&format!(":{port:04X} 00000000:0000 0A"))).unwrap();
        u64::from_str_radix(line.split_once("0A ").unwrap().1.split([':', ' ']).nth(1).unwrap(), 16).unwrap()
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while waiting() < count && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
}

/// Two connected sockets: the connecting one and the accepting one.
pub fn connected() -> (Fd, Fd) {
    let (listener, port) = listener();
    let caller = socket(INET, STREAM);
    assert_eq!(call(libc::SYS_connect, [caller.0, at(&address(port)), 16]), 0);
    let other = call(libc::SYS_accept, [listener.0, 0, 0]);
    (caller, Fd(other))
}

/// A pair of loopback addresses in the format of the schema: source, then destination.
pub fn tuple(source: u16, destination: u16) -> Want {
    let end = |port: u16| [&LOOPBACK[..], &port.to_le_bytes()].concat();
    bytes([&[libc::AF_INET as u8], &end(source)[..], &end(destination)].concat())
}

pub fn sockaddr(port: u16) -> Want {
    bytes([&[libc::AF_INET as u8], &LOOPBACK[..], &port.to_le_bytes()].concat())
}

#[test]
fn socket_of_each_kind() {
    let mut live = capture(&[EventType::SOCKET_SOCKET_X]);
    let kind = DATAGRAM | i64::from(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
    for (domain, name) in [(INET, "AF_INET"), (INET6, "AF_INET6")] {
        let fd = Fd(call(libc::SYS_socket, [domain, kind, libc::IPPROTO_UDP.into()]));
        live.saw(
            EventType::SOCKET_SOCKET_X,
            &[
                ("fd", int(fd.0)),
                ("domain", flags(&FlagTable::SOCKET_FAMILIES, &[name])),
                ("type", int(kind)),
                ("proto", int(libc::IPPROTO_UDP)),
                ("flags", flags(&FlagTable::FILE_FLAGS, &["O_CLOEXEC", "O_NONBLOCK"])),
            ],
        );
    }
    // The kernel makes a packet socket for old programs.
    let kind = i64::from(10 | libc::SOCK_CLOEXEC);
    let fd = Fd(call(libc::SYS_socket, [INET, kind, 0x300]));
    live.saw(
        EventType::SOCKET_SOCKET_X,
        &[
            ("fd", int(fd.0)),
            ("domain", flags(&FlagTable::SOCKET_FAMILIES, &["AF_PACKET"])),
            ("type", int(kind)),
            ("proto", int(0x300)),
            ("flags", flags(&FlagTable::FILE_FLAGS, &["O_CLOEXEC"])),
        ],
    );
}

#[test]
fn bind_and_listen() {
    let mut live = capture(&[EventType::SOCKET_BIND_X, EventType::SOCKET_LISTEN_X]);
    let fd = socket(INET, STREAM);
    let res = call(libc::SYS_bind, [fd.0, at(&address(0)), 16]);
    // The kernel chooses the port.
    let chosen = port(&fd);
    live.saw(EventType::SOCKET_BIND_X, &[("res", int(res)), ("addr", sockaddr(chosen)), ("fd", int(fd.0))]);
    let res = call(libc::SYS_listen, [fd.0, 77]);
    live.saw(EventType::SOCKET_LISTEN_X, &[("res", int(res)), ("fd", int(fd.0)), ("backlog", int(77))]);

    let six = socket(INET6, STREAM);
    let mut name = [0_u8; 28];
    (name[0], name[23]) = (libc::AF_INET6 as u8, 1);
    let res = call(libc::SYS_bind, [six.0, at(&name), 28]);
    let wanted = [&[libc::AF_INET6 as u8], &name[8..24], &port(&six).to_le_bytes()].concat();
    live.saw(EventType::SOCKET_BIND_X, &[("res", int(res)), ("addr", bytes(wanted)), ("fd", int(six.0))]);
    // The address of a call that fails is the one that the program gave.
    let res = call(libc::SYS_bind, [fd.0, at(&address(0)), 16]);
    assert!(res < 0);
    live.saw(EventType::SOCKET_BIND_X, &[("res", int(res)), ("addr", sockaddr(0)), ("fd", int(fd.0))]);

    let local = socket(UNIX, STREAM);
    let (name, len) = unix_address(b"\0an abstract name");
    let res = call(libc::SYS_bind, [local.0, at(&name), len]);
    let wanted = [&[libc::AF_UNIX as u8], &b"an abstract name\0"[..]].concat();
    live.saw(EventType::SOCKET_BIND_X, &[("res", int(res)), ("addr", bytes(wanted)), ("fd", int(local.0))]);
}

#[test]
fn a_socket_that_listens_without_bind_has_the_port_that_the_kernel_chose() {
    let mut live = capture(&[EventType::SOCKET_LISTEN_X]);
    let shows = |live: &mut Capture, n: usize, wanted: Option<&[u8]>| {
        let event = live.nth_where(n, |event| event.ty == EventType::SOCKET_LISTEN_X && event.tid == tid());
        assert_eq!(event.as_raw().listening_address(), wanted);
    };
    for (n, family) in [(0, INET), (2, INET6)] {
        let fd = socket(family, STREAM);
        assert_eq!(call(libc::SYS_listen, [fd.0, 1]), 0);
        let ip = if family == INET { &[0; 4][..] } else { &[0; 16] };
        let address = [&[family as u8], ip, &port(&fd).to_le_bytes()].concat();
        shows(&mut live, n, Some(&address));
        // Nothing listens on a datagram socket.
        let datagram = socket(family, DATAGRAM);
        assert!(call(libc::SYS_listen, [datagram.0, 1]) < 0);
        shows(&mut live, n + 1, None);
    }
}

#[test]
fn a_raw_socket_has_no_port() {
    let mut live = capture(&[EventType::SOCKET_SENDTO_X]);
    let raw = Fd(call(libc::SYS_socket, [INET, libc::SOCK_RAW.into(), libc::IPPROTO_UDP.into()]));
    assert!(raw.0 >= 0);
    let header = [0_u8, 9, 0, 9, 0, 8, 0, 0];
    let res = call(libc::SYS_sendto, [raw.0, at(&header), 8, 0, at(&address(0)), 16]);
    assert_eq!(res, 8);
    let ends = [&[libc::AF_INET as u8][..], &[0; 6], &LOOPBACK, &[0; 2]].concat();
    live.saw(
        EventType::SOCKET_SENDTO_X,
        &[
            ("res", int(8)),
            ("data", bytes(header)),
            ("fd", int(raw.0)),
            ("size", int(8)),
            ("tuple", bytes(ends)),
        ],
    );
}

#[test]
fn connect() {
    let mut live = capture(&[EventType::SOCKET_CONNECT_X]);
    let (_listener, to) = listener();
    let fd = socket(INET, STREAM);
    let res = call(libc::SYS_connect, [fd.0, at(&address(to)), 16]);
    assert_eq!(res, 0);
    live.saw(
        EventType::SOCKET_CONNECT_X,
        &[("res", int(0)), ("tuple", tuple(port(&fd), to)), ("fd", int(fd.0)), ("addr", sockaddr(to))],
    );
    // Nothing listens on the port of a socket that does not listen.
    let closed = socket(INET, STREAM);
    assert_eq!(call(libc::SYS_bind, [closed.0, at(&address(0)), 16]), 0);
    let (other, to) = (socket(INET, STREAM), port(&closed));
    let res = call(libc::SYS_connect, [other.0, at(&address(to)), 16]);
    assert_eq!(res, -i64::from(libc::ECONNREFUSED));
    live.saw(
        EventType::SOCKET_CONNECT_X,
        &[("res", int(res)), ("tuple", empty()), ("fd", int(other.0)), ("addr", sockaddr(to))],
    );
}

#[test]
fn connect_to_a_path() {
    let mut live = capture(&[EventType::SOCKET_CONNECT_X]);
    let dir = Scratch::new("unix");
    let path = dir.path("socket");
    let (name, len) = unix_address(path.to_bytes_with_nul());
    let (server, client) = (socket(UNIX, STREAM), socket(UNIX, STREAM));
    assert_eq!(call(libc::SYS_bind, [server.0, at(&name), len]), 0);
    assert_eq!(call(libc::SYS_listen, [server.0, 1]), 0);
    let res = call(libc::SYS_connect, [client.0, at(&name), len]);
    assert_eq!(res, 0);
    let text = path.to_bytes_with_nul().to_vec();
    let addr = [&[libc::AF_UNIX as u8], &text[..]].concat();
    let ends = has("family, both ends, the path", move |got| {
        got.first() == Some(&1) && got.get(1..17).is_some_and(|p| p != [0; 16]) && got[17..] == text
    });
    live.saw(
        EventType::SOCKET_CONNECT_X,
        &[("res", int(0)), ("tuple", ends), ("fd", int(client.0)), ("addr", bytes(addr))],
    );
}

#[test]
fn accepts() {
    let types = [EventType::SOCKET_ACCEPT_5_X, EventType::SOCKET_ACCEPT4_6_X];
    let mut live = capture(&types);
    let (server, to) = listener();
    let callers = [socket(INET, STREAM), socket(INET, STREAM), socket(INET, STREAM)];
    for (before, caller) in callers.iter().enumerate() {
        assert_eq!(call(libc::SYS_connect, [caller.0, at(&address(to)), 16]), 0);
        // The next connection might be queued before it.
        wait_for_callers(to, before as u64 + 1);
    }
    let queue =
        |waiting: i64| [("queuepct", int(waiting * 10)), ("queuelen", int(waiting)), ("queuemax", int(10))];
    let fd = Fd(call(libc::SYS_accept, [server.0, 0, 0]));
    let [a, b, c] = queue(2);
    let pair = ("tuple", tuple(port(&callers[0]), to));
    live.saw(EventType::SOCKET_ACCEPT_5_X, &[("fd", int(fd.0)), pair, a, b, c]);
    assert_eq!(live.event_of(tid(), EventType::SOCKET_ACCEPT_5_X).as_raw().socket_inode(), Some(inode(&fd)));
    let fd = Fd(call(libc::SYS_accept4, [server.0, 0, 0, libc::SOCK_CLOEXEC.into()]));
    let [a, b, c] = queue(1);
    let pair = ("tuple", tuple(port(&callers[1]), to));
    let how = ("flags", flags(&FlagTable::FILE_FLAGS, &["O_CLOEXEC"]));
    live.saw(EventType::SOCKET_ACCEPT4_6_X, &[("fd", int(fd.0)), pair, a, b, c, how]);
    assert_eq!(live.event_of(tid(), EventType::SOCKET_ACCEPT4_6_X).as_raw().socket_inode(), Some(inode(&fd)));
    let res = call(libc::SYS_accept, [-1, 0, 0]);
    let none = [("queuepct", int(0)), ("queuelen", int(0)), ("queuemax", int(0))];
    let [a, b, c] = none;
    live.saw(EventType::SOCKET_ACCEPT_5_X, &[("fd", int(res)), ("tuple", empty()), a, b, c]);
}

#[test]
fn names_and_shutdown() {
    let types =
        [EventType::SOCKET_GETSOCKNAME_X, EventType::SOCKET_GETPEERNAME_X, EventType::SOCKET_SHUTDOWN_X];
    let mut live = capture(&types);
    let (a, _b) = connected();
    let (mut name, mut len) = ([0_u8; 16], 16_u32);
    assert_eq!(call(libc::SYS_getsockname, [a.0, at(&raw mut name), at(&raw mut len)]), 0);
    live.saw(EventType::SOCKET_GETSOCKNAME_X, &[]);
    assert_eq!(call(libc::SYS_getpeername, [a.0, at(&raw mut name), at(&raw mut len)]), 0);
    live.saw(EventType::SOCKET_GETPEERNAME_X, &[]);
    let res = call(libc::SYS_shutdown, [a.0, libc::SHUT_WR.into()]);
    let how = flags(&FlagTable::SHUTDOWN_HOW, &["SHUT_WR"]);
    live.saw(EventType::SOCKET_SHUTDOWN_X, &[("res", int(res)), ("fd", int(a.0)), ("how", how)]);
}

#[test]
fn socketpair() {
    let mut live = capture(&[EventType::SOCKET_SOCKETPAIR_X]);
    let mut fds = [0_i32; 2];
    let res = call(libc::SYS_socketpair, [UNIX, DATAGRAM, 0, at(&raw mut fds)]);
    let both = fds.map(|fd| Fd(fd.into()));
    let common = || [("domain", flags(&FlagTable::SOCKET_FAMILIES, &["AF_UNIX"])), ("type", int(DATAGRAM))];
    let [domain, ty] = common();
    live.saw(
        EventType::SOCKET_SOCKETPAIR_X,
        &[
            ("res", int(res)),
            ("fd1", int(fds[0])),
            ("fd2", int(fds[1])),
            ("source", is("an address", |got| got < -1)),
            ("peer", is("an address", |got| got < -1)),
            domain,
            ty,
            ("proto", int(0)),
        ],
    );
    let event = live.event_of(tid(), EventType::SOCKET_SOCKETPAIR_X);
    assert_eq!(event.as_raw().pair_inodes(), Some([inode(&both[0]), inode(&both[1])]));
    let res = call(libc::SYS_socketpair, [UNIX, DATAGRAM, 9999, at(&raw mut fds)]);
    let [domain, ty] = common();
    live.saw(
        EventType::SOCKET_SOCKETPAIR_X,
        &[
            ("res", int(res)),
            ("fd1", int(-1)),
            ("fd2", int(-1)),
            ("source", int(0)),
            ("peer", int(0)),
            domain,
            ty,
            ("proto", int(9999)),
        ],
    );
}

#[test]
fn sendto_and_recvfrom() {
    let types = [EventType::SOCKET_SENDTO_X, EventType::SOCKET_RECVFROM_X];
    let mut live = capture(&types);
    let (one, two) = (socket(INET, DATAGRAM), socket(INET, DATAGRAM));
    for fd in [&one, &two] {
        assert_eq!(call(libc::SYS_bind, [fd.0, at(&address(0)), 16]), 0);
    }
    let (from, to, text) = (port(&one), port(&two), "a datagram");
    let target = address(to);
    let res = call(libc::SYS_sendto, [one.0, at(text.as_ptr()), 10, 0, at(&target), 16]);
    assert_eq!(res, 10);
    // A socket that is bound to the loopback has it as its own address.
    live.saw(
        EventType::SOCKET_SENDTO_X,
        &[
            ("res", int(10)),
            ("data", bytes(text)),
            ("fd", int(one.0)),
            ("size", int(10)),
            ("tuple", tuple(from, to)),
        ],
    );
    let (mut buffer, mut name, mut len) = ([0_u8; 50], [0_u8; 16], 16_u32);
    let args = [two.0, at(&raw mut buffer), 50, 0, at(&raw mut name), at(&raw mut len)];
    let res = call(libc::SYS_recvfrom, args);
    assert_eq!(res, 10);
    live.saw(
        EventType::SOCKET_RECVFROM_X,
        &[
            ("res", int(10)),
            ("data", bytes(text)),
            ("tuple", tuple(from, to)),
            ("fd", int(two.0)),
            ("size", int(50)),
        ],
    );
    let res = call(libc::SYS_recvfrom, [two.0, at(&raw mut buffer), 50, libc::MSG_DONTWAIT.into(), 0, 0]);
    live.saw(
        EventType::SOCKET_RECVFROM_X,
        &[("res", int(res)), ("data", empty()), ("tuple", empty()), ("fd", int(two.0)), ("size", int(50))],
    );
}

/// Asserts that one byte was sent from one socket to the other.
fn saw_datagram(live: &mut Capture, from: &Fd, to: &Fd) {
    live.saw(
        EventType::SOCKET_SENDTO_X,
        &[
            ("res", int(1)),
            ("data", bytes("x")),
            ("fd", int(from.0)),
            ("size", int(1)),
            ("tuple", tuple(port(from), port(to))),
        ],
    );
}

#[test]
fn a_datagram_needs_no_family_in_its_address() {
    let mut live = capture(&[EventType::SOCKET_SENDTO_X]);
    let (one, two) = (socket(INET, DATAGRAM), socket(INET, DATAGRAM));
    for fd in [&one, &two] {
        assert_eq!(call(libc::SYS_bind, [fd.0, at(&address(0)), 16]), 0);
    }
    let mut target = address(port(&two));
    target[0] = libc::AF_UNSPEC as u8;
    let res = call(libc::SYS_sendto, [one.0, at("x".as_ptr()), 1, 0, at(&target), 16]);
    assert_eq!(res, 1);
    saw_datagram(&mut live, &one, &two);
}

#[test]
fn a_datagram_goes_where_the_call_says() {
    let mut live = capture(&[EventType::SOCKET_SENDTO_X]);
    let (one, two, three) = (socket(INET, DATAGRAM), socket(INET, DATAGRAM), socket(INET, DATAGRAM));
    for fd in [&one, &two, &three] {
        assert_eq!(call(libc::SYS_bind, [fd.0, at(&address(0)), 16]), 0);
    }
    assert_eq!(call(libc::SYS_connect, [one.0, at(&address(port(&two))), 16]), 0);
    let target = address(port(&three));
    for (addr, len, peer) in [(at(&target), 16, &three), (0, 0, &two)] {
        let res = call(libc::SYS_sendto, [one.0, at("x".as_ptr()), 1, 0, addr, len]);
        assert_eq!(res, 1);
        saw_datagram(&mut live, &one, peer);
    }
}

#[test]
fn a_name_of_a_unix_socket_ends_with_its_address() {
    let mut live =
        capture(&[EventType::SOCKET_BIND_X, EventType::SOCKET_CONNECT_X, EventType::SOCKET_SENDTO_X]);
    let named = |name: &[u8]| [&[libc::AF_UNIX as u8], name, b"\0"].concat();
    // Bytes after the address are not part of it, whether the kernel copied them or the program's memory contains them.
    let (mut name, len) = unix_address(b"\0eyas-ends-here");
    let (mut other, other_len) = unix_address(b"\0eyas-other");
    for (name, len) in [(&mut name, len), (&mut other, other_len)] {
        name[len as usize..].fill(b'x');
    }
    let (server, third, client) = (socket(UNIX, DATAGRAM), socket(UNIX, DATAGRAM), socket(UNIX, DATAGRAM));
    for (fd, name, len, text) in
        [(&server, &name, len, &b"eyas-ends-here"[..]), (&third, &other, other_len, b"eyas-other")]
    {
        assert_eq!(call(libc::SYS_bind, [fd.0, at(name), len]), 0);
        let addr = bytes(named(text));
        live.saw(EventType::SOCKET_BIND_X, &[("res", int(0)), ("addr", addr), ("fd", int(fd.0))]);
    }
    assert_eq!(call(libc::SYS_connect, [client.0, at(&name), len]), 0);
    let ends = |text: &'static [u8]| {
        has("family, both ends, the name", move |got| {
            got.first() == Some(&1) && got[17..] == [text, b"\0"].concat()
        })
    };
    let text = &b"eyas-ends-here"[..];
    live.saw(
        EventType::SOCKET_CONNECT_X,
        &[("res", int(0)), ("tuple", ends(text)), ("fd", int(client.0)), ("addr", bytes(named(text)))],
    );
    // The call names the destination of a datagram.
    for (to, len, text) in [(at(&other), other_len, &b"eyas-other"[..]), (0, 0, text)] {
        assert_eq!(call(libc::SYS_sendto, [client.0, at("x".as_ptr()), 1, 0, to, len]), 1);
        live.saw(
            EventType::SOCKET_SENDTO_X,
            &[
                ("res", int(1)),
                ("data", bytes("x")),
                ("fd", int(client.0)),
                ("size", int(1)),
                ("tuple", ends(text)),
            ],
        );
    }
    // The kernel chooses a name if there is none.
    let unnamed = socket(UNIX, DATAGRAM);
    assert_eq!(call(libc::SYS_bind, [unnamed.0, at(&name), 2]), 0);
    let addr =
        has("a name of five digits", |got| got.len() == 7 && got[1..6].iter().all(u8::is_ascii_hexdigit));
    live.saw(EventType::SOCKET_BIND_X, &[("res", int(0)), ("addr", addr), ("fd", int(unnamed.0))]);
}

/// The kernel's `msghdr`, with room for what follows it in an array of messages.
fn message(name: &[u8], parts: &[[i64; 2]], control: &[u8]) -> [i64; 8] {
    let name_len = name.len() as i64;
    let name = if name.is_empty() { 0 } else { at(name.as_ptr()) };
    let control_at = if control.is_empty() { 0 } else { at(control.as_ptr()) };
    [name, name_len, at(parts.as_ptr()), parts.len() as i64, control_at, control.len() as i64, 0, 0]
}

#[test]
fn sendmsg_and_recvmsg() {
    let types = [EventType::SOCKET_SENDMSG_X, EventType::SOCKET_RECVMSG_X];
    let mut live = capture(&types);
    let (one, two) = (socket(INET, DATAGRAM), socket(INET, DATAGRAM));
    for fd in [&one, &two] {
        assert_eq!(call(libc::SYS_bind, [fd.0, at(&address(0)), 16]), 0);
    }
    let on = 1_i32;
    let args = [two.0, libc::SOL_SOCKET.into(), libc::SO_TIMESTAMP.into(), at(&on), 4];
    assert_eq!(call(libc::SYS_setsockopt, args), 0);
    let (from, to) = (port(&one), port(&two));
    let (target, words) = (address(to), ["three ", "little ", "words"]);
    let parts = words.map(|word| [at(word.as_ptr()), word.len() as i64]);
    let header = message(&target, &parts, &[]);
    let res = call(libc::SYS_sendmsg, [one.0, at(&header), 0]);
    assert_eq!(res, 18);
    live.saw(
        EventType::SOCKET_SENDMSG_X,
        &[
            ("res", int(18)),
            ("data", bytes("three little words")),
            ("fd", int(one.0)),
            ("size", int(18)),
            ("tuple", tuple(from, to)),
        ],
    );
    let (buffer, name, control) = ([0_u8; 100], [0_u8; 16], [0_u8; 64]);
    let parts = [[at(&buffer), 100]];
    let header = message(&name, &parts, &control);
    let res = call(libc::SYS_recvmsg, [two.0, at(&header), 0]);
    assert_eq!(res, 18);
    let stamp = has("a control message of the time stamp", |got| {
        got.len() == 32 && got[8..16] == [libc::SOL_SOCKET as u8, 0, 0, 0, libc::SCM_TIMESTAMP as u8, 0, 0, 0]
    });
    live.saw(
        EventType::SOCKET_RECVMSG_X,
        &[
            ("res", int(18)),
            ("size", int(18)),
            ("data", bytes("three little words")),
            ("tuple", tuple(from, to)),
            ("msgcontrol", stamp),
            ("fd", int(two.0)),
        ],
    );
}

#[test]
fn sendmmsg_and_recvmmsg_are_an_event_per_message() {
    let types = [EventType::SOCKET_SENDMMSG_X, EventType::SOCKET_RECVMMSG_X];
    let mut live = capture(&types);
    let (one, two) = (socket(INET, DATAGRAM), socket(INET, DATAGRAM));
    for fd in [&one, &two] {
        assert_eq!(call(libc::SYS_bind, [fd.0, at(&address(0)), 16]), 0);
    }
    let (from, to) = (port(&one), port(&two));
    let (target, words) = (address(to), ["a", "bb", "ccc"]);
    let parts = words.map(|word| [[at(word.as_ptr()), word.len() as i64]]);
    let headers = parts.each_ref().map(|part| message(&target, part, &[]));
    assert_eq!(call(libc::SYS_sendmmsg, [one.0, at(&headers), 3, 0]), 3);
    for word in words {
        let len = word.len() as i64;
        live.saw(
            EventType::SOCKET_SENDMMSG_X,
            &[
                ("res", int(len)),
                ("fd", int(one.0)),
                ("size", int(len)),
                ("data", bytes(word)),
                ("tuple", tuple(from, to)),
            ],
        );
    }
    let buffers = [[0_u8; 10]; 3];
    let names = [[0_u8; 16]; 3];
    let parts = buffers.each_ref().map(|buffer| [[at(buffer), 10]]);
    let headers: Vec<_> = names.iter().zip(&parts).map(|(name, part)| message(name, part, &[])).collect();
    assert_eq!(call(libc::SYS_recvmmsg, [two.0, at(headers.as_ptr()), 3, 0, 0]), 3);
    for word in words {
        let len = word.len() as i64;
        live.saw(
            EventType::SOCKET_RECVMMSG_X,
            &[
                ("res", int(len)),
                ("fd", int(two.0)),
                ("size", int(len)),
                ("data", bytes(word)),
                ("tuple", tuple(from, to)),
                ("msgcontrol", empty()),
            ],
        );
    }
    let res = call(libc::SYS_recvmmsg, [two.0, at(headers.as_ptr()), 3, libc::MSG_DONTWAIT.into(), 0]);
    live.saw(
        EventType::SOCKET_RECVMMSG_X,
        &[
            ("res", int(res)),
            ("fd", int(two.0)),
            ("size", int(0)),
            ("data", empty()),
            ("tuple", empty()),
            ("msgcontrol", empty()),
        ],
    );
    let res = call(libc::SYS_sendmmsg, [-1, at(headers.as_ptr()), 3, 0]);
    live.saw(
        EventType::SOCKET_SENDMMSG_X,
        &[("res", int(res)), ("fd", int(-1)), ("size", int(0)), ("data", empty()), ("tuple", empty())],
    );
}

/// A value of an option in the format of the schema: its kind and its bytes.
fn value(kind: u8, value: &[u8]) -> Want {
    bytes([&[kind], value].concat())
}

#[test]
fn setsockopt() {
    let mut live = capture(&[EventType::SOCKET_SETSOCKOPT_X]);
    let fd = socket(INET, STREAM);
    let (on, time) = (1_i32, [3_i64, 500_000]);
    let nanos = 3_500_000_000_u64.to_le_bytes();
    let cases = [
        (
            libc::SOL_SOCKET,
            libc::SO_REUSEADDR,
            at(&on),
            4,
            "SOL_SOCKET",
            "SO_REUSEADDR",
            value(2, &[1, 0, 0, 0]),
        ),
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO, at(&time), 16, "SOL_SOCKET", "SO_RCVTIMEO", value(4, &nanos)),
        (
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            at(&time),
            8,
            "SOL_SOCKET",
            "SO_LINGER",
            value(0, &3_u64.to_le_bytes()),
        ),
        (libc::SOL_TCP, libc::TCP_NODELAY, at(&on), 4, "SOL_TCP", "UNKNOWN", value(0, &[1, 0, 0, 0])),
    ];
    for (level, option, from, len, level_name, option_name, val) in cases {
        let res = call(libc::SYS_setsockopt, [fd.0, level.into(), option.into(), from, len]);
        live.saw(
            EventType::SOCKET_SETSOCKOPT_X,
            &[
                ("res", int(res)),
                ("fd", int(fd.0)),
                ("level", flags(&FlagTable::SOCKOPT_LEVELS, &[level_name])),
                ("optname", flags(&FlagTable::SOCKOPT_OPTIONS, &[option_name])),
                ("val", val),
                ("optlen", int(len)),
            ],
        );
    }
}

#[test]
fn getsockopt() {
    let mut live = capture(&[EventType::SOCKET_GETSOCKOPT_X]);
    // Refused, so that there is an error to query.
    let closed = socket(INET, STREAM);
    assert_eq!(call(libc::SYS_bind, [closed.0, at(&address(0)), 16]), 0);
    let fd = socket(INET, STREAM | i64::from(libc::SOCK_NONBLOCK));
    call(libc::SYS_connect, [fd.0, at(&address(port(&closed))), 16]);
    let refused = (-i64::from(libc::ECONNREFUSED)).to_le_bytes();
    let stream = (STREAM as u32).to_le_bytes();
    let cases = [
        (libc::SO_ERROR, "SO_ERROR", Some(value(1, &refused)), 4),
        (libc::SO_TYPE, "SO_TYPE", Some(value(2, &stream)), 4),
        (libc::SO_COOKIE, "SO_COOKIE", None, 8),
        (libc::SO_PEERCRED, "SO_PEERCRED", None, 12),
    ];
    for (option, name, val, wanted_len) in cases {
        let (mut buffer, mut len) = ([0_u8; 12], 12_u32);
        let args = [fd.0, libc::SOL_SOCKET.into(), option.into(), at(&raw mut buffer), at(&raw mut len)];
        let res = call(libc::SYS_getsockopt, args);
        let kind = if option == libc::SO_COOKIE { 3 } else { 0 };
        let val = val.unwrap_or_else(|| value(kind, &buffer[..wanted_len]));
        live.saw(
            EventType::SOCKET_GETSOCKOPT_X,
            &[
                ("res", int(res)),
                ("fd", int(fd.0)),
                ("level", flags(&FlagTable::SOCKOPT_LEVELS, &["SOL_SOCKET"])),
                ("optname", flags(&FlagTable::SOCKOPT_OPTIONS, &[name])),
                ("val", val),
                ("optlen", int(wanted_len)),
            ],
        );
    }
}
