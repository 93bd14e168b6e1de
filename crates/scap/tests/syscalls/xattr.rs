//! Extended attributes.

use std::ffi::CStr;

use eyas_events::{EventType, FlagTable};
use eyas_testing::test;

use crate::call::{Scratch, at, call, open};
use crate::capture::capture;
use crate::want::{Want, bytes, flags, int, path, text};

const NAME: &CStr = c"user.eyas";
const VALUE: &[u8] = b"value";
const SYS_SETXATTRAT: i64 = 463;
const SYS_GETXATTRAT: i64 = 464;
const SYS_LISTXATTRAT: i64 = 465;
const SYS_REMOVEXATTRAT: i64 = 466;

/// The first argument of three equivalent calls: a path, a path whose last symlink is not followed, a file
/// descriptor.
fn each(
    types: [EventType; 3],
    numbers: [i64; 3],
    args: &[i64],
    also: impl Fn(&mut Vec<(&'static str, Want)>),
) {
    let mut live = capture(&types);
    let dir = Scratch::new("xattr");
    let name = dir.file("file", "");
    let file = open(&name, libc::O_RDWR);
    for (index, (ty, number)) in types.into_iter().zip(numbers).enumerate() {
        let by_fd = index == 2;
        let mut all = [0; 6];
        all[0] = if by_fd { file.0 } else { at(name.as_ptr()) };
        all[1..=args.len()].copy_from_slice(args);
        let res = call(number, all);
        let first = if by_fd { ("fd", int(file.0)) } else { ("path", path(&name)) };
        let mut wants = vec![("res", int(res)), first];
        also(&mut wants);
        live.saw(ty, &wants);
    }
}

#[test]
fn set() {
    let types =
        [EventType::SYSCALL_SETXATTR_X, EventType::SYSCALL_LSETXATTR_X, EventType::SYSCALL_FSETXATTR_X];
    let numbers = [libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr];
    each(types, numbers, &[at(NAME.as_ptr()), at(VALUE.as_ptr()), VALUE.len() as i64, 1], |wants| {
        wants.push(("name", path(NAME)));
        wants.push(("value", bytes(VALUE)));
        wants.push(("flags", flags(&FlagTable::XATTR_FLAGS, &["XATTR_CREATE"])));
    });
}

#[test]
fn got_and_removed() {
    let types =
        [EventType::SYSCALL_GETXATTR_X, EventType::SYSCALL_LGETXATTR_X, EventType::SYSCALL_FGETXATTR_X];
    let numbers = [libc::SYS_getxattr, libc::SYS_lgetxattr, libc::SYS_fgetxattr];
    each(types, numbers, &[at(NAME.as_ptr())], |wants| wants.push(("name", path(NAME))));
    let types = [
        EventType::SYSCALL_REMOVEXATTR_X,
        EventType::SYSCALL_LREMOVEXATTR_X,
        EventType::SYSCALL_FREMOVEXATTR_X,
    ];
    let numbers = [libc::SYS_removexattr, libc::SYS_lremovexattr, libc::SYS_fremovexattr];
    each(types, numbers, &[at(NAME.as_ptr())], |wants| wants.push(("name", path(NAME))));
}

#[test]
fn listed() {
    let types =
        [EventType::SYSCALL_LISTXATTR_X, EventType::SYSCALL_LLISTXATTR_X, EventType::SYSCALL_FLISTXATTR_X];
    let numbers = [libc::SYS_listxattr, libc::SYS_llistxattr, libc::SYS_flistxattr];
    each(types, numbers, &[], |_| {});
}

#[test]
fn below_a_directory() {
    let types = [
        EventType::SYSCALL_SETXATTRAT_X,
        EventType::SYSCALL_GETXATTRAT_X,
        EventType::SYSCALL_LISTXATTRAT_X,
        EventType::SYSCALL_REMOVEXATTRAT_X,
    ];
    let mut live = capture(&types);
    let dir = Scratch::new("xattrat");
    dir.file("file", "");
    let (here, file, name) = (dir.fd(), c"file", at(NAME.as_ptr()));
    // Address, size, and XATTR_CREATE.
    let given = [at(VALUE.as_ptr()) as u64, VALUE.len() as u64 | 1 << 32];
    let nofollow = i64::from(libc::AT_SYMLINK_NOFOLLOW);
    let calls = [
        (EventType::SYSCALL_SETXATTRAT_X, SYS_SETXATTRAT, [name, at(&given), 16]),
        (EventType::SYSCALL_GETXATTRAT_X, SYS_GETXATTRAT, [name, at(&given), 16]),
        (EventType::SYSCALL_LISTXATTRAT_X, SYS_LISTXATTRAT, [0, 0, 0]),
        (EventType::SYSCALL_REMOVEXATTRAT_X, SYS_REMOVEXATTRAT, [name, 0, 0]),
    ];
    for (ty, number, rest) in calls {
        let [a, b, c] = rest;
        let res = call(number, [here.0, at(file.as_ptr()), nofollow, a, b, c]);
        let mut wants = vec![
            ("res", int(res)),
            ("dirfd", int(here.0)),
            ("path", text("file")),
            ("at_flags", flags(&FlagTable::AT_FLAGS, &["AT_SYMLINK_NOFOLLOW"])),
        ];
        if ty != EventType::SYSCALL_LISTXATTRAT_X {
            wants.push(("name", path(NAME)));
        }
        if ty == EventType::SYSCALL_SETXATTRAT_X {
            wants.push(("value", bytes(VALUE)));
            wants.push(("flags", flags(&FlagTable::XATTR_FLAGS, &["XATTR_CREATE"])));
        }
        live.saw(ty, &wants);
    }
}
