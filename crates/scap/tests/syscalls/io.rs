//! Calls that transfer bytes, and calls on file descriptors.

use eyas_events::{EventType, FlagTable, SyscallCode, param};
use eyas_testing::test;

use crate::call::{Fd, Scratch, at, call, old, open};
use crate::capture::{capture, capture_calls};
use crate::want::{bytes, empty, flags, int, is};

const TEXT: &str = "The quick brown fox jumps over the lazy dog.";

/// As the kernel's iovec.
fn vector(parts: &[&[u8]]) -> Vec<[i64; 2]> {
    parts.iter().map(|part| [at(part.as_ptr()), part.len() as i64]).collect()
}

#[test]
fn read_and_pread() {
    let types = [EventType::SYSCALL_READ_X, EventType::SYSCALL_PREAD_X];
    let mut live = capture(&types);
    let dir = Scratch::new("read");
    let fd = open(&dir.file("file", TEXT), libc::O_RDONLY);
    let mut buffer = [0_u8; 100];
    let res = call(libc::SYS_read, [fd.0, at(&raw mut buffer), 100]);
    assert_eq!(res, TEXT.len() as i64);
    let rest = || [("fd", int(fd.0)), ("size", int(100))];
    let [a, b] = rest();
    live.saw(EventType::SYSCALL_READ_X, &[("res", int(res)), ("data", bytes(TEXT)), a, b]);
    let res = call(libc::SYS_pread64, [fd.0, at(&raw mut buffer), 100, 10]);
    let [a, b] = rest();
    live.saw(
        EventType::SYSCALL_PREAD_X,
        &[("res", int(res)), ("data", bytes(&TEXT[10..])), a, b, ("pos", int(10))],
    );
    let res = call(libc::SYS_read, [-1, at(&raw mut buffer), 7]);
    live.saw(
        EventType::SYSCALL_READ_X,
        &[("res", int(res)), ("data", empty()), ("fd", int(-1)), ("size", int(7))],
    );
}

#[test]
fn reads_are_cut_to_the_snaplen() {
    let mut live = capture(&[EventType::SYSCALL_READ_X]);
    let dir = Scratch::new("snaplen");
    let content = "0123456789".repeat(100);
    let fd = open(&dir.file("file", &content), libc::O_RDONLY);
    let mut buffer = [0_u8; 1000];
    let res = call(libc::SYS_read, [fd.0, at(&raw mut buffer), 1000]);
    let wants = [("res", int(res)), ("data", bytes(&content[..256])), ("fd", int(fd.0)), ("size", int(1000))];
    live.saw(EventType::SYSCALL_READ_X, &wants);
}

#[test]
fn write_and_pwrite() {
    let types = [EventType::SYSCALL_WRITE_X, EventType::SYSCALL_PWRITE_X];
    let mut live = capture(&types);
    let dir = Scratch::new("write");
    let fd = open(&dir.file("file", ""), libc::O_WRONLY);
    let rest = |fd| [("data", bytes(TEXT)), ("fd", int::<i64>(fd)), ("size", int(TEXT.len()))];
    let len = TEXT.len() as i64;
    let res = call(libc::SYS_write, [fd.0, at(TEXT.as_ptr()), len]);
    let [a, b, c] = rest(fd.0);
    live.saw(EventType::SYSCALL_WRITE_X, &[("res", int(res)), a, b, c]);
    let res = call(libc::SYS_pwrite64, [fd.0, at(TEXT.as_ptr()), len, 5]);
    let [a, b, c] = rest(fd.0);
    live.saw(EventType::SYSCALL_PWRITE_X, &[("res", int(res)), a, b, c, ("pos", int(5))]);
    // Data of a failed write is captured, too.
    let res = call(libc::SYS_write, [-1, at(TEXT.as_ptr()), len]);
    let [a, b, c] = rest(-1);
    live.saw(EventType::SYSCALL_WRITE_X, &[("res", int(res)), a, b, c]);
}

