//! Compares descriptors of every kind that a program can make with `/proc`: their kinds, names, inodes, and whether an exec
//! closes them, also those of copies. Needs root and a kernel that loads the probe. Kinds that the kernel lacks are left out.
#![forbid(unsafe_op_in_unsafe_fn)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use eyas_scap::live::{ProbeOptions, Source};
use eyas_scap::proc::{Options, ThreadReader};
use eyas_scap::{EventSource, FdEntry, Snapshot, ThreadEntry};
use eyas_sinsp::state::Fd;
use eyas_sinsp::{Config, Inspector, Step};
use eyas_testing::{Dir, test};

mod maker;

/// Kinds that every kernel of the tests has.
const AT_LEAST: usize = 20;

fn main() -> std::process::ExitCode {
    if std::env::var_os(maker::ENV).is_some() {
        maker::run();
    }
    eyas_testing::main()
}

/// A program that makes the descriptors at the first order, and keeps them until it is dropped.
struct Maker {
    child: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
}

impl Maker {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(maker::ENV, dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (orders, reports) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, orders, reports }
    }

    /// Orders the next step; returns the descriptors that the program has made, with their names in the test.
    fn go(&mut self) -> BTreeMap<i64, String> {
        writeln!(self.orders, "go").unwrap();
        let mut made = BTreeMap::new();
        loop {
            let mut line = String::new();
            assert!(self.reports.read_line(&mut line).unwrap() > 0, "the maker has ended");
            match line.trim_end().split_once(' ') {
                Some((fd, what)) => drop(made.insert(fd.parse().unwrap(), what.to_owned())),
                None => return made,
            }
        }
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processes all events until now.
fn drain(inspector: &mut Inspector, source: &mut Source) {
    let until = Instant::now() + Duration::from_millis(300);
    loop {
        match inspector.next(source).unwrap() {
            Step::Event(_) => {}
            Step::Idle if Instant::now() > until => return,
            Step::Idle => {}
            Step::End => panic!("the capture ended"),
        }
    }
}

/// What the state says about each descriptor of a process, in words.
fn files(inspector: &Inspector, tid: i64) -> BTreeMap<i64, String> {
    let threads = &inspector.state().threads;
    let table = threads.fds(threads.get(tid).expect("the process is known")).unwrap();
    let words = |num: i64, fd: &Fd| {
        format!(
            "{} {:?} ino {} pid {}{}",
            fd.kind.name(),
            String::from_utf8_lossy(&fd.name),
            fd.ino,
            fd.pid,
            if table.closes_on_exec(num) { ", closed by an exec" } else { "" }
        )
    };
    table.iter().map(|(num, fd)| (num, words(num, fd))).collect()
}

/// The same from `/proc`.
fn files_of_proc(tid: i64) -> BTreeMap<i64, String> {
    let mut reader = ThreadReader::new(Options::default());
    let (entry, fds): (ThreadEntry, Vec<FdEntry>) = reader.thread(tid).unwrap();
    let mut inspector = Inspector::default();
    inspector.load(Snapshot { threads: vec![entry], fds: vec![(tid, fds)], ..Snapshot::default() });
    files(&inspector, tid)
}

/// The same from a snapshot of the running system, as a capture begins with.
fn files_of_snapshot(source: &Source, tid: i64) -> BTreeMap<i64, String> {
    let mut inspector = Inspector::default();
    inspector.load(source.snapshot().unwrap());
    files(&inspector, tid)
}

#[test]
fn descriptors_of_every_kind_are_what_proc_shows() {
    eyas_testing::need_live_capture();
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let interest = Some(eyas_sinsp::syscalls_of_state());
    let options = ProbeOptions { interest, ring_bytes: 32 << 20, ..ProbeOptions::default() };
    let mut source = Source::open(options).unwrap();
    let mut inspector = Inspector::new(Config::default());
    drain(&mut inspector, &mut source);
    let dir = Dir::new("kinds");
    let mut maker = Maker::start(&dir);
    let pid = i64::from(maker.child.id());
    let made = maker.go();
    drain(&mut inspector, &mut source);
    let known = files(&inspector, pid);
    let (proc, snapshot) = (files_of_proc(pid), files_of_snapshot(&source, pid));
    let mut differences = Vec::new();
    for (fd, what) in &made {
        for (place, there) in [("/proc", &proc), ("the snapshot", &snapshot)] {
            let (known, there) = (known.get(fd), there.get(fd));
            if known != there {
                differences.push(format!("{what} ({fd}): {known:?} known, {there:?} in {place}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(made.len() >= AT_LEAST, "only {} descriptors were made", made.len());
    assert_eq!(source.stats().drops(), 0);
    // They are gone.
    let numbers: Vec<_> = made.keys().copied().collect();
    maker.go();
    drain(&mut inspector, &mut source);
    let known = files(&inspector, pid);
    let left: Vec<_> = numbers.iter().filter(|fd| known.contains_key(fd)).collect();
    assert!(left.is_empty(), "{left:?} are still known");
    directories_follow_mounts(&mut maker, &mut inspector, &mut source);
}

/// Compares the directories of the program after each call that moves the mounts that it is in.
fn directories_follow_mounts(maker: &mut Maker, inspector: &mut Inspector, source: &mut Source) {
    let pid = i64::from(maker.child.id());
    let mut places = Vec::new();
    for _ in 0..maker::MOUNT_STEPS {
        maker.go();
        drain(inspector, source);
        let threads = &inspector.state().threads;
        let thread = threads.get(pid).unwrap();
        let known = String::from_utf8_lossy(threads.cwd(thread)).into_owned();
        let known = if known.len() > 1 { known.trim_end_matches('/').to_owned() } else { known };
        let there = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap().display().to_string();
        assert_eq!(known, there, "after {places:?}");
        places.push(there);
    }
    let different: BTreeSet<_> = places.iter().collect();
    assert_eq!(different.len(), 3, "{places:?}");
}
