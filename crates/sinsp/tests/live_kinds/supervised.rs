//! A process whose calls a supervisor decides (seccomp). The supervisor puts descriptors into its tables.

use std::io::BufRead;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::IntoRawFd;

use crate::maker::{at, call, ioctl, open};

/// Environment variable that makes the test program the supervisor.
pub const ENV: &str = "EYAS_SUPERVISED";

/// Number of the listener in the supervised process.
const LISTENER: i64 = 900;
/// The supervised process closes a descriptor with this number at once.
const CLOSED: u32 = 60;

const NEXT: i64 = 0xc050_2100;
const ANSWER: i64 = 0xc018_2101;
const ADD: i64 = 0x4018_2103;
/// The kernel ignores the direction of this request.
const ADD_BOTH_WAYS: i64 = 0xc018_2103;

/// Flags of the request: the number is chosen; the call of the thread ends with the number.
const CHOSEN: u32 = 1;
const ENDS: u32 = 2;

#[derive(Clone, Copy)]
struct Step {
    what: &'static str,
    request: i64,
    flags: u32,
    number: u32,
    is_cloexec: bool,
    of_32_bits: bool,
}

/// The first thread's descriptors; the first step follows a notification that the supervisor may have got before the capture.
fn steps() -> Vec<Step> {
    let plain =
        Step { what: "file", request: ADD, flags: 0, number: 0, is_cloexec: false, of_32_bits: false };
    let chosen = |number| Step { flags: CHOSEN, number, ..plain };
    vec![
        Step { what: "event", ..plain },
        Step { flags: ENDS, ..plain },
        Step { is_cloexec: true, flags: ENDS, ..plain },
        chosen(50),
        // It replaces another file.
        Step { what: "memory", flags: CHOSEN | ENDS, ..chosen(50) },
        Step { request: ADD_BOTH_WAYS, ..chosen(51) },
        // The result is 0.
        Step { what: "directory", flags: CHOSEN | ENDS, ..chosen(0) },
        Step { flags: CHOSEN | ENDS, ..chosen(CLOSED) },
        Step { of_32_bits: true, ..chosen(52) },
        Step { what: "process", flags: ENDS, ..plain },
        Step { what: "pipe", is_cloexec: true, ..plain },
        Step { what: "client", flags: ENDS, ..plain },
        Step { what: "server", flags: ENDS, ..plain },
        Step { what: "listener", ..plain },
        Step { what: "unused socket", ..plain },
    ]
}

/// The files of the supervisor, by name.
fn files() -> Vec<(&'static str, i64)> {
    let mut ends = [0_i32; 2];
    call(libc::SYS_pipe2, [at(ends.as_mut_ptr()), 0]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    vec![
        ("file", open(c"/etc/passwd", libc::O_RDONLY)),
        ("event", call(libc::SYS_eventfd2, [0, 0])),
        ("memory", call(libc::SYS_memfd_create, [at(c"added".as_ptr()), 0])),
        ("directory", open(c"/etc", libc::O_RDONLY)),
        ("process", call(libc::SYS_pidfd_open, [std::process::id().into(), 0])),
        ("pipe", ends[1].into()),
        ("client", client.into_raw_fd().into()),
        ("server", server.into_raw_fd().into()),
        ("listener", listener.into_raw_fd().into()),
        ("unused socket", call(libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0])),
    ]
}

/// Makes the process and gets its first notification at the first order, and decides all its calls at the second. Prints its
/// threads.
pub fn run() -> ! {
    let mut lines = std::io::stdin().lock().lines();
    lines.next();
    let files = files();
    let mut ready = [0_i32; 2];
    call(libc::SYS_pipe2, [at(ready.as_mut_ptr()), 0]);
    let child = call(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0]);
    if child == 0 {
        supervised(ready[1].into());
    }
    let mut byte = [0_u8; 1];
    call(libc::SYS_read, [ready[0].into(), at(byte.as_mut_ptr()), 1]);
    let process = call(libc::SYS_pidfd_open, [child, 0]);
    let listener = call(libc::SYS_pidfd_getfd, [process, LISTENER, 0]);
    let mut next = next(listener);
    println!("done");
    lines.next();
    for step in steps() {
        let file = files.iter().find(|(name, _)| *name == step.what).unwrap().1;
        add(listener, next.0, file, step);
        if step.flags & ENDS == 0 {
            answer(listener, next.0);
        }
        next = self::next(listener);
    }
    let main = next.1;
    answer(listener, next.0);
    // Its other thread has descriptors of its own.
    let (id, other) = self::next(listener);
    add(listener, id, files[0].1, Step { flags: ENDS | CHOSEN, number: 70, ..steps()[0] });
    self::next(listener);
    println!("{main} leader\n{other} thread with descriptors of its own\ndone");
    lines.next();
    std::process::exit(0)
}