#[test]
fn readv_and_preadv() {
    let types = [EventType::SYSCALL_READV_X, EventType::SYSCALL_PREADV_X];
    let mut live = capture(&types);
    let dir = Scratch::new("readv");
    let fd = open(&dir.file("file", TEXT), libc::O_RDONLY);
    let (first, second) = ([0_u8; 10], [0_u8; 20]);
    let parts = vector(&[&first, &second]);
    let res = call(libc::SYS_readv, [fd.0, at(parts.as_ptr()), 2]);
    assert_eq!(res, 30);
    live.saw(
        EventType::SYSCALL_READV_X,
        &[("res", int(30)), ("size", int(30)), ("data", bytes(&TEXT[..30])), ("fd", int(fd.0))],
    );
    let res = call(libc::SYS_preadv, [fd.0, at(parts.as_ptr()), 2, 4, 0]);
    live.saw(
        EventType::SYSCALL_PREADV_X,
        &[
            ("res", int(res)),
            ("size", int(30)),
            ("data", bytes(&TEXT[4..34])),
            ("fd", int(fd.0)),
            ("pos", int(4)),
        ],
    );
}

#[test]
fn writev_and_pwritev() {
    let types = [EventType::SYSCALL_WRITEV_X, EventType::SYSCALL_PWRITEV_X];
    let mut live = capture(&types);
    let dir = Scratch::new("writev");
    let fd = open(&dir.file("file", ""), libc::O_WRONLY);
    let parts = vector(&[b"one ", b"two ", b"three"]);
    let rest = || [("data", bytes("one two three")), ("fd", int(fd.0)), ("size", int(13))];
    let res = call(libc::SYS_writev, [fd.0, at(parts.as_ptr()), 3]);
    let [a, b, c] = rest();
    live.saw(EventType::SYSCALL_WRITEV_X, &[("res", int(res)), a, b, c]);
    let res = call(libc::SYS_pwritev, [fd.0, at(parts.as_ptr()), 3, 100, 0]);
    let [a, b, c] = rest();
    live.saw(EventType::SYSCALL_PWRITEV_X, &[("res", int(res)), a, b, c, ("pos", int(100))]);
}

/// The position that means the file's own.
const OWN_POSITION: i64 = -1;

#[test]
fn preadv2_and_pwritev2() {
    let types = [EventType::SYSCALL_PREADV2_X, EventType::SYSCALL_PWRITEV2_X];
    let mut live = capture(&types);
    let dir = Scratch::new("preadv2");
    let fd = open(&dir.file("file", TEXT), libc::O_RDWR);
    let (first, second) = ([0_u8; 10], [0_u8; 20]);
    let buffers = vector(&[&first, &second]);
    let parts = vector(&[b"one ", b"two ", b"three"]);
    // The kernel refuses a flag that it does not know.
    let unknown = 1 << 30;
    for (pos, how) in [(4, libc::RWF_HIPRI), (OWN_POSITION, 0), (5, unknown | libc::RWF_NOWAIT)] {
        let ends = || [("fd", int(fd.0)), ("pos", int(pos)), ("flags", int(how))];
        call(libc::SYS_lseek, [fd.0, 2, libc::SEEK_SET.into()]);
        let res = call(libc::SYS_preadv2, [fd.0, at(buffers.as_ptr()), 2, pos, 0, how.into()]);
        assert_eq!(res == 30, how & unknown == 0, "{res}");
        let begin = if pos == OWN_POSITION { 2 } else { pos as usize };
        let read = if res == 30 { &TEXT[begin..begin + 30] } else { "" };
        let [fd_is, pos_is, flags_are] = ends();
        live.saw(
            EventType::SYSCALL_PREADV2_X,
            &[("res", int(res)), ("size", int(read.len())), ("data", bytes(read)), fd_is, pos_is, flags_are],
        );
        let res = call(libc::SYS_pwritev2, [fd.0, at(parts.as_ptr()), 3, pos, 0, how.into()]);
        assert_eq!(res == 13, how & unknown == 0, "{res}");
        let [fd_is, pos_is, flags_are] = ends();
        let data = ("data", bytes("one two three"));
        live.saw(
            EventType::SYSCALL_PWRITEV2_X,
            &[("res", int(res)), data, fd_is, ("size", int(13)), pos_is, flags_are],
        );
        dir.file("file", TEXT);
    }
}

