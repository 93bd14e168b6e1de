//! Attempts to evade rules on paths: symlinks, renamed directories, long paths, and other threads that
//! change a path during the call. `EYAS_RACES` sets the number of racing opens. Needs root and a kernel
//! that loads the probe.

mod calls;
mod requests;

use eyas_testing::{Dir, test};
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use eyas::events::{EventType, SyscallCode, param::SYSCALL_OPENAT_2_X};
use eyas::rules::{AlertOptions, Engine, RuleSet, RuleSource};
use eyas::scap::EventSource;
use eyas::scap::live::{ProbeOptions, Source, Stop};
use eyas::sinsp::{Inspector, Step, schema};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn races() -> usize {
    std::env::var("EYAS_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(50_000)
}

/// Two files, of which one is sensitive, in a directory that is removed at the end of the test.
struct Files {
    dir: Dir,
    inode: u64,
}

impl Files {
    fn new(name: &str) -> Self {
        let dir = Dir::new(name);
        ["secret", "public"].iter().for_each(|name| std::fs::write(dir.join(name), "").unwrap());
        Self { inode: std::fs::metadata(dir.join("secret")).unwrap().st_ino(), dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Rules with a positive and a negative condition on a file: the requested path alone must decide
    /// neither.
    fn engine(&self) -> Engine {
        let rule = format!(
            "- rule: sensitive file opened\n  desc: d\n  priority: INFO\n  output: file=%fd.name\n  condition: >\n    \
             evt.type = openat and fd.num >= 0 and fd.name startswith {base}/ and\n    \
             not fd.name in ({base}/public, {base}/link)\n",
            base = self.dir.display()
        );
        let source = RuleSource::new("rules.yaml", rule);
        RuleSet::new(Arc::new(schema()), [source]).unwrap().compile().unwrap()
    }
}

/// Ends what others wait for, also where a test fails on the way.
struct Over<'a>(&'a AtomicBool, Stop);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.stop();
    }
}

/// A function that opens a path, like [`open`].
type Opens = Box<dyn FnMut(&[AtomicU8]) -> Option<u64> + Send>;

/// Opens `path` repeatedly, while another thread flips it. Returns the inode of each opened file, and the
/// alerts.
fn race(
    files: &Files,
    path: &[AtomicU8],
    times: usize,
    mut opens: Opens,
    mut flip: impl FnMut() + Send,
) -> Vec<(Option<u64>, Vec<String>)> {
    eyas_testing::ignore_in_chroot();
    let _lock = eyas_testing::live_turn();
    let engine = files.engine();
    let (mut evaluator, options) = (engine.evaluator(), AlertOptions::default());
    let live = ProbeOptions { ring_bytes: 64 << 20, ..ProbeOptions::only([SyscallCode::OPENAT]) };
    let mut source = Source::open(live).unwrap();
    let mut inspector = Inspector::default();
    assert!(matches!(inspector.next(&mut source).unwrap(), Step::Idle | Step::Event(_)));
    let (over, caller) = (AtomicBool::new(false), AtomicU64::new(0));
    let stop = source.stop_handle();
    let base = files.dir.as_os_str().as_encoded_bytes();
    let (opened, alerts) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                flip();
            }
        });
        let end = Over(&over, stop);
        let calls = scope.spawn(|| {
            let _end = end;
            caller.store(rustix::thread::gettid().as_raw_nonzero().get() as u64, Ordering::Relaxed);
            (0..times).map(|_| opens(path)).collect::<Vec<_>>()
        });
        let (mut alerts, mut found) = (Vec::new(), Vec::new());
        loop {
            match inspector.next(&mut source).unwrap() {
                Step::Event(view) => {
                    let event = view.event();
                    evaluator.matches(&view, &mut found).unwrap();
                    let texts: Vec<String> =
                        found.drain(..).map(|hit| engine.alert(hit, &view, &options).to_text()).collect();
                    if event.ty == EventType::SYSCALL_OPENAT_2_X
                        && event.tid as u64 == caller.load(Ordering::Relaxed)
                        && event.text(SYSCALL_OPENAT_2_X::name).is_some_and(|name| name.starts_with(base))
                    {
                        alerts.push(texts);
                    }
                }
                Step::Idle => {}
                Step::End => break,
            }
        }
        (calls.join().unwrap(), alerts)
    });
    assert_eq!((opened.len(), source.stats().drops()), (alerts.len(), 0));
    opened.into_iter().zip(alerts).collect()
}

