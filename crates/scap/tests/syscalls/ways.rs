//! The most frequent events have specialised code in the probe. Tests that it reports the same as the
//! interpreter.

use eyas_events::EventType;
use eyas_scap::OwnedEvent;
use eyas_testing::test;

use crate::call::{Scratch, at, call, old, open};
use crate::capture::{capture, is_here};

/// Those events, but for some that differ from one call to the next by nature.
const TYPES: &[EventType] = &[
    EventType::GENERIC_X,
    EventType::SYSCALL_READ_X,
    EventType::SYSCALL_WRITE_X,
    EventType::SYSCALL_PREAD_X,
    EventType::SYSCALL_PWRITE_X,
    EventType::SYSCALL_CLOSE_X,
    EventType::SYSCALL_FSTAT_X,
    EventType::SYSCALL_STAT_X,
    EventType::SYSCALL_LSTAT_X,
    EventType::SYSCALL_NEWFSTATAT_X,
    EventType::SYSCALL_ACCESS_X,
    EventType::SYSCALL_LSEEK_X,
    EventType::SYSCALL_MMAP_X,
    EventType::SYSCALL_MUNMAP_X,
    EventType::SYSCALL_MPROTECT_X,
    EventType::SYSCALL_BRK_4_X,
    EventType::SYSCALL_FUTEX_X,
    EventType::SYSCALL_IOCTL_3_X,
    EventType::SYSCALL_FCNTL_X,
    EventType::SYSCALL_EPOLLWAIT_X,
    EventType::SYSCALL_GETDENTS64_X,
    EventType::SYSCALL_SELECT_X,
    EventType::SYSCALL_OPEN_X,
    EventType::SYSCALL_OPENAT_2_X,
    EventType::SOCKET_CONNECT_X,
    EventType::SOCKET_SENDTO_X,
    EventType::SOCKET_RECVFROM_X,
];

/// Sizes of the process, which do not depend on the calls.
const PASSING: [&str; 3] = ["vm_size", "vm_rss", "vm_swap"];

