//! Calls that name, link, describe and change files.

use eyas_testing::test;
use std::ffi::CStr;

use eyas_events::{EventType, FlagTable};

use crate::call::{Fd, Scratch, at, call, old, open};
use crate::capture::{Capture, capture, is_here};
use crate::want::{Want, empty, flags, int, path, text};

const CWD: i64 = libc::AT_FDCWD as i64;

/// A call on one path.
fn on_path(ty: EventType, number: i64, name: &CStr, second: i64) -> (Capture, i64) {
    let live = capture(&[ty]);
    let res = call(number, [at(name.as_ptr()), second]);
    (live, res)
}

#[test]
fn stat_and_lstat() {
    let mut buffer = [0_u64; 18];
    for (ty, number) in
        [(EventType::SYSCALL_STAT_X, old::SYS_stat), (EventType::SYSCALL_LSTAT_X, old::SYS_lstat)]
    {
        for name in [c"/etc", c"/nonexistent"] {
            let (mut live, res) = on_path(ty, number, name, at(&raw mut buffer));
            live.saw(ty, &[("res", int(res)), ("path", path(name))]);
        }
    }
}

#[test]
fn fstat() {
    let mut live = capture(&[EventType::SYSCALL_FSTAT_X]);
    let mut buffer = [0_u64; 18];
    let fd = open(c"/etc/passwd", libc::O_RDONLY);
    let res = call(libc::SYS_fstat, [fd.0, at(&raw mut buffer)]);
    live.saw(EventType::SYSCALL_FSTAT_X, &[("res", int(res)), ("fd", int(fd.0))]);
    let res = call(libc::SYS_fstat, [-1, at(&raw mut buffer)]);
    live.saw(EventType::SYSCALL_FSTAT_X, &[("res", int(res)), ("fd", int(-1))]);
}

#[test]
fn newfstatat() {
    let mut live = capture(&[EventType::SYSCALL_NEWFSTATAT_X]);
    let mut buffer = [0_u64; 18];
    let name = c"/etc/passwd";
    let how = libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT;
    let res = call(libc::SYS_newfstatat, [CWD, at(name.as_ptr()), at(&raw mut buffer), how.into()]);
    live.saw(
        EventType::SYSCALL_NEWFSTATAT_X,
        &[
            ("res", int(res)),
            ("dirfd", int(-100)),
            ("path", path(name)),
            ("flags", flags(&FlagTable::NEWFSTATAT_FLAGS, &["AT_SYMLINK_NOFOLLOW", "AT_NO_AUTOMOUNT"])),
        ],
    );
}

#[test]
fn access() {
    let ty = EventType::SYSCALL_ACCESS_X;
    let how = libc::R_OK | libc::X_OK;
    let (mut live, res) = on_path(ty, old::SYS_access, c"/etc", how.into());
    assert_eq!(res, 0);
    let mode = flags(&FlagTable::ACCESS_FLAGS, &["R_OK", "X_OK"]);
    live.saw(ty, &[("res", int(res)), ("name", path(c"/etc")), ("mode", mode)]);
}

#[test]
fn statx() {
    let mut live = capture(&[EventType::SYSCALL_STATX_X]);
    let mut buffer = [0_u64; 32];
    let how = libc::AT_NO_AUTOMOUNT | libc::AT_STATX_FORCE_SYNC;
    for (name, mask) in [(c"/etc/passwd", 0x7ff), (c"nonexistent", 1)] {
        let res = call(libc::SYS_statx, [CWD, at(name.as_ptr()), how.into(), mask, at(&raw mut buffer)]);
        assert_eq!(res == 0, mask != 1);
        live.saw(
            EventType::SYSCALL_STATX_X,
            &[
                ("res", int(res)),
                ("dirfd", int(-100)),
                ("path", path(name)),
                ("flags", flags(&FlagTable::STATX_FLAGS, &["AT_NO_AUTOMOUNT", "AT_STATX_FORCE_SYNC"])),
                ("mask", int(mask)),
            ],
        );
    }
}

