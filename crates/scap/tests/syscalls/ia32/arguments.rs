//! 32-bit calls that pass arguments differently from 64-bit ones.

use eyas_events::{EventType, FlagTable, SyscallCode};
use eyas_scap::{FdDetail, OwnedEvent};
use eyas_testing::test;

use super::{Low, call32};
use crate::call::{Fd, Scratch, apart, call, open};
use crate::capture::{capture, capture_calls};
use crate::network::{DATAGRAM, INET, socket};
use crate::rights::{pair, send};
use crate::want::{Want, bytes, flags, int, is};

/// A path in the memory of 32-bit programs.
fn put_path(low: &Low, path: &std::ffi::CStr) -> u32 {
    low.put(1000, path.to_bytes_with_nul())
}

#[test]
fn owners() {
    let types = [EventType::SYSCALL_CHOWN_X, EventType::SYSCALL_LCHOWN_X, EventType::SYSCALL_FCHOWN_X];
    let mut live = capture(&types);
    let (dir, low) = (Scratch::new("owners"), Low::new());
    let name = dir.file("file", "");
    let (file, at) = (open(&name, libc::O_RDONLY), put_path(&low, &name));
    let path = || bytes(name.to_bytes_with_nul());
    // The older of each has ids of 16 bits, where 0xffff leaves an owner as it is.
    for (numbers, ids, seen) in [
        ([212, 198, 207], [70_000, u32::MAX], [70_000_i64, -1]),
        ([182, 16, 95], [0xffff, 1003], [-1, 1003]),
        ([182, 16, 95], [1004, 0xabcd_0005], [1004, 5]),
    ] {
        let [chown, lchown, fchown] = numbers;
        for (ty, number) in [(EventType::SYSCALL_CHOWN_X, chown), (EventType::SYSCALL_LCHOWN_X, lchown)] {
            assert_eq!(call32(number, [at, ids[0], ids[1]]), 0);
            let wants = [("res", int(0)), ("path", path()), ("uid", int(seen[0])), ("gid", int(seen[1]))];
            live.saw(ty, &wants);
        }
        assert_eq!(call32(fchown, [file.0 as u32, ids[0], ids[1]]), 0);
        live.saw(
            EventType::SYSCALL_FCHOWN_X,
            &[("res", int(0)), ("fd", int(file.0)), ("uid", int(seen[0])), ("gid", int(seen[1]))],
        );
    }
}

#[test]
fn identities() {
    use EventType as E;
    type Case = (E, [u32; 2], &'static [&'static str]);
    let cases: [Case; 6] = [
        (E::SYSCALL_SETREGID_X, [204, 71], &["rgid", "egid"]),
        (E::SYSCALL_SETRESGID_X, [210, 170], &["rgid", "egid", "sgid"]),
        (E::SYSCALL_SETGID_X, [214, 46], &["gid"]),
        (E::SYSCALL_SETREUID_X, [203, 70], &["ruid", "euid"]),
        (E::SYSCALL_SETRESUID_X, [208, 164], &["ruid", "euid", "suid"]),
        (E::SYSCALL_SETUID_X, [213, 23], &["uid"]),
    ];
    for (ty, [long, short], names) in cases {
        for (number, nobody) in [(long, u32::MAX), (short, 0xffff)] {
            apart(|| {
                let mut live = capture(&[ty]);
                let mut args = [1001, nobody, 1003];
                args[names.len()..].fill(0);
                assert_eq!(call32(number, args), 0);
                let ids = names.iter().zip([1001_i64, -1, 1003]).map(|(name, id)| (*name, int(id)));
                let wants: Vec<(&str, Want)> = std::iter::once(("res", int(0))).chain(ids).collect();
                live.saw(ty, &wants);
            });
        }
    }
}

