//! Whether an executable is writable by its user: the probe must agree with access(2).

use std::ffi::{CStr, CString};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use eyas_events::param::SYSCALL_EXECVE_19_X as x;
use eyas_events::{EventType, FlagTable};
use eyas_scap::proc::Options;
use eyas_testing::test;

use crate::call::{Scratch, apart, at, call};
use crate::capture::{Capture, capture};

const WRITABLE: u64 = FlagTable::EXECVE_FLAGS.value("EXE_WRITABLE") as u64;
const USER: u32 = 65_534;
const GROUP: u32 = 65_534;
const STAFF: u32 = 50;

/// Who executes.
#[derive(Clone, Default)]
struct Caller {
    /// Real, effective and saved ids.
    uids: [u32; 3],
    gid: u32,
    groups: Vec<u32>,
    /// Whether capabilities outlive the change of user.
    keeps_caps: bool,
    /// Lines of the maps of a new user namespace.
    namespace: Option<[String; 2]>,
}

fn user() -> Caller {
    Caller { uids: [USER; 3], gid: GROUP, ..Caller::default() }
}

/// A program with this mode, owner and group.
fn program(dir: &Scratch, name: &str, mode: u32, owner: u32, group: u32) -> CString {
    let path = dir.path(name);
    let at = Path::new(path.to_str().unwrap());
    std::fs::copy("/bin/cat", at).unwrap();
    chown(at, Some(owner), Some(group)).unwrap();
    std::fs::set_permissions(at, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn scratch(name: &str) -> Scratch {
    let dir = Scratch::new(name);
    let path = dir.path("");
    std::fs::set_permissions(path.to_str().unwrap(), std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Becomes the caller, in a child before it executes; the descriptors are for saying its id and for waiting until its
/// ids are mapped.
fn become_caller(caller: &Caller, mapper: [i64; 2]) -> std::io::Result<()> {
    let check = |result: i64| match result {
        0.. => Ok(()),
        error => Err(std::io::Error::from_raw_os_error(-error as i32)),
    };
    let groups = &caller.groups;
    check(call(libc::SYS_setgroups, [groups.len() as i64, at(groups.as_ptr())]))?;
    if caller.keeps_caps {
        check(call(libc::SYS_prctl, [libc::PR_SET_KEEPCAPS.into(), 1]))?;
    }
    let id = i64::from;
    check(call(libc::SYS_setresgid, [id(caller.gid); 3]))?;
    check(call(libc::SYS_setresuid, caller.uids.map(id)))?;
    if caller.keeps_caps {
        // CAP_DAC_OVERRIDE takes effect, and outlives the exec as an ambient capability.
        const CAP_DAC_OVERRIDE: i64 = 1;
        const PR_CAP_AMBIENT_RAISE: i64 = 2;
        let header = [0x2008_0522_u32, 0];
        let sets = [1_u32 << CAP_DAC_OVERRIDE, 1 << CAP_DAC_OVERRIDE, 1 << CAP_DAC_OVERRIDE, 0, 0, 0];
        check(call(libc::SYS_capset, [at(&header), at(&sets)]))?;
        check(call(
            libc::SYS_prctl,
            [libc::PR_CAP_AMBIENT.into(), PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0],
        ))?;
    }
    if caller.namespace.is_some() {
        // Who changed its ids has files in /proc that are root's.
        check(call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE.into(), 1]))?;
        check(call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into()]))?;
        // Root writes the maps, as it may map what it likes.
        let pid = std::process::id();
        check(call(libc::SYS_write, [mapper[0], at(&pid), 4]))?;
        check(call(libc::SYS_read, [mapper[1], at(&pid), 4]))?;
    }
    Ok(())
}

/// Writes the maps of the user namespace of a child that says its id.
fn map(maps: &[String; 2], said: &mut impl Read, answer: &mut impl Write) {
    let mut pid = [0; 4];
    if said.read_exact(&mut pid).is_err() {
        // There is no child.
        return;
    }
    for (name, text) in ["uid_map", "gid_map"].iter().zip(maps).filter(|(_, text)| !text.is_empty()) {
        std::fs::write(format!("/proc/{}/{name}", u32::from_ne_bytes(pid)), text).unwrap();
    }
    answer.write_all(&pid).unwrap();
}