#[test]
fn accesses_below_a_directory() {
    let types = [EventType::SYSCALL_FACCESSAT_X, EventType::SYSCALL_FACCESSAT2_X];
    let mut live = capture(&types);
    let (dir, name) = (Scratch::new("faccessat"), c"file");
    dir.file("file", "");
    let dirfd = dir.fd();
    let [how, itself] =
        [libc::W_OK | libc::R_OK, libc::AT_EACCESS | libc::AT_SYMLINK_NOFOLLOW].map(i64::from);
    let wants = |res: i64| {
        let mode = flags(&FlagTable::ACCESS_FLAGS, &["W_OK", "R_OK"]);
        [("res", int(res)), ("dirfd", int(dirfd.0)), ("name", path(name)), ("mode", mode)]
    };
    let res = call(libc::SYS_faccessat, [dirfd.0, at(name.as_ptr()), how]);
    live.saw(EventType::SYSCALL_FACCESSAT_X, &wants(res));
    let res = call(libc::SYS_faccessat2, [dirfd.0, at(name.as_ptr()), how, itself]);
    let [a, b, c, d] = wants(res);
    let flags = flags(&FlagTable::FACCESSAT2_FLAGS, &["AT_EACCESS", "AT_SYMLINK_NOFOLLOW"]);
    live.saw(EventType::SYSCALL_FACCESSAT2_X, &[a, b, c, d, ("flags", flags)]);
}

#[test]
fn getcwd() {
    let mut live = capture(&[EventType::SYSCALL_GETCWD_X]);
    let mut buffer = [0_u8; 4096];
    let res = call(libc::SYS_getcwd, [at(&raw mut buffer), 4096]);
    let cwd = std::env::current_dir().unwrap();
    let wanted = text(cwd.as_os_str().as_encoded_bytes());
    live.saw(EventType::SYSCALL_GETCWD_X, &[("res", int(res)), ("path", wanted)]);
    let res = call(libc::SYS_getcwd, [at(&raw mut buffer), 1]);
    live.saw(EventType::SYSCALL_GETCWD_X, &[("res", int(res)), ("path", empty())]);
}

#[test]
fn chdir_and_fchdir() {
    // To the current directory, because all threads share the directory.
    let ty = EventType::SYSCALL_CHDIR_X;
    let (mut live, res) = on_path(ty, libc::SYS_chdir, c".", 0);
    live.saw(ty, &[("res", int(res)), ("path", path(c"."))]);
    drop(live);
    let mut live = capture(&[EventType::SYSCALL_FCHDIR_X]);
    let fd = open(c".", libc::O_RDONLY);
    let res = call(libc::SYS_fchdir, [fd.0]);
    live.saw(EventType::SYSCALL_FCHDIR_X, &[("res", int(res)), ("fd", int(fd.0))]);
}

#[test]
fn directories() {
    let types = [
        EventType::SYSCALL_MKDIR_2_X,
        EventType::SYSCALL_MKDIRAT_X,
        EventType::SYSCALL_RMDIR_2_X,
        EventType::SYSCALL_UNLINKAT_2_X,
    ];
    let mut live = capture(&types);
    let dir = Scratch::new("directories");
    let (one, two, dirfd) = (dir.path("one"), c"two", dir.fd());
    let res = call(old::SYS_mkdir, [at(one.as_ptr()), 0o711]);
    live.saw(EventType::SYSCALL_MKDIR_2_X, &[("res", int(res)), ("path", path(&one)), ("mode", int(0o711))]);
    let res = call(libc::SYS_mkdirat, [dirfd.0, at(two.as_ptr()), 0o700]);
    let wants = [("res", int(res)), ("dirfd", int(dirfd.0)), ("path", path(two)), ("mode", int(0o700))];
    live.saw(EventType::SYSCALL_MKDIRAT_X, &wants);
    let res = call(old::SYS_rmdir, [at(one.as_ptr())]);
    live.saw(EventType::SYSCALL_RMDIR_2_X, &[("res", int(res)), ("path", path(&one))]);
    let res = call(libc::SYS_unlinkat, [dirfd.0, at(two.as_ptr()), libc::AT_REMOVEDIR.into()]);
    live.saw(
        EventType::SYSCALL_UNLINKAT_2_X,
        &[
            ("res", int(res)),
            ("dirfd", int(dirfd.0)),
            ("name", path(two)),
            ("flags", flags(&FlagTable::UNLINKAT_FLAGS, &["AT_REMOVEDIR"])),
        ],
    );
}

