//! Calls that open files.

use eyas_testing::test;
use std::ffi::CStr;
use std::os::unix::fs::MetadataExt;

use eyas_events::{EventType, FlagTable, SyscallCode};
use eyas_scap::{OwnedEvent, RawEvent};

use crate::call::{Fd, Scratch, apart, at, call, old};
use crate::capture::{Capture, capture, capture_calls, is_here, tid};
use crate::want::{Want, empty, flags, int, is, path};

/// Bits for the layer of an overlay that contains a file.
const LAYERS: i64 = 0x18000;

/// Flags of a file that was opened, whatever the layer.
fn opened_as(names: &[&str]) -> Want {
    let Want::Int(wanted) = flags(&FlagTable::FILE_FLAGS, names) else { unreachable!() };
    is("the flags passed", move |got| got & !LAYERS == wanted)
}

/// Device, in the form of stat's old 32 bits, and inode of what a descriptor refers to.
pub fn identity(fd: i64) -> [(&'static str, Want); 2] {
    let meta = std::fs::metadata(format!("/proc/thread-self/fd/{fd}")).unwrap();
    let (major, minor) = (rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev()));
    [("dev", int((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12))), ("ino", int(meta.ino()))]
}

#[test]
fn open() {
    let mut live = capture(&[EventType::SYSCALL_OPEN_X]);
    let dir = Scratch::new("open");
    let name = dir.path("new");
    let how = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    let fd = Fd(call(old::SYS_open, [at(name.as_ptr()), how.into(), 0o640]));
    let [dev, ino] = identity(fd.0);
    let names = ["O_RDWR", "O_CREAT", "O_EXCL", "O_CLOEXEC", "O_F_CREATED"];
    let ty = EventType::SYSCALL_OPEN_X;
    live.saw(
        ty,
        &[
            ("fd", int(fd.0)),
            ("name", path(&name)),
            ("flags", opened_as(&names)),
            ("mode", int(0o640)),
            dev,
            ino,
        ],
    );
}

#[test]
fn open_that_fails() {
    let mut live = capture(&[EventType::SYSCALL_OPEN_X]);
    let name = c"/nonexistent/file";
    let res = call(old::SYS_open, [at(name.as_ptr()), libc::O_WRONLY.into(), 0]);
    assert_eq!(res, -i64::from(libc::ENOENT));
    live.saw(
        EventType::SYSCALL_OPEN_X,
        &[
            ("fd", int(res)),
            ("name", path(name)),
            ("flags", opened_as(&["O_WRONLY"])),
            ("mode", int(0)),
            ("dev", int(0)),
            ("ino", int(0)),
        ],
    );
}

#[test]
fn a_file_that_becomes_the_standard_input_is_reported_as_any_other() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("input");
    let name = dir.file("secret", "");
    // A thread with its own file descriptor table, in which the first descriptor is free. Its copies of the
    // probe's descriptors are closed with it, before the next test attaches programs again.
    let (tid, [dev, ino]) = apart(|| {
        assert_eq!(call(libc::SYS_unshare, [libc::CLONE_FILES.into()]), 0);
        assert_eq!(call(libc::SYS_close, [0]), 0);
        let fd = call(libc::SYS_openat, [libc::AT_FDCWD.into(), at(name.as_ptr()), 0, 0]);
        assert_eq!(fd, 0);
        (tid(), identity(0))
    });
    live.saw_of(
        tid,
        EventType::SYSCALL_OPENAT_2_X,
        &[
            ("fd", int(0)),
            ("dirfd", int(-100)),
            ("name", path(&name)),
            ("flags", opened_as(&["O_RDONLY"])),
            ("mode", int(0)),
            dev,
            ino,
        ],
    );
}

#[test]
fn creat() {
    let mut live = capture(&[EventType::SYSCALL_CREAT_X]);
    let dir = Scratch::new("creat");
    let name = dir.path("new");
    let fd = Fd(call(old::SYS_creat, [at(name.as_ptr()), 0o604]));
    let [dev, ino] = identity(fd.0);
    live.saw(
        EventType::SYSCALL_CREAT_X,
        &[
            ("fd", int(fd.0)),
            ("name", path(&name)),
            ("mode", int(0o604)),
            dev,
            ino,
            ("creat_flags", is("a layer, and that it was made", |got| (0x4000..=0x4002).contains(&got))),
        ],
    );
    // The file exists now.
    let again = Fd(call(old::SYS_creat, [at(name.as_ptr()), 0o755]));
    let [dev, ino] = identity(fd.0);
    live.saw(
        EventType::SYSCALL_CREAT_X,
        &[
            ("fd", int(again.0)),
            ("name", path(&name)),
            ("mode", int(0o755)),
            dev,
            ino,
            ("creat_flags", is("a layer", |got| (0..=2).contains(&got))),
        ],
    );
}

