//! Every call that rules use, with every kind of path that hides the name of a directory.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eyas_testing::{Dir, test};
use rustix::fs::{AtFlags, CWD, FileType, Mode};

use eyas::events::SyscallCode as S;
use eyas::rules::{AlertOptions, Matching, RuleSet, RuleSource};
use eyas::scap::live::{ProbeOptions, Source};
use eyas::sinsp::{Inspector, Step, schema};

/// A directory with a sensitive one in it, and an open one beside it.
pub(super) struct Place(Dir, pub(super) File);

impl Place {
    fn new(name: &str) -> Self {
        let dir = Dir::new(name);
        std::fs::create_dir_all(dir.join("secret/inner")).unwrap();
        std::fs::create_dir(dir.join("elsewhere")).unwrap();
        let elsewhere = File::open(dir.join("elsewhere")).unwrap();
        Self(dir, elsewhere)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        std::os::unix::fs::symlink(target, &path).unwrap();
        path
    }
}

/// Where paths begin, and what stands before names in the sensitive directory.
pub(super) struct Way {
    pub(super) dir: Option<File>,
    before: String,
}

impl Way {
    fn path(before: impl AsRef<Path>) -> Self {
        Self { dir: None, before: format!("{}/", before.as_ref().display()) }
    }

    fn relative(before: &str) -> Self {
        Self { dir: None, before: before.to_owned() }
    }

    fn below(dir: File, before: &str) -> Self {
        Self { dir: Some(dir), before: before.to_owned() }
    }

    pub(super) fn at(&self) -> BorrowedFd<'_> {
        self.dir.as_ref().map_or(CWD, AsFd::as_fd)
    }

    pub(super) fn to(&self, name: &str) -> String {
        format!("{}{name}", self.before)
    }
}

/// Gives the calling thread directories of its own.
fn leave_others() {
    // SAFETY: no memory is shared differently after it.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::FS) }.unwrap();
}

/// Renames a directory that is not sensitive into the sensitive one.
fn move_in(place: &Place, name: &str) {
    std::fs::rename(place.path(name), place.path("secret").join(name)).unwrap();
}

/// Name of the technique, its target directory, and the function with which the calling thread gets there.
type Technique = (&'static str, &'static str, fn(&Place) -> Way);

const TECHNIQUES: &[Technique] = &[
    ("a symbolic link", "secret", |place| Way::path(place.link("link", "secret"))),
    ("an absolute symbolic link", "secret", |place| Way::path(place.link("link", place.path("secret")))),
    ("a link so long that no inode holds it", "secret", |place| {
        Way::path(place.link("link", format!("{}secret", "./".repeat(500))))
    }),
    ("links to links", "secret", |place| {
        place.link("one", "secret");
        place.link("two", "one");
        Way::path(place.link("three", "./two/."))
    }),
    ("the directory above that a link leads to", "secret", |place| {
        Way::path(place.link("link", "secret/inner").join(".."))
    }),
    ("a link in the middle of a long path", "secret", |place| {
        let link = place.link("link", "secret");
        Way::path(format!("{}{}", link.display(), "/.".repeat(1_900)))
    }),
    ("a working directory that is a link", "secret", |place| {
        rustix::process::chdir(place.link("link", "secret")).unwrap();
        Way::relative("")
    }),
    ("a working directory above that a link leads to", "secret", |place| {
        rustix::process::chdir(place.link("link", "secret/inner")).unwrap();
        rustix::process::chdir("..").unwrap();
        Way::relative("./")
    }),
    ("a working directory by its descriptor", "secret", |place| {
        rustix::process::fchdir(File::open(place.link("link", "secret")).unwrap()).unwrap();
        Way::relative("")
    }),
    ("a working directory that is renamed", "secret/plain", |place| {
        std::fs::create_dir(place.path("plain")).unwrap();
        rustix::process::chdir(place.path("plain")).unwrap();
        move_in(place, "plain");
        Way::relative("")
    }),
    ("a working directory below one that is renamed", "secret/plain/deep", |place| {
        std::fs::create_dir_all(place.path("plain/deep/er")).unwrap();
        rustix::process::chdir(place.path("plain/deep/er")).unwrap();
        move_in(place, "plain");
        Way::relative("../")
    }),
    ("the descriptor of a link", "secret", |place| {
        Way::below(File::open(place.link("link", "secret")).unwrap(), "")
    }),
    ("the descriptor of a directory that is renamed", "secret/plain", |place| {
        std::fs::create_dir(place.path("plain")).unwrap();
        let dir = File::open(place.path("plain")).unwrap();
        move_in(place, "plain");
        Way::below(dir, "./")
    }),
    ("the descriptor of the directory below", "secret", |place| {
        let inner = File::open(place.link("link", "secret/inner")).unwrap();
        Way::below(inner, "../")
    }),
    ("a working directory that /proc leads to", "secret", |place| {
        rustix::process::chdir(place.path("secret")).unwrap();
        Way::relative("/proc/thread-self/cwd/")
    }),
    ("another root", "secret/inner", |place| {
        let link = place.link("secret/link", "/inner");
        assert!(!link.exists());
        rustix::process::chroot(place.path("secret")).unwrap();
        Way::relative("/link/")
    }),
];

