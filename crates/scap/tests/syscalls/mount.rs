//! Mounts through descriptors.

use std::ffi::CStr;

use eyas_events::{EventType, FlagTable};
use eyas_testing::test;

use crate::call::{Fd, Scratch, apart, at, call};
use crate::capture::{capture, tid};
use crate::want::{Want, bytes, flags, int, path, text};

const CWD: i64 = libc::AT_FDCWD as i64;

/// Runs in a separate mount namespace, so that its mounts do not affect others.
fn apart_from_mounts(run: impl FnOnce() + Send) {
    apart(|| {
        if call(libc::SYS_unshare, [libc::CLONE_NEWNS.into()]) != 0 {
            eyas_testing::ignore("needs a mount namespace of its own");
        }
        let private = (libc::MS_REC | libc::MS_PRIVATE) as i64;
        let root = c"/".as_ptr();
        assert_eq!(call(libc::SYS_mount, [at(c"none".as_ptr()), at(root), at(root), private, 0]), 0);
        run();
    });
}

fn dirfd(fd: i64) -> (&'static str, Want) {
    ("dirfd", int(if fd == CWD { -100 } else { fd }))
}

/// Device and inode of what a descriptor refers to.
fn identity(fd: i64) -> [(&'static str, Want); 2] {
    crate::open::identity(fd)
}

#[test]
fn a_file_system_is_made_mounted_and_moved() {
    eyas_testing::ignore_in_chroot();
    apart_from_mounts(|| {
        let types =
            [EventType::SYSCALL_FSOPEN_X, EventType::SYSCALL_FSMOUNT_X, EventType::SYSCALL_MOVE_MOUNT_X];
        let mut live = capture(&types);
        let dir = Scratch::new("moved");
        let context = Fd(call(libc::SYS_fsopen, [at(c"tmpfs".as_ptr()), 1]));
        assert!(context.0 >= 0);
        live.saw(
            EventType::SYSCALL_FSOPEN_X,
            &[
                ("fd", int(context.0)),
                ("fsname", text("tmpfs")),
                ("flags", flags(&FlagTable::FSOPEN_FLAGS, &["FSOPEN_CLOEXEC"])),
            ],
        );
        let [set_string, create] = [1, 6];
        let (key, value) = (at(c"source".as_ptr()), at(c"somewhere".as_ptr()));
        assert_eq!(call(libc::SYS_fsconfig, [context.0, set_string, key, value, 0]), 0);
        assert_eq!(call(libc::SYS_fsconfig, [context.0, create, 0, 0, 0]), 0);
        // MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC.
        let mount = Fd(call(libc::SYS_fsmount, [context.0, 0, 12]));
        assert!(mount.0 >= 0);
        live.saw(
            EventType::SYSCALL_FSMOUNT_X,
            &[
                ("fd", int(mount.0)),
                ("fsfd", int(context.0)),
                ("flags", int(0)),
                ("attrs", flags(&FlagTable::MOUNT_ATTRS, &["MOUNT_ATTR_NODEV", "MOUNT_ATTR_NOEXEC"])),
                ("dev", text("somewhere")),
                ("type", text("tmpfs")),
            ],
        );
        let made = live.event_where(|event| event.ty == EventType::SYSCALL_FSMOUNT_X && event.tid == tid());
        // A new file system of this kind begins with its root.
        assert_eq!(made.as_raw().mounted_inode(), Some(1));
        let (empty, to) = (c"", dir.path(""));
        let res = call(libc::SYS_move_mount, [mount.0, at(empty.as_ptr()), CWD, at(to.as_ptr()), 4]);
        assert_eq!(res, 0);
        live.saw(
            EventType::SYSCALL_MOVE_MOUNT_X,
            &[
                ("res", int(0)),
                ("from_fd", int(mount.0)),
                ("dev", path(empty)),
                ("to_fd", int(-100)),
                ("dir", path(&to)),
                ("type", text("tmpfs")),
                ("flags", flags(&FlagTable::MOVE_MOUNT_FLAGS, &["MOVE_MOUNT_F_EMPTY_PATH"])),
            ],
        );
        // A call without a file descriptor, and one that fails.
        let res = call(libc::SYS_move_mount, [-1, at(to.as_ptr()), CWD, at(c"/nowhere".as_ptr()), 0]);
        live.saw(
            EventType::SYSCALL_MOVE_MOUNT_X,
            &[
                ("res", int(res)),
                ("from_fd", int(-1)),
                ("dev", path(&to)),
                ("to_fd", int(-100)),
                ("dir", text("/nowhere")),
                ("type", bytes("")),
                ("flags", int(0)),
            ],
        );
        let detach = libc::MNT_DETACH.into();
        assert_eq!(call(libc::SYS_umount2, [at(to.as_ptr()), detach]), 0);
    });
}

#[test]
fn a_tree_is_opened() {
    eyas_testing::ignore_in_chroot();
    apart_from_mounts(|| {
        let mut live = capture(&[EventType::SYSCALL_OPEN_TREE_X]);
        let dir = Scratch::new("tree");
        let here = dir.fd();
        let name: &CStr = c".";
        // OPEN_TREE_CLONE, AT_RECURSIVE, OPEN_TREE_CLOEXEC.
        let how = 1 | 0x8000 | i64::from(libc::O_CLOEXEC);
        for (from, how) in [(here.0, 0), (here.0, how)] {
            let tree = Fd(call(libc::SYS_open_tree, [from, at(name.as_ptr()), how]));
            assert!(tree.0 >= 0, "{}", tree.0);
            let [dev, ino] = identity(tree.0);
            let wanted =
                [("fd", int(tree.0)), dirfd(from), ("path", path(name)), ("flags", int(how)), dev, ino];
            live.saw(EventType::SYSCALL_OPEN_TREE_X, &wanted);
        }
    });
}

/// The attributes of `mount_attr`: set, cleared, propagation, user namespace.
const ATTRIBUTES: [u64; 4] = [1, 8, libc::MS_PRIVATE, 0];

fn attributes() -> [(&'static str, Want); 3] {
    [
        ("attr_set", flags(&FlagTable::MOUNT_ATTRS, &["MOUNT_ATTR_RDONLY"])),
        ("attr_clr", flags(&FlagTable::MOUNT_ATTRS, &["MOUNT_ATTR_NOEXEC"])),
        ("propagation", flags(&FlagTable::MOUNT_FLAGS, &["PRIVATE"])),
    ]
}

#[test]
fn attributes_of_mounts() {
    eyas_testing::ignore_in_chroot();
    apart_from_mounts(|| {
        let types = [EventType::SYSCALL_MOUNT_SETATTR_X, EventType::SYSCALL_OPEN_TREE_ATTR_X];
        let mut live = capture(&types);
        let dir = Scratch::new("attributes");
        let here = dir.fd();
        let tree = Fd(call(libc::SYS_open_tree, [here.0, at(c".".as_ptr()), 1]));
        // AT_EMPTY_PATH.
        let args = [tree.0, at(c"".as_ptr()), 0x1000, at(&ATTRIBUTES), 32];
        let done = call(libc::SYS_mount_setattr, args);
        if done == -i64::from(libc::ENOSYS) {
            eyas_testing::ignore("needs the call mount_setattr (Linux 5.12)");
        }
        assert_eq!(done, 0);
        let [set, cleared, propagation] = attributes();
        live.saw(
            EventType::SYSCALL_MOUNT_SETATTR_X,
            &[
                ("res", int(0)),
                dirfd(tree.0),
                ("path", text("")),
                ("flags", flags(&FlagTable::AT_FLAGS, &["AT_EMPTY_PATH"])),
                set,
                cleared,
                propagation,
            ],
        );
        const SYS_OPEN_TREE_ATTR: i64 = 467;
        let res = call(SYS_OPEN_TREE_ATTR, [here.0, at(c".".as_ptr()), 1, at(&ATTRIBUTES), 32]);
        let opened = Fd(res);
        let [dev, ino] = if res < 0 { [("dev", int(0)), ("ino", int(0))] } else { identity(opened.0) };
        let [set, cleared, propagation] = attributes();
        live.saw(
            EventType::SYSCALL_OPEN_TREE_ATTR_X,
            &[
                ("fd", int(res)),
                dirfd(here.0),
                ("path", text(".")),
                ("flags", flags(&FlagTable::OPEN_TREE_FLAGS, &["OPEN_TREE_CLONE"])),
                dev,
                ino,
                set,
                cleared,
                propagation,
            ],
        );
    });
}

#[test]
fn a_mounted_file_system_is_picked() {
    let mut live = capture(&[EventType::SYSCALL_FSPICK_X]);
    let name = c"/proc";
    let context = Fd(call(libc::SYS_fspick, [CWD, at(name.as_ptr()), 3]));
    live.saw(
        EventType::SYSCALL_FSPICK_X,
        &[
            ("fd", int(context.0)),
            dirfd(CWD),
            ("path", path(name)),
            ("flags", flags(&FlagTable::FSPICK_FLAGS, &["FSPICK_CLOEXEC", "FSPICK_SYMLINK_NOFOLLOW"])),
        ],
    );
}

#[test]
fn a_root_is_replaced() {
    eyas_testing::ignore_in_chroot();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    if mounts.lines().any(|line| line.contains(" / / ") && line.contains(" - rootfs ")) {
        eyas_testing::ignore("the kernel does not replace a root in its initramfs");
    }
    apart_from_mounts(|| {
        let mut live = capture(&[EventType::SYSCALL_PIVOT_ROOT_X]);
        let dir = Scratch::new("pivot");
        let (new, file_system) = (dir.path(""), at(c"tmpfs".as_ptr()));
        let mounted = call(libc::SYS_mount, [file_system, at(new.as_ptr()), file_system, 0, 0]);
        assert_eq!(mounted, 0);
        // The same directory for both: the old root is then below the new one.
        for (new, old) in [(new.as_c_str(), new.as_c_str()), (c"/nowhere", c"/nowhere/else")] {
            let res = call(libc::SYS_pivot_root, [at(new.as_ptr()), at(old.as_ptr())]);
            let wants = [("res", int(res)), ("new_root", path(new)), ("put_old", path(old))];
            live.saw(EventType::SYSCALL_PIVOT_ROOT_X, &wants);
        }
        assert_eq!(call(libc::SYS_umount2, [at(c"/".as_ptr()), libc::MNT_DETACH.into()]), 0);
    });
}
