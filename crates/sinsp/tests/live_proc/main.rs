//! Compares the state with `/proc` for a program that forks, executes, opens, copies, sends, connects and
//! closes in a random order. Whenever the program is stopped, its threads and open files must be those that
//! the events reported. Needs root and a kernel that loads the probe. `EYAS_PROC_SECONDS` sets the duration
//! (4), `EYAS_PROC_SEED` the seed.
#![forbid(unsafe_op_in_unsafe_fn)]

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eyas_events::SyscallCode;
use eyas_scap::EventSource;
use eyas_scap::live::{ProbeOptions, Source};
use eyas_sinsp::{Config, Inspector, Step};
use eyas_testing::{Dir, test};
use rustix::process::{Pid, Signal, kill_process};

mod compare;
mod proc;
mod wild;

use compare::Counts;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> std::process::ExitCode {
    if let Ok(spec) = std::env::var(wild::ENV) {
        wild::run(&spec);
    }
    eyas_testing::main()
}

#[test]
fn the_state_is_what_proc_shows() {
    check(false);
}

#[test]
fn after_losses_the_state_is_what_proc_shows() {
    let _ = eyas_testing::need_program("taskset");
    check(true);
}

/// Runs the wild program and compares, perhaps with half of its events lost.
fn check(lossy: bool) {
    let _turn = eyas_testing::live_turn();
    eyas_testing::ignore_in_chroot();
    let dir = Dir::new("wild");
    prepare(&dir);
    if lossy {
        std::fs::write(dir.join(wild::TOGETHER), "").unwrap();
    }
    let counts = watch(&dir, lossy);
    println!("{counts}");
    assert!(counts.threads > 0 && counts.files > 0, "nothing was compared");
    // A program that changes during its lookup, with events a few ms behind, may have its previous state.
    let allowed = if counts.may_miss { counts.values / 30 } else { 0 };
    assert!(counts.differences.len() <= allowed, "{} differ", counts.differences.len());
}

/// The calls of the state except those that only change memory sizes, and the calls that report the ends of datagram
/// sockets or receive descriptors.
fn interest() -> Vec<SyscallCode> {
    use SyscallCode as S;
    let mut codes = eyas_sinsp::syscalls_of_state();
    codes.retain(|code| ![S::BRK, S::MMAP, S::MUNMAP].contains(code));
    codes.extend([S::SENDTO, S::SENDMSG, S::RECVMSG, S::RECVMMSG]);
    codes
}

/// Makes a directory that every user may change, with the program under three names.
fn prepare(dir: &Path) {
    std::fs::create_dir_all(dir.join("sub")).unwrap();
    for path in [dir.to_owned(), dir.join("sub")] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    std::fs::copy(std::env::current_exe().unwrap(), dir.join("wild0")).unwrap();
    for name in ["wild1", "wild2"] {
        std::fs::hard_link(dir.join("wild0"), dir.join(name)).unwrap();
    }
}

/// The wild program and its descendants; dropping this ends them.
struct Group {
    child: Child,
    dir: PathBuf,
    /// Keeps terminals from hanging up.
    _terminals: Vec<OwnedFd>,
}

impl Group {
    fn start(dir: &Path) -> Self {
        let seed = number("EYAS_PROC_SEED", 7);
        let terminals = wild::make_terminals(dir);
        let mut command = Command::new(dir.join("wild0"));
        command.env_clear().env(wild::ENV, format!("{} {seed} 0", dir.display())).process_group(0);
        let child = command.current_dir(dir).spawn().unwrap();
        Self { child, dir: dir.to_owned(), _terminals: terminals }
    }

    fn signal(&self, signal: Signal) {
        for pid in proc::members(&self.dir).into_iter().filter_map(|pid| Pid::from_raw(pid as i32)) {
            // It may have ended.
            let _ = kill_process(pid, signal);
        }
    }

