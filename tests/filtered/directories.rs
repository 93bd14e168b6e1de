//! Directories that no rule uses, and closes by threads that share descriptors.

use std::os::fd::AsRawFd;

use eyas_testing::test;

use super::*;

/// Rules on paths that begin at directories, in all kinds of calls.
const RULES_ON_PATHS: [(&str, &str); 13] = [
    ("an open", "evt.type in (openat, openat2) and fd.num >= 0 and fd.name = BASE/one/wanted"),
    ("an open that fails", "evt.type = openat and fd.num < 0 and fd.name = BASE/one/nothing"),
    ("below a link", "evt.type = openat and fd.num >= 0 and fd.name startswith BASE/alias/"),
    ("below an old name", "evt.type = openat and fd.num >= 0 and fd.name startswith BASE/old/"),
    ("by the working directory", "evt.type = openat and fd.num >= 0 and fd.name = BASE/two/relative"),
    ("removed", "evt.type = unlinkat and fs.path.name = BASE/one/gone"),
    ("made", "evt.type = mkdirat and fs.path.name startswith BASE/two/made"),
    ("renamed", "evt.type in (renameat, renameat2) and fs.path.target = BASE/two/target"),
    ("a link", "evt.type = linkat and evt.arg.oldpath contains plain"),
    ("a symlink", "evt.type = symlinkat and fs.path.target startswith BASE/one/"),
    ("a directory itself", "evt.type = openat and fd.num >= 0 and fd.name = BASE/special"),
    ("a copy of a socket", "evt.type in (dup, dup2, dup3) and fd.type = unix"),
    ("no copy of a socket", "evt.type in (dup, dup2, dup3) and fd.type = ipv6"),
];

/// Random calls with directories, whose descriptors are copied and reused.
fn directories(base: &Path) {
    use rustix::{fs, io, process};
    #[allow(deprecated, reason = "nothing that others have opened is used from here on")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::FILES | rustix::thread::UnshareFlags::FS).unwrap();
    let mut numbers = Numbers(5);
    let directory = |path: &str| {
        fs::openat(CWD, base.join(path), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap()
    };
    let mut held: Vec<OwnedFd> = vec![directory("one"), directory("two")];
    let mut others: Vec<OwnedFd> = Vec::new();
    let mut is_old = true;
    for _ in 0..3000 {
        let at = numbers.below(held.len());
        match numbers.below(20) {
            0..5 => {
                let names = ["one", "two", "alias", "special", if is_old { "old" } else { "new" }];
                held.push(directory(names[numbers.below(names.len())]));
            }
            5 => held.push(io::dup(&held[at]).unwrap()),
            6 => held.push(io::fcntl_dupfd_cloexec(&held[at], 0).unwrap()),
            7 => {
                let mut target = held.swap_remove(at);
                let source = &others.last().unwrap_or(&target);
                if source.as_raw_fd() != target.as_raw_fd() {
                    let source = io::dup(source).unwrap();
                    io::dup2(&source, &mut target).unwrap();
                }
                others.push(target);
            }
            8 => {
                let (one, other) = UnixStream::pair().unwrap();
                others.extend([OwnedFd::from(one), other.into()]);
            }
            9 => others.extend(fs::openat(&held[at], "plain", OFlags::RDONLY, Mode::empty())),
            10 => {
                let (old, new) = (base.join("old"), base.join("new"));
                let (from, to) = if is_old { (&old, &new) } else { (&new, &old) };
                fs::rename(from, to).unwrap();
                is_old = !is_old;
            }
            11 => {
                process::fchdir(&held[at]).unwrap();
                drop(fs::openat(CWD, "relative", OFlags::RDONLY, Mode::empty()));
            }
            12 => io::fcntl_setfd(&held[at], io::FdFlags::CLOEXEC).unwrap(),
            13 if !others.is_empty() => drop(io::dup(&others[numbers.below(others.len())])),
            _ => {}
        }
        if held.is_empty() {
            held.push(directory("two"));
        }
        let (at, other) = (numbers.below(held.len()), numbers.below(held.len()));
        let (at, other) = (&held[at], &held[other]);
        match numbers.below(12) {
            0 => drop(fs::openat(at, "wanted", OFlags::RDONLY, Mode::empty())),
            1 => drop(fs::openat(at, "nothing", OFlags::RDONLY, Mode::empty())),
            2 => drop(fs::openat(at, "plain", OFlags::RDONLY, Mode::empty())),
            3 => {
                let how = fs::ResolveFlags::empty();
                drop(fs::openat2(at, "wanted", OFlags::RDONLY, Mode::empty(), how));
            }
            4 => drop(fs::unlinkat(at, "gone", AtFlags::empty())),
            5 => {
                let _ = fs::mkdirat(at, "made", Mode::RWXU);
                let _ = fs::unlinkat(at, "made", AtFlags::REMOVEDIR);
            }
            6 => {
                let _ = fs::renameat(at, "gone", other, "target");
                let _ = fs::renameat(other, "target", at, "gone");
            }
            7 => {
                let _ = fs::linkat(at, "plain", other, "copy", AtFlags::empty());
                let _ = fs::unlinkat(other, "copy", AtFlags::empty());
            }
            8 => {
                let _ = fs::symlinkat("plain", at, "name");
                let _ = fs::unlinkat(at, "name", AtFlags::empty());
            }
            _ => drop(fs::openat(at, ".", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())),
        }
        while held.len() > 12 || numbers.below(3) == 0 && held.len() > 1 {
            drop(held.swap_remove(numbers.below(held.len())));
        }
        while others.len() > 6 {
            drop(others.swap_remove(numbers.below(others.len())));
        }
    }
}

/// The field of a rule that depends on the directory of a descriptor.
fn directory_user(engine: &Engine) -> Option<&'static str> {
    EngineFilters::new(engine).file_user(FileKind::Directory, true).map(|user| user.field)
}

