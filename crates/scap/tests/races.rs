//! Arguments that another thread changes during the call. `EYAS_RACES` sets the number of calls. Needs root
//! and a kernel that loads the probe.

use eyas_testing::{Dir, test};
use std::collections::HashMap;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::linux::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eyas_events::param::{
    SOCKET_CONNECT_X, SOCKET_RECVFROM_X, SOCKET_RECVMSG_X, SOCKET_SENDMMSG_X, SOCKET_SENDTO_X,
    SYSCALL_OPENAT_2_X,
};
use eyas_events::{EventType, SyscallCode};
use eyas_scap::live::{ProbeOptions, Source};
use eyas_scap::{EventSource, Next, RawEvent};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn races() -> usize {
    std::env::var("EYAS_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(200_000)
}

/// A capture of one call, and what keeps others away meanwhile.
fn open(code: SyscallCode) -> (Source, eyas_testing::LiveTurn) {
    let turn = eyas_testing::live_turn();
    let options = ProbeOptions { ring_bytes: 64 << 20, io_uring: false, ..ProbeOptions::only([code]) };
    let mut source = Source::open(options).unwrap();
    assert!(matches!(source.next().unwrap(), Next::Snapshot(_)));
    (source, turn)
}

/// Ends the flipping, also where a test fails on the way.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Makes calls in one thread while another flips their argument. Returns the effects of the calls according
/// to the caller, and according to the events.
fn race<A: Send, B>(
    source: &mut Source,
    flip: impl Fn() + Sync,
    call: impl Fn() -> A + Sync,
    seen: impl Fn(&RawEvent<'_>) -> Option<B>,
) -> (Vec<A>, Vec<B>) {
    let over = AtomicBool::new(false);
    let caller = AtomicU64::new(0);
    let mut events = Vec::new();
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                flip();
            }
        });
        // The capture may fail, too.
        let _end = Over(&over);
        let calls = scope.spawn(|| {
            let _end = Over(&over);
            caller.store(rustix::thread::gettid().as_raw_nonzero().get() as u64, Ordering::Relaxed);
            (0..races()).map(|_| call()).collect::<Vec<_>>()
        });
        // The calls take a CPU long.
        let until = Instant::now() + Duration::from_secs(1800);
        let mut stopped = false;
        loop {
            match source.next().unwrap() {
                Next::Event(event) if event.tid as u64 == caller.load(Ordering::Relaxed) => {
                    events.extend(seen(&event));
                }
                Next::End => break,
                Next::Idle if calls.is_finished() && !stopped => {
                    source.stop_handle().stop();
                    stopped = true;
                }
                _ => assert!(Instant::now() < until, "no end"),
            }
        }
        calls.join().unwrap()
    });
    assert_eq!(source.stats().drops(), 0);
    (done, events)
}