/// Calls of every kind, with good, bad and no arguments, whose outcome is always the same.
fn calls(scratch: &Scratch, page: i64) {
    let nowhere = -1_i64;
    let bad = 1_i64;
    let file = scratch.path("file");
    let (name, missing) = (at(file.as_ptr()), scratch.path("missing"));
    let here = i64::from(libc::AT_FDCWD);
    let long = scratch.path(&"x".repeat(250));
    let (missing, long) = (at(missing.as_ptr()), at(long.as_ptr()));
    let mut buffer = [0_u8; 512];
    let buffer = at(&raw mut buffer);
    for flags in
        [libc::O_RDWR, libc::O_WRONLY | libc::O_APPEND | libc::O_CLOEXEC, libc::O_RDONLY | libc::O_DIRECTORY]
    {
        for path in [name, missing, long, bad, 0] {
            let fds = [
                call(libc::SYS_openat, [here, path, flags.into(), 0o640]),
                call(old::SYS_open, [path, flags.into(), 0o640]),
            ];
            for fd in fds {
                call(libc::SYS_close, [fd]);
            }
        }
    }
    let fd = call(libc::SYS_openat, [here, name, libc::O_RDWR.into(), 0]);
    for (to, len) in [(buffer, 10), (buffer, 300), (bad, 10), (0, 10), (buffer, 0)] {
        call(libc::SYS_write, [fd, to, len]);
        call(libc::SYS_lseek, [fd, 0, libc::SEEK_SET.into()]);
        call(libc::SYS_read, [fd, to, len]);
        call(libc::SYS_pwrite64, [fd, to, len, 1]);
        call(libc::SYS_pread64, [fd, to, len, 2]);
        call(libc::SYS_read, [nowhere, to, len]);
    }
    for path in [name, missing, long, bad, 0] {
        call(old::SYS_stat, [path, buffer]);
        call(old::SYS_lstat, [path, buffer]);
        call(libc::SYS_newfstatat, [here, path, buffer, libc::AT_SYMLINK_NOFOLLOW.into()]);
        call(old::SYS_access, [path, libc::R_OK.into()]);
    }
    call(libc::SYS_fstat, [fd, buffer]);
    call(libc::SYS_fcntl, [fd, libc::F_GETFD.into(), 0]);
    call(libc::SYS_fcntl, [nowhere, libc::F_SETFL.into(), libc::O_NONBLOCK.into()]);
    call(libc::SYS_ioctl, [fd, libc::FIONREAD as i64, buffer]);
    call(libc::SYS_getdents64, [fd, buffer, 512]);
    call(libc::SYS_close, [fd]);
    let mut at_once = [0_i64; 2];
    call(old::SYS_select, [0, 0, 0, 0, at(&raw mut at_once)]);
    let poll = call(libc::SYS_epoll_create1, [0]);
    call(old::SYS_epoll_wait, [poll, buffer, 4, 0]);
    call(libc::SYS_close, [poll]);
    call(libc::SYS_futex, [buffer, (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG).into(), 7]);
    let fixed = i64::from(libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    call(libc::SYS_mmap, [page, 4096, (libc::PROT_READ | libc::PROT_WRITE).into(), fixed, nowhere, 0]);
    call(libc::SYS_mprotect, [page, 4096, libc::PROT_READ.into()]);
    call(libc::SYS_munmap, [bad, 4096]);
    call(libc::SYS_brk, [bad]);
    call(libc::SYS_getpid, []);
    call(libc::SYS_sched_yield, []);
    sockets(scratch);
}

fn sockets(scratch: &Scratch) {
    let local = [127, 0, 0, 1];
    let mut inet = [[2, 0, 0x27, 0x0f].as_slice(), &local, &[0; 8]].concat();
    let mut inet6 = [0_u8; 28];
    inet6[..4].copy_from_slice(&[10, 0, 0x27, 0x0f]);
    inet6[23] = 1;
    let path = scratch.path("socket");
    let unix = [&[1, 0], path.as_bytes_with_nul()].concat();
    let unnamed = [1_u8, 0, 0, b'a', b'b'];
    let text = b"some bytes";
    for (family, address) in
        [(2, &inet[..]), (10, &inet6[..]), (1, &unix[..]), (1, &unnamed[..]), (2, &[7, 7][..]), (2, &[])]
    {
        let socket = call(libc::SYS_socket, [family, libc::SOCK_DGRAM.into(), 0]);
        let (to, len) = (at(address.as_ptr()), address.len() as i64);
        // The port that it would get otherwise is another each time.
        if let 16 | 28 = address.len() {
            let mut own = address.to_vec();
            own[2..4].copy_from_slice(&[0x4e, family as u8]);
            call(libc::SYS_bind, [socket, at(own.as_ptr()), len]);
        }
        call(libc::SYS_connect, [socket, to, len]);
        for (to, len) in [(to, len), (0, 0)] {
            call(libc::SYS_sendto, [socket, at(text.as_ptr()), 10, libc::MSG_DONTWAIT.into(), to, len]);
        }
        // Data to a port without a listener causes an error at some later time.
        call(libc::SYS_close, [socket]);
    }
    let socket = call(libc::SYS_socket, [2, libc::SOCK_DGRAM.into(), 0]);
    inet[2..4].copy_from_slice(&[0x4e, 0x1f]);
    let (own, len) = (at(inet.as_ptr()), inet.len() as i64);
    call(libc::SYS_bind, [socket, own, len]);
    call(libc::SYS_sendto, [socket, at(text.as_ptr()), 10, 0, own, len]);
    let (mut buffer, mut from, mut from_len) = ([0_u8; 64], [0_u8; 16], 16_i32);
    for _ in 0..2 {
        let flags = libc::MSG_DONTWAIT.into();
        call(
            libc::SYS_recvfrom,
            [socket, at(&raw mut buffer), 64, flags, at(&raw mut from), at(&raw mut from_len)],
        );
    }
    call(libc::SYS_close, [socket]);
}

/// The parameters of an event by name, including those after its row.
fn told(event: &OwnedEvent) -> (EventType, Vec<(&'static str, Vec<u8>)>) {
    let raw = event.as_raw();
    let names = raw.info().unwrap().params.iter().map(|param| param.name).chain(std::iter::repeat("more"));
    let params = names.zip(raw.params()).filter(|(name, _)| !PASSING.contains(name));
    (raw.ty, params.map(|(name, bytes)| (name, bytes.to_vec())).collect())
}

#[test]
fn specialised_code_makes_the_events_of_the_interpreter() {
    let scratch = Scratch::new("ways");
    scratch.file("file", "");
    drop(open(&scratch.path("file"), libc::O_RDONLY));
    let fresh = i64::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let page = call(libc::SYS_mmap, [0, 4096, 0, fresh, -1, 0]);
    let mut capture = capture(TYPES);
    // Once without a capture, so that both runs find the same files and memory.
    calls(&scratch, page);
    let mut ways = Vec::new();
    for by_interpreter in [false, true] {
        capture.interpret(by_interpreter);
        // So that the same descriptors are free each time.
        let mut taken = vec![open(c"/dev/null", libc::O_RDONLY)];
        while taken.last().is_some_and(|fd| fd.0 < 500) {
            taken.push(open(c"/dev/null", libc::O_RDONLY));
        }
        let events = capture.own_apart(|| calls(&scratch, page));
        ways.push(events.iter().map(told).collect::<Vec<_>>());
    }
    capture.interpret(false);
    assert!(ways[0].len() > 100, "{} events", ways[0].len());
    for ty in TYPES.iter().filter(|ty| is_here(**ty)) {
        assert!(ways[0].iter().any(|(seen, _)| seen == ty), "no {ty:?}");
    }
    assert_eq!(ways[0].len(), ways[1].len());
    for (own, interpreted) in ways[0].iter().zip(&ways[1]) {
        assert_eq!(own, interpreted);
    }
}