/// In a child with the caller's rights: queries whether it may write to the program, and executes it. Returns whether it may,
/// according to the kernel, to the event, and to `/proc`.
fn run(live: &mut Capture, caller: &Caller, program: &CStr) -> [bool; 3] {
    let pipe = || std::io::pipe().unwrap();
    let (mut said, write) = pipe();
    let ((mut id, say_id), (mapped, mut say_mapped)) = (pipe(), pipe());
    let fd = |pipe: &dyn AsRawFd| i64::from(pipe.as_raw_fd());
    let (answer, mapper) = (fd(&write), [fd(&say_id), fd(&mapped)]);
    let mut command = Command::new(program.to_str().unwrap());
    command.stdin(Stdio::piped());
    let (who, path) = (caller.clone(), program.to_owned());
    let prepare = move || {
        become_caller(&who, mapper)?;
        let denied = call(libc::SYS_faccessat, [libc::AT_FDCWD.into(), at(path.as_ptr()), libc::W_OK.into()]);
        call(libc::SYS_write, [answer, at(&u8::from(denied == 0)), 1]);
        Ok(())
    };
    // SAFETY: the closure makes system calls and reads memory that was made before the fork.
    unsafe { command.pre_exec(prepare) };
    let mut child = std::thread::scope(|scope| {
        if let Some(maps) = &caller.namespace {
            scope.spawn(|| map(maps, &mut id, &mut say_mapped));
        }
        let child = command.spawn();
        // Ends the wait for a child that was not made.
        drop(say_id);
        match child {
            Err(error) if caller.namespace.is_some() && error.kind() == ErrorKind::PermissionDenied => {
                eyas_testing::ignore(format!("no user namespace may be made here: {error}"))
            }
            child => child.unwrap_or_else(|error| panic!("{program:?}: {error}")),
        }
    });
    drop(write);
    let mut allowed = [0];
    said.read_exact(&mut allowed).unwrap();
    let tid = i64::from(child.id());
    let event = live.event_of(tid, EventType::SYSCALL_EXECVE_19_X);
    let flags = event.as_raw().uint(x::flags).unwrap();
    let options = Options { fds: false, ..Options::default() };
    let (entry, _) = eyas_scap::proc::thread(&options, tid).unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    [allowed[0] == 1, flags & WRITABLE != 0, entry.exe_writable]
}

#[track_caller]
fn agree(live: &mut Capture, caller: &Caller, program: &CStr, expected: bool) {
    assert_eq!(run(live, caller, program), [expected; 3], "{program:?}: the kernel, the event, /proc");
}

#[test]
fn by_mode() {
    let mut live = capture(&[EventType::SYSCALL_EXECVE_19_X]);
    let dir = scratch("access-mode");
    let in_staff = Caller { groups: vec![7, STAFF, 60], ..user() };
    let of_staff = Caller { gid: STAFF, ..user() };
    for (name, mode, owner, group, caller, expected) in [
        ("nobody's", 0o755, 0, 0, user(), false),
        ("others", 0o757, 0, 0, user(), true),
        ("owner", 0o755, USER, 0, user(), true),
        ("owner-denied", 0o577, USER, 0, user(), false),
        ("group", 0o775, 0, STAFF, of_staff.clone(), true),
        ("group-denied", 0o757, 0, STAFF, of_staff, false),
        ("supplementary", 0o775, 0, STAFF, in_staff.clone(), true),
        ("supplementary-denied", 0o757, 0, STAFF, in_staff, false),
        ("not-in-group", 0o775, 0, STAFF, user(), false),
        ("root", 0o555, USER, 0, Caller::default(), true),
    ] {
        let path = program(&dir, name, mode, owner, group);
        agree(&mut live, &caller, &path, expected);
    }
}

#[test]
fn of_one_group_of_many() {
    let mut live = capture(&[EventType::SYSCALL_EXECVE_19_X]);
    let dir = scratch("access-groups");
    // The kernel sorts them.
    let groups: Vec<u32> = (0..3000).map(|n| 100_000 + (n * 7919) % 3000 * 2).collect();
    let caller = Caller { groups, ..user() };
    for (group, expected) in
        [(100_000, true), (105_998, true), (103_332, true), (103_333, false), (99, false)]
    {
        let path = program(&dir, &group.to_string(), 0o775, 0, group);
        agree(&mut live, &caller, &path, expected);
    }
}