/// Opens and closes a file, and returns its inode. A path that changes during the call may not exist.
fn open(path: &[AtomicU8]) -> Option<u64> {
    use std::os::fd::FromRawFd;

    // SAFETY: the path ends in NUL whatever else is in it, and outlives the call.
    let fd = unsafe { libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if fd < 0 {
        assert_eq!(std::io::Error::last_os_error().kind(), std::io::ErrorKind::NotFound);
        return None;
    }
    // SAFETY: the file descriptor is new, and nothing else owns it.
    let file = unsafe { std::fs::File::from_raw_fd(fd) };
    Some(file.metadata().unwrap().st_ino())
}

fn in_memory(path: &Path) -> Vec<AtomicU8> {
    path.as_os_str().as_encoded_bytes().iter().chain(&[0]).copied().map(AtomicU8::new).collect()
}

#[test]
fn a_link_that_changes_does_not_evade_a_rule() {
    race_of_opens("link", races(), Box::new(open));
}

/// A symlink leads to one file or the other: each open of the sensitive file raises its alert, and no other
/// open does.
fn race_of_opens(name: &str, times: usize, opens: Opens) {
    let files = Files::new(name);
    let [link, next] = ["link", "next"].map(|name| files.path(name));
    std::os::unix::fs::symlink(files.path("public"), &link).unwrap();
    let mut targets = [files.path("secret"), files.path("public")].into_iter().cycle();
    let flip = || {
        std::os::unix::fs::symlink(targets.next().unwrap(), &next).unwrap();
        std::fs::rename(&next, &link).unwrap();
    };
    let done = race(&files, &in_memory(&link), times, opens, flip);
    let mut sensitive = 0;
    for (inode, alerts) in &done {
        let is_sensitive = *inode == Some(files.inode);
        sensitive += usize::from(is_sensitive);
        assert_eq!(alerts.len(), usize::from(is_sensitive), "{alerts:?}");
        assert!(alerts.iter().all(|text| text.contains("/secret")), "{alerts:?}");
    }
    println!("{} opens, {sensitive} of the sensitive file, each with its alert", done.len());
    assert!(sensitive > 0 && sensitive < done.len());
}

#[test]
fn a_path_that_changes_does_not_evade_a_rule() {
    race_of_paths("path", races(), Box::new(open));
}

/// The path in the caller's memory changes between that of one file and that of the other: each open of the sensitive
/// file raises its alert.
fn race_of_paths(name: &str, times: usize, opens: Opens) {
    let files = Files::new(name);
    let path = in_memory(&files.path("secret"));
    let name = &path[path.len() - 7..];
    let mut contents = ["public", "secret"].into_iter().cycle();
    let flip = || {
        for (to, from) in name.iter().zip(contents.next().unwrap().bytes()) {
            to.store(from, Ordering::Relaxed);
        }
    };
    // Halves of both, too.
    let mixed: Vec<PathBuf> = (0..6)
        .flat_map(|at| {
            [("public", "secret"), ("secret", "public")].map(|(a, b)| format!("{}{}", &a[..at], &b[at..]))
        })
        .map(|name| files.path(&name))
        .collect();
    mixed.iter().filter(|path| !path.exists()).for_each(|path| std::fs::write(path, "").unwrap());
    let done = race(&files, &path, times, opens, flip);
    let sensitive: Vec<_> = done.iter().filter(|(inode, _)| *inode == Some(files.inode)).collect();
    assert!(done.iter().all(|(inode, alerts)| inode.is_some() || alerts.is_empty()), "nothing was opened");
    println!("{} opens, {} of the sensitive file, each with its alert", done.len(), sensitive.len());
    assert!(sensitive.iter().all(|(_, alerts)| alerts.len() == 1), "one has no alert");
    assert!(!sensitive.is_empty() && sensitive.len() < done.len());
}