#[test]
fn identities_behind_addresses() {
    apart(|| {
        let mut live = capture(&[EventType::SYSCALL_GETRESUID_X]);
        assert_eq!(call(libc::SYS_setresuid, [1001, 1002, 1003]), 0);
        let low = Low::new();
        for (number, size) in [(209, 4), (165, 2)] {
            let at = low.put_words(0, &[0x5555_5555; 3]);
            assert_eq!(call32(number, [at, at + size, at + 2 * size]), 0);
            live.saw(
                EventType::SYSCALL_GETRESUID_X,
                &[("res", int(0)), ("ruid", int(1001)), ("euid", int(1002)), ("suid", int(1003))],
            );
        }
    });
}

#[test]
fn offsets_in_two_halves() {
    let types = [
        EventType::SYSCALL_PREAD_X,
        EventType::SYSCALL_PWRITEV_X,
        EventType::SYSCALL_PREADV2_X,
        EventType::SYSCALL_PWRITEV2_X,
        EventType::SYSCALL_LSEEK_X,
        EventType::SYSCALL_TRUNCATE_X,
        EventType::SYSCALL_FTRUNCATE_X,
    ];
    let mut live = capture(&types);
    let (dir, low) = (Scratch::new("halves"), Low::new());
    let name = dir.file("file", "content");
    let fd = open(&name, libc::O_RDWR);
    let buffer = low.put(0, b"1234");
    let res = call32(180, [fd.0 as u32, buffer, 4, 5, 2]);
    let offset = (2_i64 << 32) + 5;
    live.saw(
        EventType::SYSCALL_PREAD_X,
        &[("res", int(res)), ("data", bytes("")), ("fd", int(fd.0)), ("size", int(4)), ("pos", int(offset))],
    );
    let part = low.put_words(100, &[buffer, 4]);
    let res = call32(334, [fd.0 as u32, part, 1, 5, 2]);
    live.saw(
        EventType::SYSCALL_PWRITEV_X,
        &[
            ("res", int(res)),
            ("data", bytes("1234")),
            ("fd", int(fd.0)),
            ("size", int(4)),
            ("pos", int(offset)),
        ],
    );
    let (own, how) = ([u32::MAX; 2], libc::RWF_HIPRI as u32);
    for ([low_half, high_half], pos, read) in [([5, 2], offset, "12"), (own, -1, "nt")] {
        call(libc::SYS_lseek, [fd.0, 5, libc::SEEK_SET.into()]);
        let ends = || {
            [("fd", int(fd.0)), ("pos", int(pos)), ("flags", flags(&FlagTable::RWF_FLAGS, &["RWF_HIPRI"]))]
        };
        let [fd_is, pos_is, how_is] = ends();
        let part = low.put_words(100, &[buffer, 2]);
        let (two, data) = (|| ("size", int(2)), || ("data", bytes(read)));
        assert_eq!(call32(378, [fd.0 as u32, part, 1, low_half, high_half, how]), 2);
        live.saw(EventType::SYSCALL_PREADV2_X, &[("res", int(2)), two(), data(), fd_is, pos_is, how_is]);
        let [fd_is, pos_is, how_is] = ends();
        assert_eq!(call32(379, [fd.0 as u32, part, 1, low_half, high_half, how]), 2);
        live.saw(EventType::SYSCALL_PWRITEV2_X, &[("res", int(2)), data(), fd_is, two(), pos_is, how_is]);
    }
    let res = call32(19, [fd.0 as u32, -3_i32 as u32, libc::SEEK_CUR as u32]);
    live.saw(
        EventType::SYSCALL_LSEEK_X,
        &[("res", int(res)), ("fd", int(fd.0)), ("offset", int(-3)), ("whence", int(1))],
    );
    // truncate64 and truncate, whose length has a sign.
    for (args, length) in [([193, 5, 2], offset), ([92, -1_i32 as u32, 7], -1)] {
        let [number, low_half, high_half] = args;
        let res = call32(number, [put_path(&low, &name), low_half, high_half]);
        let wants = [("res", int(res)), ("path", bytes(name.to_bytes_with_nul())), ("length", int(length))];
        live.saw(EventType::SYSCALL_TRUNCATE_X, &wants);
    }
    let res = call32(194, [fd.0 as u32, 5, 0]);
    live.saw(EventType::SYSCALL_FTRUNCATE_X, &[("res", int(res)), ("fd", int(fd.0)), ("length", int(5))]);
}