/// Calls that change entries; each depends on the result of the previous one.
fn calls(way: &Way, elsewhere: BorrowedFd<'_>) {
    use rustix::fs::{chmodat, chownat, linkat, mkdirat, mknodat, openat, renameat, symlinkat, unlinkat};
    let at = way.at();
    let mode = Mode::from_raw_mode(0o700);
    mkdirat(at, way.to("dir"), mode).unwrap();
    chmodat(at, way.to("dir"), mode, AtFlags::empty()).unwrap();
    chownat(at, way.to("dir"), None, None, AtFlags::empty()).unwrap();
    renameat(at, way.to("dir"), elsewhere, "out").unwrap();
    renameat(elsewhere, "out", at, way.to("in")).unwrap();
    unlinkat(at, way.to("in"), AtFlags::REMOVEDIR).unwrap();
    mknodat(at, way.to("node"), FileType::RegularFile, mode, 0).unwrap();
    linkat(at, way.to("node"), elsewhere, "hard", AtFlags::empty()).unwrap();
    linkat(elsewhere, "hard", at, way.to("back"), AtFlags::empty()).unwrap();
    symlinkat("node", at, way.to("soft")).unwrap();
    openat(at, way.to("node"), rustix::fs::OFlags::WRONLY, Mode::empty()).unwrap();
    if way.dir.is_none() {
        use rustix::fs::{XattrFlags, removexattr, setxattr};
        truncate(&way.to("node"), 10);
        setxattr(way.to("node"), "trusted.eyas", b"x", XattrFlags::empty()).unwrap();
        removexattr(way.to("node"), "trusted.eyas").unwrap();
    }
    for name in ["node", "back", "soft"] {
        unlinkat(at, way.to(name), AtFlags::empty()).unwrap();
    }
    unlinkat(elsewhere, "hard", AtFlags::empty()).unwrap();
}

/// Sets the length of a file.
fn truncate(path: &str, len: i64) {
    let path = std::ffi::CString::new(path).unwrap();
    // SAFETY: the path ends in a NUL.
    assert_eq!(unsafe { libc::truncate(path.as_ptr(), len) }, 0);
}

/// For each call, its name and its first sensitive path.
const EXPECTED: &[(&str, &str)] = &[
    ("mkdirat", "dir"),
    ("fchmodat", "dir"),
    ("fchownat", "dir"),
    ("renameat", "dir"),
    ("renameat", "in"),
    ("unlinkat", "in"),
    ("mknodat", "node"),
    ("linkat", "node"),
    ("linkat", "back"),
    ("symlinkat", "soft"),
    ("openat", "node"),
    ("unlinkat", "node"),
    ("unlinkat", "back"),
    ("unlinkat", "soft"),
];

/// The same for calls without a directory file descriptor.
const EXPECTED_BY_PATH: &[(&str, &str)] =
    &[("truncate", "node"), ("setxattr", "node"), ("removexattr", "node")];

const INTEREST: &[S] = &[
    S::MKDIR,
    S::MKDIRAT,
    S::MKNOD,
    S::MKNODAT,
    S::FCHMODAT,
    S::FCHMODAT2,
    S::FCHOWNAT,
    S::RENAME,
    S::RENAMEAT,
    S::RENAMEAT2,
    S::UNLINK,
    S::UNLINKAT,
    S::LINK,
    S::LINKAT,
    S::TRUNCATE,
    S::SETXATTR,
    S::REMOVEXATTR,
    S::SYMLINK,
    S::SYMLINKAT,
    S::OPEN,
    S::OPENAT,
    S::CHDIR,
    S::FCHDIR,
    S::CHROOT,
    S::EXECVE,
    S::CLONE,
    S::CLONE3,
    S::FORK,
    S::VFORK,
    S::SCHED_PROCESS_EXIT,
];