#[test]
fn links() {
    let types = [
        EventType::SYSCALL_LINK_2_X,
        EventType::SYSCALL_LINKAT_2_X,
        EventType::SYSCALL_SYMLINK_X,
        EventType::SYSCALL_SYMLINKAT_X,
        EventType::SYSCALL_UNLINK_2_X,
    ];
    let mut live = capture(&types);
    let dir = Scratch::new("links");
    let (file, hard, soft, dirfd) = (dir.file("file", ""), dir.path("hard"), dir.path("soft"), dir.fd());
    let res = call(old::SYS_link, [at(file.as_ptr()), at(hard.as_ptr())]);
    let both = || [("oldpath", path(&file)), ("newpath", path(&hard))];
    let [old, new] = both();
    live.saw(EventType::SYSCALL_LINK_2_X, &[("res", int(res)), old, new]);
    let follow = libc::AT_SYMLINK_FOLLOW.into();
    let args = [dirfd.0, at(c"file".as_ptr()), dirfd.0, at(c"second".as_ptr()), follow];
    let res = call(libc::SYS_linkat, args);
    live.saw(
        EventType::SYSCALL_LINKAT_2_X,
        &[
            ("res", int(res)),
            ("olddir", int(dirfd.0)),
            ("oldpath", path(c"file")),
            ("newdir", int(dirfd.0)),
            ("newpath", path(c"second")),
            ("flags", flags(&FlagTable::LINKAT_FLAGS, &["AT_SYMLINK_FOLLOW"])),
        ],
    );
    let res = call(old::SYS_symlink, [at(c"any/where".as_ptr()), at(soft.as_ptr())]);
    live.saw(
        EventType::SYSCALL_SYMLINK_X,
        &[("res", int(res)), ("target", path(c"any/where")), ("linkpath", path(&soft))],
    );
    let res = call(libc::SYS_symlinkat, [at(c"else".as_ptr()), dirfd.0, at(c"third".as_ptr())]);
    live.saw(
        EventType::SYSCALL_SYMLINKAT_X,
        &[
            ("res", int(res)),
            ("target", path(c"else")),
            ("linkdirfd", int(dirfd.0)),
            ("linkpath", path(c"third")),
        ],
    );
    let res = call(old::SYS_unlink, [at(soft.as_ptr())]);
    live.saw(EventType::SYSCALL_UNLINK_2_X, &[("res", int(res)), ("path", path(&soft))]);
}

#[test]
fn renames() {
    let types = [EventType::SYSCALL_RENAME_X, EventType::SYSCALL_RENAMEAT_X, EventType::SYSCALL_RENAMEAT2_X];
    let mut live = capture(&types);
    let dir = Scratch::new("renames");
    let (one, two, dirfd) = (dir.path("one"), dir.file("two", ""), dir.fd());
    let args = [dirfd.0, at(c"two".as_ptr()), CWD, at(one.as_ptr())];
    let res = call(libc::SYS_renameat, args);
    let wants = |res, newdir, old, new: &CStr| {
        [
            ("res", int::<i64>(res)),
            ("olddirfd", int(dirfd.0)),
            ("oldpath", path(old)),
            ("newdirfd", int::<i64>(newdir)),
            ("newpath", path(new)),
        ]
    };
    live.saw(EventType::SYSCALL_RENAMEAT_X, &wants(res, -100, c"two", &one));
    let args = [dirfd.0, at(c"one".as_ptr()), dirfd.0, at(c"three".as_ptr()), libc::RENAME_NOREPLACE.into()];
    let res = call(libc::SYS_renameat2, args);
    let [a, b, c, d, e] = wants(res, dirfd.0, c"one", c"three");
    let how = ("flags", flags(&FlagTable::RENAMEAT2_FLAGS, &["RENAME_NOREPLACE"]));
    live.saw(EventType::SYSCALL_RENAMEAT2_X, &[a, b, c, d, e, how]);
    let three = dir.path("three");
    let res = call(old::SYS_rename, [at(three.as_ptr()), at(two.as_ptr())]);
    live.saw(
        EventType::SYSCALL_RENAME_X,
        &[("res", int(res)), ("oldpath", path(&three)), ("newpath", path(&two))],
    );
}