#[test]
fn close_and_close_range() {
    let types = [EventType::SYSCALL_CLOSE_X, EventType::SYSCALL_CLOSE_RANGE_X];
    let mut live = capture(&types);
    let res = call(libc::SYS_close, [99_999]);
    live.saw(EventType::SYSCALL_CLOSE_X, &[("res", int(res)), ("fd", int(99_999))]);
    let res = call(libc::SYS_close_range, [90_000, 90_001, 4]);
    let how = flags(&FlagTable::CLOSE_RANGE_FLAGS, &["CLOSE_RANGE_CLOEXEC"]);
    live.saw(
        EventType::SYSCALL_CLOSE_RANGE_X,
        &[("res", int(res)), ("first", int(90_000)), ("last", int(90_001)), ("flags", how)],
    );
}

#[test]
fn dups() {
    let types = [EventType::SYSCALL_DUP_1_X, EventType::SYSCALL_DUP2_X, EventType::SYSCALL_DUP3_X];
    let mut live = capture(&types);
    let fd = open(c"/dev/null", libc::O_RDONLY);
    let one = Fd(call(libc::SYS_dup, [fd.0]));
    live.saw(EventType::SYSCALL_DUP_1_X, &[("res", int(one.0)), ("oldfd", int(fd.0))]);
    let _two = Fd(call(old::SYS_dup2, [fd.0, 700]));
    let wants = [("res", int(700)), ("oldfd", int(fd.0)), ("newfd", int(700))];
    live.saw(EventType::SYSCALL_DUP2_X, &wants);
    let three = Fd(call(libc::SYS_dup3, [fd.0, 701, libc::O_CLOEXEC.into()]));
    let how = ("flags", flags(&FlagTable::FILE_FLAGS, &["O_CLOEXEC"]));
    let wants = [("res", int(701)), ("oldfd", int(fd.0)), ("newfd", int(701)), how];
    live.saw(EventType::SYSCALL_DUP3_X, &wants);
    assert_eq!(three.0, 701);
}

#[test]
fn fcntl_and_ioctl() {
    let types = [EventType::SYSCALL_FCNTL_X, EventType::SYSCALL_IOCTL_3_X];
    let mut live = capture(&types);
    let fd = open(c"/dev/null", libc::O_RDONLY);
    let res = call(libc::SYS_fcntl, [fd.0, libc::F_SETFD.into(), libc::FD_CLOEXEC.into()]);
    live.saw(
        EventType::SYSCALL_FCNTL_X,
        &[
            ("res", int(res)),
            ("fd", int(fd.0)),
            ("cmd", flags(&FlagTable::FCNTL_COMMANDS, &["F_SETFD"])),
            ("arg", int(libc::FD_CLOEXEC)),
        ],
    );
    let request = i64::try_from(libc::TCGETS).unwrap();
    let res = call(libc::SYS_ioctl, [fd.0, request, 0x1234]);
    let wants = [("res", int(res)), ("fd", int(fd.0)), ("request", int(request)), ("argument", int(0x1234))];
    live.saw(EventType::SYSCALL_IOCTL_3_X, &wants);
}

#[test]
fn sendfile() {
    let mut live = capture(&[EventType::SYSCALL_SENDFILE_X]);
    let dir = Scratch::new("sendfile");
    let from = open(&dir.file("from", TEXT), libc::O_RDONLY);
    let to = open(&dir.file("to", ""), libc::O_WRONLY);
    let mut offset = 4_u64;
    let res = call(libc::SYS_sendfile, [to.0, from.0, at(&raw mut offset), 6]);
    let rest = || [("out_fd", int(to.0)), ("in_fd", int(from.0)), ("size", int(6))];
    let [a, b, c] = rest();
    // As the kernel left it.
    live.saw(EventType::SYSCALL_SENDFILE_X, &[("res", int(res)), ("offset", int(10)), a, b, c]);
    let res = call(libc::SYS_sendfile, [to.0, from.0, 0, 6]);
    let [a, b, c] = rest();
    live.saw(EventType::SYSCALL_SENDFILE_X, &[("res", int(res)), ("offset", int(0)), a, b, c]);
}

