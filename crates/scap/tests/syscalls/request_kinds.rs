//! Kinds of `io_uring` requests that no other test makes, and a list of those that one does.

use std::process::Command;

use eyas_events::{Arch, EventType, SyscallCode, param, requests};
use eyas_testing::test;

use crate::call::{Fd, Scratch, at, call};
use crate::capture::{capture, capture_calls, tid};
use crate::requests::{datagrams, ring_with, saw};
use crate::ring::{Entry, Ring};
use crate::want::{bytes, has, int};

/// Kinds that tests of `requests.rs` and `request_paths.rs` make.
const ELSEWHERE: [u8; 35] = [
    1, 2, 3, 9, 10, 13, 16, 17, 18, 19, 21, 22, 23, 26, 27, 28, 30, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 54, 55, 56, 57, 62,
];
const GENERIC: [u8; 6] = [8, 24, 25, 29, 33, 50];
const REGISTERED: [u8; 4] = [4, 5, 60, 61];
const WITHOUT_COPY: [u8; 2] = [47, 48];
const REPEATED: u8 = 49;
/// It needs a queue of a network device.
const UNTESTED: u8 = 58;

/// Numbers of `io_uring_register`, and a flag of an entry.
const REGISTER_BUFFERS: i64 = 0;
const PROVIDE_BUFFERS: u8 = 31;
const BUFFER_SELECT: u8 = 32;

#[test]
fn each_reported_kind_has_a_test() {
    let mut tested = [&ELSEWHERE[..], &GENERIC, &REGISTERED, &WITHOUT_COPY, &[REPEATED, UNTESTED]].concat();
    tested.sort_unstable();
    let reported: Vec<u8> = requests().filter(|kind| kind.call.is_some()).map(|kind| kind.opcode).collect();
    assert_eq!(tested, reported);
}

/// Makes a request if the kernel has its kind. Returns whether it has.
#[track_caller]
fn did(ring: &mut Ring, request: Entry, result: i64) -> bool {
    if !ring.has(request.opcode) {
        println!("the kernel has no request {}", request.opcode);
        return false;
    }
    assert_eq!(ring.one(request), result, "{request:?}");
    true
}

fn file(dir: &Scratch, content: &str) -> Fd {
    Fd(call(
        libc::SYS_openat,
        [libc::AT_FDCWD.into(), at(dir.file("f", content).as_ptr()), libc::O_RDWR.into()],
    ))
}

fn pipe() -> [Fd; 2] {
    let mut ends = [0_i32; 2];
    assert_eq!(call(libc::SYS_pipe2, [at(&raw mut ends), 0]), 0);
    ends.map(|end| Fd(end.into()))
}

/// A page, for calls that want an aligned address.
#[repr(align(65536))]
struct Page([u8; 65536]);

#[test]
fn kinds_whose_calls_have_no_event_of_their_own() {
    use SyscallCode as C;
    let calls = [C::SYNC_FILE_RANGE, C::FADVISE64, C::MADVISE, C::EPOLL_CTL, C::TEE, C::WAITID];
    let mut live = capture_calls(&calls);
    let (mut ring, dir) = (ring_with(0, 0), Scratch::new("requests-kinds"));
    let (file, [read, write], [_other, to]) = (file(&dir, "0123456789"), pipe(), pipe());
    assert_eq!(call(libc::SYS_write, [write.0, at(b"words".as_ptr()), 5]), 5);
    let page = Box::new(Page([0; 65536]));
    let waiter = Fd(call(libc::SYS_epoll_create1, [0]));
    let wanted = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
    let add = Entry { offset: read.0 as u64, ..Entry::new(29, waiter.0).addr(&raw const wanted) };
    let mut child = Command::new("/bin/true").spawn().unwrap();
    let ended = Entry { file_index: libc::WEXITED as u32, ..Entry::new(50, child.id().into()) };
    let tee = Entry { file_index: read.0 as u32, ..Entry::new(33, to.0).len(5) };
    for (request, call, result) in [
        (Entry::new(8, file.0), C::SYNC_FILE_RANGE, 0),
        (Entry::new(24, file.0), C::FADVISE64, 0),
        (Entry::new(25, -1).addr(&raw const *page).len(65536), C::MADVISE, 0),
        (add.len(libc::EPOLL_CTL_ADD as usize), C::EPOLL_CTL, 0),
        (tee, C::TEE, 5),
        (ended.len(libc::P_PID as usize), C::WAITID, 0),
    ] {
        if did(&mut ring, request, result) {
            let arch = if cfg!(target_arch = "x86_64") { Arch::X86_64 } else { Arch::Aarch64 };
            let number = call.info().unwrap().number(arch).unwrap();
            let wants = [("ID", int(call.0)), ("nativeID", int(number))];
            saw(&mut live, request.opcode, EventType::GENERIC_X, &wants);
        }
    }
    let _ = child.wait();
}

