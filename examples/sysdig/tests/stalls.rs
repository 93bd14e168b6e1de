//! Inputs and outputs that are stuck: the first signal ends the program.

use std::fs::OpenOptions;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use eyas_testing::{Dir, test};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sysdig"))
}

#[test]
fn input_without_data_does_not_block_the_end() {
    let sysdig = command().args(["-r", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    assert!(end(sysdig).success());
}

/// Waits until the program catches SIGTERM and sleeps without using the CPU.
fn until_it_waits(pid: u32) {
    eyas_testing::wait_for_handler(pid, Signal::TERM);
    let (mut known, mut times) = (String::new(), 0);
    while times < 10 {
        // State, and clock ticks of the CPU.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
        let now = format!("{} {}", fields[12], fields[13]);
        times = if fields[1] == "S" && now == known { times + 1 } else { 0 };
        known = now;
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the program waits, asks it once to end, and returns its status.
#[track_caller]
fn end(sysdig: Child) -> ExitStatus {
    end_by(Signal::TERM, sysdig)
}

#[track_caller]
fn end_by(signal: Signal, mut sysdig: Child) -> ExitStatus {
    until_it_waits(sysdig.id());
    let pid = Pid::from_child(&sysdig);
    kill_process(pid, signal).unwrap();
    let began = Instant::now();
    while sysdig.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(30) {
            sysdig.kill().unwrap();
            panic!("it does not end: {:?}", sysdig.wait());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    sysdig.wait().unwrap()
}

/// A pipe without room.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut same = OpenOptions::new().write(true).custom_flags(flags).open(path).unwrap();
    while same.write(&[b' '; 4096]).is_ok() {}
    (reader, writer)
}

/// Starts a replay of standard input by a program of coreutils, and asks it to end.
#[track_caller]
fn ends_by(signal: Signal, parent: &[&str]) {
    let sysdig = Command::new(parent[0])
        .args(&parent[1..])
        .args([env!("CARGO_BIN_EXE_sysdig"), "-r", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(end_by(signal, sysdig).success(), "{parent:?}");
}

#[test]
fn signals_that_the_parent_blocked_or_ignored_end_it() {
    for signal in [Signal::INT, Signal::TERM] {
        ends_by(signal, &["env", "--block-signal=INT,TERM"]);
        ends_by(signal, &["env", "--ignore-signal=INT,TERM"]);
    }
}

/// Its end does not depend on a signal: the limit is 10 s.
#[test]
fn a_fifo_that_nobody_opens_is_an_error() {
    let dir = Dir::new("unopened");
    let fifo = dir.fifo("fifo");
    let fifo = fifo.to_str().unwrap();
    let commands: [&[&str]; 3] = [
        &["report", "-r", DEMO, "-o", fifo],
        &["-r", DEMO, "-w", fifo],
        &["trace", "-r", DEMO, "--perfetto", fifo],
    ];
    let started = commands.map(|args| command().args(args).stderr(Stdio::piped()).spawn().unwrap());
    for (child, args) in started.into_iter().zip(commands) {
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(error.contains("it is a FIFO that nobody has opened for reading within 10 s"), "{error}");
        assert!(error.contains(fifo), "{error}");
    }
}

#[test]
fn a_report_for_a_fifo_is_complete() {
    let dir = Dir::new("report-fifo");
    let fifo = dir.fifo("fifo");
    let child = command().args(["report", "-r", DEMO, "-o", fifo.to_str().unwrap()]).spawn().unwrap();
    let page = std::fs::read_to_string(&fifo).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let printed = command().args(["report", "-r", DEMO]).output().unwrap().stdout;
    assert!(page.trim_end().ends_with("</html>") && page.as_bytes() == printed);
}

#[test]
fn a_reader_that_does_not_read_does_not_block_the_end() {
    let dir = Dir::new("stalled");
    let fifo = dir.fifo("fifo");
    let to_fifo = |option| [option, fifo.to_str().unwrap()];
    let printing: [&[&str]; 8] = [
        &[],
        &["-j"],
        &["-S"],
        &["-c", "topfiles_bytes"],
        &["-c", "echo_fds"],
        &["-w", "-"],
        &["-z", "-w", "-"],
        &["trace", "--perfetto", "-"],
    ];
    for args in printing {
        let (_reader, writer) = full_pipe();
        let child = command().args(args).args(["-r", DEMO, "--unbuffered"]).stdout(writer).spawn().unwrap();
        assert_eq!(end(child).code(), Some(1), "{args:?}");
    }
    for option in ["-w", "--perfetto"] {
        let mut args = if option == "-w" { vec![] } else { vec!["trace"] };
        args.extend(to_fifo(option));
        // Nobody opens it, or nobody reads it.
        let child = command().args(&args).args(["-r", DEMO]).spawn().unwrap();
        assert_eq!(end(child).code(), Some(1), "{args:?}");
        let _both = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let child = command().args(&args).args(["-r", DEMO]).spawn().unwrap();
        assert_eq!(end(child).code(), Some(1), "{args:?}");
    }
}