/// access(2) checks the real ids, and treats an ordinary user as one without capabilities.
#[test]
fn by_real_ids() {
    let mut live = capture(&[EventType::SYSCALL_EXECVE_19_X]);
    let dir = scratch("access-ids");
    let of_root = program(&dir, "root's", 0o755, 0, 0);
    let of_user = program(&dir, "user's", 0o755, USER, 0);
    agree(&mut live, &Caller { uids: [USER, 0, 0], gid: GROUP, ..Caller::default() }, &of_root, false);
    agree(&mut live, &Caller { uids: [USER, 0, 0], gid: GROUP, ..Caller::default() }, &of_user, true);
    agree(&mut live, &Caller { keeps_caps: true, ..user() }, &of_root, false);
}

#[test]
fn in_user_namespaces() {
    let mut live = capture(&[EventType::SYSCALL_EXECVE_19_X]);
    let dir = scratch("access-namespace");
    let mapped = |lines: &[(u32, u32, u32)]| {
        let text: String =
            lines.iter().map(|(inner, outer, count)| format!("{inner} {outer} {count}\n")).collect();
        Some([text.clone(), text])
    };
    // The user is root there.
    let root = Caller { namespace: mapped(&[(0, USER, 1)]), ..user() };
    // Root maps what it likes, here more than the kernel keeps in one place.
    let long: Vec<(u32, u32, u32)> = (0..40).map(|n| (n * 10, 100_000 + (39 - n) * 100, 5)).collect();
    let long = Caller { namespace: mapped(&[&[(5000, 0, 1)], &long[..]].concat()), ..Caller::default() };
    let unmapped = Caller { namespace: Some([String::new(), String::new()]), ..user() };
    for (name, mode, owner, group, caller, expected) in [
        ("unmapped-owner", 0o755, 0, 0, root.clone(), false),
        ("unmapped-owner-writable", 0o757, 0, 0, root.clone(), true),
        ("own", 0o755, USER, GROUP, root.clone(), true),
        ("own-read-only", 0o555, USER, GROUP, root.clone(), true),
        ("own-of-unmapped-group", 0o555, USER, 0, root, false),
        ("without-maps", 0o755, USER, GROUP, unmapped.clone(), true),
        ("without-maps-read-only", 0o555, USER, GROUP, unmapped, false),
    ] {
        let path = program(&dir, name, mode, owner, group);
        agree(&mut live, &caller, &path, expected);
    }
    // Root of such a namespace is no longer root there: it has no capabilities for access(2).
    for (owner, expected) in [(0, true), (100_003, false)] {
        let path = program(&dir, &format!("long-{owner}"), 0o755, owner, 100_003);
        agree(&mut live, &long, &path, expected);
    }
    // The first of the long map is root.
    let long: Vec<(u32, u32, u32)> = (0..40).map(|n| (1000 + n * 10, 100_000 + (39 - n) * 100, 5)).collect();
    let long = Caller { namespace: mapped(&[&[(0, 0, 1)], &long[..]].concat()), ..Caller::default() };
    for (owner, expected) in
        [(0, true), (100_000, true), (100_004, true), (100_005, false), (103_903, true), (99_999, false)]
    {
        let path = program(&dir, &format!("long-root-{owner}"), 0o555, owner, 100_000);
        agree(&mut live, &long, &path, expected);
    }
}

/// A file system of its own for a thread, or why not.
fn mount(path: &CStr) -> Result<(), i64> {
    let check = |result: i64| if result == 0 { Ok(()) } else { Err(result) };
    check(call(libc::SYS_unshare, [libc::CLONE_NEWNS.into()]))?;
    let private = (libc::MS_REC | libc::MS_PRIVATE) as i64;
    check(call(libc::SYS_mount, [0, at(c"/".as_ptr()), 0, private, 0]))?;
    check(call(
        libc::SYS_mount,
        [at(c"t".as_ptr()), at(path.as_ptr()), at(c"tmpfs".as_ptr()), 0, at(c"mode=755".as_ptr())],
    ))
}