#[test]
fn splice() {
    let mut live = capture(&[EventType::SYSCALL_SPLICE_X]);
    let dir = Scratch::new("splice");
    let from = open(&dir.file("from", TEXT), libc::O_RDONLY);
    let mut pipe = [0_i32; 2];
    assert_eq!(call(libc::SYS_pipe2, [at(&raw mut pipe), 0]), 0);
    let (out, _in) = (Fd(pipe[1].into()), Fd(pipe[0].into()));
    let how = libc::SPLICE_F_MOVE | libc::SPLICE_F_MORE;
    let res = call(libc::SYS_splice, [from.0, 0, out.0, 0, 9, how.into()]);
    assert_eq!(res, 9);
    live.saw(
        EventType::SYSCALL_SPLICE_X,
        &[
            ("res", int(9)),
            ("fd_in", int(from.0)),
            ("fd_out", int(out.0)),
            ("size", int(9)),
            ("flags", flags(&FlagTable::SPLICE_FLAGS, &["SPLICE_F_MOVE", "SPLICE_F_MORE"])),
        ],
    );
}

#[test]
fn io_uring() {
    let types = [
        EventType::SYSCALL_IO_URING_SETUP_X,
        EventType::SYSCALL_IO_URING_ENTER_X,
        EventType::SYSCALL_IO_URING_REGISTER_X,
    ];
    let mut live = capture(&types);
    let mut params = [0_u32; 30];
    // Its completion queue has a size of its own; a size that is too large is clamped.
    (params[1], params[2]) = (32, 0x18);
    let fd = call(libc::SYS_io_uring_setup, [5, at(&raw mut params)]);
    if fd < 0 {
        eyas_testing::ignore(format_args!("io_uring is not to be had here ({fd})"));
    }
    let fd = Fd(fd);
    let features = params[5];
    live.saw(
        EventType::SYSCALL_IO_URING_SETUP_X,
        &[
            ("res", int(fd.0)),
            ("entries", int(5)),
            ("sq_entries", int(8)),
            ("cq_entries", int(32)),
            (
                "flags",
                flags(&FlagTable::IO_URING_SETUP_FLAGS, &["IORING_SETUP_CQSIZE", "IORING_SETUP_CLAMP"]),
            ),
            ("sq_thread_cpu", int(0)),
            ("sq_thread_idle", int(0)),
            ("features", is("those the kernel has", move |got| got == i64::from(features & 0x6ff))),
        ],
    );
    let res = call(libc::SYS_io_uring_enter, [fd.0, 0, 0, 1, 0, 8]);
    live.saw(
        EventType::SYSCALL_IO_URING_ENTER_X,
        &[
            ("res", int(res)),
            ("fd", int(fd.0)),
            ("to_submit", int(0)),
            ("min_complete", int(0)),
            ("flags", flags(&FlagTable::IO_URING_ENTER_FLAGS, &["IORING_ENTER_GETEVENTS"])),
            ("sig", int(0)),
        ],
    );
    let res = call(libc::SYS_io_uring_register, [fd.0, 1, 0x1000, 3]);
    live.saw(
        EventType::SYSCALL_IO_URING_REGISTER_X,
        &[
            ("res", int(res)),
            ("fd", int(fd.0)),
            ("opcode", flags(&FlagTable::IO_URING_REGISTER_OPCODES, &["IORING_UNREGISTER_BUFFERS"])),
            ("arg", int(0x1000)),
            ("nr_args", int(3)),
        ],
    );
}

#[test]
fn ioctls_that_set_close_on_exec_are_captured_with_fcntl() {
    let mut live = capture_calls(&[SyscallCode::FCNTL, SyscallCode::LSEEK]);
    let fd = open(c"/dev/null", libc::O_RDONLY);
    for interpret in [true, false] {
        live.interpret(interpret);
        let requests = [libc::FIOCLEX, libc::TCGETS, libc::FIONCLEX, libc::FIONREAD];
        let events = live.own(|| {
            for request in requests {
                call(libc::SYS_ioctl, [fd.0, request as i64, 0]);
            }
        });
        let came: Vec<_> =
            events.iter().map(|event| event.as_raw().uint(param::SYSCALL_IOCTL_3_X::request)).collect();
        assert_eq!(came, [Some(libc::FIOCLEX), Some(libc::FIONCLEX)]);
    }
    live.interpret(false);
}