/// The filter without files and directories.
pub(super) fn filter_of(engine: &Engine) -> eyas::events::filter::Filter {
    assert_eq!((file_user(engine, true), directory_user(engine)), (None, None));
    let unused = UnusedFiles { plain: true, directories: true, ..UnusedFiles::NONE };
    let filter = probe_filter(&rows(engine), &engine.fields_by_use().concat(), unused).unwrap();
    assert!(filter.unused_files().directories);
    filter
}

fn tree(name: &str) -> Dir {
    let base = Dir::new(name);
    for directory in ["one", "two", "old", "special"] {
        std::fs::create_dir_all(base.join(directory)).unwrap();
        for name in ["plain", "wanted", "relative", "gone"] {
            std::fs::write(base.join(directory).join(name), "text").unwrap();
        }
    }
    std::os::unix::fs::symlink("one", base.join("alias")).unwrap();
    base
}

#[test]
fn unused_opens_of_directories_are_filtered_out() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = tree("directories");
    let output = "%evt.type %evt.res %fd.name %fd.type %evt.arg.name %evt.arg.path %evt.arg.oldpath \
                  %evt.arg.newpath %evt.arg.linkpath";
    let engine = engine_of(&RULES_ON_PATHS, output, &base);
    let calls = [
        "openat",
        "openat2",
        "close",
        "dup",
        "dup2",
        "dup3",
        "fcntl",
        "socketpair",
        "chdir",
        "fchdir",
        "rename",
        "renameat",
        "renameat2",
        "unlinkat",
        "mkdirat",
        "linkat",
        "symlinkat",
        "unshare",
    ];
    let [all, some] = seen_in_both(&engine, (&filter_of(&engine), SAMPLE), &calls, || directories(&base));
    let (want, have) = (alerts(&all), alerts(&some));
    assert_same(&have, &want);
    for (rule, _) in RULES_ON_PATHS {
        let is_there = want.iter().any(|alert| alert.starts_with(rule));
        assert!(is_there != rule.starts_with("no "), "what matches '{rule}'?");
    }
    assert!(some.iter().all(|seen| !seen.is_sample || seen.alerts.is_empty()));
    let of = |seen: &[Seen], ty: EventType| seen.iter().filter(|seen| seen.event.as_raw().ty == ty).count();
    for (ty, most) in [
        (EventType::SYSCALL_OPENAT_2_X, 70),
        (EventType::SYSCALL_CLOSE_X, 70),
        (EventType::SYSCALL_FCNTL_X, 70),
    ] {
        let (all, sent) = (of(&all, ty), of(&some, ty));
        println!("{} of {all} events of {} are sent", sent, ty.name());
        assert!(sent < all * most / 100, "{sent} of {all} events of {} are sent", ty.name());
    }
}