#[test]
fn reads_and_writes_of_registered_buffers() {
    use EventType as E;
    let mut live = capture(&[E::SYSCALL_READ_X, E::SYSCALL_WRITE_X, E::SYSCALL_READV_X, E::SYSCALL_WRITEV_X]);
    let (mut ring, dir) = (ring_with(0, 0), Scratch::new("requests-registered"));
    let file = file(&dir, "");
    let mut page = Box::new(Page([0; 65536]));
    page.0[..10].copy_from_slice(b"some words");
    let vector = [at(page.0.as_ptr()), 10];
    assert_eq!(ring.register(REGISTER_BUFFERS, at(&raw const vector), 1), 0);
    let plain = |opcode| Entry::new(opcode, file.0).addr(page.0.as_ptr()).len(10);
    let by_vector = |opcode| Entry::new(opcode, file.0).addr(&raw const vector).len(1);
    for (request, ty) in [
        (plain(5), E::SYSCALL_WRITE_X),
        (plain(4), E::SYSCALL_READ_X),
        (by_vector(61), E::SYSCALL_WRITEV_X),
        (by_vector(60), E::SYSCALL_READV_X),
    ] {
        if did(&mut ring, request, 10) {
            let (data, fd) = (("data", bytes(b"some words")), ("fd", int(file.0)));
            let wants = match ty {
                E::SYSCALL_READV_X => [("res", int(10)), ("size", int(10)), data, fd],
                _ => [("res", int(10)), data, fd, ("size", int(10))],
            };
            saw(&mut live, request.opcode, ty, &wants);
        }
    }
}

#[test]
fn messages_that_are_sent_without_a_copy() {
    use EventType as E;
    let mut live = capture(&[E::SOCKET_SENDTO_X, E::SOCKET_SENDMSG_X]);
    let (from, _to, there) = datagrams();
    let said = *b"some more";
    let vector = [at(said.as_ptr()), 9];
    let header = [at(there.as_ptr()), 16, at(&raw const vector), 1, 0, 0, 0];
    let send =
        Entry { file_index: 16, ..Entry::new(47, from.0).addr(said.as_ptr()).len(9).offset(there.as_ptr()) };
    let message = Entry::new(48, from.0).addr(&raw const header).len(1);
    for (request, ty) in [(send, E::SOCKET_SENDTO_X), (message, E::SOCKET_SENDMSG_X)] {
        // A second completion says when the buffer is free again.
        let mut ring = ring_with(0, 0);
        if did(&mut ring, request, 9) {
            ring.wait(1);
            let tuple = has("two ends", |bytes| bytes.len() == 13 && bytes[0] == 2);
            let (data, fd) = (("data", bytes(said)), ("fd", int(from.0)));
            let wants = [("res", int(9)), data, fd, ("size", int(9)), ("tuple", tuple)];
            saw(&mut live, request.opcode, ty, &wants);
        }
    }
}

#[test]
fn one_read_that_is_answered_several_times() {
    let mut live = capture(&[EventType::SYSCALL_READ_X]);
    let mut ring = ring_with(0, 0);
    let [read, write] = pipe();
    let page = Box::new(Page([0; 65536]));
    let provide = Entry { fd: 2, ..Entry::new(PROVIDE_BUFFERS, 0).addr(page.0.as_ptr()).len(64) };
    assert_eq!(ring.one(provide), 0);
    if !ring.has(REPEATED) {
        eyas_testing::ignore("the kernel has no such request");
    }
    ring.submit(&[Entry { flags: BUFFER_SELECT, ..Entry::new(REPEATED, read.0) }]);
    for (n, word) in ["once", "again"].into_iter().enumerate() {
        assert_eq!(call(libc::SYS_write, [write.0, at(word.as_ptr()), word.len() as i64]), word.len() as i64);
        assert_eq!(ring.wait(1)[0].res, word.len() as i32);
        let mine = tid();
        let event = live.nth_where(n, |raw| {
            raw.tid == mine && raw.io_uring().is_some_and(|request| request.opcode == REPEATED)
        });
        assert_eq!(event.as_raw().int(param::SYSCALL_READ_X::res), Some(word.len() as i64));
        assert_eq!(event.as_raw().int(param::SYSCALL_READ_X::fd), Some(read.0));
    }
}