/// Alerts for the calls of `act`, which runs in a separate thread.
fn alerts(rules: &str, act: impl FnOnce() + Send) -> Vec<String> {
    let source = RuleSource::new("rules.yaml", rules);
    let engine =
        RuleSet::new(Arc::new(schema()), [source]).unwrap().matching(Matching::All).compile().unwrap();
    let (mut evaluator, options) = (engine.evaluator(), AlertOptions::default());
    let live = ProbeOptions::only(INTEREST);
    let mut source = Source::open(live).unwrap();
    let mut inspector = Inspector::default();
    assert!(matches!(inspector.next(&mut source).unwrap(), Step::Idle | Step::Event(_)));
    let stop = source.stop_handle();
    let (mut alerts, mut found) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        let acting = scope.spawn(move || {
            leave_others();
            act();
            stop.stop();
        });
        loop {
            match inspector.next(&mut source).unwrap() {
                Step::Event(view) => {
                    evaluator.matches(&view, &mut found).unwrap();
                    alerts.extend(found.drain(..).map(|hit| engine.alert(hit, &view, &options).to_text()));
                }
                Step::Idle if acting.is_finished() => break,
                Step::Idle => {}
                Step::End => break,
            }
        }
        acting.join().unwrap();
    });
    alerts.iter().map(|text| text.split("Notice ").last().unwrap().to_owned()).collect()
}

/// Runs `act` with every technique except the skipped ones, each in a thread with its own directories.
/// Passes the alerts with the target directory to `check`.
pub(super) fn try_all(
    rules: &str,
    skipped: &[&str],
    act: fn(&Place, &Way, &str),
    check: fn(&str, &str, &[String]),
) {
    let tried: Vec<&Technique> = TECHNIQUES.iter().filter(|(what, ..)| !skipped.contains(what)).collect();
    let places: Vec<Place> = (0..tried.len()).map(|n| Place::new(&n.to_string())).collect();
    let found = alerts(rules, || {
        for ((_, inside, technique), place) in tried.iter().zip(&places) {
            let apart = || {
                leave_others();
                let way = technique(place);
                act(place, &way, inside);
            };
            std::thread::scope(|scope| scope.spawn(apart).join().unwrap());
        }
    });
    for ((what, inside, _), place) in tried.iter().zip(&places) {
        let dir = format!("{}/", place.path(inside).display());
        let mine: Vec<String> = found.iter().filter(|alert| alert.contains(&dir)).cloned().collect();
        check(what, &dir, &mine);
    }
}

#[test]
fn no_way_to_a_directory_evades_a_rule_on_its_path() {
    eyas_testing::ignore_in_chroot();
    let _lock = eyas_testing::live_turn();
    let rules = format!(
        "- rule: entries\n  desc: d\n  priority: NOTICE\n  output: \"%evt.type %fs.path.name %fs.path.source \
         %fs.path.target %evt.arg.path\"\n  condition: >\n    evt.type in (mkdirat, mknodat, fchmodat, fchownat, \
         renameat, unlinkat, linkat, symlinkat, openat, \
         truncate, setxattr, removexattr) and proc.pid = {} and (fs.path.name contains /secret/ or \
         fs.path.source contains /secret/ or fs.path.target contains /secret/ or \
         evt.type = mknodat and evt.arg.path contains /secret/)\n",
        std::process::id()
    );
    try_all(
        &rules,
        &[],
        |place, way, _| calls(way, place.1.as_fd()),
        |what, dir, found| {
            let by_path = if what.contains("the descriptor of") { &[] } else { EXPECTED_BY_PATH };
            assert_told(what, dir, found, EXPECTED.iter().chain(by_path));
        },
    );
}

/// Each call has an alert with the sensitive path.
#[track_caller]
pub(super) fn assert_told<'a>(
    what: &str,
    dir: &str,
    found: &[String],
    expected: impl Iterator<Item = &'a (&'a str, &'a str)>,
) {
    for (call, name) in expected {
        let is_it = |alert: &&String| {
            let mut words = alert.split(' ');
            words.next() == Some(call) && words.any(|path| path == format!("{dir}{name}"))
        };
        assert!(found.iter().any(|alert| is_it(&alert)), "{what}: {call} of {dir}{name}: {found:#?}");
    }
}

#[test]
fn no_way_to_a_program_evades_a_rule_on_its_path() {
    eyas_testing::ignore_in_chroot();
    let _lock = eyas_testing::live_turn();
    let rules = "- rule: program\n  desc: d\n  priority: NOTICE\n  output: \"%evt.type %proc.exepath\"\n  \
                 condition: evt.type = execve and proc.exepath contains /secret/\n";
    let act = |place: &Place, way: &Way, inside: &str| {
        std::fs::copy("/bin/true", place.path(inside).join("program")).unwrap();
        let path = way.to("program");
        let path = if path.starts_with('/') { path } else { format!("./{path}") };
        assert!(std::process::Command::new(path).status().unwrap().success());
    };
    // A program needs its libraries, and is not executed through a file descriptor here.
    let skipped = [
        "another root",
        "the descriptor of a link",
        "the descriptor of a directory that is renamed",
        "the descriptor of the directory below",
    ];
    try_all(rules, &skipped, act, |what, dir, found| {
        assert_eq!(found, [format!("execve {dir}program")], "{what}");
    });
}

