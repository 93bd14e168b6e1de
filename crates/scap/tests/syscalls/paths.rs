//! Paths from the kernel, compared with the paths that calls got.

use eyas_testing::test;
use std::ffi::{CStr, CString};

use eyas_events::{EventType, KernelPath};
use eyas_scap::RawEvent;

use crate::call::{Fd, Scratch, at, call, old, open};
use crate::capture::{Capture, capture};

const CWD: i64 = libc::AT_FDCWD as i64;

/// A capture of these events and of the calls that mark their beginning and end.
pub fn marked(types: &[EventType]) -> Capture {
    let mut all = types.to_vec();
    all.push(EventType::SYSCALL_LSEEK_X);
    capture(&all)
}

/// Opens a file, and returns the path that the kernel reports.
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
fn a_file_without_a_directory_entry_has_the_kernel_s_name() {
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
fn a_removed_name_is_reported_as_deleted() {
    eyas_testing::ignore_in_chroot();
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
fn a_file_that_is_not_mounted_has_no_path_from_the_root() {
    eyas_testing::ignore_in_chroot();
    let mut live = marked(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("detached");
    let [mounted, file] = ["mounted", "mounted/passwd"].map(|name| dir.path(name));
    std::fs::create_dir(mounted.to_str().unwrap()).unwrap();
    // A separate mount namespace for this thread, so that mounts are not visible elsewhere.
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
fn a_path_below_another_root_is_reported_from_the_first_one() {
    eyas_testing::ignore_in_chroot();
    let mut live = marked(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("root");
    let (name, base) = (dir.file("file", ""), dir.path(""));
    assert_eq!(call(libc::SYS_unshare, [libc::CLONE_FS.into()]), 0);
    assert_eq!(call(libc::SYS_chroot, [at(base.as_ptr())]), 0);
    let (_fd, path) = opened(&mut live, c"/file", libc::O_RDONLY);
    assert_eq!(path.as_bytes(), name.to_bytes());
}

#[test]
fn the_beginning_of_a_long_path_is_reported() {
    eyas_testing::ignore_in_chroot();
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

/// The kernel's paths of the call in `make`, by parameter name.
#[track_caller]
pub fn told(live: &mut Capture, ty: EventType, make: impl FnOnce() -> i64) -> Vec<(&'static str, String)> {
    let mut res = -1;
    let events = live.own(|| res = make());
    assert_eq!(res, 0, "{}", ty.name());
    let event = events.iter().find(|event| event.as_raw().ty == ty).unwrap();
    kernel_paths(&event.as_raw())
}

/// The kernel's paths in an event, by parameter name.
pub fn kernel_paths(raw: &RawEvent<'_>) -> Vec<(&'static str, String)> {
    let text = |path: Option<&[u8]>| String::from_utf8(path.unwrap_or_default().to_vec()).unwrap();
    let path = |path: &KernelPath| match *path {
        KernelPath::Param(at) => (raw.info().unwrap().params[at].name, text(raw.kernel_path(at))),
        KernelPath::File(at) => (raw.info().unwrap().params[at].name, text(raw.file_path())),
        KernelPath::Cwd => ("cwd", text(raw.kernel_cwd())),
        KernelPath::Root => ("root", text(raw.kernel_root())),
    };
    raw.ty.kernel_paths().iter().map(path).collect()
}

/// A directory that can be reached in other ways than by its path.
pub struct Ways {
    pub dir: Scratch,
}

impl Ways {
    pub fn new(name: &str) -> Self {
        let dir = Scratch::new(name);
        std::fs::create_dir(dir.path("real").to_str().unwrap()).unwrap();
        std::os::unix::fs::symlink("real", dir.path("link").to_str().unwrap()).unwrap();
        // Too long to be stored in the inode.
        let long = format!("{}real", "./".repeat(200));
        std::os::unix::fs::symlink(long, dir.path("long").to_str().unwrap()).unwrap();
        let absolute = dir.path("real");
        std::os::unix::fs::symlink(absolute.to_str().unwrap(), dir.path("absolute").to_str().unwrap())
            .unwrap();
        Self { dir }
    }

    /// Ways to a name in the directory, each with the descriptor that it begins at.
    pub fn to(&self, name: &str) -> Vec<CString> {
        let path = |text: String| self.dir.path(&text);
        vec![
            path(format!("real/{name}")),
            path(format!("link/{name}")),
            path(format!("long/{name}")),
            path(format!("absolute/../link/.//{name}")),
            path(format!("{}real/{name}", "./".repeat(1_500))),
        ]
    }

    pub fn real(&self, name: &str) -> String {
        self.dir.path(&format!("real/{name}")).into_string().unwrap()
    }
}

#[test]
fn every_call_that_changes_a_directory_reports_which() {
    eyas_testing::ignore_in_chroot();
    use EventType as E;
    let types = [
        E::SYSCALL_MKDIR_2_X,
        E::SYSCALL_MKDIRAT_X,
        E::SYSCALL_MKNODAT_X,
        E::SYSCALL_SYMLINKAT_X,
        E::SYSCALL_LINKAT_2_X,
        E::SYSCALL_RENAMEAT2_X,
        E::SYSCALL_FCHMODAT_X,
        E::SYSCALL_FCHOWNAT_X,
        E::SYSCALL_UNLINKAT_2_X,
        E::SYSCALL_RMDIR_2_X,
        E::SYSCALL_UNLINK_2_X,
    ];
    let mut live = marked(&types);
    let ways = Ways::new("ways");
    let (one, two, three) = (ways.real("one"), ways.real("two"), ways.real("three"));
    let all = ways.to("one").into_iter().zip(ways.to("two")).zip(ways.to("three"));
    for ((a, b), c) in all {
        let (pa, pb, pc) = (at(a.as_ptr()), at(b.as_ptr()), at(c.as_ptr()));
        let mut check = |ty, wanted: &[(&'static str, &str)], make: &dyn Fn() -> i64| {
            let told = told(&mut live, ty, make);
            let told: Vec<_> = told.iter().map(|(name, path)| (*name, path.as_str())).collect();
            assert_eq!(told, wanted, "{} {a:?}", ty.name());
        };
        check(E::SYSCALL_MKDIRAT_X, &[("path", &one)], &|| call(libc::SYS_mkdirat, [CWD, pa, 0o700]));
        check(E::SYSCALL_FCHMODAT_X, &[("filename", &one)], &|| call(libc::SYS_fchmodat, [CWD, pa, 0o711]));
        let slash = format!("{two}/");
        check(E::SYSCALL_RENAMEAT2_X, &[("oldpath", &one), ("newpath", &slash)], &|| {
            call(libc::SYS_renameat2, [CWD, pa, CWD, pb, 0])
        });
        let remove = libc::AT_REMOVEDIR.into();
        check(E::SYSCALL_UNLINKAT_2_X, &[("name", &two)], &|| call(libc::SYS_unlinkat, [CWD, pb, remove]));
        let file = i64::from(libc::S_IFREG | 0o600);
        check(E::SYSCALL_MKNODAT_X, &[("path", &one)], &|| call(libc::SYS_mknodat, [CWD, pa, file, 0]));
        check(E::SYSCALL_FCHOWNAT_X, &[("pathname", &one), ("dirfd", "")], &|| {
            call(libc::SYS_fchownat, [CWD, pa, 0, 0, 0])
        });
        check(E::SYSCALL_LINKAT_2_X, &[("oldpath", &one), ("newpath", &two)], &|| {
            call(libc::SYS_linkat, [CWD, pa, CWD, pb, 0])
        });
        check(E::SYSCALL_RENAMEAT2_X, &[("oldpath", &two), ("newpath", &three)], &|| {
            call(libc::SYS_renameat2, [CWD, pb, CWD, pc, 0])
        });
        check(E::SYSCALL_UNLINKAT_2_X, &[("name", &one)], &|| call(libc::SYS_unlinkat, [CWD, pa, 0]));
        check(E::SYSCALL_SYMLINKAT_X, &[("linkpath", &two)], &|| {
            call(libc::SYS_symlinkat, [at(c"../three".as_ptr()), CWD, pb])
        });
        check(E::SYSCALL_UNLINKAT_2_X, &[("name", &two)], &|| call(libc::SYS_unlinkat, [CWD, pb, 0]));
        check(E::SYSCALL_UNLINKAT_2_X, &[("name", &three)], &|| call(libc::SYS_unlinkat, [CWD, pc, 0]));
    }
    if crate::capture::is_here(E::SYSCALL_MKDIR_2_X) {
        let name = ways.dir.path("link/old");
        let old = ways.real("old");
        let pointer = at(name.as_ptr());
        let made = told(&mut live, E::SYSCALL_MKDIR_2_X, || call(old::SYS_mkdir, [pointer, 0o700]));
        assert_eq!(made, [("path", old.clone())]);
        let gone = told(&mut live, E::SYSCALL_RMDIR_2_X, || call(old::SYS_rmdir, [pointer]));
        assert_eq!(gone, [("path", old)]);
    }
}

/// Whether the kernel has the hooks for paths of calls that change nothing.
pub fn has_hooks() -> bool {
    std::path::Path::new("/sys/bus/event_source/devices/kprobe").exists()
        && std::fs::read_to_string("/proc/kallsyms")
            .is_ok_and(|names| names.contains(" security_path_mkdir\n"))
}

#[test]
fn calls_on_attributes_and_sizes_report_the_file() {
    eyas_testing::ignore_in_chroot();
    use EventType as E;
    const SYS_FCHMODAT2: i64 = 452;
    const SYS_SETXATTRAT: i64 = 463;
    let types = [
        E::SYSCALL_TRUNCATE_X,
        E::SYSCALL_FCHMODAT2_X,
        E::SYSCALL_SETXATTR_X,
        E::SYSCALL_LSETXATTR_X,
        E::SYSCALL_SETXATTRAT_X,
        E::SYSCALL_GETXATTR_X,
        E::SYSCALL_LISTXATTR_X,
        E::SYSCALL_REMOVEXATTR_X,
    ];
    let mut live = marked(&types);
    let ways = Ways::new("attributes");
    let real = ways.real("file");
    std::fs::write(&real, "a text").unwrap();
    let name = at(c"trusted.eyas".as_ptr());
    // A value that is already set changes nothing.
    let mut value = at(c"each is another value than the one before".as_ptr());
    for way in ways.to("file") {
        let file = at(way.as_ptr());
        let mut check = |ty, param: &'static str, wanted: &str, make: &dyn Fn() -> i64| {
            let told = told(&mut live, ty, || make().min(0));
            let mut all = vec![(param, wanted.to_owned())];
            // The path begins at no descriptor.
            all.extend((ty == E::SYSCALL_FCHMODAT2_X).then(|| ("dirfd", String::new())));
            assert_eq!(told, all, "{} {way:?}", ty.name());
        };
        let size = std::fs::metadata(&real).unwrap().len() as i64 + 1;
        check(E::SYSCALL_TRUNCATE_X, "path", &real, &|| call(libc::SYS_truncate, [file, size]));
        let numbers = [libc::SYS_setxattr, libc::SYS_lsetxattr];
        for (ty, number) in [E::SYSCALL_SETXATTR_X, E::SYSCALL_LSETXATTR_X].into_iter().zip(numbers) {
            check(ty, "path", &real, &|| call(number, [file, name, value, 5, 0]));
            value += 1;
        }
        // Only hooks report calls that change nothing; without hooks, only the given path is known.
        let read = if has_hooks() { &real } else { way.to_str().unwrap() };
        check(E::SYSCALL_GETXATTR_X, "path", read, &|| call(libc::SYS_getxattr, [file, name, 0, 0]));
        check(E::SYSCALL_LISTXATTR_X, "path", read, &|| call(libc::SYS_listxattr, [file, 0, 0]));
        check(E::SYSCALL_REMOVEXATTR_X, "path", &real, &|| call(libc::SYS_removexattr, [file, name]));
        if call(SYS_FCHMODAT2, [CWD, file, 0o600, 0]) == 0 {
            check(E::SYSCALL_FCHMODAT2_X, "filename", &real, &|| call(SYS_FCHMODAT2, [CWD, file, 0o640, 0]));
        }
        let set = |size: u64| {
            let args = [value as u64, size];
            call(SYS_SETXATTRAT, [CWD, file, 0, name, at(args.as_ptr()), 16])
        };
        if set(3) == 0 {
            check(E::SYSCALL_SETXATTRAT_X, "path", &real, &|| set(4));
        }
    }
}

#[test]
fn chmod_of_an_o_path_descriptor_reports_the_file() {
    eyas_testing::ignore_in_chroot();
    const SYS_FCHMODAT2: i64 = 452;
    let ty = EventType::SYSCALL_FCHMODAT2_X;
    let mut live = marked(&[ty]);
    let ways = Ways::new("empty-path");
    let real = ways.real("file");
    std::fs::write(&real, "").unwrap();
    let empty = i64::from(libc::AT_EMPTY_PATH);
    for (way, mode) in ways.to("file").into_iter().zip(0o600..) {
        let fd = open(&way, libc::O_PATH);
        let change = |mode: i64| call(SYS_FCHMODAT2, [fd.0, at(c"".as_ptr()), mode, empty]);
        if change(0o400) == -i64::from(libc::ENOSYS) {
            eyas_testing::ignore("the kernel has no fchmodat2");
        }
        let both = [("filename", real.clone()), ("dirfd", real.clone())];
        assert_eq!(told(&mut live, ty, || change(mode)), both, "{way:?}");
    }
}

#[test]
fn renames_of_every_kind_report_both_names() {
    eyas_testing::ignore_in_chroot();
    let ty = EventType::SYSCALL_RENAMEAT2_X;
    let mut live = marked(&[ty]);
    let ways = Ways::new("kinds-of-renames");
    let (one, two, three) = (ways.real("one"), ways.real("two"), ways.real("three"));
    std::fs::write(&one, "").unwrap();
    std::fs::create_dir(&two).unwrap();
    let (exchange, whiteout) = (i64::from(libc::RENAME_EXCHANGE), i64::from(libc::RENAME_WHITEOUT));
    for ((a, b), c) in ways.to("one").into_iter().zip(ways.to("two")).zip(ways.to("three")) {
        let (pa, pb, pc) = (at(a.as_ptr()), at(b.as_ptr()), at(c.as_ptr()));
        let mut rename = |from: i64, to: i64, flags: i64| {
            told(&mut live, ty, || call(libc::SYS_renameat2, [CWD, from, CWD, to, flags]))
        };
        // A file and a directory, and back.
        for [from, to] in [[pa, pb], [pb, pa]] {
            let told = rename(from, to, exchange);
            let names = told.iter().map(|(name, path)| (*name, path.trim_end_matches('/')));
            let wanted = if from == pa { [&one, &two] } else { [&two, &one] };
            let wanted: Vec<_> = ["oldpath", "newpath"].into_iter().zip(wanted.map(String::as_str)).collect();
            assert_eq!(names.collect::<Vec<_>>(), wanted, "{a:?}");
        }
        assert_eq!(rename(pa, pc, whiteout), [("oldpath", one.clone()), ("newpath", three.clone())], "{a:?}");
        std::fs::rename(&three, &one).unwrap();
    }
}

#[test]
fn calls_on_descriptors_report_the_file() {
    eyas_testing::ignore_in_chroot();
    use EventType as E;
    let mut live = marked(&[E::SYSCALL_FCHMOD_X, E::SYSCALL_FCHOWN_X]);
    let ways = Ways::new("descriptors");
    let real = ways.real("file");
    for way in ways.to("file") {
        std::fs::write(&real, "").unwrap();
        let file = Fd(call(libc::SYS_openat, [CWD, at(way.as_ptr()), 0]));
        let mode = told(&mut live, E::SYSCALL_FCHMOD_X, || call(libc::SYS_fchmod, [file.0, 0o640]));
        assert_eq!(mode, [("fd", real.clone())], "{way:?}");
        // The path has the file's last name.
        std::fs::remove_file(&real).unwrap();
        let owner = told(&mut live, E::SYSCALL_FCHOWN_X, || call(libc::SYS_fchown, [file.0, 0, 0]));
        assert_eq!(owner, [("fd", real.clone())], "{way:?}");
    }
    let mut ends = [0_i32; 2];
    assert_eq!(call(libc::SYS_pipe2, [at(ends.as_mut_ptr()), 0]), 0);
    let [reader, _writer] = ends.map(|end| Fd(end.into()));
    let dir = Fd(call(libc::SYS_openat, [CWD, at(ways.dir.path("real").as_ptr()), 0]));
    let path_of_dir = ways.dir.path("real").to_str().unwrap().to_owned() + "/";
    let own = format!("/proc/thread-self/fd/{}", reader.0);
    let name_of_pipe = std::fs::read_link(own).unwrap().into_os_string().into_string().unwrap();
    let name = at(c"special".as_ptr());
    let special = Fd(call(libc::SYS_memfd_create, [name, 0]));
    // Special files are tracked in any case.
    for (other, path) in [(&reader, name_of_pipe), (&dir, path_of_dir), (&special, String::new())] {
        let mode = told(&mut live, E::SYSCALL_FCHMOD_X, || call(libc::SYS_fchmod, [other.0, 0o700]));
        assert_eq!(mode, [("fd", path)]);
    }
}

#[test]
fn stat_calls_report_the_file_if_hooks_show_it() {
    eyas_testing::ignore_in_chroot();
    use EventType as E;
    let types = [E::SYSCALL_STAT_X, E::SYSCALL_LSTAT_X, E::SYSCALL_NEWFSTATAT_X, E::SYSCALL_STATX_X];
    let mut live = marked(&types);
    let ways = Ways::new("looked-at");
    let (real, link) = (ways.real("file"), ways.dir.path("link"));
    std::fs::write(&real, "").unwrap();
    let mut about = [0_u8; 256];
    let into = at(&raw mut about);
    for every in [false, true] {
        live.interpret(every);
        let mut check = |ty, wanted: &str, make: &dyn Fn() -> i64| {
            let wanted = if has_hooks() { wanted } else { "" };
            assert_eq!(told(&mut live, ty, make), [("path", wanted.to_owned())], "{}", ty.name());
        };
        for way in ways.to("file") {
            let file = at(way.as_ptr());
            check(E::SYSCALL_NEWFSTATAT_X, &real, &|| call(libc::SYS_newfstatat, [CWD, file, into, 0]));
            check(E::SYSCALL_STATX_X, &real, &|| call(libc::SYS_statx, [CWD, file, 0, 0x7ff, into]));
            #[cfg(target_arch = "x86_64")]
            check(E::SYSCALL_STAT_X, &real, &|| call(old::SYS_stat, [file, into]));
        }
        // A link itself, and an event after a failed call.
        let given = at(link.as_ptr());
        let itself = libc::AT_SYMLINK_NOFOLLOW.into();
        assert_eq!(call(libc::SYS_newfstatat, [CWD, given, 0, itself]), -i64::from(libc::EFAULT));
        let named = link.to_str().unwrap();
        check(E::SYSCALL_NEWFSTATAT_X, named, &|| call(libc::SYS_newfstatat, [CWD, given, into, itself]));
        #[cfg(target_arch = "x86_64")]
        check(E::SYSCALL_LSTAT_X, named, &|| call(old::SYS_lstat, [given, into]));
    }
    live.interpret(false);
}

#[test]
fn the_working_directory_is_reported_by_the_path_that_it_has() {
    eyas_testing::ignore_in_chroot();
    use EventType as E;
    let types = [
        E::SYSCALL_CHDIR_X,
        E::SYSCALL_FCHDIR_X,
        E::SYSCALL_GETCWD_X,
        E::SYSCALL_CHROOT_X,
        E::SYSCALL_UNSHARE_X,
        E::SYSCALL_MKDIRAT_X,
        E::SYSCALL_RENAMEAT2_X,
    ];
    let mut live = marked(&types);
    assert_eq!(call(libc::SYS_unshare, [libc::CLONE_FS.into()]), 0);
    let ways = Ways::new("cwd");
    let (real, inner) = (ways.real(""), ways.real("inner"));
    let real = real.trim_end_matches('/');
    std::fs::create_dir(&inner).unwrap();
    let chdir = |path: &CStr| call(libc::SYS_chdir, [at(path.as_ptr())]);
    let link = ways.dir.path("long/inner");
    assert_eq!(told(&mut live, E::SYSCALL_CHDIR_X, || chdir(&link)), [("path", inner.clone())]);
    assert_eq!(told(&mut live, E::SYSCALL_CHDIR_X, || chdir(c"..")), [("path", real.to_owned())]);
    let link = ways.dir.path("link/inner");
    let fd = open(&link, libc::O_RDONLY);
    let back = told(&mut live, E::SYSCALL_FCHDIR_X, || call(libc::SYS_fchdir, [fd.0]));
    assert_eq!(back, [("cwd", inner.clone())]);
    // By its current name.
    let (other, slash) = (ways.real("other"), format!("{}/", ways.real("other")));
    let [from, to] = [&inner, &other].map(|path| CString::new(path.as_str()).unwrap());
    let moved = told(&mut live, E::SYSCALL_RENAMEAT2_X, || {
        call(libc::SYS_renameat2, [CWD, at(from.as_ptr()), CWD, at(to.as_ptr()), 0])
    });
    assert_eq!(moved, [("oldpath", inner), ("newpath", slash)]);
    let made =
        told(&mut live, E::SYSCALL_MKDIRAT_X, || call(libc::SYS_mkdirat, [CWD, at(c"x".as_ptr()), 0o700]));
    assert_eq!(made, [("path", format!("{other}/x"))]);
    // A directory whose descriptor was opened before.
    let made =
        told(&mut live, E::SYSCALL_MKDIRAT_X, || call(libc::SYS_mkdirat, [fd.0, at(c"y".as_ptr()), 0o700]));
    assert_eq!(made, [("path", format!("{other}/y"))]);
    let root = told(&mut live, E::SYSCALL_CHROOT_X, || call(libc::SYS_chroot, [at(c"../../link".as_ptr())]));
    assert_eq!(root, [("path", real.to_owned())]);
    let mut buffer = [0_u8; 4096];
    let events = live.own(|| assert!(call(libc::SYS_getcwd, [at(&raw mut buffer), 4096]) > 0));
    let event = events.iter().find(|event| event.as_raw().ty == E::SYSCALL_GETCWD_X).unwrap();
    assert_eq!(event.as_raw().kernel_cwd().unwrap(), other.as_bytes());
    let both = told(&mut live, E::SYSCALL_UNSHARE_X, || call(libc::SYS_unshare, [libc::CLONE_FS.into()]));
    assert_eq!(both, [("cwd", other.clone()), ("root", real.to_owned())]);
    let made =
        told(&mut live, E::SYSCALL_MKDIRAT_X, || call(libc::SYS_mkdirat, [CWD, at(c"/z".as_ptr()), 0o700]));
    assert_eq!(made, [("path", format!("{real}/z"))]);
}

#[test]
fn mounts_report_their_paths() {
    eyas_testing::ignore_in_chroot();
    use EventType as E;
    let types = [E::SYSCALL_MOUNT_X, E::SYSCALL_UMOUNT2_X, E::SYSCALL_MOVE_MOUNT_X];
    let mut live = marked(&types);
    if call(libc::SYS_unshare, [(libc::CLONE_FS | libc::CLONE_NEWNS).into()]) != 0 {
        eyas_testing::ignore("this process may not have mounts of its own");
    }
    let private = (libc::MS_REC | libc::MS_PRIVATE) as i64;
    assert_eq!(call(libc::SYS_mount, [0, at(c"/".as_ptr()), 0, private, 0]), 0);
    let ways = Ways::new("mounts");
    let (one, two) = (ways.real("one"), ways.real("two"));
    [&one, &two].into_iter().for_each(|dir| std::fs::create_dir(dir).unwrap());
    let here = std::env::current_dir().unwrap().into_os_string().into_string().unwrap();
    for (a, b) in ways.to("one").iter().zip(ways.to("two")) {
        let (pa, pb) = (at(a.as_ptr()), at(b.as_ptr()));
        let tmpfs = at(c"tmpfs".as_ptr());
        let dir = told(&mut live, E::SYSCALL_MOUNT_X, || call(libc::SYS_mount, [tmpfs, pa, tmpfs, 0, 0]));
        assert_eq!(dir[..2], [("dev", String::new()), ("dir", one.clone())]);
        assert_eq!(dir[2..], [("cwd", here.clone()), ("root", "/".to_owned())]);
        let bind = libc::MS_BIND as i64;
        let both = told(&mut live, E::SYSCALL_MOUNT_X, || call(libc::SYS_mount, [pa, pb, 0, bind, 0]));
        assert_eq!(both[1], ("dir", two.clone()));
        let gone = told(&mut live, E::SYSCALL_UMOUNT2_X, || call(libc::SYS_umount2, [pb, 0]));
        assert_eq!(gone[0], ("name", two.clone()));
        if has_hooks() {
            // OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH.
            let tree = Fd(call(libc::SYS_open_tree, [CWD, pa, 1]));
            let moved = told(&mut live, E::SYSCALL_MOVE_MOUNT_X, || {
                call(libc::SYS_move_mount, [tree.0, at(c"".as_ptr()), CWD, pb, 4])
            });
            assert_eq!(moved[1], ("dir", two.clone()));
            assert_eq!(call(libc::SYS_umount2, [pb, 0]), 0);
        }
        // Of a tree of mounts, the top one.
        let inner = CString::new(format!("{two}/inner")).unwrap();
        assert_eq!(call(libc::SYS_mount, [tmpfs, pb, tmpfs, 0, 0]), 0);
        std::fs::create_dir(inner.to_str().unwrap()).unwrap();
        assert_eq!(call(libc::SYS_mount, [tmpfs, at(inner.as_ptr()), tmpfs, 0, 0]), 0);
        let detach = libc::MNT_DETACH.into();
        let gone = told(&mut live, E::SYSCALL_UMOUNT2_X, || call(libc::SYS_umount2, [pb, detach]));
        assert_eq!(gone[0], ("name", two.clone()));
        assert_eq!(call(libc::SYS_umount2, [pa, 0]), 0);
    }
}

#[test]
fn several_names_of_a_file_are_distinguished() {
    eyas_testing::ignore_in_chroot();
    use EventType as E;
    let types =
        [E::SYSCALL_LINKAT_2_X, E::SYSCALL_UNLINKAT_2_X, E::SYSCALL_FCHMODAT_X, E::SYSCALL_RENAMEAT2_X];
    let mut live = marked(&types);
    let ways = Ways::new("names");
    let names = ["a", "b", "c"].map(|name| ways.dir.path(&format!("link/{name}")));
    let reals = ["a", "b", "c"].map(|name| ways.real(name));
    std::fs::write(&reals[0], "").unwrap();
    let pointers = names.each_ref().map(|name| at(name.as_ptr()));
    for to in [1, 2] {
        let both = told(&mut live, E::SYSCALL_LINKAT_2_X, || {
            call(libc::SYS_linkat, [CWD, pointers[0], CWD, pointers[to], 0])
        });
        assert_eq!(both, [("oldpath", reals[0].clone()), ("newpath", reals[to].clone())]);
    }
    for n in [1, 0, 2] {
        let path =
            told(&mut live, E::SYSCALL_FCHMODAT_X, || call(libc::SYS_fchmodat, [CWD, pointers[n], 0o600]));
        assert_eq!(path, [("filename", reals[n].clone())]);
    }
    let path = told(&mut live, E::SYSCALL_UNLINKAT_2_X, || call(libc::SYS_unlinkat, [CWD, pointers[1], 0]));
    assert_eq!(path, [("name", reals[1].clone())]);
    std::fs::write(&reals[1], "").unwrap();
    let exchange = i64::from(libc::RENAME_EXCHANGE);
    let both = told(&mut live, E::SYSCALL_RENAMEAT2_X, || {
        call(libc::SYS_renameat2, [CWD, pointers[0], CWD, pointers[1], exchange])
    });
    assert_eq!(both, [("oldpath", reals[0].clone()), ("newpath", reals[1].clone())]);
}

/// A change of an overlay changes the upper layer, too.
#[test]
fn an_overlay_reports_its_own_paths() {
    eyas_testing::ignore_in_chroot();
    use EventType as E;
    let types = [
        E::SYSCALL_MKDIRAT_X,
        E::SYSCALL_MKNODAT_X,
        E::SYSCALL_SYMLINKAT_X,
        E::SYSCALL_LINKAT_2_X,
        E::SYSCALL_RENAMEAT2_X,
        E::SYSCALL_FCHMODAT_X,
        E::SYSCALL_UNLINKAT_2_X,
    ];
    let mut live = marked(&types);
    if call(libc::SYS_unshare, [(libc::CLONE_FS | libc::CLONE_NEWNS).into()]) != 0 {
        eyas_testing::ignore("this process may not have mounts of its own");
    }
    let private = (libc::MS_REC | libc::MS_PRIVATE) as i64;
    assert_eq!(call(libc::SYS_mount, [0, at(c"/".as_ptr()), 0, private, 0]), 0);
    let dir = Scratch::new("layers");
    let (base, tmpfs) = (dir.path(""), at(c"tmpfs".as_ptr()));
    assert_eq!(call(libc::SYS_mount, [tmpfs, at(base.as_ptr()), tmpfs, 0, 0]), 0);
    let place = |name: &str| dir.path(name).into_string().unwrap();
    for name in ["lower/dir", "upper", "work", "merged"] {
        std::fs::create_dir_all(place(name)).unwrap();
    }
    for name in ["lower/file", "lower/gone", "lower/dir/file"] {
        std::fs::write(place(name), "").unwrap();
    }
    std::os::unix::fs::symlink("merged", place("link")).unwrap();
    let [lower, upper, work] = ["lower", "upper", "work"].map(place);
    let layers = CString::new(format!("lowerdir={lower},upperdir={upper},workdir={work}")).unwrap();
    let (overlay, merged) = (at(c"overlay".as_ptr()), dir.path("merged"));
    if call(libc::SYS_mount, [overlay, at(merged.as_ptr()), overlay, 0, at(layers.as_ptr())]) != 0 {
        eyas_testing::ignore("there are no overlays here");
    }
    let given = |name: &str| dir.path(&format!("link/{name}"));
    let real = |name: &str| place(&format!("merged/{name}"));
    let mut check = |ty, name: &str, param: &'static str, make: &dyn Fn(i64) -> i64| {
        let path = given(name);
        let told = told(&mut live, ty, || make(at(path.as_ptr())));
        assert_eq!(told, [(param, real(name))], "{} {name}", ty.name());
    };
    for name in ["made", "dir/made"] {
        check(E::SYSCALL_MKDIRAT_X, name, "path", &|path| call(libc::SYS_mkdirat, [CWD, path, 0o700]));
        let dir = libc::AT_REMOVEDIR.into();
        check(E::SYSCALL_UNLINKAT_2_X, name, "name", &|path| call(libc::SYS_unlinkat, [CWD, path, dir]));
        let fifo = i64::from(libc::S_IFIFO | 0o600);
        check(E::SYSCALL_MKNODAT_X, name, "path", &|path| call(libc::SYS_mknodat, [CWD, path, fifo, 0]));
        check(E::SYSCALL_UNLINKAT_2_X, name, "name", &|path| call(libc::SYS_unlinkat, [CWD, path, 0]));
        let target = at(c"target".as_ptr());
        check(E::SYSCALL_SYMLINKAT_X, name, "linkpath", &|path| {
            call(libc::SYS_symlinkat, [target, CWD, path])
        });
    }
    // Files of the lower layer.
    check(E::SYSCALL_UNLINKAT_2_X, "gone", "name", &|path| call(libc::SYS_unlinkat, [CWD, path, 0]));
    check(E::SYSCALL_FCHMODAT_X, "dir/file", "filename", &|path| {
        call(libc::SYS_fchmodat, [CWD, path, 0o600])
    });
    let mut both = |ty, old: &str, new: &str, number: i64| {
        let (from, to) = (given(old), given(new));
        told(&mut live, ty, || call(number, [CWD, at(from.as_ptr()), CWD, at(to.as_ptr()), 0]))
    };
    let linked = both(E::SYSCALL_LINKAT_2_X, "file", "linked", libc::SYS_linkat);
    assert_eq!(linked, [("oldpath", real("file")), ("newpath", real("linked"))]);
    let moved = both(E::SYSCALL_RENAMEAT2_X, "linked", "dir/moved", libc::SYS_renameat2);
    assert_eq!(moved, [("oldpath", real("linked")), ("newpath", real("dir/moved"))]);
}