#[test]
fn an_open_is_of_the_file_that_was_opened() {
    eyas_testing::ignore_in_chroot();
    let (mut source, _turn) = open(SyscallCode::OPENAT);
    let dir = Dir::new("race");
    let base = format!("{}/", dir.text());
    let path: Vec<AtomicU8> = format!("{base}a\0").bytes().map(AtomicU8::new).collect();
    let letter = &path[base.len()];
    let mut inodes = HashMap::new();
    for name in [b'a', b'b'] {
        let file = format!("{base}{}", char::from(name));
        std::fs::write(&file, "").unwrap();
        inodes.insert(std::fs::metadata(&file).unwrap().st_ino(), name);
    }
    let flip = || letter.store(letter.load(Ordering::Relaxed) ^ b'a' ^ b'b', Ordering::Relaxed);
    let call = || {
        let mut stat = std::mem::MaybeUninit::<libc::stat>::zeroed();
        // SAFETY: the path ends in NUL whatever its letter is, and lives as long as the test.
        let fd = unsafe { libc::open(path.as_ptr().cast(), libc::O_RDONLY) };
        assert!(fd >= 0);
        // SAFETY: the kernel fills the structure, which is valid with zeros, too.
        let stat = unsafe {
            assert_eq!(libc::fstat(fd, stat.as_mut_ptr()), 0);
            libc::close(fd);
            stat.assume_init()
        };
        stat.st_ino
    };
    let (opened, events) = race(&mut source, flip, call, |event| {
        if event.ty != EventType::SYSCALL_OPENAT_2_X || event.int(SYSCALL_OPENAT_2_X::fd)? < 0 {
            return None;
        }
        let name = *event.text(SYSCALL_OPENAT_2_X::name)?.last()?;
        let real = event.opened_path().unwrap_or_default();
        assert!(real.starts_with(base.as_bytes()), "{}", String::from_utf8_lossy(real));
        Some((event.uint(SYSCALL_OPENAT_2_X::ino)?, *real.last()?, name))
    });
    assert_eq!(opened.len(), events.len());
    let mut differ = 0;
    for (opened, (ino, real, name)) in opened.iter().zip(&events) {
        assert_eq!((opened, inodes[opened]), (ino, *real));
        differ += usize::from(name != real);
    }
    println!("{} opens, {differ} of another file than the one asked for when they began", events.len());
}

#[test]
fn a_connect_is_to_the_port_that_was_connected() {
    let (mut source, _turn) = open(SyscallCode::CONNECT);
    let socket =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None).unwrap();
    // A sockaddr_in of the loopback, whose port's last byte flips.
    let address: Vec<AtomicU8> =
        [libc::AF_INET as u8, 0, 40, 1, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0].map(AtomicU8::new).into();
    let flip = || address[3].store(address[3].load(Ordering::Relaxed) ^ 3, Ordering::Relaxed);
    let call = || {
        let fd = socket.as_raw_fd();
        // SAFETY: the address has the length given and lives as long as the test.
        let res = unsafe { libc::connect(fd, address.as_ptr().cast(), 16) };
        assert_eq!(res, 0);
        let peer: std::net::SocketAddr =
            rustix::net::getpeername(&socket).unwrap().unwrap().try_into().unwrap();
        peer.port()
    };
    let (connected, events) = race(&mut source, flip, call, |event| {
        let port = |bytes: &[u8]| bytes.last_chunk().map(|bytes| u16::from_le_bytes(*bytes));
        let tuple = event.param(SOCKET_CONNECT_X::tuple)?;
        Some((port(tuple)?, port(event.param(SOCKET_CONNECT_X::addr)?)?))
    });
    assert_eq!(connected.len(), events.len());
    let wrong = connected.iter().zip(&events).filter(|(connected, (tuple, _))| *connected != tuple).count();
    assert_eq!(wrong, 0);
    let differ = events.iter().filter(|(tuple, addr)| tuple != addr).count();
    println!("{} connects, {differ} to another port than the one asked for when they began", events.len());
}

/// Two sockets of the loopback whose ports differ in the last bit.
fn receivers() -> [UdpSocket; 2] {
    let bind = |port| UdpSocket::bind(("127.0.0.1", port));
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    let mut pairs = (0..1000).filter_map(|_| {
        let first = bind(0).ok()?;
        let second = bind(port(&first) ^ 1).ok()?;
        Some([first, second])
    });
    let mut pair = pairs.next().unwrap();
    pair.sort_by_key(port);
    pair.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
    pair
}

/// The port of the socket that gets the next datagram.
fn arrived(receivers: &[UdpSocket; 2]) -> u16 {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(socket) = receivers.iter().find(|socket| socket.recv(&mut [0; 8]).is_ok()) {
            return socket.local_addr().unwrap().port();
        }
        assert!(Instant::now() < until, "a datagram is lost");
    }
}

/// A `sockaddr_in` of the loopback.
fn address(port: u16) -> Vec<AtomicU8> {
    let [high, low] = port.to_be_bytes();
    [libc::AF_INET as u8, 0, high, low, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0].map(AtomicU8::new).into()
}

