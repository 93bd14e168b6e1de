//! Pipes and sockets that no rule uses.

use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

use eyas_testing::test;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use super::*;

/// Rules that use no pipe.
const RULES_WITHOUT_PIPES: [(&str, &str); 7] = [
    ("a wanted file", "evt.type = openat and fd.num >= 0 and fd.name = BASE/wanted"),
    ("a pipe that does not wait", "evt.type = pipe2 and evt.arg.flags contains O_NONBLOCK"),
    ("no such pipe", "evt.type = pipe2 and evt.arg.flags contains O_DIRECTORY"),
    ("a mode", "evt.type = fchmod and evt.arg.mode contains S_ISUID"),
    ("a pipe by its path", "evt.type = openat and fd.num >= 0 and fd.name startswith /proc/thread-self/fd/"),
    ("a copy of a socket", "evt.type in (dup, dup2, dup3) and fd.type in (unix, ipv4)"),
    ("no copy of a socket", "evt.type in (dup, dup2, dup3) and fd.type = ipv6"),
];
/// Rules that use neither pipes nor sockets.
const RULES_WITHOUT_SOCKETS: [(&str, &str); 7] = [
    ("a wanted file", "evt.type = openat and fd.num >= 0 and fd.name = BASE/wanted"),
    ("a pipe that does not wait", "evt.type = pipe2 and evt.arg.flags contains O_NONBLOCK"),
    ("a copy of memory", "evt.type in (dup, dup2, dup3) and fd.type = memfd"),
    ("a packet", "evt.type = sendto and evt.rawres = 7"),
    ("no packet", "evt.type = sendto and evt.rawres = 8"),
    ("an error", "evt.type = connect and evt.res = ECONNREFUSED"),
    ("a socket for packets", "evt.type = socket and evt.arg.domain contains AF_PACKET"),
];

/// Makes, copies, passes on and uses pipes and sockets at random, with other files under the same numbers.
fn pipes_and_sockets(base: &Path) {
    use rustix::{fs, io, net, pipe};
    #[allow(deprecated, reason = "nothing that others have opened is used from here on")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::FILES).unwrap();
    let mut numbers = Numbers(7);
    let mut held: Vec<OwnedFd> = vec![fs::memfd_create("m", fs::MemfdFlags::empty()).unwrap()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..2500 {
        let at = numbers.below(held.len());
        match numbers.below(16) {
            0..4 => {
                let flags = [pipe::PipeFlags::empty(), pipe::PipeFlags::NONBLOCK][numbers.below(8) / 7];
                let (reader, writer) = pipe::pipe_with(flags).unwrap();
                held.extend([reader, writer]);
            }
            4 => {
                let (one, other) = UnixStream::pair().unwrap();
                held.extend([OwnedFd::from(one), other.into()]);
            }
            5 => {
                let stream = TcpStream::connect(address).unwrap();
                let (accepted, _) = listener.accept().unwrap();
                held.extend([OwnedFd::from(stream), accepted.into()]);
            }
            6 => {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                let bytes = [0; 7];
                let size = [3, 7][numbers.below(4) / 3];
                socket.send_to(&bytes[..size], server.local_addr().unwrap()).unwrap();
                held.push(socket.into());
            }
            7 => held.push(fs::memfd_create("m", fs::MemfdFlags::empty()).unwrap()),
            8 => {
                let name = ["wanted", "other"][numbers.below(2)];
                held.extend(fs::openat(CWD, base.join(name), OFlags::RDONLY, Mode::empty()));
            }
            9 => held.push(io::dup(&held[at]).unwrap()),
            10 => held.push(io::fcntl_dupfd_cloexec(&held[at], 0).unwrap()),
            11 if held.len() > 1 => {
                // The previous file is closed without an event.
                let mut target = held.swap_remove(at);
                io::dup2(&held[numbers.below(held.len())], &mut target).unwrap();
                held.push(target);
            }
            12 => drop(fs::fchmod(&held[at], Mode::from_raw_mode([0o600, 0o4600][numbers.below(2)]))),
            13 => {
                // Of a socket this fails.
                let path = format!("/proc/thread-self/fd/{}", held[at].as_raw_fd());
                held.extend(fs::openat(CWD, path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()));
            }
            14 => held.push(passed(held[at].as_fd())),
            _ => {
                // Nobody listens on port 1.
                assert!(TcpStream::connect("127.0.0.1:1").is_err());
                let packets = net::socket(net::AddressFamily::PACKET, net::SocketType::DGRAM, None);
                held.extend(packets);
            }
        }
        while held.len() > 16 || numbers.below(2) == 0 && held.len() > 1 {
            drop(held.swap_remove(numbers.below(held.len())));
        }
    }
}

/// A descriptor of the same file that was passed through a socket.
fn passed(fd: std::os::fd::BorrowedFd<'_>) -> OwnedFd {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg, sendmsg};
    let (mut one, other) = UnixStream::pair().unwrap();
    one.write_all(b"x").unwrap();
    (&other).read_exact(&mut [0]).unwrap();
    let fds = [fd];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    rights.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(&one, &[IoSlice::new(b"x")], &mut rights, SendFlags::empty()).unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut received = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(&other, &mut [rustix::io::IoSliceMut::new(&mut byte)], &mut received, RecvFlags::empty())
        .unwrap();
    let mut fds = received.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(rights) => rights.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    fds.next().unwrap()
}

/// The kinds of files that rules use.
fn kinds(engine: &Engine) -> Vec<FileKind> {
    EngineFilters::new(engine).file_users().iter().map(|user| user.kind).collect()
}

/// Runs the script during a capture with the filter and one without, and compares their alerts. Returns the numbers of events by
/// name: all, and those that the filter left out.
fn compared(rules: &[(&str, &str)], output: &str, base: &Path) -> impl Fn(&str) -> [usize; 2] {
    let engine = engine_of(rules, output, base);
    let filter = EngineFilters::new(&engine).probe_filter().unwrap().filter;
    let calls = [
        "openat",
        "close",
        "dup",
        "dup2",
        "dup3",
        "fcntl",
        "pipe",
        "pipe2",
        "socket",
        "socketpair",
        "bind",
        "connect",
        "listen",
        "accept",
        "accept4",
        "sendto",
        "sendmsg",
        "recvmsg",
        "getsockopt",
        "memfd_create",
        "fchmod",
        "unshare",
    ];
    let [all, some] = seen_in_both(&engine, (&filter, SAMPLE), &calls, || pipes_and_sockets(base));
    let (missing, _) = missing(&all, &some, rules);
    let count = |seen: Vec<&Seen>| -> Vec<&'static str> {
        seen.into_iter().map(|seen| seen.event.as_raw().ty.name()).collect()
    };
    let (missing, all) = (count(missing), count(all.iter().collect()));
    move |name| [&all, &missing].map(|names| names.iter().filter(|of| **of == name).count())
}