/// Changes of directory entries with one interface; each returns whether it succeeded.
pub(super) trait Changes {
    fn make(&mut self, path: &Path) -> bool;
    fn set_mode(&mut self, path: &Path) -> bool;
    fn rename(&mut self, old: &Path, new: &Path) -> bool;
    fn remove(&mut self, path: &Path) -> bool;
}

/// By system calls.
struct Calls;

impl Changes for Calls {
    fn make(&mut self, path: &Path) -> bool {
        rustix::fs::mkdirat(CWD, path, Mode::from_raw_mode(0o700)).is_ok()
    }
    fn set_mode(&mut self, path: &Path) -> bool {
        rustix::fs::chmodat(CWD, path, Mode::from_raw_mode(0o700), AtFlags::empty()).is_ok()
    }
    fn rename(&mut self, old: &Path, new: &Path) -> bool {
        rustix::fs::renameat(CWD, old, CWD, new).is_ok()
    }
    fn remove(&mut self, path: &Path) -> bool {
        rustix::fs::unlinkat(CWD, path, AtFlags::REMOVEDIR).is_ok()
    }
}

/// Changes entries while another thread changes the target of a symlink. Returns the calls and their paths.
fn race(place: &Place, rounds: usize, by: &mut dyn Changes) -> Vec<String> {
    use rustix::fs::{renameat, symlinkat};
    let (one, two) = (place.path("secret"), place.path("elsewhere"));
    let link = place.link("link", "secret");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let next = place.path("next");
            let mut targets = ["elsewhere", "secret"].into_iter().cycle();
            while !over.load(Ordering::Relaxed) {
                symlinkat(targets.next().unwrap(), CWD, &next).unwrap();
                renameat(CWD, &next, CWD, &link).unwrap();
            }
        });
        let mut done = Vec::new();
        let did = |done: &mut Vec<String>, call: &str, path: PathBuf| {
            if path.starts_with(&one) {
                done.push(format!("{call} {}", path.display()));
            }
        };
        let where_is =
            |name: &str| [&one, &two].map(|dir| dir.join(name)).into_iter().find(|path| path.exists());
        for n in 0..rounds {
            let (name, other) = (format!("n{n}"), format!("m{n}"));
            let [path, new] = [&name, &other].map(|name| link.join(name));
            assert!(by.make(&path));
            let mut there = where_is(&name).unwrap();
            did(&mut done, "mkdirat", there.clone());
            // Failed calls are not reported: the symlink led to a missing file.
            if by.set_mode(&path) {
                did(&mut done, "fchmodat", there.clone());
            }
            if by.rename(&path, &new) {
                did(&mut done, "from", there);
                there = where_is(&other).unwrap();
                did(&mut done, "to", there.clone());
            }
            let last = if there.ends_with(&other) { &new } else { &path };
            if by.remove(last) {
                did(&mut done, "unlinkat", there);
            } else {
                std::fs::remove_dir(there).unwrap();
            }
        }
        over.store(true, Ordering::Relaxed);
        done
    })
}

#[test]
fn a_link_that_changes_evades_no_rule_on_paths() {
    race_evades_no_rule("race", super::races() / 20, || Box::new(Calls));
}

/// Each change in the sensitive directory raises its alert, and no other does.
pub(super) fn race_evades_no_rule(name: &str, rounds: usize, by: fn() -> Box<dyn Changes>) {
    eyas_testing::ignore_in_chroot();
    let _lock = eyas_testing::live_turn();
    let place = Place::new(name);
    let rule = |name: &str, types: &str, field: &str| {
        format!(
            "- rule: {name}\n  desc: d\n  priority: NOTICE\n  output: \"{name} %{field}\"\n  condition: >\n    \
             evt.type in ({types}) and {field} startswith {}/secret/ and {field}raw contains link/\n",
            place.0.display()
        )
    };
    let rules = [
        rule("mkdirat", "mkdirat", "fs.path.name"),
        rule("fchmodat", "fchmodat", "fs.path.name"),
        rule("unlinkat", "unlinkat", "fs.path.name"),
        rule("from", "rename, renameat, renameat2", "fs.path.source"),
        rule("to", "rename, renameat, renameat2", "fs.path.target"),
    ];
    let mut done = Vec::new();
    let mut found = alerts(&rules.concat(), || done = race(&place, rounds, &mut *by()));
    println!("{} changes in the sensitive directory, {} alerts", done.len(), found.len());
    assert!(!done.is_empty());
    done.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, done);
}
