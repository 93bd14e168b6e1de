//! Arguments in memory that is not resident when their call ends: shown if the kernel has sleepable
//! tracepoints (Linux 7.1), otherwise empty. Needs root and a kernel that loads the probe.

use eyas_testing::{Dir, test};
use std::ffi::c_void;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use eyas_events::param::{
    SOCKET_BIND_X, SOCKET_SENDMSG_X, SOCKET_SENDTO_X, SYSCALL_OPENAT_2_X, SYSCALL_UNLINKAT_2_X,
    SYSCALL_WRITE_X, SYSCALL_WRITEV_X,
};
use eyas_events::{EventType, SyscallCode};
use eyas_scap::live::{ProbeOptions, Source};
use eyas_scap::{EventSource, Next};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Size of a page.
fn page() -> usize {
    rustix::param::page_size()
}

/// Timeout for an event.
const PATIENCE: Duration = Duration::from_secs(60);
/// No descriptor, so that calls fail before they read their other arguments.
const NONE: i64 = -1;
/// A flag that `unlinkat` does not know. The call fails before it reads the path.
const UNKNOWN_FLAG: i64 = 1 << 30;

/// The captured calls: their events, and the parameter that is made from memory.
const CALLS: [(SyscallCode, EventType, usize); 7] = [
    (SyscallCode::OPENAT, EventType::SYSCALL_OPENAT_2_X, SYSCALL_OPENAT_2_X::name),
    (SyscallCode::UNLINKAT, EventType::SYSCALL_UNLINKAT_2_X, SYSCALL_UNLINKAT_2_X::name),
    (SyscallCode::BIND, EventType::SOCKET_BIND_X, SOCKET_BIND_X::addr),
    (SyscallCode::WRITE, EventType::SYSCALL_WRITE_X, SYSCALL_WRITE_X::data),
    (SyscallCode::WRITEV, EventType::SYSCALL_WRITEV_X, SYSCALL_WRITEV_X::data),
    (SyscallCode::SENDTO, EventType::SOCKET_SENDTO_X, SOCKET_SENDTO_X::data),
    (SyscallCode::SENDMSG, EventType::SOCKET_SENDMSG_X, SOCKET_SENDMSG_X::data),
];

/// Pages of different files, one after another: the kernel maps each when it is first read.
struct Pages {
    at: *mut c_void,
    len: usize,
    _dir: Dir,
}

impl Pages {
    /// Maps the contents, at most a page each.
    fn new(contents: &[&[u8]]) -> Self {
        let dir = Dir::new("sleepable");
        let len = contents.len() * page();
        // SAFETY: the kernel chooses the place of a new mapping, which `Drop` removes.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), len, 0, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        };
        assert_ne!(at, libc::MAP_FAILED);
        for (i, content) in contents.iter().enumerate() {
            let path = dir.join(i.to_string());
            let mut bytes = content.to_vec();
            bytes.resize(page(), 0);
            std::fs::write(&path, bytes).unwrap();
            let file = std::fs::File::open(&path).unwrap();
            // SAFETY: the page is within the mapping above, and nothing else uses it.
            let mapped = unsafe {
                libc::mmap(
                    at.add(i * page()),
                    page(),
                    libc::PROT_READ,
                    libc::MAP_SHARED | libc::MAP_FIXED,
                    file.as_raw_fd(),
                    0,
                )
            };
            assert_ne!(mapped, libc::MAP_FAILED);
        }
        Self { at, len, _dir: dir }
    }

    fn at(&self, offset: usize) -> i64 {
        assert!(offset < self.len);
        self.at as i64 + offset as i64
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: nothing refers to the mapping any more.
        unsafe { libc::munmap(self.at, self.len) };
    }
}

/// Makes a call that must fail.
fn fail(number: i64, args: [i64; 6]) {
    let [a, b, c, d, e, f] = args;
    // SAFETY: the call fails before it uses the arguments, which are numbers and readable memory.
    assert_eq!(unsafe { libc::syscall(number, a, b, c, d, e, f) }, -1);
}

fn open(sleepable_reads: bool) -> Source {
    let interest: Vec<_> = CALLS.iter().map(|(code, ..)| *code).collect();
    let options = ProbeOptions { sleepable_reads, io_uring: false, ..ProbeOptions::only(interest) };
    let mut source = Source::open(options).unwrap();
    assert!(matches!(source.next().unwrap(), Next::Snapshot(_)));
    source
}