#[test]
fn renames_that_exchange_and_that_leave_a_whiteout() {
    let mut live = capture(&[EventType::SYSCALL_RENAMEAT2_X]);
    let dir = Scratch::new("renames-2");
    let (one, two, dirfd) = (dir.file("one", ""), dir.file("two", ""), dir.fd());
    for (flag, name, result) in [
        (libc::RENAME_EXCHANGE, "RENAME_EXCHANGE", 0),
        (libc::RENAME_WHITEOUT, "RENAME_WHITEOUT", 0),
        // The kernel refuses them together.
        (libc::RENAME_EXCHANGE | libc::RENAME_WHITEOUT, "RENAME_EXCHANGE", -i64::from(libc::EINVAL)),
    ] {
        let res =
            call(libc::SYS_renameat2, [dirfd.0, at(c"one".as_ptr()), CWD, at(two.as_ptr()), flag.into()]);
        assert_eq!(res, result, "{name}");
        let names = if res < 0 { &["RENAME_EXCHANGE", "RENAME_WHITEOUT"][..] } else { &[name] };
        live.saw(
            EventType::SYSCALL_RENAMEAT2_X,
            &[
                ("res", int(res)),
                ("olddirfd", int(dirfd.0)),
                ("oldpath", path(c"one")),
                ("newdirfd", int::<i64>(-100)),
                ("newpath", path(&two)),
                ("flags", flags(&FlagTable::RENAMEAT2_FLAGS, names)),
            ],
        );
    }
    // The whiteout is a device without a number.
    let whiteout = std::fs::metadata(one.to_str().unwrap()).unwrap();
    assert!(std::os::unix::fs::FileTypeExt::is_char_device(&whiteout.file_type()));
    assert_eq!(std::os::unix::fs::MetadataExt::rdev(&whiteout), 0);
}

#[test]
fn modes() {
    let types = [
        EventType::SYSCALL_CHMOD_X,
        EventType::SYSCALL_FCHMOD_X,
        EventType::SYSCALL_FCHMODAT_X,
        EventType::SYSCALL_FCHMODAT2_X,
    ];
    let mut live = capture(&types);
    let dir = Scratch::new("modes");
    let file = dir.file("file", "");
    let (fd, dirfd) = (open(&file, libc::O_RDONLY), dir.fd());
    let mode = || ("mode", flags(&FlagTable::CHMOD_MODE, &["S_IRUSR", "S_IWUSR", "S_IXGRP", "S_ISUID"]));
    let res = call(old::SYS_chmod, [at(file.as_ptr()), 0o4610]);
    live.saw(EventType::SYSCALL_CHMOD_X, &[("res", int(res)), ("filename", path(&file)), mode()]);
    let res = call(libc::SYS_fchmod, [fd.0, 0o4610]);
    live.saw(EventType::SYSCALL_FCHMOD_X, &[("res", int(res)), ("fd", int(fd.0)), mode()]);
    let res = call(libc::SYS_fchmodat, [dirfd.0, at(c"file".as_ptr()), 0o4610]);
    live.saw(
        EventType::SYSCALL_FCHMODAT_X,
        &[("res", int(res)), ("dirfd", int(dirfd.0)), ("filename", path(c"file")), mode()],
    );
    const SYS_FCHMODAT2: i64 = 452;
    let empty_path = i64::from(libc::AT_EMPTY_PATH);
    let res = call(SYS_FCHMODAT2, [fd.0, at(c"".as_ptr()), 0o4610, empty_path]);
    live.saw(
        EventType::SYSCALL_FCHMODAT2_X,
        &[
            ("res", int(res)),
            ("dirfd", int(fd.0)),
            ("filename", path(c"")),
            mode(),
            ("flags", flags(&FlagTable::AT_FLAGS, &["AT_EMPTY_PATH"])),
        ],
    );
}

#[test]
fn lengths() {
    let types = [EventType::SYSCALL_TRUNCATE_X, EventType::SYSCALL_FTRUNCATE_X];
    let mut live = capture(&types);
    let dir = Scratch::new("lengths");
    let file = dir.file("file", "content");
    let fd = open(&file, libc::O_WRONLY);
    for length in [3, -1] {
        let res = call(libc::SYS_truncate, [at(file.as_ptr()), length]);
        live.saw(
            EventType::SYSCALL_TRUNCATE_X,
            &[("res", int(res)), ("path", path(&file)), ("length", int(length))],
        );
    }
    let res = call(libc::SYS_ftruncate, [fd.0, 1 << 33]);
    live.saw(
        EventType::SYSCALL_FTRUNCATE_X,
        &[("res", int(res)), ("fd", int(fd.0)), ("length", int(1_i64 << 33))],
    );
}