/// Fails if an event has another value than its call.
fn assert_same<T: PartialEq>(calls: &[T], events: &[T]) {
    let differing = calls.iter().zip(events).filter(|(a, b)| a != b).count();
    assert!(calls == events, "{differing} of {} differ", calls.len());
}

fn flip_port(address: &[AtomicU8]) {
    address[3].store(address[3].load(Ordering::Relaxed) ^ 1, Ordering::Relaxed);
}

fn port_at(tuple: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(tuple.get(at..at + 2)?.try_into().ok()?))
}

fn need_kept_addresses(source: &Source) {
    if source.keeps_datagram_addresses() == [false, false] {
        eyas_testing::ignore("programs can be attached neither to kernel functions nor to the root cgroup");
    }
}

/// Places of the ports in the ends of a socket for IPv4.
const SOURCE_PORT: usize = 5;
const TARGET_PORT: usize = 11;

#[test]
fn a_datagram_goes_where_its_event_says() {
    let (mut source, _turn) = open(SyscallCode::SENDTO);
    need_kept_addresses(&source);
    let (receivers, sender) = (receivers(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let address = address(receivers[0].local_addr().unwrap().port());
    let call = || {
        let to = address.as_ptr().cast();
        // SAFETY: both buffers have the lengths given and live as long as the test.
        let sent = unsafe { libc::sendto(sender.as_raw_fd(), c"x".as_ptr().cast(), 1, 0, to, 16) };
        assert_eq!(sent, 1);
        arrived(&receivers)
    };
    let (went, events) = race(
        &mut source,
        || flip_port(&address),
        call,
        |event| {
            (event.ty == EventType::SOCKET_SENDTO_X)
                .then(|| port_at(event.param(SOCKET_SENDTO_X::tuple)?, TARGET_PORT))?
        },
    );
    assert_eq!(went.len(), races());
    assert_same(&went, &events);
}

#[test]
fn each_datagram_of_several_goes_where_its_event_says() {
    let (mut source, _turn) = open(SyscallCode::SENDMMSG);
    need_kept_addresses(&source);
    let (receivers, sender) = (receivers(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = receivers[0].local_addr().unwrap().port();
    let addresses = [address(port), address(port ^ 1)];
    let call = || {
        let mut buffer = libc::iovec { iov_base: c"x".as_ptr().cast_mut().cast(), iov_len: 1 };
        let mut messages = addresses.each_ref().map(|address| {
            // SAFETY: numbers and pointers, which may be 0.
            let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_name = address.as_ptr().cast_mut().cast();
            message.msg_hdr.msg_namelen = 16;
            message.msg_hdr.msg_iov = &raw mut buffer;
            message.msg_hdr.msg_iovlen = 1;
            message
        });
        // SAFETY: the messages and what they point to live until the call ends.
        let sent = unsafe { libc::sendmmsg(sender.as_raw_fd(), messages.as_mut_ptr(), 2, 0) };
        assert_eq!(sent, 2);
        let mut ports = [arrived(&receivers), arrived(&receivers)];
        ports.sort_unstable();
        ports
    };
    let flip = || addresses.iter().for_each(|address| flip_port(address));
    let (went, events) = race(&mut source, flip, call, |event| {
        (event.ty == EventType::SOCKET_SENDMMSG_X)
            .then(|| port_at(event.param(SOCKET_SENDMMSG_X::tuple)?, TARGET_PORT))?
    });
    assert_eq!(went.len(), races());
    let (pairs, []) = events.as_chunks::<2>() else { panic!("{} events", events.len()) };
    let sorted: Vec<[u16; 2]> = pairs.iter().map(|&[a, b]| [a.min(b), a.max(b)]).collect();
    assert_same(&went, &sorted);
}

#[test]
fn a_datagram_comes_from_where_its_event_says() {
    let (mut source, _turn) = open(SyscallCode::RECVFROM);
    need_kept_addresses(&source);
    let ([first, second], receiver) = (receivers(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let to = receiver.local_addr().unwrap();
    let port = first.local_addr().unwrap().port();
    let (address, is_first) = (address(port), AtomicBool::new(false));
    let call = || {
        let is_first = !is_first.fetch_xor(true, Ordering::Relaxed);
        let sender = if is_first { &first } else { &second };
        sender.send_to(b"x", to).unwrap();
        let (mut byte, mut len) = (0_u8, 16);
        // SAFETY: both buffers have the lengths given and live as long as the test.
        let got = unsafe {
            let from = address.as_ptr().cast_mut().cast();
            libc::recvfrom(receiver.as_raw_fd(), (&raw mut byte).cast(), 1, 0, from, &raw mut len)
        };
        assert_eq!(got, 1);
        sender.local_addr().unwrap().port()
    };
    let (came, events) = race(
        &mut source,
        || flip_port(&address),
        call,
        |event| {
            (event.ty == EventType::SOCKET_RECVFROM_X)
                .then(|| port_at(event.param(SOCKET_RECVFROM_X::tuple)?, SOURCE_PORT))?
        },
    );
    assert_eq!(came.len(), races());
    assert_same(&came, &events);
}

/// The first event of a kind of the calling thread.
fn first<T>(source: &mut Source, ty: EventType, of: impl Fn(&RawEvent<'_>) -> Option<T>) -> T {
    let thread = i64::from(rustix::thread::gettid().as_raw_nonzero().get());
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        if let Next::Event(event) = source.next().unwrap()
            && (event.ty, event.tid) == (ty, thread)
        {
            return of(&event).unwrap();
        }
    }
    panic!("no event")
}

/// The kernel writes a message's length where its address was.
#[test]
fn an_address_that_the_call_itself_overwrites_is_shown() {
    let (mut source, _turn) = open(SyscallCode::SENDMMSG);
    need_kept_addresses(&source);
    let ([receiver, _], sender) = (receivers(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = receiver.local_addr().unwrap().port();
    let mut buffer = libc::iovec { iov_base: c"x".as_ptr().cast_mut().cast(), iov_len: 1 };
    // SAFETY: numbers and pointers, which may be 0.
    let mut messages: [libc::mmsghdr; 2] = unsafe { std::mem::zeroed() };
    let length = (&raw mut messages[0].msg_len).cast::<u8>();
    messages[0].msg_hdr.msg_name = length.cast();
    messages[0].msg_hdr.msg_namelen = 16;
    messages[0].msg_hdr.msg_iov = &raw mut buffer;
    messages[0].msg_hdr.msg_iovlen = 1;
    for (at, byte) in address(port).iter().take(8).enumerate() {
        // SAFETY: a length and four unused bytes follow the header.
        unsafe { length.add(at).write(byte.load(Ordering::Relaxed)) };
    }
    // SAFETY: the message and what it points to live until the call ends.
    assert_eq!(unsafe { libc::sendmmsg(sender.as_raw_fd(), messages.as_mut_ptr(), 1, 0) }, 1);
    assert_eq!((messages[0].msg_len, arrived(&[receiver.try_clone().unwrap(), receiver])), (1, port));
    let shown = first(&mut source, EventType::SOCKET_SENDMMSG_X, |event| {
        port_at(event.param(SOCKET_SENDMMSG_X::tuple)?, TARGET_PORT)
    });
    assert_eq!(shown, port);
}

/// The kernel writes the length of control messages where the sender's address was.
#[test]
fn a_sender_that_the_call_itself_overwrites_is_shown() {
    let (mut source, _turn) = open(SyscallCode::RECVMSG);
    need_kept_addresses(&source);
    let (sender, receiver) =
        (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    sender.send_to(b"x", receiver.local_addr().unwrap()).unwrap();
    let mut byte = 0_u8;
    let mut buffer = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: numbers and pointers, which may be 0.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut buffer;
    message.msg_iovlen = 1;
    // The header ends where an address of 16 bytes from here ends.
    message.msg_name = (&raw mut message.msg_controllen).cast();
    message.msg_namelen = 16;
    // SAFETY: the message and what it points to live until the call ends.
    assert_eq!(unsafe { libc::recvmsg(receiver.as_raw_fd(), &raw mut message, 0) }, 1);
    assert_eq!((byte, message.msg_controllen), (b'x', 0));
    let shown = first(&mut source, EventType::SOCKET_RECVMSG_X, |event| {
        port_at(event.param(SOCKET_RECVMSG_X::tuple)?, SOURCE_PORT)
    });
    assert_eq!(shown, sender.local_addr().unwrap().port());
}

/// Number of measured rounds, and of calls in each.
const ROUNDS: usize = 15;
const CALLS: i64 = 5_000;

/// Time of the CPUs that the thread has used.
fn own_time_ns() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[test]
fn addresses_are_kept_only_if_such_calls_are_captured() {
    let _turn = eyas_testing::live_turn();
    let kinds = [SyscallCode::CONNECT, SyscallCode::SENDMMSG];
    let mut source = Source::open(ProbeOptions { io_uring: false, ..ProbeOptions::only(kinds) }).unwrap();
    need_kept_addresses(&source);
    // Nobody reads what is sent; `sendto` itself is captured in neither case.
    let (sender, receiver) =
        (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let to = receiver.local_addr().unwrap();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (kind, times) in kinds.into_iter().zip(&mut times) {
            source.set_interest(Some(&[kind])).unwrap();
            assert_eq!(source.keeps_datagram_addresses(), [kind == SyscallCode::SENDMMSG, false]);
            let start = own_time_ns();
            (0..CALLS).for_each(|_| assert_eq!(sender.send_to(b"x", to).unwrap(), 1));
            times.push((own_time_ns() - start) / CALLS);
        }
    }
    let [without, with] = times.map(|times| times.into_iter().min().unwrap());
    for program in source.runs().into_iter().filter(|program| program.count > 0) {
        println!("{}: {} ns in {} runs", program.name, program.time_ns / program.count, program.count);
    }
    println!("fastest round, per sendto: {without} ns if addresses are not kept, {with} ns if they are");
}

#[test]
fn the_requested_path_is_that_at_the_beginning_of_the_call() {
    let (mut source, _turn) = open(SyscallCode::OPENAT);
    // A path so long that it takes the longer memory, changed only while no call is made.
    let mut path = "/nonexistent".repeat(100).into_bytes();
    path.push(0);
    let mut asked = Vec::new();
    for round in 0..100_u8 {
        path[20] = b'0' + round;
        // SAFETY: the path ends in NUL and outlives the call.
        assert_eq!(unsafe { libc::open(path.as_ptr().cast(), libc::O_RDONLY) }, -1);
        asked.push(path.clone());
    }
    source.stop_handle().stop();
    let tid = i64::from(rustix::thread::gettid().as_raw_nonzero().get());
    let mut seen = Vec::new();
    loop {
        match source.next().unwrap() {
            Next::Event(event) if event.tid == tid => {
                let name = event.param(SYSCALL_OPENAT_2_X::name).unwrap();
                // The snapshot opens files, too.
                seen.extend(name.starts_with(b"/nonexis").then(|| name.to_vec()));
            }
            Next::End => break,
            _ => {}
        }
    }
    assert_eq!(asked, seen);
}

/// Environment variable that makes the probe work without features of newer kernels.
const OLDEST: &str = "EYAS_BPF_OLDEST";

#[test]
fn the_same_is_true_without_task_storage() {
    eyas_testing::ignore_in_chroot();
    if std::env::var_os(OLDEST).is_some() {
        return;
    }
    eyas_testing::need_live_capture();
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.arg("--test-threads=1").env(OLDEST, "1").env("EYAS_RACES", (races() / 10).to_string());
    let output = again.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