#[test]
fn on_read_only_mounts() {
    apart(|| {
        let mut live = capture(&[EventType::SYSCALL_EXECVE_19_X]);
        let dir = scratch("access-mount");
        if let Err(error) = mount(&dir.path("")) {
            eyas_testing::ignore(format_args!("no file system may be mounted here: {error}"));
        }
        let path = program(&dir, "program", 0o777, 0, 0);
        let top = dir.path("");
        agree(&mut live, &user(), &path, true);
        let remount = |flags: u64| call(libc::SYS_mount, [0, at(top.as_ptr()), 0, flags as i64, 0]);
        // Only the mount, then the file system.
        assert_eq!(remount(libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY), 0);
        agree(&mut live, &user(), &path, false);
        agree(&mut live, &Caller::default(), &path, false);
        assert_eq!(remount(libc::MS_REMOUNT | libc::MS_BIND), 0);
        assert_eq!(remount(libc::MS_REMOUNT | libc::MS_RDONLY), 0);
        agree(&mut live, &user(), &path, false);
        assert_eq!(remount(libc::MS_REMOUNT), 0);
    });
}

/// An entry of an access control list: tag, permissions, id.
type Entry = (u16, u16, u32);

fn set_acl(path: &CStr, entries: &[Entry]) -> i64 {
    let mut value = 2_u32.to_le_bytes().to_vec();
    for (tag, perm, id) in entries {
        value.extend(tag.to_le_bytes());
        value.extend(perm.to_le_bytes());
        value.extend(id.to_le_bytes());
    }
    let name = c"system.posix_acl_access";
    call(
        libc::SYS_setxattr,
        [at(path.as_ptr()), at(name.as_ptr()), at(value.as_ptr()), value.len() as i64, 0],
    )
}

#[test]
fn by_access_control_lists() {
    const NONE: u32 = u32::MAX;
    const OWNER: Entry = (0x01, 7, NONE);
    apart(|| {
        let mut live = capture(&[EventType::SYSCALL_EXECVE_19_X]);
        let dir = scratch("access-acl");
        if let Err(error) = mount(&dir.path("")) {
            eyas_testing::ignore(format_args!("no file system may be mounted here: {error}"));
        }
        let in_staff = Caller { groups: vec![STAFF], ..user() };
        let lists: [(&str, &[Entry], Caller, bool); 6] = [
            (
                "user",
                &[OWNER, (0x02, 7, USER), (0x04, 5, NONE), (0x10, 7, NONE), (0x20, 5, NONE)],
                user(),
                true,
            ),
            (
                "masked",
                &[OWNER, (0x02, 7, USER), (0x04, 5, NONE), (0x10, 5, NONE), (0x20, 7, NONE)],
                user(),
                false,
            ),
            (
                "group",
                &[OWNER, (0x04, 5, NONE), (0x08, 7, STAFF), (0x10, 7, NONE), (0x20, 5, NONE)],
                in_staff.clone(),
                true,
            ),
            (
                "group-denied",
                &[OWNER, (0x04, 5, NONE), (0x08, 5, STAFF), (0x10, 7, NONE), (0x20, 7, NONE)],
                in_staff,
                false,
            ),
            (
                "others",
                &[OWNER, (0x04, 5, NONE), (0x08, 5, STAFF), (0x10, 7, NONE), (0x20, 7, NONE)],
                user(),
                true,
            ),
            (
                "user-denied",
                &[OWNER, (0x02, 5, USER), (0x04, 5, NONE), (0x10, 7, NONE), (0x20, 7, NONE)],
                user(),
                false,
            ),
        ];
        for (name, entries, caller, expected) in lists {
            let path = program(&dir, name, 0o777, 0, 0);
            let set = set_acl(&path, entries);
            if set == -i64::from(libc::EOPNOTSUPP) {
                eyas_testing::ignore("tmpfs has no access control lists here");
            }
            assert_eq!(set, 0, "{name}");
            agree(&mut live, &caller, &path, expected);
        }
    });
}