#[test]
fn unused_pipes_are_filtered_out() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = files();
    let output = "%evt.type %evt.res";
    let engine = engine_of(&RULES_WITHOUT_PIPES, output, &base);
    assert_eq!(kinds(&engine), [FileKind::Socket]);
    let count = compared(&RULES_WITHOUT_PIPES, output, &base);
    for name in ["pipe2", "close", "socketpair"] {
        println!("{:?} of {name}", count(name));
    }
    let ([pipes, filtered], [closes, unsent]) = (count("pipe2"), count("close"));
    assert!(filtered > pipes / 2, "{filtered} of {pipes} pipes");
    assert!(unsent > closes / 3, "{unsent} of {closes} closes");
    assert_eq!(count("socketpair")[1], 0);
}

#[test]
fn unused_sockets_are_filtered_out() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = files();
    let output = "%evt.type %evt.res %proc.name";
    assert_eq!(kinds(&engine_of(&RULES_WITHOUT_SOCKETS, output, &base)), []);
    let count = compared(&RULES_WITHOUT_SOCKETS, output, &base);
    for name in ["socket", "connect", "accept4", "bind", "sendto", "close"] {
        let [all, filtered] = count(name);
        println!("{filtered} of {all} {name}");
        assert!(all > 0 && filtered >= all / 3, "{filtered} of {all} events of {name}");
    }
}

fn files() -> Dir {
    let base = Dir::new("special");
    for name in ["wanted", "other"] {
        std::fs::write(base.join(name), "text").unwrap();
    }
    base
}

#[test]
fn rules_on_pipes_and_sockets_disable_their_filter() {
    let users = |condition: &str, output: &str| {
        let engine = engine_of(&[("r", condition)], output, Path::new("/base"));
        let users = EngineFilters::new(&engine).file_users();
        users.iter().map(|user| format!("{} {}", user.kind.names()[0], user.field)).collect::<Vec<_>>()
    };
    for (condition, output, wanted) in [
        ("evt.type = write and fd.type = pipe", "o", vec!["pipe fd.type"]),
        ("evt.type = read and fd.typechar in (p, 4)", "o", vec!["pipe fd.typechar", "socket fd.typechar"]),
        ("evt.type = write and fd.sport = 22", "o", vec!["socket fd.sport"]),
        ("evt.type = connect and fd.sip = 10.0.0.1", "o", vec!["socket fd.sip"]),
        ("evt.type = connect", "%evt.args", vec!["file evt.args"]),
        ("evt.type in (sendto, sendmsg) and fd.type in (ipv4, ipv6)", "o", vec!["socket fd.type"]),
        ("evt.type = dup and fd.type in (ipv4, unix)", "%fd.num", vec!["socket fd.type"]),
        ("evt.type = fchmod and evt.arg.mode contains S_ISUID", "%evt.arg.fd", vec!["socket evt.arg"]),
        ("evt.type = recvfrom and dns.query = a", "o", vec!["socket dns.query"]),
        ("evt.type = sendto and proc.name = x", "%dns.query", vec!["socket dns.query"]),
        ("evt.type = openat and fd.name startswith /etc", "%dns.query", vec![]),
        ("evt.type in (pipe, pipe2)", "%fd.type %evt.args", vec![]),
        ("evt.type = socket and evt.arg.domain contains AF_PACKET", "%fd.type", vec![]),
        ("evt.type = connect and proc.name = x", "%evt.arg.addr", vec![]),
        ("evt.type = openat and fd.name startswith /etc", "%fd.name", vec![]),
    ] {
        assert_eq!(users(condition, output), wanted, "{condition}, {output}");
    }
}