/// The parameters of the thread's next `count` events that are in the table and of failed calls.
fn params(source: &mut Source, thread: u64, count: usize) -> Vec<(EventType, Vec<u8>)> {
    let (mut seen, until) = (Vec::new(), Instant::now() + PATIENCE);
    while seen.len() < count && Instant::now() < until {
        let Next::Event(event) = source.next().unwrap() else { continue };
        let is_it = event.tid as u64 == thread && event.int(0).is_some_and(|result| result < 0);
        let call = CALLS.iter().find(|(_, ty, _)| is_it && *ty == event.ty);
        seen.extend(call.map(|(_, ty, at)| (*ty, event.param(*at).unwrap().to_vec())));
    }
    seen
}

fn own_thread() -> u64 {
    rustix::thread::gettid().as_raw_nonzero().get() as u64
}

/// Makes calls in a separate thread, because opening the probe makes calls, too. Returns the thread, and the result.
fn apart<T: Send>(calls: impl FnOnce() -> T + Send) -> (u64, T) {
    std::thread::scope(|scope| scope.spawn(|| (own_thread(), calls())).join().unwrap())
}

/// Makes each call with an argument that is not resident, and returns the arguments in the events.
fn shown(sleepable_reads: bool) -> Vec<(EventType, Vec<u8>)> {
    let mut source = open(sleepable_reads);
    assert_eq!(source.pages_in(), sleepable_reads);
    let (thread, ()) = apart(make_calls);
    params(&mut source, thread, CALLS.len())
}

fn make_calls() {
    let unwritable = i64::from(libc::O_TMPFILE | libc::O_RDONLY);
    let path = Pages::new(&[b"/a/path"]);
    fail(libc::SYS_openat, [libc::AT_FDCWD.into(), path.at(0), unwritable, 0, 0, 0]);
    // The text is on two pages, the second of which begins with its end.
    let mut begin = vec![b'.'; page()];
    begin[page() - 7..].copy_from_slice(b"/a/long");
    let path = Pages::new(&[&begin, b"er/path"]);
    fail(libc::SYS_unlinkat, [libc::AT_FDCWD.into(), path.at(page() - 7), UNKNOWN_FLAG, 0, 0, 0]);
    let address = Pages::new(&[&[2, 0, 0, 53, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]]);
    fail(libc::SYS_bind, [NONE, address.at(0), 16, 0, 0, 0]);
    let buffer = || Pages::new(&[b"sent"]);
    let (written, first, sent, message) = (buffer(), buffer(), buffer(), buffer());
    fail(libc::SYS_write, [NONE, written.at(0), 4, 0, 0, 0]);
    let words = |words: &[i64]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
    let buffers = Pages::new(&[&words(&[first.at(0), 4])]);
    fail(libc::SYS_writev, [NONE, buffers.at(0), 1, 0, 0, 0]);
    fail(libc::SYS_sendto, [NONE, sent.at(0), 4, 0, 0, 0]);
    let buffers = Pages::new(&[&words(&[message.at(0), 4])]);
    let header = Pages::new(&[&words(&[0, 0, buffers.at(0), 1, 0, 0, 0])]);
    fail(libc::SYS_sendmsg, [NONE, header.at(0), 0, 0, 0, 0]);
}

fn need_sleepable_tracepoints() {
    if !Source::tracepoints_may_sleep() {
        eyas_testing::ignore("programs at this kernel's tracepoints of calls must not sleep (Linux 7.1)");
    }
}

#[test]
fn the_verifier_accepts_the_program_alone() {
    let _turn = eyas_testing::live_turn();
    need_sleepable_tracepoints();
    let alone = ProbeOptions { sleepable_reads: true, io_uring: false, ..ProbeOptions::only([]) };
    assert!(Source::open(alone).unwrap().pages_in());
}

#[test]
fn arguments_that_are_not_resident_are_paged_in() {
    let _turn = eyas_testing::live_turn();
    need_sleepable_tracepoints();
    let types = CALLS.map(|(_, ty, _)| ty);
    let without = shown(false);
    assert_eq!(without.iter().map(|(ty, _)| *ty).collect::<Vec<_>>(), types);
    assert!(without.iter().all(|(_, bytes)| bytes.is_empty() || bytes == b"\0"), "{without:?}");
    let texts: [&[u8]; 7] =
        [b"/a/path\0", b"/a/longer/path\0", b"\x02\x7f\0\0\x01\x35\0", b"sent", b"sent", b"sent", b"sent"];
    let with = shown(true);
    let expected: Vec<_> = types.into_iter().zip(texts.map(<[u8]>::to_vec)).collect();
    assert_eq!(with, expected);
}