#[test]
fn openat() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("openat");
    dir.file("there", "content");
    let dirfd = dir.fd();
    let name = c"there";
    let how = libc::O_WRONLY | libc::O_APPEND | libc::O_TRUNC | libc::O_NONBLOCK;
    let fd = Fd(call(libc::SYS_openat, [dirfd.0, at(name.as_ptr()), how.into(), 0o777]));
    let [dev, ino] = identity(fd.0);
    live.saw(
        EventType::SYSCALL_OPENAT_2_X,
        &[
            ("fd", int(fd.0)),
            ("dirfd", int(dirfd.0)),
            ("name", path(name)),
            ("flags", opened_as(&["O_WRONLY", "O_APPEND", "O_TRUNC", "O_NONBLOCK"])),
            // Without O_CREAT it means nothing.
            ("mode", int(0)),
            dev,
            ino,
        ],
    );
}

#[test]
fn flags_whose_bits_differ_between_architectures() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("bits");
    let (name, here) = (dir.file("file", ""), dir.path(""));
    // The C library's is 0, as the kernel implies it.
    let large = if cfg!(target_arch = "x86_64") { 0x8000 } else { 0x2_0000 };
    let (path_alone, neither) = (libc::O_PATH | libc::O_CLOEXEC, libc::O_ACCMODE);
    let cases: [(_, _, &[&str], _); 6] = [
        (&name, libc::O_DIRECT, &["O_RDONLY", "O_DIRECT"], 0),
        (&name, large, &["O_RDONLY", "O_LARGEFILE"], 0),
        (&here, libc::O_DIRECTORY, &["O_RDONLY", "O_DIRECTORY"], 0),
        (&here, libc::O_TMPFILE | libc::O_RDWR, &["O_RDWR", "O_TMPFILE"], 0o640),
        // Neither creates, reads nor writes.
        (&name, path_alone | libc::O_CREAT | libc::O_RDWR, &["O_PATH", "O_CLOEXEC"], 0),
        (&name, neither, &[], 0),
    ];
    for (name, how, names, mode) in cases {
        let args = [libc::AT_FDCWD.into(), at(name.as_ptr()), how.into(), 0o640];
        let fd = Fd(call(libc::SYS_openat, args));
        // Not every file system supports direct I/O.
        let [dev, ino] = if fd.0 < 0 { [("dev", int(0)), ("ino", int(0))] } else { identity(fd.0) };
        live.saw(
            EventType::SYSCALL_OPENAT_2_X,
            &[
                ("fd", int(fd.0)),
                ("dirfd", int(-100)),
                ("name", path(name)),
                ("flags", opened_as(names)),
                ("mode", int(mode)),
                dev,
                ino,
            ],
        );
    }
}

