//! Compares descriptors of every kind that a program can make, and processes of every kind, with `/proc`, with a snapshot, and
//! with a replay of the recorded events. Needs root and a kernel that loads the probe. A kind may be missing only if a check shows
//! that the kernel or the system lacks it.
#![forbid(unsafe_op_in_unsafe_fn)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use eyas_scap::live::ProbeOptions;
use eyas_testing::{Dir, test};

mod disguised;
mod early;
mod forged;
mod kinds;
mod maker;
mod processes;
mod supervised;
mod watch;

use watch::Watch;

fn main() -> std::process::ExitCode {
    if std::env::var_os(maker::ENV).is_some() {
        maker::run();
    }
    if std::env::var_os(early::ENV).is_some() {
        early::run();
    }
    if std::env::var_os(forged::ENV).is_some() {
        forged::run();
    }
    if std::env::var_os(disguised::ENV).is_some() {
        disguised::run();
    }
    if std::env::var_os(supervised::ENV).is_some() {
        supervised::run();
    }
    if std::env::var_os(processes::ENV).is_some() {
        processes::run();
    }
    if let Ok(name) = std::env::var(processes::REPORT) {
        processes::report(&name);
    }
    eyas_testing::main()
}

/// A program that makes the descriptors at the first order, and keeps them until it is dropped.
struct Maker {
    child: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
    /// Errors of what could not be made, by its name in the test.
    errors: BTreeMap<String, Vec<i32>>,
}

impl Maker {
    fn start(of: &str, dir: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env_clear().env(of, dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (orders, reports) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, orders, reports, errors: BTreeMap::new() }
    }