#[test]
fn rules_on_directories_disable_the_filter_of_their_opens() {
    let user = |condition: &str, output: &str| {
        let engine = engine_of(&[("r", condition)], output, Path::new("/base"));
        assert_eq!(file_user(&engine, true), None, "{condition}");
        directory_user(&engine)
    };
    for (condition, field) in [
        ("evt.type = write and fd.type in (directory, ipv4)", "fd.type"),
        ("evt.type = fchmod and fd.type = directory and fd.name = /tmp", "fd.name"),
        ("evt.type = getdents64 and fd.typechar = d", "fd.typechar"),
    ] {
        assert_eq!(user(condition, "o"), Some(field), "{condition}");
    }
    for (condition, output) in [
        ("evt.type = fchdir", "%proc.cwd %evt.res"),
        ("evt.type = fchmod and evt.arg.mode contains S_ISUID", "%fd.name %evt.args"),
        ("evt.type = fchmod and fd.type = directory and not fd.name = /tmp", "%fd.name"),
        ("evt.type = write and fd.type in (ipv4, ipv6)", "%fd.name"),
        ("evt.type = unlinkat and fs.path.name = /etc/shadow", "%fs.path.name %evt.abspath"),
    ] {
        assert_eq!(user(condition, output), None, "{condition}");
    }
}

const RULES_ON_THREADS: [(&str, &str); 3] = [
    ("a socket", "evt.type = write and evt.rawres >= 0 and fd.type = unix"),
    ("no descriptor that is closed", "evt.type = write and evt.res = EBADF and fd.type in (unix, pipe)"),
    ("no file", "evt.type = openat and fd.name startswith BASE/nowhere"),
];

/// Number of descriptors of the threads, at most.
const NUMBERS: i32 = 300;

/// Threads that share descriptors open and close files and sockets; afterwards all are closed, and the script writes to each number.
fn threads(base: &Path) {
    #[allow(deprecated, reason = "nothing that others have opened is used from here on")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::FILES).unwrap();
    std::thread::scope(|scope| {
        for at in 0..4 {
            scope.spawn(move || {
                let mut numbers = Numbers(at);
                let mut held: Vec<OwnedFd> = Vec::new();
                for _ in 0..3000 {
                    match numbers.below(4) {
                        0 => {
                            let (one, other) = UnixStream::pair().unwrap();
                            rustix::io::write(&one, b"").unwrap();
                            held.extend([OwnedFd::from(one), other.into()]);
                        }
                        1 => held.extend(rustix::fs::openat(
                            CWD,
                            base.join("one"),
                            OFlags::RDONLY,
                            Mode::empty(),
                        )),
                        _ => {
                            let path = base.join("one/plain");
                            held.extend(rustix::fs::openat(CWD, path, OFlags::RDONLY, Mode::empty()));
                        }
                    }
                    while held.len() > 3 {
                        drop(held.swap_remove(numbers.below(held.len())));
                    }
                }
            });
        }
    });
    for number in 0..NUMBERS {
        let own = format!("/proc/thread-self/fd/{number}");
        if std::fs::symlink_metadata(own).is_err() {
            // SAFETY: the call only fails, because nothing has this number.
            let closed = unsafe { rustix::fd::BorrowedFd::borrow_raw(number) };
            let _ = rustix::io::write(closed, b"");
        }
    }
}

#[test]
fn closes_of_sockets_by_other_threads_are_not_filtered_out() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = tree("threads");
    let engine = engine_of(&RULES_ON_THREADS, "%evt.type %evt.res %fd.type", &base);
    let (rows, filter) = (rows(&engine), filter_of(&engine));
    let codes = codes(&["openat", "close", "socketpair", "write", "unshare"]);
    let mut filtered = open(&codes);
    filtered.0.set_filter(Some(&filter), 0).unwrap();
    let tid = run(|| threads(&base));
    let by_type = filtered.0.filtered_by_type();
    let some = seen(&mut filtered, &engine, &rows, tid);
    let found = alerts(&some);
    assert!(found.iter().all(|alert| !alert.starts_with("no ")), "{found:?}");
    let closed =
        by_type.iter().find(|(ty, _)| *ty == EventType::SYSCALL_CLOSE_X).map_or(0, |(_, count)| *count);
    // Three of five descriptors are of files and directories.
    assert!(closed > 4 * 3000 / 2, "{closed} closes are left out");
}