/// Memory whose pages another thread must supply (`userfaultfd`). It never does.
struct Supplied {
    at: *mut c_void,
    _fault: OwnedFd,
}

impl Supplied {
    fn new() -> Self {
        const API: u64 = 0xaa;
        const UFFDIO_API: u64 = 0xc018_aa3f;
        const UFFDIO_REGISTER: u64 = 0xc020_aa00;
        const MISSING: u64 = 1;
        // SAFETY: the call takes flags and returns a new descriptor.
        let fd = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC | libc::O_NONBLOCK) };
        if fd < 0 {
            eyas_testing::ignore("this kernel has no userfaultfd");
        }
        // SAFETY: the descriptor is new, and nothing else owns it.
        let fault = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        let (rights, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: the kernel chooses the place of a new mapping.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), page(), rights, flags, -1, 0) };
        assert_ne!(at, libc::MAP_FAILED);
        let mut api = [API, 0, 0];
        let mut range = [at as u64, page() as u64, MISSING, 0];
        // SAFETY: the kernel reads and writes the two structures, which have the sizes in the commands.
        unsafe {
            assert_eq!(libc::ioctl(fault.as_raw_fd(), UFFDIO_API as _, api.as_mut_ptr()), 0);
            assert_eq!(libc::ioctl(fault.as_raw_fd(), UFFDIO_REGISTER as _, range.as_mut_ptr()), 0);
        }
        Self { at, _fault: fault }
    }
}

#[test]
fn memory_that_a_process_supplies_does_not_block_the_probe() {
    let _turn = eyas_testing::live_turn();
    need_sleepable_tracepoints();
    let memory = Supplied::new();
    let mut source = open(true);
    let (at, (done, is_done)) = (memory.at as i64, channel());
    let caller = std::thread::spawn(move || {
        fail(libc::SYS_unlinkat, [libc::AT_FDCWD.into(), at, UNKNOWN_FLAG, 0, 0, 0]);
        done.send(own_thread()).unwrap();
    });
    let returned = is_done.recv_timeout(PATIENCE);
    // Without the descriptor, a waiting thread continues.
    drop(memory);
    caller.join().unwrap();
    let thread = returned.expect("the call waits for the page");
    assert_eq!(params(&mut source, thread, 1), [(EventType::SYSCALL_UNLINKAT_2_X, Vec::new())]);
}

#[test]
fn a_kernel_without_sleepable_tracepoints_captures_as_before() {
    let _turn = eyas_testing::live_turn();
    let may_sleep = Source::tracepoints_may_sleep();
    let mut source = open(true);
    assert_eq!(source.pages_in(), may_sleep);
    let (thread, ()) = apart(|| fail(libc::SYS_write, [NONE, c"text".as_ptr() as i64, 4, 0, 0, 0]));
    assert_eq!(params(&mut source, thread, 1), [(EventType::SYSCALL_WRITE_X, b"text".to_vec())]);
}

/// Number of measured calls.
const MEASURED: usize = 2_000;

/// Makes calls whose arguments are resident. Returns the time of each kind, ns per call, and whether every call has
/// an event.
fn measure(sleepable_reads: bool) -> ([u128; 3], bool) {
    let mut source = open(sleepable_reads);
    let calls: [(i64, [i64; 6]); 3] = [
        // Without an argument in memory: it is not captured, so there is only the cost of the tracepoint.
        (libc::SYS_close, [NONE, 0, 0, 0, 0, 0]),
        (libc::SYS_write, [NONE, c"text".as_ptr() as i64, 4, 0, 0, 0]),
        (libc::SYS_unlinkat, [NONE, c"/a/path".as_ptr() as i64, UNKNOWN_FLAG, 0, 0, 0]),
    ];
    let (thread, times) = apart(|| {
        calls.map(|(number, args)| {
            let start = Instant::now();
            (0..MEASURED).for_each(|_| fail(number, args));
            start.elapsed().as_nanos() / MEASURED as u128
        })
    });
    let all = params(&mut source, thread, 2 * MEASURED).len() == 2 * MEASURED;
    for program in source.runs().into_iter().filter(|program| program.count > 0) {
        println!("{}: {} ns in {} runs", program.name, program.time_ns / program.count, program.count);
    }
    (times, all)
}

#[test]
fn no_event_is_lost_by_it() {
    let _turn = eyas_testing::live_turn();
    need_sleepable_tracepoints();
    let [(without, all_without), (with, all_with)] = [false, true].map(measure);
    println!("ns of close, write, unlinkat: {without:?} without sleepable reads, {with:?} with them");
    assert!(all_without && all_with);
}
