//! Calls that wait.

use eyas_events::{EventType, FlagTable};
use eyas_testing::test;

use crate::call::{Fd, at, call, old};
use crate::capture::capture;
use crate::want::{Want, bytes, flags, int, is};

/// The kernel's pollfd: descriptor, then events wanted and events that came.
fn entry(fd: i64, wanted: i16) -> [u8; 8] {
    let mut out = [0; 8];
    out[..4].copy_from_slice(&(fd as i32).to_le_bytes());
    out[4..6].copy_from_slice(&wanted.to_le_bytes());
    out
}

/// As the schema has a set: its size, then descriptor and events that came.
fn list(entries: &[(i64, &[&str])]) -> Want {
    let mut out = (entries.len() as u16).to_le_bytes().to_vec();
    for (fd, names) in entries {
        let Want::Int(came) = flags(&FlagTable::POLL_FLAGS, names) else { unreachable!() };
        out.extend_from_slice(&fd.to_le_bytes());
        out.extend_from_slice(&(came as u16).to_le_bytes());
    }
    bytes(out)
}

#[test]
fn polls() {
    let types = [EventType::SYSCALL_POLL_X, EventType::SYSCALL_PPOLL_X];
    let mut live = capture(&types);
    let mut fds = [0_i32; 2];
    assert_eq!(call(libc::SYS_pipe2, [at(&raw mut fds), 0]), 0);
    let [reads, writes] = fds.map(|fd| Fd(fd.into()));
    let mut set = [entry(reads.0, libc::POLLIN), entry(writes.0, libc::POLLOUT), entry(99_999, libc::POLLIN)];
    let came = || list(&[(reads.0, &[]), (writes.0, &["POLLOUT"]), (99_999, &["POLLNVAL"])]);
    call(old::SYS_poll, [at(&raw mut set), 3, 250]);
    live.saw(EventType::SYSCALL_POLL_X, &[("res", int(2)), ("fds", came()), ("timeout", int(250))]);
    let (time, mask) = ([1_i64, 250], [0x1000_u64]);
    let res = call(libc::SYS_ppoll, [at(&raw mut set), 3, at(&time), at(&mask), 8]);
    assert_eq!(res, 2);
    let wants = [
        ("res", int(res)),
        ("fds", came()),
        // The kernel leaves there what remains.
        ("timeout", is("at most what was passed", |got| (900_000_000..=1_000_000_250).contains(&got))),
        ("sigmask", int(0x1000)),
    ];
    live.saw(EventType::SYSCALL_PPOLL_X, &wants);
    // Sixteen of twenty are kept.
    let mut many = [entry(writes.0, libc::POLLOUT); 20];
    let res = call(old::SYS_poll, [at(&raw mut many), 20, 0]);
    let kept = [(writes.0, &["POLLOUT"][..]); 16];
    live.saw(EventType::SYSCALL_POLL_X, &[("res", int(res)), ("fds", list(&kept)), ("timeout", int(0))]);
    let res = call(old::SYS_poll, [8, 2, 0]);
    live.saw(EventType::SYSCALL_POLL_X, &[("res", int(res)), ("fds", list(&[])), ("timeout", int(0))]);
}

#[test]
fn select() {
    let mut live = capture(&[EventType::SYSCALL_SELECT_X]);
    let time = [0_i64; 2];
    let res = call(old::SYS_select, [0, 0, 0, 0, at(&time)]);
    live.saw(EventType::SYSCALL_SELECT_X, &[("res", int(res))]);
}

#[test]
fn epolls() {
    let types = [
        EventType::SYSCALL_EPOLL_CREATE_X,
        EventType::SYSCALL_EPOLL_CREATE1_X,
        EventType::SYSCALL_EPOLLWAIT_X,
    ];
    let mut live = capture(&types);
    let fd = Fd(call(old::SYS_epoll_create, [23]));
    live.saw(EventType::SYSCALL_EPOLL_CREATE_X, &[("res", int(fd.0)), ("size", int(23))]);
    let fd = Fd(call(libc::SYS_epoll_create1, [libc::EPOLL_CLOEXEC.into()]));
    let how = flags(&FlagTable::EPOLL_CREATE1_FLAGS, &["EPOLL_CLOEXEC"]);
    live.saw(EventType::SYSCALL_EPOLL_CREATE1_X, &[("res", int(fd.0)), ("flags", how)]);
    let mut events = [0_u8; 12 * 5];
    let res = call(old::SYS_epoll_wait, [fd.0, at(&raw mut events), 5, 0]);
    live.saw(EventType::SYSCALL_EPOLLWAIT_X, &[("res", int(res)), ("maxevents", int(5))]);
}

#[test]
fn nanosleep() {
    let mut live = capture(&[EventType::SYSCALL_NANOSLEEP_X]);
    let time = [0_i64, 123_456];
    let res = call(libc::SYS_nanosleep, [at(&time), 0]);
    live.saw(EventType::SYSCALL_NANOSLEEP_X, &[("res", int(res)), ("interval", int(123_456))]);
}

#[test]
fn timerfd_create() {
    let mut live = capture(&[EventType::SYSCALL_TIMERFD_CREATE_X]);
    let how = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
    let fd = Fd(call(libc::SYS_timerfd_create, [libc::CLOCK_MONOTONIC.into(), how.into()]));
    live.saw(
        EventType::SYSCALL_TIMERFD_CREATE_X,
        &[
            ("res", int(fd.0)),
            ("clockid", int(libc::CLOCK_MONOTONIC)),
            // Eight bits have no room for O_CLOEXEC.
            ("flags", flags(&FlagTable::FILE_FLAGS, &["O_NONBLOCK"])),
        ],
    );
}