/// Makes calls and evaluates the first of their events of a type.
fn told<T>(
    live: &mut Capture,
    ty: EventType,
    calls: impl FnOnce() + Send,
    say: impl Fn(&RawEvent<'_>) -> T,
) -> Option<T> {
    let events = live.own(calls);
    events.iter().map(OwnedEvent::as_raw).find(|raw| raw.ty == ty).map(|raw| say(&raw))
}

#[test]
fn an_opened_directory_is_reported_without_o_directory() {
    let codes = [SyscallCode::OPEN, SyscallCode::OPENAT, SyscallCode::OPENAT2, SyscallCode::LSEEK];
    let mut live = capture_calls(&codes);
    let dir = Scratch::new("directory");
    let (file, here, cwd) = (dir.file("file", ""), dir.path(""), libc::AT_FDCWD.into());
    for interpret in [true, false] {
        live.interpret(interpret);
        for (path, how, expected) in [
            (&here, libc::O_RDONLY, true),
            (&here, libc::O_PATH, true),
            (&here, libc::O_RDONLY | libc::O_DIRECTORY, false),
            (&file, libc::O_RDONLY, false),
            (&here, libc::O_WRONLY, false),
        ] {
            let (at_path, how, how2) = (at(path.as_ptr()), i64::from(how), [how as u64, 0, 0]);
            let calls = [
                (EventType::SYSCALL_OPEN_X, old::SYS_open, [at_path, how, 0, 0]),
                (EventType::SYSCALL_OPENAT_2_X, libc::SYS_openat, [cwd, at_path, how, 0]),
                (EventType::SYSCALL_OPENAT2_X, libc::SYS_openat2, [cwd, at_path, at(&how2), 24]),
            ];
            for (ty, number, args) in calls.into_iter().filter(|(ty, ..)| is_here(*ty)) {
                let calls = || drop(Fd(call(number, args)));
                let is_told = told(&mut live, ty, calls, |raw| raw.opened_directory());
                assert_eq!(is_told, Some(expected), "{ty:?} {path:?} {how:#x}");
            }
        }
    }
}

#[test]
fn a_timer_is_inherited_unless_it_is_close_on_exec() {
    let mut live = capture_calls(&[SyscallCode::TIMERFD_CREATE, SyscallCode::LSEEK]);
    for (how, inherited) in [(0, true), (libc::TFD_CLOEXEC, false)] {
        let calls = || drop(Fd(call(libc::SYS_timerfd_create, [0, how.into()])));
        let ty = EventType::SYSCALL_TIMERFD_CREATE_X;
        assert_eq!(told(&mut live, ty, calls, |raw| raw.timer_is_inherited()), Some(inherited));
    }
}

#[test]
fn openat2() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT2_X]);
    let dir = Scratch::new("openat2");
    let name = dir.path("new");
    let how = [
        u64::try_from(libc::O_RDONLY | libc::O_CREAT).unwrap(),
        0o600,
        libc::RESOLVE_NO_MAGICLINKS | libc::RESOLVE_NO_SYMLINKS,
    ];
    let args = [libc::AT_FDCWD.into(), at(name.as_ptr()), at(&how), 24];
    let fd = Fd(call(libc::SYS_openat2, args));
    let [dev, ino] = identity(fd.0);
    live.saw(
        EventType::SYSCALL_OPENAT2_X,
        &[
            ("fd", int(fd.0)),
            ("dirfd", int(-100)),
            ("name", path(&name)),
            ("flags", opened_as(&["O_RDONLY", "O_CREAT", "O_F_CREATED"])),
            ("mode", int(0o600)),
            ("resolve", flags(&FlagTable::OPENAT2_FLAGS, &["RESOLVE_NO_MAGICLINKS", "RESOLVE_NO_SYMLINKS"])),
            dev,
            ino,
        ],
    );
}

#[test]
fn open_by_handle_at() {
    eyas_testing::ignore_in_chroot();
    let mut live = capture(&[EventType::SYSCALL_OPEN_BY_HANDLE_AT_X]);
    let dir = Scratch::new("handle");
    let name = dir.file("there", "");
    // Room for bytes, kind, and the handle.
    let mut handle = [0_u32; 34];
    handle[0] = 128;
    let mut mount = 0_i32;
    let cwd = libc::AT_FDCWD.into();
    let made = call(
        libc::SYS_name_to_handle_at,
        [cwd, at(name.as_ptr()), at(&raw mut handle), at(&raw mut mount), 0],
    );
    if made != 0 {
        eyas_testing::ignore(format_args!("this file system has no handles ({made})"));
    }
    // On the file system of the handle, where the working directory need not be.
    let there = dir.fd();
    let fd = Fd(call(libc::SYS_open_by_handle_at, [there.0, at(&handle), libc::O_RDONLY.into()]));
    let [dev, ino] = identity(fd.0);
    live.saw(
        EventType::SYSCALL_OPEN_BY_HANDLE_AT_X,
        &[
            ("fd", int(fd.0)),
            ("mountfd", int(there.0)),
            ("flags", opened_as(&["O_RDONLY"])),
            ("path", path(&name)),
            dev,
            ino,
        ],
    );
    let res = call(libc::SYS_open_by_handle_at, [9999, at(&handle), libc::O_RDONLY.into()]);
    live.saw(
        EventType::SYSCALL_OPEN_BY_HANDLE_AT_X,
        &[
            ("fd", int(res)),
            ("mountfd", int(9999)),
            ("flags", opened_as(&["O_RDONLY"])),
            ("path", empty()),
            ("dev", int(0)),
            ("ino", int(0)),
        ],
    );
}

#[test]
fn a_long_name_is_not_truncated() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let name = [b"/nonexistent".repeat(300).as_slice(), &[0]].concat();
    let name = CStr::from_bytes_with_nul(&name).unwrap();
    let res = call(libc::SYS_openat, [libc::AT_FDCWD.into(), at(name.as_ptr()), 0, 0]);
    live.saw(
        EventType::SYSCALL_OPENAT_2_X,
        &[
            ("fd", int(res)),
            ("dirfd", int(-100)),
            ("name", path(name)),
            ("flags", opened_as(&["O_RDONLY"])),
            ("mode", int(0)),
            ("dev", int(0)),
            ("ino", int(0)),
        ],
    );
}