/// The number of the next notification, and its thread.
fn next(listener: i64) -> (u64, u32) {
    let mut notification = [0_u64; 10];
    assert_eq!(ioctl(listener, NEXT, at(notification.as_mut_ptr())), 0);
    let notification = std::hint::black_box(notification);
    (notification[0], notification[1] as u32)
}

/// Lets the call of the notification return 0.
fn answer(listener: i64, id: u64) {
    let answer = [id, 0, 0];
    assert_eq!(ioctl(listener, ANSWER, at(&answer)), 0);
}

fn add(listener: i64, id: u64, file: i64, step: Step) {
    let closes = if step.is_cloexec { libc::O_CLOEXEC as u64 } else { 0 };
    let added = [id, u64::from(step.flags) | (file as u64) << 32, u64::from(step.number) | closes << 32];
    let result = if step.of_32_bits {
        ioctl_32(listener, step.request, &added)
    } else {
        ioctl(listener, step.request, at(&added))
    };
    assert!(result >= 0, "{}: error {}", step.what, -result);
    assert!(step.flags & CHOSEN == 0 || result == i64::from(step.number), "{}: {result}", step.what);
}

#[cfg(target_arch = "x86_64")]
fn ioctl_32(listener: i64, request: i64, added: &[u64; 3]) -> i64 {
    let Some(low) = crate::maker::low_page() else { return ioctl(listener, request, at(added)) };
    // SAFETY: the page was just mapped.
    unsafe { std::ptr::write_volatile(low as *mut [u64; 3], *added) };
    crate::maker::call_32(54, [listener, request, low])
}

#[cfg(not(target_arch = "x86_64"))]
fn ioctl_32(listener: i64, request: i64, added: &[u64; 3]) -> i64 {
    ioctl(listener, request, at(added))
}

/// A process whose `getppid` the supervisor decides.
fn supervised(ready: i64) -> ! {
    const NEW_LISTENER: i64 = 8;
    call(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG.into(), libc::SIGKILL.into(), 0, 0, 0]);
    // The number of the call decides: SECCOMP_RET_USER_NOTIF, or SECCOMP_RET_ALLOW.
    let program: [u64; 4] =
        [0x20, 0x0100_0015 | (libc::SYS_getppid as u64) << 32, 0x7fc0_0000 << 32 | 6, 0x7fff_0000 << 32 | 6];
    let filter = [4_u64, at(&program) as u64];
    call(libc::SYS_prctl, [libc::PR_SET_NO_NEW_PRIVS.into(), 1, 0, 0, 0]);
    let listener = call(libc::SYS_seccomp, [1, NEW_LISTENER, at(&filter)]);
    call(libc::SYS_dup3, [listener, LISTENER, libc::O_CLOEXEC.into()]);
    call(libc::SYS_close, [listener]);
    call(libc::SYS_write, [ready, at(c"x".as_ptr()), 1]);
    for _ in steps() {
        if call(libc::SYS_getppid, []) == i64::from(CLOSED) {
            call(libc::SYS_close, [i64::from(CLOSED)]);
        }
    }
    call(libc::SYS_getppid, []);
    let _ = std::thread::spawn(|| {
        call(libc::SYS_unshare, [libc::CLONE_FILES.into()]);
        call(libc::SYS_getppid, []);
        call(libc::SYS_getppid, []);
    })
    .join();
    std::process::exit(0)
}
