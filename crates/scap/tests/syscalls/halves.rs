//! Arguments that the kernel declares as `int`: it ignores the upper half of the register, and so must the events.

use eyas_events::{EventType, FlagTable};
use eyas_testing::test;

use crate::call::{Scratch, at, call, open};
use crate::capture::capture;
use crate::want::{Want, bytes, flags, int, is};

/// The argument, with a number in the upper half of its register.
fn odd(argument: impl Into<i64>) -> i64 {
    (argument.into() & 0xffff_ffff) | (0xdead_beef_u64 << 32) as i64
}

fn any() -> Want {
    is("any number", |_| true)
}

#[test]
fn commands_of_descriptors() {
    let mut live = capture(&[EventType::SYSCALL_FCNTL_X, EventType::SYSCALL_IOCTL_3_X]);
    let fd = open(c"/dev/null", libc::O_RDONLY);
    for (command, name) in [(libc::F_DUPFD, "F_DUPFD"), (libc::F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC")] {
        let copy = call(libc::SYS_fcntl, [odd(fd.0), odd(command), 50]);
        assert!(copy >= 50, "{copy}");
        let command = ("cmd", flags(&FlagTable::FCNTL_COMMANDS, &[name]));
        live.saw(
            EventType::SYSCALL_FCNTL_X,
            &[("res", int(copy)), ("fd", int(fd.0)), command, ("arg", int(50))],
        );
        call(libc::SYS_close, [copy]);
    }
    let request = libc::FIONCLEX as i64;
    assert_eq!(call(libc::SYS_ioctl, [odd(fd.0), odd(request), 0]), 0);
    live.saw(
        EventType::SYSCALL_IOCTL_3_X,
        &[("res", int(0)), ("fd", int(fd.0)), ("request", int(request)), ("argument", int(0))],
    );
}

#[test]
fn families_and_levels_of_sockets() {
    let types = [
        EventType::SOCKET_SOCKET_X,
        EventType::SOCKET_SOCKETPAIR_X,
        EventType::SOCKET_SHUTDOWN_X,
        EventType::SOCKET_SETSOCKOPT_X,
    ];
    let mut live = capture(&types);
    let fd = call(libc::SYS_socket, [odd(libc::AF_INET), odd(libc::SOCK_DGRAM), odd(0)]);
    let domain = |name| ("domain", flags(&FlagTable::SOCKET_FAMILIES, &[name]));
    live.saw(
        EventType::SOCKET_SOCKET_X,
        &[
            ("fd", int(fd)),
            domain("AF_INET"),
            ("type", int(libc::SOCK_DGRAM)),
            ("proto", int(0)),
            ("flags", int(0)),
        ],
    );
    let on = 1_i32;
    let arguments = [odd(fd), odd(libc::SOL_SOCKET), odd(libc::SO_REUSEADDR), at(&on), odd(4)];
    assert_eq!(call(libc::SYS_setsockopt, arguments), 0);
    live.saw(
        EventType::SOCKET_SETSOCKOPT_X,
        &[
            ("res", int(0)),
            ("fd", int(fd)),
            ("level", flags(&FlagTable::SOCKOPT_LEVELS, &["SOL_SOCKET"])),
            ("optname", flags(&FlagTable::SOCKOPT_OPTIONS, &["SO_REUSEADDR"])),
            ("val", bytes([2, 1, 0, 0, 0])),
            ("optlen", int(4)),
        ],
    );
    let mut pair = [0_i32; 2];
    let result =
        call(libc::SYS_socketpair, [odd(libc::AF_UNIX), odd(libc::SOCK_STREAM), odd(0), at(&raw mut pair)]);
    assert_eq!(result, 0);
    let [one, other] = pair;
    live.saw(
        EventType::SOCKET_SOCKETPAIR_X,
        &[
            ("res", int(0)),
            ("fd1", int(one)),
            ("fd2", int(other)),
            ("source", any()),
            ("peer", any()),
            domain("AF_UNIX"),
            ("type", int(libc::SOCK_STREAM)),
            ("proto", int(0)),
        ],
    );
    assert_eq!(call(libc::SYS_shutdown, [odd(one), odd(libc::SHUT_WR)]), 0);
    live.saw(
        EventType::SOCKET_SHUTDOWN_X,
        &[("res", int(0)), ("fd", int(one)), ("how", flags(&FlagTable::SHUTDOWN_HOW, &["SHUT_WR"]))],
    );
    for fd in [fd, one.into(), other.into()] {
        call(libc::SYS_close, [fd]);
    }
}

#[test]
fn numbers_of_other_calls() {
    let types = [
        EventType::SYSCALL_LSEEK_X,
        EventType::SYSCALL_PRLIMIT_X,
        EventType::SYSCALL_SECCOMP_X,
        EventType::SYSCALL_SEMCTL_X,
    ];
    let mut live = capture(&types);
    let dir = Scratch::new("halves");
    let fd = open(&dir.file("file", "text"), libc::O_RDONLY);
    assert_eq!(call(libc::SYS_lseek, [odd(fd.0), 0, odd(libc::SEEK_END)]), 4);
    let whence = ("whence", flags(&FlagTable::LSEEK_WHENCE, &["SEEK_END"]));
    live.saw(EventType::SYSCALL_LSEEK_X, &[("res", int(4)), ("fd", int(fd.0)), ("offset", int(0)), whence]);
    let mut limits = [0_u64; 2];
    let arguments = [odd(0), odd(libc::RLIMIT_NOFILE as i64), 0, at(&raw mut limits)];
    assert_eq!(call(libc::SYS_prlimit64, arguments), 0);
    let [soft, hard] = limits.map(|limit| limit as i64);
    live.saw(
        EventType::SYSCALL_PRLIMIT_X,
        &[
            ("res", int(0)),
            ("newcur", int(-1)),
            ("newmax", int(-1)),
            ("oldcur", int(soft)),
            ("oldmax", int(hard)),
            ("pid", int(0)),
            ("resource", flags(&FlagTable::RLIMIT_RESOURCES, &["RLIMIT_NOFILE"])),
        ],
    );
    // SECCOMP_GET_ACTION_AVAIL of SECCOMP_RET_ALLOW.
    let action = 0x7fff_0000_u32;
    assert_eq!(call(libc::SYS_seccomp, [odd(2), odd(0), at(&action)]), 0);
    live.saw(EventType::SYSCALL_SECCOMP_X, &[("res", int(0)), ("op", int(2)), ("flags", int(0))]);
    // Of no semaphore.
    let result = call(libc::SYS_semctl, [odd(-1), 0, odd(12), 0]);
    assert!(result < 0);
    let command = ("cmd", flags(&FlagTable::SEMCTL_COMMANDS, &["GETVAL"]));
    live.saw(
        EventType::SYSCALL_SEMCTL_X,
        &[("res", int(result)), ("semid", int(-1)), ("semnum", int(0)), command, ("val", int(0))],
    );
}
