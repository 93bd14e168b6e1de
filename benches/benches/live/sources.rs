//! Cost of the sources besides system calls: `io_uring` requests and decisions of security hooks.

use std::ffi::CString;
use std::fs::File;

use eyas::events::SyscallCode;
use eyas::scap::live::{HookMethod, HookSource, ProbeOptions, Source};
use rustix::fd::AsRawFd;

use crate::capture::Capture;
use crate::cases::{Case, case};
use crate::ring::{Entry, Ring};
use crate::{Failure, stay};

/// Number of turns of the modes, and of measurements of each case in a turn. Decisions have fewer turns, because the kernel
/// verifies their programs each time.
const TURNS: (usize, usize) = (15, 1);
const TURNS_OF_DECISIONS: (usize, usize) = (2, 5);
const CWD: i64 = -100;

/// What is captured while a case is measured, and whether decisions of hooks are.
type Mode = (&'static str, Option<&'static [SyscallCode]>, bool);

const REQUESTS: [Mode; 4] = [
    ("bare", Some(&[]), false),
    // The programs for requests are not attached.
    ("calls alone", Some(&[SyscallCode::QUOTACTL]), false),
    // They are attached, and another request is wanted.
    ("skipped", Some(&[SyscallCode::UNLINKAT]), false),
    ("captured", None, false),
];
const OPENS: &[SyscallCode] = &[SyscallCode::OPENAT, SyscallCode::CLOSE];
const DECISIONS: [Mode; 3] =
    [("bare", Some(&[]), false), ("calls alone", Some(OPENS), false), ("with decisions", Some(OPENS), true)];

const NOT_SEEN: &str = "the kernel lets no program see what its security hooks decide";

/// Captures what the mode says.
fn change(source: &mut Source, (_, interest, has_decisions): Mode) -> Result<(), Failure> {
    if source.hooks().0 != HookMethod::Tracepoints {
        show_runs(source);
    }
    source.set_interest(interest)?;
    match source.set_hooks(has_decisions.then_some(HookSource::Auto))? {
        HookMethod::Tracepoints if has_decisions => Err(NOT_SEEN.into()),
        _ => Ok(()),
    }
}

/// Prints the average run time of programs, if the kernel measures it (`kernel.bpf_stats_enabled`).
fn show_runs(source: &Source) {
    let ran: Vec<_> = source.runs().into_iter().filter(|program| program.count > 0).collect();
    if !ran.is_empty() {
        println!("\n| program ({}) | runs | ns per run |\n| --- | --- | --- |", source.hooks().0);
    }
    for program in ran {
        println!("| {} | {} | {} |", program.name, program.count, program.time_ns / program.count);
    }
}

/// Requests that the kernel does at once: each is handed over by a call of its own.
fn requests() -> Result<Vec<Case>, Failure> {
    let ring = || Ring::new(0, 0).map_err(|error| format!("no io_uring here ({error})"));
    let zero = File::open("/dev/zero")?;
    let mut buffer = [0_u8; 64];
    let (mut nops, mut reads, mut opens) = (ring()?, ring()?, ring()?);
    let name = CString::new("/etc/passwd")?;
    Ok(vec![
        case("nop", 50_000, move || _ = nops.one(Entry::new(0, -1))),
        case("read 64 B", 50_000, move || {
            _ = reads.one(Entry::new(22, zero.as_raw_fd().into()).addr(buffer.as_mut_ptr()).len(64));
        }),
        case("openat, close", 25_000, move || {
            let fd = opens.one(Entry::new(18, CWD).addr(name.as_ptr()));
            opens.one(Entry::new(19, fd));
        }),
    ])
}

/// Calls that hooks decide on.
fn decided() -> Result<Vec<Case>, Failure> {
    let dir = std::env::temp_dir().join(format!("eyas-bench-{}", std::process::id()));
    Ok(vec![
        case("open + close", 5_000, || _ = File::open("/etc/passwd")),
        // These calls are not captured, so their decisions are separate events.
        case("mkdir + rmdir", 2_500, move || {
            let _ = std::fs::create_dir(&dir);
            let _ = std::fs::remove_dir(&dir);
        }),
    ])
}

/// The times of each case in each mode, in order.
fn measure<const N: usize>(
    capture: &Capture<Mode>,
    (turns, times): (usize, usize),
    modes: [Mode; N],
    cases: &mut [Case],
) -> Result<Vec<[Vec<u64>; N]>, Failure> {
    let mut all = vec![[const { Vec::new() }; N]; cases.len()];
    for _ in 0..turns {
        for (index, mode) in modes.iter().enumerate() {
            capture.set(*mode)?;
            for (case, all) in cases.iter_mut().zip(&mut all) {
                all[index].extend((0..times).map(|_| case.measure()));
            }
        }
    }
    all.iter_mut().flatten().for_each(|times| times.sort_unstable());
    Ok(all)
}

fn show<const N: usize>(what: &str, modes: [Mode; N], cases: &[Case], all: &[[Vec<u64>; N]]) {
    let names = modes.map(|(name, ..)| name).join(" | ");
    for (which, of) in [("fastest", (|_| 0) as fn(usize) -> usize), ("median", |count| count / 2)] {
        println!("\n| {what}, {which} | {names} |\n|{}", " --- |".repeat(N + 1));
        for (case, all) in cases.iter().zip(all) {
            let times = all.each_ref().map(|times| times[of(times.len())]);
            let bare = times[0];
            let added: Vec<String> =
                times[1..].iter().map(|time| (*time as i64 - bare as i64).to_string()).collect();
            println!("| {} | {bare} | {} |", case.name, added.join(" | "));
        }
    }
}

/// Prints what requests cost, decisions, or both.
pub(crate) fn print(wants: impl Fn(&str) -> bool, turns: Option<usize>) -> Result<(), Failure> {
    let turns = |(usual, times): (usize, usize)| (turns.unwrap_or(usual), times);
    stay(true)?;
    let capture =
        Capture::start(ProbeOptions { interest: Some(Vec::new()), ..ProbeOptions::default() }, change);
    println!("ns of the calling thread: bare, and what is added");
    if wants("requests") {
        match requests() {
            Ok(mut cases) => {
                let times = measure(&capture, turns(TURNS), REQUESTS, &mut cases)?;
                show("request", REQUESTS, &cases, &times);
            }
            Err(failure) => println!("\n{failure}"),
        }
    }
    if wants("decisions") {
        let mut cases = decided()?;
        match measure(&capture, turns(TURNS_OF_DECISIONS), DECISIONS, &mut cases) {
            Ok(times) => show("call", DECISIONS, &cases, &times),
            // The capture has ended.
            Err(failure) => {
                println!("\n{failure}");
                return Ok(());
            }
        }
    }
    println!("\n{} events lost", capture.set(REQUESTS[0])?);
    Ok(())
}
