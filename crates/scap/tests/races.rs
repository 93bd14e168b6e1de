//! Arguments that another thread changes during the call. `EYAS_RACES` sets the number of calls. Needs root
//! and a kernel that loads the probe.

use eyas_testing::{Dir, test};
use std::collections::HashMap;
use std::os::linux::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eyas_events::param::{SOCKET_CONNECT_X, SYSCALL_OPENAT_2_X};
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
        let until = Instant::now() + Duration::from_secs(300);
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
        let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
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

#[test]
fn what_was_asked_for_is_what_stood_there_when_the_call_began() {
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
fn the_same_holds_where_programs_keep_nothing_with_a_task() {
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