    /// Orders the next step; returns the descriptors that the program has made, with their names in the test.
    fn go(&mut self) -> BTreeMap<i64, String> {
        writeln!(self.orders, "go").unwrap();
        let mut made = BTreeMap::new();
        loop {
            let mut line = String::new();
            assert!(self.reports.read_line(&mut line).unwrap() > 0, "the maker has ended");
            match line.trim_end().split_once(' ') {
                Some(("-", what)) => {
                    println!("{what}");
                    let (name, error) = what.rsplit_once(": error ").unwrap();
                    self.errors.entry(name.to_owned()).or_default().push(error.parse().unwrap());
                }
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

#[test]
fn descriptors_of_every_kind_are_what_proc_shows() {
    check_every_kind(ProbeOptions::default());
}

/// Calls that change descriptors and then fail still have events.
#[test]
fn descriptors_are_what_proc_shows_without_failed_calls() {
    check_every_kind(ProbeOptions { drop_failed: true, ..ProbeOptions::default() });
}

fn check_every_kind(options: ProbeOptions) {
    eyas_testing::need_live_capture();
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let dir = Dir::new("kinds");
    let mut watch = Watch::start_with(&dir, options);
    let mut maker = Maker::start(maker::ENV, &dir);
    let pid = i64::from(maker.child.id());
    let made = maker.go();
    watch.drain();
    let what = |text: &str| {
        let number = text.strip_prefix("descriptor ").and_then(|text| text.split(':').next()?.parse().ok());
        number.and_then(|number: i64| made.get(&number)).cloned().unwrap_or_default()
    };
    let differences: Vec<String> =
        watch.differences(pid).into_iter().map(|text| format!("{}: {text}", what(&text))).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let of = |text: &str| made.values().filter(|name| name.contains(text)).count();
    let names = made.values().map(String::as_str);
    let missing = kinds::missing(names.filter(|name| !kinds::is_copy(name)), &maker.errors);
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    let count = made.values().filter(|name| !kinds::is_copy(name)).count();
    assert_eq!((of(kinds::COPY), of(kinds::ELSEWHERE)), (count, count));
    // They are gone.
    maker.go();
    watch.drain();
    let known = watch.numbers(pid);
    let left: Vec<_> = made.keys().filter(|fd| known.contains(fd)).collect();
    assert!(left.is_empty(), "{left:?} are still known");
    directories_follow_mounts(&mut maker, &mut watch);
    let differences = watch.differences_in_replay();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn descriptors_from_before_the_capture_are_what_proc_shows() {
    eyas_testing::need_live_capture();
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let dir = Dir::new("early-kinds");
    let mut maker = Maker::start(early::ENV, &dir);
    let pid = i64::from(maker.child.id());
    maker.go();
    let recorded = Dir::new("early-recorded");
    let mut watch = Watch::start(&recorded);
    let mut differences = watch.differences(pid);
    let made = maker.go();
    watch.drain();
    let child = made.iter().find(|(_, what)| *what == early::CHILD).unwrap().0;
    for pid in [pid, *child] {
        differences.extend(watch.differences(pid).into_iter().map(|text| format!("{pid}: {text}")));
    }
    differences.extend(watch.differences_in_replay());
    assert!(differences.is_empty(), "{made:?}\n{}", differences.join("\n"));
}

#[test]
fn processes_of_every_kind_are_what_proc_shows() {
    eyas_testing::need_live_capture();
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let dir = Dir::new("process-kinds");
    let mut watch = Watch::start(&dir);
    let mut maker = Maker::start(processes::ENV, &dir);
    let made = maker.go();
    watch.drain();
    let mut differences = Vec::new();
    for (tid, what) in &made {
        differences.extend(watch.differences(*tid).into_iter().map(|text| format!("{what}: {text}")));
    }
    let names = |text: String| {
        let tid = text.split(':').next().and_then(|tid| tid.parse().ok());
        format!("{}: {text}", tid.and_then(|tid: i64| made.get(&tid)).map_or("", String::as_str))
    };
    differences.extend(watch.differences_in_replay().into_iter().map(names));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let missing = processes::missing(made.values(), &maker.errors);
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn descriptors_that_a_supervisor_adds_are_what_proc_shows() {
    eyas_testing::ignore_in_chroot();
    eyas_testing::need_live_capture();
    let _turn = eyas_testing::live_turn();
    for is_early in [false, true] {
        let dir = Dir::new("supervised");
        let mut maker = Maker::start(supervised::ENV, &dir);
        if is_early {
            maker.go();
        }
        let mut watch = Watch::start(&dir);
        if !is_early {
            maker.go();
        }
        let made = maker.go();
        watch.drain();
        let mut differences = watch.differences(i64::from(maker.child.id()));
        for (tid, what) in &made {
            differences.extend(watch.differences(*tid).into_iter().map(|text| format!("{what}: {text}")));
        }
        differences.extend(watch.differences_in_replay());
        assert!(differences.is_empty(), "{is_early}\n{}", differences.join("\n"));
        assert_eq!(made.len(), 2);
    }
}

#[test]
fn the_name_of_a_socket_forges_no_other_socket() {
    eyas_testing::need_live_capture();
    let _turn = eyas_testing::live_turn();
    let dir = Dir::new("forged");
    let mut maker = Maker::start(forged::ENV, &dir);
    let pid = i64::from(maker.child.id());
    let made = maker.go();
    // The table has such lines.
    let table = std::fs::read_to_string("/proc/net/unix").unwrap();
    assert_eq!(table.lines().filter(|line| line.ends_with(forged::FORGED)).count(), 4);
    let recorded = Dir::new("forged-recorded");
    let watch = Watch::start(&recorded);
    let name = dir.join("true").display().to_string();
    // Without the probe, the listener with two lines has no name.
    let views = [("a snapshot", watch.of_snapshot(pid), name), ("/proc", watch.of_proc(pid), String::new())];
    for (view, facts, unix) in views {
        for (fd, what) in &made {
            let fact = &facts[&format!("descriptor {fd}")];
            let wanted = match what.as_str() {
                "Unix listener" => format!("unix <NA> \"{unix}\" "),
                "TCP client" => "ipv4 tcp \"127.0.0.1:".to_owned(),
                "TCP listener" => "ipv4 tcp \"127.0.0.1:".to_owned(),
                "unused TCP socket" => "ipv4 tcp \"\" ".to_owned(),
                _ if view == "a snapshot" => "unix <NA> \"@\\nffff888000000001: ".to_owned(),
                _ => "unix <NA> \"@\" ".to_owned(),
            };
            assert!(fact.starts_with(&wanted), "{view}: {what}: {fact}, not {wanted}");
        }
    }
    assert_eq!(made.len(), 8);
    assert!(watch.differences_in_replay().is_empty());
}

#[test]
fn a_program_that_changes_its_own_exe_keeps_the_executed_path() {
    eyas_testing::ignore_in_chroot();
    eyas_testing::need_live_capture();
    let _turn = eyas_testing::live_turn();
    let dir = Dir::new("disguised");
    let mut watch = Watch::start(&dir);
    let mut maker = Maker::start(disguised::ENV, &dir);
    let made = maker.go();
    if made.is_empty() {
        eyas_testing::ignore("the kernel lacks PR_SET_MM_MAP (CONFIG_CHECKPOINT_RESTORE)");
    }
    let pid = i64::from(maker.child.id());
    let mut options = Vec::new();
    watch.drain_with(|event, _| {
        if event.ty == eyas_events::EventType::SYSCALL_PRCTL_X && event.tid == pid {
            options.extend(event.uint(eyas_events::param::SYSCALL_PRCTL_X::option));
        }
    });
    // A rule can see that.
    assert_eq!(options, [u64::from(eyas_events::FlagTable::PRCTL_OPTIONS.value("PR_SET_MM"))]);
    let own = std::env::current_exe().unwrap().into_os_string().into_encoded_bytes();
    let shown = |tid: i64, what: &str| format!("/proc/{tid}/{what}");
    let arguments = [disguised::ARGUMENT.as_bytes(), b"\0"].concat();
    let program = |watch: &Watch, tid: i64| {
        let thread = watch.inspector.state().threads.get(tid).unwrap();
        (thread.executable.path.to_vec(), thread.exe.to_vec())
    };
    for (tid, what) in &made {
        // The disguise works: /proc shows it.
        assert_eq!(std::fs::read_link(shown(*tid, "exe")).unwrap(), Path::new(disguised::EXECUTABLE));
        assert_eq!(std::fs::read(shown(*tid, "cmdline")).unwrap(), arguments);
        let (path, name) = program(&watch, *tid);
        assert_eq!(path, own, "{what}");
        // The event of a child has the arguments in its memory.
        let is_child = what == "child";
        assert_eq!(name, if is_child { disguised::ARGUMENT.as_bytes() } else { &own }, "{what}");
    }
    assert_eq!(made.len(), 2);
    writeln!(maker.orders, "go").unwrap();
    maker.child.wait().unwrap();
    let mut seen = None;
    watch.drain_with(|event, state| {
        if event.ty == eyas_events::EventType::SYSCALL_EXECVE_19_X && event.tid == pid {
            seen = state.threads.get(pid).map(|thread| thread.executable.path.to_vec());
        }
    });
    assert_eq!(seen.unwrap(), disguised::EXECUTABLE.as_bytes());
}

/// Compares the directories of the program after each call that moves the mounts that it is in.
fn directories_follow_mounts(maker: &mut Maker, watch: &mut Watch) {
    let pid = i64::from(maker.child.id());
    let mut places = Vec::new();
    for _ in 0..maker::MOUNT_STEPS {
        maker.go();
        watch.drain();
        let threads = &watch.inspector.state().threads;
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
