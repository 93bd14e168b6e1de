//! Pipes, events, semaphores, futexes, other processes' memory.

use eyas_testing::test;
use std::os::linux::fs::MetadataExt;

use eyas_events::{EventType, FlagTable};

use crate::call::{Fd, at, call, old};
use crate::capture::{Capture, capture, is_here};
use crate::want::{Want, bytes, empty, flags, int, path};

/// The ends of a pipe as the event has them, and its inode.
fn pipe_of(fds: [i32; 2]) -> [(&'static str, Want); 3] {
    let meta = std::fs::metadata(format!("/proc/self/fd/{}", fds[0])).unwrap();
    [("fd1", int(fds[0])), ("fd2", int(fds[1])), ("ino", int(meta.st_ino()))]
}

#[test]
fn pipes() {
    let mut live = capture(&[EventType::SYSCALL_PIPE_X, EventType::SYSCALL_PIPE2_X]);
    let mut fds = [0_i32; 2];
    if is_here(EventType::SYSCALL_PIPE_X) {
        let res = call(old::SYS_pipe, [at(&raw mut fds)]);
        let _ends = fds.map(|fd| Fd(fd.into()));
        let [a, b, c] = pipe_of(fds);
        live.saw(EventType::SYSCALL_PIPE_X, &[("res", int(res)), a, b, c]);
    }
    let how = libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_DIRECT;
    let res = call(libc::SYS_pipe2, [at(&raw mut fds), how.into()]);
    let _ends = fds.map(|fd| Fd(fd.into()));
    let [a, b, c] = pipe_of(fds);
    let how = ("flags", flags(&FlagTable::FILE_FLAGS, &["O_CLOEXEC", "O_NONBLOCK", "O_DIRECT"]));
    live.saw(EventType::SYSCALL_PIPE2_X, &[("res", int(res)), a, b, c, how]);
    let res = call(libc::SYS_pipe2, [at(&raw mut fds), 1]);
    let nothing = [("fd1", int(-1)), ("fd2", int(-1)), ("ino", int(0)), ("flags", int(0))];
    let [a, b, c, d] = nothing;
    live.saw(EventType::SYSCALL_PIPE2_X, &[("res", int(res)), a, b, c, d]);
}

#[test]
fn eventfds() {
    let types = [EventType::SYSCALL_EVENTFD_X, EventType::SYSCALL_EVENTFD2_X];
    let mut live = capture(&types);
    let fd = Fd(call(old::SYS_eventfd, [12]));
    let wants = [("res", int(fd.0)), ("initval", int(12)), ("flags", int(0))];
    live.saw(EventType::SYSCALL_EVENTFD_X, &wants);
    let fd = Fd(call(libc::SYS_eventfd2, [34, libc::EFD_CLOEXEC.into()]));
    let how = flags(&FlagTable::FILE_FLAGS, &["O_CLOEXEC"]);
    live.saw(EventType::SYSCALL_EVENTFD2_X, &[("res", int(fd.0)), ("flags", how), ("initval", int(34))]);
}

#[test]
fn inotify() {
    let types = [EventType::SYSCALL_INOTIFY_INIT_X, EventType::SYSCALL_INOTIFY_INIT1_X];
    let mut live = capture(&types);
    let fd = Fd(call(old::SYS_inotify_init, []));
    live.saw(EventType::SYSCALL_INOTIFY_INIT_X, &[("res", int(fd.0)), ("flags", int(0))]);
    let fd = Fd(call(libc::SYS_inotify_init1, [(libc::IN_NONBLOCK | libc::IN_CLOEXEC).into()]));
    let how = flags(&FlagTable::FILE_FLAGS, &["O_NONBLOCK", "O_CLOEXEC"]);
    live.saw(EventType::SYSCALL_INOTIFY_INIT1_X, &[("res", int(fd.0)), ("flags", how)]);
}

#[test]
fn futex() {
    let mut live = capture(&[EventType::SYSCALL_FUTEX_X]);
    let word = 0_u32;
    for (operation, name) in [(libc::FUTEX_WAKE, "FUTEX_WAKE"), (libc::FUTEX_REQUEUE, "FUTEX_REQUEUE")] {
        let args = [at(&word), (operation | libc::FUTEX_PRIVATE_FLAG).into(), 4321, 0, at(&word), 0];
        let res = call(libc::SYS_futex, args);
        live.saw(
            EventType::SYSCALL_FUTEX_X,
            &[
                ("res", int(res)),
                ("addr", int(at(&word))),
                ("op", flags(&FlagTable::FUTEX_OPERATIONS, &[name, "FUTEX_PRIVATE_FLAG"])),
                ("val", int(4321)),
            ],
        );
    }
    // An operation that there is not.
    let res = call(libc::SYS_futex, [at(&word), 77, 1, 0, 0, 0]);
    let wants = [("res", int(res)), ("addr", int(at(&word))), ("op", int(0)), ("val", int(1))];
    live.saw(EventType::SYSCALL_FUTEX_X, &wants);
}

/// A set of semaphores that is removed when the test is over.
struct Semaphores(i64);

impl Drop for Semaphores {
    fn drop(&mut self) {
        call(libc::SYS_semctl, [self.0, 0, libc::IPC_RMID.into()]);
    }
}

#[test]
fn semaphores() {
    let types = [EventType::SYSCALL_SEMGET_X, EventType::SYSCALL_SEMCTL_X, EventType::SYSCALL_SEMOP_X];
    let mut live = capture(&types);
    let key = 0x6579_6173_i64 ^ i64::from(std::process::id());
    let how = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;
    let set = Semaphores(call(libc::SYS_semget, [key, 3, how.into()]));
    live.saw(
        EventType::SYSCALL_SEMGET_X,
        &[
            ("res", int(set.0)),
            ("key", int(key)),
            ("nsems", int(3)),
            ("semflg", flags(&FlagTable::SEMGET_FLAGS, &["IPC_CREAT", "IPC_EXCL"])),
        ],
    );
    for (command, name, value) in [(libc::SETVAL, "SETVAL", 5), (libc::GETVAL, "GETVAL", 0)] {
        let res = call(libc::SYS_semctl, [set.0, 2, command.into(), 5]);
        live.saw(
            EventType::SYSCALL_SEMCTL_X,
            &[
                ("res", int(res)),
                ("semid", int(set.0)),
                ("semnum", int(2)),
                ("cmd", flags(&FlagTable::SEMCTL_COMMANDS, &[name])),
                ("val", int(value)),
            ],
        );
    }
    // Number, operation, flags.
    let operations = [2_i16, -3, libc::IPC_NOWAIT as i16, 1, 4, libc::SEM_UNDO as i16];
    let wait = flags(&FlagTable::SEMOP_FLAGS, &["IPC_NOWAIT"]);
    let undo = flags(&FlagTable::SEMOP_FLAGS, &["SEM_UNDO"]);
    semop(&mut live, set.0, at(&operations), 2, [int(2), int(-3), wait, int(1), int(4), undo]);
    semop(&mut live, set.0, at(&operations[3..]), 1, {
        let undo = flags(&FlagTable::SEMOP_FLAGS, &["SEM_UNDO"]);
        [int(1), int(4), undo, int(0), int(0), int(0)]
    });
}

fn semop(live: &mut Capture, set: i64, operations: i64, count: i64, wants: [Want; 6]) {
    let res = call(libc::SYS_semop, [set, operations, count]);
    assert_eq!(res, 0);
    let names = ["sem_num_0", "sem_op_0", "sem_flg_0", "sem_num_1", "sem_op_1", "sem_flg_1"];
    let mut all = vec![("res", int(res)), ("nsops", int(count))];
    all.extend(names.into_iter().zip(wants));
    all.push(("semid", int(set)));
    live.saw(EventType::SYSCALL_SEMOP_X, &all);
}

#[test]
fn memory_of_processes() {
    let types = [EventType::SYSCALL_PROCESS_VM_READV_X, EventType::SYSCALL_PROCESS_VM_WRITEV_X];
    let mut live = capture(&types);
    let pid = i64::from(std::process::id());
    let (here, there) = ([0_u8; 11], *b"other bytes");
    let (local, remote) = ([at(&here), 11], [at(&there), 11]);
    for (ty, number) in types.into_iter().zip([libc::SYS_process_vm_readv, libc::SYS_process_vm_writev]) {
        let res = call(number, [pid, at(&local), 1, at(&remote), 1, 0]);
        assert_eq!(res, 11);
        live.saw(ty, &[("res", int(11)), ("pid", int(pid)), ("data", bytes("other bytes"))]);
        let res = call(number, [0x7000_0000, at(&local), 1, at(&remote), 1, 0]);
        live.saw(ty, &[("res", int(res)), ("pid", int(0x7000_0000)), ("data", empty())]);
    }
}

#[test]
fn mq_open() {
    let mut live = capture(&[EventType::SYSCALL_MQ_OPEN_X]);
    let name = c"eyas-syscalls";
    for (how, mode) in [(libc::O_CREAT | libc::O_RDWR, 0o600), (libc::O_RDONLY, 0)] {
        let fd = Fd(call(libc::SYS_mq_open, [at(name.as_ptr()), how.into(), mode, 0]));
        let wants = [("fd", int(fd.0)), ("name", path(name)), ("flags", int(how)), ("mode", int(mode))];
        live.saw(EventType::SYSCALL_MQ_OPEN_X, &wants);
    }
    call(libc::SYS_mq_unlink, [at(name.as_ptr())]);
}

#[test]
fn fanotify_init() {
    const CLOEXEC: i64 = 1;
    let mut live = capture(&[EventType::SYSCALL_FANOTIFY_INIT_X]);
    for (how, of_files) in [(CLOEXEC, libc::O_LARGEFILE), (1 << 20, 0)] {
        let fd = Fd(call(libc::SYS_fanotify_init, [how, of_files.into()]));
        let wants = [("fd", int(fd.0)), ("flags", int(how)), ("event_f_flags", int(of_files))];
        live.saw(EventType::SYSCALL_FANOTIFY_INIT_X, &wants);
    }
}