    /// Whether all processes are stopped. New processes and a signal that wakes one need another call.
    fn is_stopped(&self) -> bool {
        self.signal(Signal::STOP);
        proc::running(&self.dir) == 0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        while !proc::members(&self.dir).is_empty() {
            self.signal(Signal::KILL);
            // A zombie stays a member until its threads have ended.
            let _ = self.child.try_wait();
        }
        let _ = self.child.wait();
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// Processes events until `over` returns true, and all events that occurred until then. Returns their
/// number.
fn drain(inspector: &mut Inspector, source: &mut Source, mut over: impl FnMut() -> bool) -> u64 {
    // The clocks of CPUs differ by less than this, and no event stays longer in a ring that looks empty.
    const MARGIN: Duration = Duration::from_millis(100);
    let mut events = 0;
    let mut until = u64::MAX;
    let mut idle_since = None;
    loop {
        match inspector.next(source).unwrap() {
            Step::Event(event) => {
                events += 1;
                idle_since = None;
                if event.event().ts > until {
                    return events;
                }
                if events % 256 != 0 {
                    continue;
                }
            }
            Step::Idle => {
                let since = *idle_since.get_or_insert_with(Instant::now);
                if until != u64::MAX && since.elapsed() > MARGIN {
                    return events;
                }
            }
            Step::End => panic!("the capture ended"),
        }
        if until == u64::MAX && over() {
            until = now() + MARGIN.as_nanos() as u64;
            idle_since = None;
        }
    }
}

/// Processes events until all doubtful data has been looked up.
fn heal(inspector: &mut Inspector, source: &mut Source) {
    let end = Instant::now() + Duration::from_secs(120);
    // The next event of a CPU reports its losses. The inspector's time advances only with events.
    let events = || {
        for cpu in 0..std::thread::available_parallelism().unwrap().get() {
            let status = Command::new("taskset").args(["-c", &cpu.to_string(), "true"]).status();
            assert!(status.unwrap().success());
        }
    };
    events();
    drain(inspector, source, || true);
    while inspector.is_in_doubt() {
        assert!(Instant::now() < end, "still in doubt: {:?}", inspector.stats());
        events();
        drain(inspector, source, || true);
    }
}

/// Observes a wild program. With `loses`, the observer has small buffers and is slow; the state then heals
/// while the program is stopped.
fn watch(dir: &Path, loses: bool) -> Counts {
    let ring_bytes = if loses { 512 << 10 } else { 64 << 20 };
    let _ = std::fs::remove_file(dir.join(wild::DRAINED));
    let options = ProbeOptions {
        ring_bytes,
        interest: Some(interest()),
        exclude_pid: Some(std::process::id()),
        ..ProbeOptions::default()
    };
    let mut source = Source::open(options).unwrap();
    let lookup = eyas_scap::proc::ThreadReader::new(eyas_scap::proc::Options::default());
    let mut inspector = Inspector::new(Config::default().with_proc(lookup));
    let mut counts = Counts::default();
    counts.may_miss = loses;
    counts.events += drain(&mut inspector, &mut source, || true);
    let group = Group::start(dir);
    let end = Instant::now() + Duration::from_secs(number("EYAS_PROC_SECONDS", 4));
    while Instant::now() < end {
        let pause = (Instant::now() + Duration::from_millis(700)).min(end);
        counts.events += drain(&mut inspector, &mut source, || {
            if loses {
                std::thread::sleep(Duration::from_millis(40));
            }
            Instant::now() >= pause
        });
        counts.events += drain(&mut inspector, &mut source, || group.is_stopped());
        if loses {
            heal(&mut inspector, &mut source);
        }
        counts.pauses += 1;
        counts.compare(inspector.state(), dir, &proc::look(dir));
        std::fs::write(dir.join(wild::DRAINED), vec![b'.'; counts.pauses as usize]).unwrap();
        group.signal(Signal::CONT);
    }
    drop(group);
    counts.events += drain(&mut inspector, &mut source, || proc::look(dir).is_empty());
    if loses {
        heal(&mut inspector, &mut source);
    }
    counts.compare(inspector.state(), dir, &BTreeMap::new());
    let stats = source.stats();
    println!("{stats:?}, {:?}", inspector.stats());
    assert!(loses || stats.drops() == 0, "{} events were lost", stats.drops());
    counts
}
