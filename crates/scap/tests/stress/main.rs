//! Calls of threads that preempt each other. Each call carries its thread and a number. Every call must be
//! reported once and completely. `EYAS_STRESS_SECONDS` sets the duration. Needs root and a kernel that
//! loads the probe.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eyas_events::SyscallCode;
use eyas_scap::live::{Features, HookMethod, HookSource, ProbeOptions, Source};
use eyas_scap::{Advance, EventSource, Next};
use eyas_testing::test;
use rustix::process::{Pid, Signal, kill_process};

#[path = "../syscalls/attach.rs"]
mod attach;
mod check;
mod maker;
#[path = "../syscalls/ring.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod ring;
mod tag;

use check::{Check, Load};

/// Environment variable of the process that makes calls: the number of seconds.
const MAKER: &str = "EYAS_STRESS_MAKER";
/// The same: set if it makes requests, too.
const REQUESTS: &str = "EYAS_STRESS_REQUESTS";

fn main() -> std::process::ExitCode {
    match std::env::var(MAKER) {
        Ok(seconds) => {
            let requests = std::env::var_os(REQUESTS).is_some();
            maker::run(Duration::from_secs_f32(seconds.parse().unwrap()), requests)
        }
        Err(_) => eyas_testing::main(),
    }
}

fn seconds() -> f32 {
    std::env::var("EYAS_STRESS_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1.5)
}

#[test]
fn calls_of_threads_that_preempt_each_other_are_reported_once() {
    stress(&[], false);
}

#[test]
fn calls_are_reported_once_with_context_switches() {
    stress(&[SyscallCode::SCHED_SWITCH, SyscallCode::SIGNAL_DELIVER], false);
}

/// The kernel may preempt the programs at its security hooks, so that those at tracepoints run in the middle of them.
#[test]
fn calls_are_reported_once_with_security_hooks() {
    stress(&[], true);
}

fn stress(more: &[SyscallCode], decisions: bool) {
    let _turn = eyas_testing::live_turn();
    // With a ring, requests are made; the probe must report them if the kernel lets it.
    let requests = ring::Ring::new(0, 0).is_ok() && Features::detect().io_uring.is_some();
    let interest = [&tag::CODES[..], more].concat();
    let options = ProbeOptions {
        ring_bytes: 32 << 20,
        snaplen: 4000,
        attach: attach::attach(),
        exclude_pid: Some(std::process::id()),
        io_uring: requests,
        ..ProbeOptions::only(interest)
    };
    let mut source = Source::open(options).unwrap();
    assert!(matches!(source.next().unwrap(), Next::Snapshot(_)));
    if decisions && source.set_hooks(Some(HookSource::Auto)).unwrap() == HookMethod::Tracepoints {
        eyas_testing::ignore("the kernel lets no program see its security hooks");
    }
    let program = std::env::current_exe().unwrap();
    let mut maker = Command::new(program);
    maker.env(MAKER, seconds().to_string()).envs(requests.then_some((REQUESTS, "1")));
    let mut maker = maker.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = maker.stdout.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut text = String::new();
        said.read_to_string(&mut text).unwrap();
        text
    });
    let hurry = maker::Hurry::up();
    let mut check = Check::default();
    let patience = Instant::now() + Duration::from_secs_f32(300.0 + seconds() * 4.0);
    let mut pace = Pace::of(&maker);
    loop {
        match source.advance().unwrap() {
            Advance::Event => {
                check.event(&source.current().unwrap());
                pace.keep(&source);
            }
            Advance::Idle if said.is_finished() => assert!(source.stop()),
            Advance::Idle => pace.go_on(),
            Advance::End => break,
            _ => {}
        }
        if Instant::now() > patience {
            let _ = maker.kill();
            panic!("it did not end");
        }
    }
    drop(hurry);
    assert!(maker.wait().unwrap().success());
    let made = tag::parse(&said.join().unwrap());
    let stats = source.stats();
    println!("{}\n{stats:?}", check.summary(&made));
    check.verify(&made, &stats, &Load { requests, decisions });
}

/// Stops the maker while the reader is far behind, because a machine may make calls faster than this program checks them.
struct Pace {
    maker: Pid,
    is_stopped: bool,
}

impl Pace {
    /// Ages of events, ns, from which on the maker waits, and up to which it goes on.
    const BEHIND: u64 = 100_000_000;
    const CLOSE: u64 = 20_000_000;

    fn of(maker: &Child) -> Self {
        Self { maker: Pid::from_child(maker), is_stopped: false }
    }

    fn keep(&mut self, source: &Source) {
        match source.lag() {
            Self::BEHIND.. if !self.is_stopped => self.signal(Signal::STOP),
            0..Self::CLOSE => self.go_on(),
            _ => {}
        }
    }

    fn go_on(&mut self) {
        if self.is_stopped {
            self.signal(Signal::CONT);
        }
    }

    fn signal(&mut self, signal: Signal) {
        self.is_stopped = signal == Signal::STOP;
        // It may have ended.
        let _ = kill_process(self.maker, signal);
    }
}