#[test]
fn offsets_behind_addresses() {
    let mut live = capture(&[EventType::SYSCALL_SENDFILE_X]);
    let (dir, low) = (Scratch::new("offsets"), Low::new());
    let from = open(&dir.file("from", "content"), libc::O_RDONLY);
    let to = open(&dir.file("to", ""), libc::O_WRONLY);
    for number in [187, 239] {
        let offset = low.put_words(0, &[2, if number == 187 { u32::MAX } else { 0 }]);
        let res = call32(number, [to.0 as u32, from.0 as u32, offset, 3]);
        assert_eq!(res, 3);
        live.saw(
            EventType::SYSCALL_SENDFILE_X,
            &[
                ("res", int(3)),
                // Where the next one begins.
                ("offset", int(5)),
                ("out_fd", int(to.0)),
                ("in_fd", int(from.0)),
                ("size", int(3)),
            ],
        );
    }
}

#[test]
fn arguments_in_memory() {
    let types = [
        EventType::SYSCALL_MMAP_X,
        EventType::SYSCALL_SEMOP_X,
        EventType::SYSCALL_SEMGET_X,
        EventType::SYSCALL_SEMCTL_X,
    ];
    let mut live = capture(&types);
    let low = Low::new();
    let words = low.put_words(0, &[0, 4096, 1, 0x22, u32::MAX, 0]);
    let res = call32(90, [words]);
    let page = crate::memory::Page(i64::from(res as u32));
    let [a, b, c] = crate::memory::sizes();
    live.saw(
        EventType::SYSCALL_MMAP_X,
        &[
            ("res", is("the address", move |got| got as i32 == res)),
            a,
            b,
            c,
            ("addr", int(0)),
            ("length", int(4096)),
            ("prot", flags(&FlagTable::PROT_FLAGS, &["PROT_READ"])),
            ("flags", flags(&FlagTable::MMAP_FLAGS, &["MAP_PRIVATE", "MAP_ANONYMOUS"])),
            ("fd", int(-1)),
            ("offset", int(0)),
        ],
    );
    drop(page);
    // semget and semop, each through ipc.
    let id = call32(117, [2, 0, 1, 0o3600]);
    assert!(id >= 0);
    live.saw(
        EventType::SYSCALL_SEMGET_X,
        &[("res", int(id)), ("key", int(0)), ("nsems", int(1)), ("semflg", int(0x6000))],
    );
    // semctl, with the flag that C libraries add to the command.
    let (value, version) = (low.put_words(0, &[5]), 0x100);
    let res = call32(117, [3, id as u32, 0, libc::SETVAL as u32 | version, value]);
    assert_eq!(res, 0);
    live.saw(
        EventType::SYSCALL_SEMCTL_X,
        &[
            ("res", int(0)),
            ("semid", int(id)),
            ("semnum", int(0)),
            ("cmd", flags(&FlagTable::SEMCTL_COMMANDS, &["SETVAL"])),
            ("val", int(5)),
        ],
    );
    let operation = low.put_words(0, &[7 << 16, 0]);
    let res = call32(117, [1, id as u32, 1, 0, operation, 0]);
    call(libc::SYS_semctl, [id.into(), 0, libc::IPC_RMID.into(), 0]);
    assert_eq!(res, 0);
    live.saw(
        EventType::SYSCALL_SEMOP_X,
        &[
            ("res", int(0)),
            ("nsops", int(1)),
            ("sem_num_0", int(0)),
            ("sem_op_0", int(7)),
            ("sem_flg_0", int(0)),
            ("sem_num_1", int(0)),
            ("sem_op_1", int(0)),
            ("sem_flg_1", int(0)),
            ("semid", int(id)),
        ],
    );
}

