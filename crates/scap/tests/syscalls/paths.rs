//! Paths as the kernel has them, beside those that calls were given.

use eyas_testing::test;
use std::ffi::{CStr, CString};

use eyas_events::EventType;

use crate::call::{Fd, Scratch, at, call};
use crate::capture::{Capture, capture};

const CWD: i64 = libc::AT_FDCWD as i64;

/// A capture of these events, by whose marks their beginning and end are found.
fn marked(types: &[EventType]) -> Capture {
    let mut all = types.to_vec();
    all.push(EventType::SYSCALL_LSEEK_X);
    capture(&all)
}

/// What the kernel says that an openat opened.
#[track_caller]
fn opened(live: &mut Capture, name: &CStr, flags: i32) -> (Fd, String) {
    let mut fd = -1;
    let events = live.own(|| fd = call(libc::SYS_openat, [CWD, at(name.as_ptr()), flags.into(), 0o600]));
    assert!(fd >= 0, "{name:?}: {fd}");
    let event = events.iter().find(|event| event.as_raw().ty == EventType::SYSCALL_OPENAT_2_X).unwrap();
    let path = event.as_raw().opened_path().unwrap_or_default();
    (Fd(fd), String::from_utf8(path.to_vec()).unwrap())
}

/// The path by which this process reaches an open file.
fn by_number(fd: i64) -> CString {
    CString::new(format!("/proc/thread-self/fd/{fd}")).unwrap()
}

/// What the kernel shows of an open file.
fn link(fd: i64) -> String {
    std::fs::read_link(format!("/proc/thread-self/fd/{fd}")).unwrap().into_os_string().into_string().unwrap()
}

#[test]
fn what_no_directory_holds_has_the_kernel_s_name() {
    let mut live = marked(&[EventType::SYSCALL_OPENAT_2_X]);
    for every in [false, true] {
        live.interpret(every);
        let mut ends = [0_i32; 2];
        assert_eq!(call(libc::SYS_pipe2, [at(&raw mut ends), 0]), 0);
        let [read, _write] = ends.map(|end| Fd(end.into()));
        let (_fd, name) = opened(&mut live, &by_number(read.0), libc::O_RDONLY | libc::O_NONBLOCK);
        assert_eq!(name, link(read.0));
        assert!(name.starts_with("pipe:["));
        for namespace in ["mnt", "net", "pid", "user", "uts", "ipc", "cgroup"] {
            let path = CString::new(format!("/proc/self/ns/{namespace}")).unwrap();
            let (fd, name) = opened(&mut live, &path, libc::O_RDONLY);
            assert_eq!(name, link(fd.0));
            assert!(name.starts_with(&format!("{namespace}:[")));
        }
        let memfd = Fd(call(libc::SYS_memfd_create, [at(c"of memory".as_ptr()), 0]));
        let (_fd, name) = opened(&mut live, &by_number(memfd.0), libc::O_RDONLY);
        assert_eq!(name, "memfd:of memory");
    }
    live.interpret(false);
}

#[test]
fn a_name_that_was_taken_off_is_deleted() {
    let mut live = marked(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("deleted");
    let name = dir.file("file", "");
    for every in [false, true] {
        live.interpret(every);
        let (fd, path) = opened(&mut live, &name, libc::O_RDONLY | libc::O_CREAT);
        assert_eq!(path.as_bytes(), name.to_bytes());
        std::fs::remove_file(name.to_str().unwrap()).unwrap();
        let (_fd, path) = opened(&mut live, &by_number(fd.0), libc::O_RDONLY);
        assert_eq!(path, link(fd.0));
        assert!(path.ends_with("/file (deleted)"), "{path}");
    }
    live.interpret(false);
}

#[test]
fn what_is_not_mounted_lies_in_no_root() {
    let mut live = marked(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("detached");
    let [mounted, file] = ["mounted", "mounted/passwd"].map(|name| dir.path(name));
    std::fs::create_dir(mounted.to_str().unwrap()).unwrap();
    // A namespace of this thread's own, so that nobody else sees the mount; no other does either.
    if call(libc::SYS_unshare, [(libc::CLONE_FS | libc::CLONE_NEWNS).into()]) != 0 {
        eyas_testing::ignore("this process may not have mounts of its own");
    }
    let private = (libc::MS_REC | libc::MS_PRIVATE) as i64;
    assert_eq!(call(libc::SYS_mount, [0, at(c"/".as_ptr()), 0, private, 0]), 0);
    let tmpfs = c"tmpfs".as_ptr();
    assert_eq!(call(libc::SYS_mount, [at(tmpfs), at(mounted.as_ptr()), at(tmpfs), 0, 0]), 0);
    let (fd, path) = opened(&mut live, &file, libc::O_RDONLY | libc::O_CREAT);
    assert_eq!(path.as_bytes(), file.to_bytes());
    let lazily = libc::MNT_DETACH.into();
    assert_eq!(call(libc::SYS_umount2, [at(mounted.as_ptr()), lazily]), 0);
    let (_fd, path) = opened(&mut live, &by_number(fd.0), libc::O_RDONLY);
    assert_eq!(path, "(unreachable)/passwd");
    // A copy of a mount that is mounted nowhere.
    let copy = Fd(call(libc::SYS_open_tree, [CWD, at(c"/etc".as_ptr()), libc::OPEN_TREE_CLONE.into()]));
    if copy.0 >= 0 {
        let inner = CString::new(format!("/proc/thread-self/fd/{}/passwd", copy.0)).unwrap();
        let (_fd, path) = opened(&mut live, &inner, libc::O_RDONLY);
        assert_eq!(path, "(unreachable)/passwd");
    }
}

#[test]
fn a_path_below_another_root_is_told_from_the_first_one() {
    let mut live = marked(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("root");
    let (name, base) = (dir.file("file", ""), dir.path(""));
    assert_eq!(call(libc::SYS_unshare, [libc::CLONE_FS.into()]), 0);
    assert_eq!(call(libc::SYS_chroot, [at(base.as_ptr())]), 0);
    let (_fd, path) = opened(&mut live, c"/file", libc::O_RDONLY);
    assert_eq!(path.as_bytes(), name.to_bytes());
}

#[test]
fn the_front_of_a_path_is_never_lost() {
    let mut live = marked(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("deep");
    let base = dir.path("");
    assert_eq!(call(libc::SYS_unshare, [libc::CLONE_FS.into()]), 0);
    assert_eq!(call(libc::SYS_chdir, [at(base.as_ptr())]), 0);
    let part = CString::new("d".repeat(200)).unwrap();
    let base = base.to_str().unwrap();
    let mut depth = 0;
    for deep in [3, 15, 25, 100, 1_000] {
        while depth < deep {
            assert_eq!(call(libc::SYS_mkdirat, [CWD, at(part.as_ptr()), 0o700]), 0);
            assert_eq!(call(libc::SYS_chdir, [at(part.as_ptr())]), 0);
            depth += 1;
        }
        let (_fd, path) = opened(&mut live, c"file", libc::O_RDONLY | libc::O_CREAT);
        let whole = format!("{base}{}/file", format!("/{}", part.to_str().unwrap()).repeat(depth));
        let whole = whole.replace("//", "/");
        if whole.len() < 4000 {
            assert_eq!(path, whole);
        } else {
            let (front, back) = path.split_once("/.../").unwrap();
            assert!(whole.starts_with(front) && front.len() > base.len() + 200, "{path}");
            assert!(whole.ends_with(back) && back.len() > 800, "{path}");
        }
    }
}