#[test]
fn owners() {
    let types = [
        EventType::SYSCALL_CHOWN_X,
        EventType::SYSCALL_LCHOWN_X,
        EventType::SYSCALL_FCHOWN_X,
        EventType::SYSCALL_FCHOWNAT_X,
    ];
    let mut live = capture(&types);
    let dir = Scratch::new("owners");
    let file = dir.file("file", "");
    let (fd, dirfd) = (open(&file, libc::O_RDONLY), dir.fd());
    let ids = || [("uid", int(1234)), ("gid", int(u32::MAX))];
    for (ty, number) in
        [(EventType::SYSCALL_CHOWN_X, old::SYS_chown), (EventType::SYSCALL_LCHOWN_X, old::SYS_lchown)]
    {
        let res = call(number, [at(file.as_ptr()), 1234, -1]);
        let [uid, gid] = ids();
        live.saw(ty, &[("res", int(res)), ("path", path(&file)), uid, gid]);
    }
    let res = call(libc::SYS_fchown, [fd.0, 1234, -1]);
    let [uid, gid] = ids();
    live.saw(EventType::SYSCALL_FCHOWN_X, &[("res", int(res)), ("fd", int(fd.0)), uid, gid]);
    let how = libc::AT_SYMLINK_NOFOLLOW.into();
    let res = call(libc::SYS_fchownat, [dirfd.0, at(c"file".as_ptr()), 1234, -1, how]);
    let [uid, gid] = ids();
    let how = ("flags", flags(&FlagTable::FCHOWNAT_FLAGS, &["AT_SYMLINK_NOFOLLOW"]));
    let (dirfd, name) = (("dirfd", int(dirfd.0)), ("pathname", path(c"file")));
    live.saw(EventType::SYSCALL_FCHOWNAT_X, &[("res", int(res)), dirfd, name, uid, gid, how]);
}

#[test]
fn flock() {
    let mut live = capture(&[EventType::SYSCALL_FLOCK_X]);
    let dir = Scratch::new("flock");
    let fd = open(&dir.file("file", ""), libc::O_RDONLY);
    let res = call(libc::SYS_flock, [fd.0, (libc::LOCK_SH | libc::LOCK_NB).into()]);
    let operation = flags(&FlagTable::FLOCK_FLAGS, &["LOCK_SH", "LOCK_NB"]);
    live.saw(EventType::SYSCALL_FLOCK_X, &[("res", int(res)), ("fd", int(fd.0)), ("operation", operation)]);
}

#[test]
fn getdents() {
    let types = [EventType::SYSCALL_GETDENTS_X, EventType::SYSCALL_GETDENTS64_X];
    let mut live = capture(&types);
    let dir = Scratch::new("getdents");
    let mut buffer = [0_u64; 128];
    let calls = types.into_iter().zip([old::SYS_getdents, libc::SYS_getdents64]);
    for (ty, number) in calls.filter(|(ty, _)| is_here(*ty)) {
        let fd = dir.fd();
        let res = call(number, [fd.0, at(&raw mut buffer), 1024]);
        assert!(res > 0);
        live.saw(ty, &[("res", int(res)), ("fd", int(fd.0))]);
    }
}

#[test]
fn lseek() {
    let mut live = capture(&[EventType::SYSCALL_LSEEK_X]);
    let dir = Scratch::new("lseek");
    let fd = open(&dir.file("file", "ten bytes."), libc::O_RDONLY);
    for (offset, whence, name, to) in [
        (4, libc::SEEK_SET, "SEEK_SET", 4),
        (2, libc::SEEK_CUR, "SEEK_CUR", 6),
        (0, libc::SEEK_END, "SEEK_END", 10),
    ] {
        let res = call(libc::SYS_lseek, [fd.0, offset, whence.into()]);
        assert_eq!(res, to);
        live.saw(
            EventType::SYSCALL_LSEEK_X,
            &[
                ("res", int(res)),
                ("fd", int(fd.0)),
                ("offset", int(offset)),
                ("whence", flags(&FlagTable::LSEEK_WHENCE, &[name])),
            ],
        );
    }
}