#[test]
fn times_of_either_width() {
    let types = [EventType::SYSCALL_PPOLL_X, EventType::SYSCALL_NANOSLEEP_X];
    let mut live = capture(&types);
    let low = Low::new();
    // 1,000 ns, and what follows it.
    let short = low.put_words(0, &[0, 1000, 7, 7]);
    let long = low.put_words(16, &[0, 0, 1000, 0]);
    for (number, time) in [(309, short), (414, long)] {
        let res = call32(number, [0, 0, time, 0, 8]);
        assert_eq!(res, 0);
        live.saw(
            EventType::SYSCALL_PPOLL_X,
            // The kernel writes what is left of the time: nothing.
            &[("res", int(0)), ("fds", bytes([0, 0])), ("timeout", int(0)), ("sigmask", int(0))],
        );
        low.put_words(0, &[0, 1000, 7, 7]);
    }
    assert_eq!(call32(162, [low.put_words(0, &[0, 1000, 7, 7]), 0]), 0);
    live.saw(EventType::SYSCALL_NANOSLEEP_X, &[("res", int(0)), ("interval", int(1000))]);
}

#[test]
fn limits_and_timeouts_of_either_width() {
    let types =
        [EventType::SYSCALL_PRLIMIT_X, EventType::SYSCALL_GETRLIMIT_X, EventType::SOCKET_SETSOCKOPT_X];
    let mut live = capture(&types);
    let low = Low::new();
    let resource = libc::RLIMIT_RTTIME;
    let old = low.put_words(0, &[0; 4]);
    assert_eq!(call32(340, [0, resource, 0, old]), 0);
    live.saw(
        EventType::SYSCALL_PRLIMIT_X,
        &[
            ("res", int(0)),
            ("newcur", int(-1)),
            ("newmax", int(-1)),
            ("oldcur", int(-1)),
            ("oldmax", int(-1)),
            ("pid", int(0)),
            ("resource", int(15)),
        ],
    );
    assert_eq!(call32(191, [resource, low.put_words(0, &[7, 7, 7, 7])]), 0);
    live.saw(
        EventType::SYSCALL_GETRLIMIT_X,
        &[("res", int(0)), ("cur", int(-1)), ("max", int(-1)), ("resource", int(15))],
    );
    let fd: Fd = socket(INET, DATAGRAM);
    // A time of 2 s and 3 µs: in two longs, and in two words of 64 bits whatever the program is.
    let times = [(20, low.put_words(0, &[2, 3]), 8), (66, low.put_words(16, &[2, 0, 3, 0]), 16)];
    for (option, at, size) in times {
        assert_eq!(call32(366, [fd.0 as u32, 1, option, at, size]), 0);
        let time = [[4].as_slice(), &2_000_003_000_u64.to_le_bytes()].concat();
        live.saw(
            EventType::SOCKET_SETSOCKOPT_X,
            &[
                ("res", int(0)),
                ("fd", int(fd.0)),
                ("level", int(1)),
                ("optname", int(20)),
                ("val", bytes(time)),
                ("optlen", int(size)),
            ],
        );
    }
}

#[test]
fn descriptors_that_come_with_a_message() {
    eyas_testing::ignore_in_chroot();
    let mut live = capture_calls(&[SyscallCode::RECVMSG, SyscallCode::LSEEK]);
    let (low, [from, to]) = (Low::new(), pair());
    send(&from, &[open(c"/dev/null", libc::O_RDONLY).0]);
    let part = low.put_words(0, &[low.put(8, &[0]), 1]);
    let control = low.put(100, &[0; 64]);
    let header = low.put_words(200, &[0, 0, part, 1, control, 64, 0]);
    let events = live.own(|| assert_eq!(call32(372, [to.0 as u32, header, 0]), 1));
    let raw =
        events.iter().map(OwnedEvent::as_raw).find(|raw| raw.ty == EventType::SOCKET_RECVMSG_X).unwrap();
    let received: Vec<_> = raw.received_fds().collect();
    let FdDetail::File { path, .. } = &received[0].detail else {
        panic!("{received:?}");
    };
    assert_eq!((path.as_slice(), received.len()), (&b"/dev/null"[..], 1));
    drop(Fd(received[0].fd));
}
