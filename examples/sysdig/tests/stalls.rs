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
fn end(mut sysdig: Child) -> ExitStatus {
    until_it_waits(sysdig.id());
    let pid = Pid::from_child(&sysdig);
    kill_process(pid, Signal::TERM).unwrap();
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