#[test]
fn copy_file_range() {
    let mut live = capture(&[EventType::SYSCALL_COPY_FILE_RANGE_X]);
    let dir = Scratch::new("copy");
    let from = open(&dir.file("from", "0123456789"), libc::O_RDONLY);
    let to = open(&dir.file("to", ""), libc::O_WRONLY);
    let mut offset = 3_i64;
    let address = at(&raw mut offset);
    let res = call(libc::SYS_copy_file_range, [from.0, address, to.0, 0, 5, 0]);
    assert_eq!(res, 5);
    live.saw(
        EventType::SYSCALL_COPY_FILE_RANGE_X,
        &[
            ("res", int(5)),
            ("fdout", int(to.0)),
            ("offout", int(0)),
            ("fdin", int(from.0)),
            ("offin", int(address)),
            ("len", int(5)),
        ],
    );
}

#[test]
fn mounts() {
    let types = [EventType::SYSCALL_MOUNT_X, EventType::SYSCALL_UMOUNT2_X];
    let mut live = capture(&types);
    let dir = Scratch::new("mounts");
    let to = dir.path("");
    let how = i64::try_from(libc::MS_RDONLY | libc::MS_NOSUID | 0xc0ed_0000).unwrap();
    let args = [at(c"none".as_ptr()), at(to.as_ptr()), at(c"tmpfs".as_ptr()), how, 0];
    let res = call(libc::SYS_mount, args);
    assert_eq!(res, 0);
    live.saw(
        EventType::SYSCALL_MOUNT_X,
        &[
            ("res", int(0)),
            ("dev", path(c"none")),
            ("dir", path(&to)),
            ("type", path(c"tmpfs")),
            ("flags", flags(&FlagTable::MOUNT_FLAGS, &["RDONLY", "NOSUID"])),
        ],
    );
    let res = call(libc::SYS_umount2, [at(to.as_ptr()), (libc::MNT_DETACH | libc::UMOUNT_NOFOLLOW).into()]);
    assert_eq!(res, 0);
    let how = flags(&FlagTable::UMOUNT_FLAGS, &["DETACH", "NOFOLLOW"]);
    live.saw(EventType::SYSCALL_UMOUNT2_X, &[("res", int(0)), ("name", path(&to)), ("flags", how)]);
}

#[test]
fn userfaultfd() {
    let mut live = capture(&[EventType::SYSCALL_USERFAULTFD_X]);
    let how = libc::O_CLOEXEC | libc::O_NONBLOCK;
    let fd = Fd(call(libc::SYS_userfaultfd, [how.into()]));
    // The kernel's values as they are.
    live.saw(EventType::SYSCALL_USERFAULTFD_X, &[("res", int(fd.0)), ("flags", int(how))]);
}

#[test]
fn nodes() {
    let types = [EventType::SYSCALL_MKNOD_X, EventType::SYSCALL_MKNODAT_X];
    let mut live = capture(&types);
    let dir = Scratch::new("nodes");
    let (pipe, device, dirfd) = (dir.path("pipe"), c"device", dir.fd());
    let table = &FlagTable::MKNOD_MODE;
    let mode = i64::from(libc::S_IFIFO | 0o640);
    let res = call(old::SYS_mknod, [at(pipe.as_ptr()), mode, 0]);
    let names = ["S_IRUSR", "S_IWUSR", "S_IRGRP", "S_IFIFO"];
    live.saw(
        EventType::SYSCALL_MKNOD_X,
        &[("res", int(res)), ("path", path(&pipe)), ("mode", flags(table, &names)), ("dev", int(0))],
    );
    let (mode, number): (i64, i64) = ((libc::S_IFCHR | 0o600).into(), 0x103);
    let res = call(libc::SYS_mknodat, [dirfd.0, at(device.as_ptr()), mode, number]);
    let wants: [(&str, Want); 5] = [
        ("res", int(res)),
        ("dirfd", int(dirfd.0)),
        ("path", path(device)),
        ("mode", flags(table, &["S_IRUSR", "S_IWUSR", "S_IFCHR"])),
        ("dev", int(number)),
    ];
    live.saw(EventType::SYSCALL_MKNODAT_X, &wants);
}
