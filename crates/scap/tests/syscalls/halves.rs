//! Arguments that the kernel declares as `int`: it ignores the upper half of the register, and so must the events.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use eyas_events::{EventType, FlagTable};
use eyas_testing::test;

use crate::call::{Fd, Scratch, at, call, old, open};
use crate::capture::capture;
use crate::want::{Want, bytes, empty, flags, int, is, path};

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

#[test]
fn ids_and_counts() {
    let types = [
        EventType::SYSCALL_PROCESS_VM_READV_X,
        EventType::SYSCALL_EVENTFD_X,
        EventType::SYSCALL_EVENTFD2_X,
        EventType::SYSCALL_FUTEX_X,
    ];
    let mut live = capture(&types);
    let nobody = i32::MAX;
    let res = call(libc::SYS_process_vm_readv, [odd(nobody), 0, 0, 0, 0, 0]);
    live.saw(
        EventType::SYSCALL_PROCESS_VM_READV_X,
        &[("res", int(res)), ("pid", int(nobody)), ("data", empty())],
    );
    let fd = Fd(call(old::SYS_eventfd, [odd(12)]));
    live.saw(EventType::SYSCALL_EVENTFD_X, &[("res", int(fd.0)), ("initval", int(12)), ("flags", int(0))]);
    let fd = Fd(call(libc::SYS_eventfd2, [odd(13), odd(0)]));
    live.saw(EventType::SYSCALL_EVENTFD2_X, &[("res", int(fd.0)), ("flags", int(0)), ("initval", int(13))]);
    let word = 0_u32;
    let res = call(libc::SYS_futex, [at(&word), odd(libc::FUTEX_WAKE), odd(4321)]);
    live.saw(
        EventType::SYSCALL_FUTEX_X,
        &[
            ("res", int(res)),
            ("addr", int(at(&word))),
            ("op", flags(&FlagTable::FUTEX_OPERATIONS, &["FUTEX_WAKE"])),
            ("val", int(4321)),
        ],
    );
}

/// The mode, with bits that have no meaning there.
fn odd_mode(mode: i64) -> i64 {
    odd(mode | 0xabcd_0000 | i64::from(libc::S_IFMT))
}

/// The mode that the kernel gave the file.
fn mode_of(name: &CStr) -> i64 {
    i64::from(std::fs::symlink_metadata(OsStr::from_bytes(name.to_bytes())).unwrap().mode() & 0o7777)
}

#[test]
fn modes_of_new_directories() {
    let types = [EventType::SYSCALL_MKDIR_2_X, EventType::SYSCALL_MKDIRAT_X];
    let mut live = capture(&types);
    let dir = Scratch::new("odd-directories");
    let (one, other) = (dir.path("one"), dir.path("other"));
    // A new directory gets neither the user id's bit nor the group id's.
    let asked = odd_mode(0o7700);
    let res = call(old::SYS_mkdir, [at(one.as_ptr()), asked]);
    live.saw(EventType::SYSCALL_MKDIR_2_X, &[("res", int(res)), ("path", path(&one)), ("mode", int(0o1700))]);
    let res = call(libc::SYS_mkdirat, [libc::AT_FDCWD.into(), at(other.as_ptr()), asked]);
    assert_eq!((res, mode_of(&other)), (0, 0o1700));
    live.saw(
        EventType::SYSCALL_MKDIRAT_X,
        &[("res", int(0)), ("dirfd", int(-100)), ("path", path(&other)), ("mode", int(0o1700))],
    );
}

#[test]
fn modes_of_new_files() {
    let types = [EventType::SYSCALL_OPENAT_2_X, EventType::SYSCALL_MKNODAT_X, EventType::SYSCALL_MQ_OPEN_X];
    let mut live = capture(&types);
    let dir = Scratch::new("odd-files");
    let (here, file, pipe) = (i64::from(libc::AT_FDCWD), dir.path("file"), dir.path("pipe"));
    let fd = Fd(call(
        libc::SYS_openat,
        [here, at(file.as_ptr()), odd(libc::O_CREAT | libc::O_WRONLY), odd_mode(0o6700)],
    ));
    assert_eq!(mode_of(&file), 0o6700);
    let created = is("created for writing", |flags| {
        let names = ["O_CREAT", "O_WRONLY", "O_F_CREATED"].map(|name| FlagTable::FILE_FLAGS.value(name));
        names.iter().all(|bit| flags & i64::from(*bit) != 0)
    });
    live.saw(
        EventType::SYSCALL_OPENAT_2_X,
        &[
            ("fd", int(fd.0)),
            ("dirfd", int(-100)),
            ("name", path(&file)),
            ("flags", created),
            ("mode", int(0o6700)),
            ("dev", any()),
            ("ino", any()),
        ],
    );
    // The type is a part of this mode.
    let asked = odd(i64::from(libc::S_IFIFO) | 0xabcd_0000 | 0o2600);
    assert_eq!(call(libc::SYS_mknodat, [here, at(pipe.as_ptr()), asked, odd(0)]), 0);
    assert_eq!(mode_of(&pipe), 0o2600);
    let names = ["S_ISGID", "S_IRUSR", "S_IWUSR", "S_IFIFO"];
    live.saw(
        EventType::SYSCALL_MKNODAT_X,
        &[
            ("res", int(0)),
            ("dirfd", int(-100)),
            ("path", path(&pipe)),
            ("mode", flags(&FlagTable::MKNOD_MODE, &names)),
            ("dev", int(0)),
        ],
    );
    let name = c"eyas-halves";
    for (how, mode) in [(libc::O_CREAT | libc::O_RDWR, 0o600), (libc::O_RDONLY, 0)] {
        let fd = Fd(call(libc::SYS_mq_open, [at(name.as_ptr()), odd(how), odd_mode(0o600), 0]));
        let wants = [("fd", int(fd.0)), ("name", path(name)), ("flags", int(how)), ("mode", int(mode))];
        live.saw(EventType::SYSCALL_MQ_OPEN_X, &wants);
    }
    call(libc::SYS_mq_unlink, [at(name.as_ptr())]);
}

#[test]
fn changed_modes() {
    let types = [EventType::SYSCALL_CHMOD_X, EventType::SYSCALL_FCHMOD_X, EventType::SYSCALL_FCHMODAT_X];
    let mut live = capture(&types);
    let dir = Scratch::new("odd-modes");
    let file = dir.file("file", "");
    let fd = open(&file, libc::O_RDONLY);
    let mode = || ("mode", flags(&FlagTable::CHMOD_MODE, &["S_ISUID", "S_IRUSR", "S_IXOTH"]));
    let asked = odd_mode(0o4401);
    let res = call(old::SYS_chmod, [at(file.as_ptr()), asked]);
    live.saw(EventType::SYSCALL_CHMOD_X, &[("res", int(res)), ("filename", path(&file)), mode()]);
    assert_eq!(call(libc::SYS_fchmod, [odd(fd.0), asked]), 0);
    assert_eq!(mode_of(&file), 0o4401);
    live.saw(EventType::SYSCALL_FCHMOD_X, &[("res", int(0)), ("fd", int(fd.0)), mode()]);
    assert_eq!(call(libc::SYS_fchmodat, [libc::AT_FDCWD.into(), at(file.as_ptr()), asked]), 0);
    let (dirfd, filename) = (("dirfd", int(-100)), ("filename", path(&file)));
    live.saw(EventType::SYSCALL_FCHMODAT_X, &[("res", int(0)), dirfd, filename, mode()]);
}
