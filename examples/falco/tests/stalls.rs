//! Outputs that are stuck, full or closed: the others get every alert, and the program ends in time and
//! reports lost alerts.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use common::{
    Dir, PATIENT, Run, SOON, WEB, all_numbers, demo, demo_pieces, end_of, feed_numbered, get, last_number,
    numbered_rule, numbers,
};
use eyas_testing::test;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};

mod common;
#[path = "receivers/log.rs"]
mod log;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// The program with a rule for every event, and a file output.
struct Falco {
    command: Command,
    alerts: PathBuf,
}

impl Falco {
    fn new(dir: &Dir, options: &[&str]) -> Self {
        let alerts = dir.join("alerts");
        let mut command = Command::new(env!("CARGO_BIN_EXE_falco"));
        command.env("TZ", "UTC").args(["-c", "/dev/null"]).args(PATIENT).arg("-r").arg(numbered_rule(dir));
        command.arg("-o").arg(format!("file_output.filename={}", alerts.display()));
        for option in ["file_output.enabled=true", "file_output.keep_alive=true"].iter().chain(options) {
            command.args(["-o", option]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self { command, alerts }
    }

    fn replay(mut self, capture: &Path) -> Self {
        self.command.arg("-e").arg(capture);
        self
    }

    fn start(&mut self) -> Running {
        Running(self.command.spawn().unwrap())
    }

    /// Numbers of the events with an alert in the file.
    fn numbers(&self) -> Vec<u64> {
        numbers(&std::fs::read_to_string(&self.alerts).unwrap_or_default())
    }
}

/// A program that ends with the test.
struct Running(Child);

impl Running {
    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + SOON;
        loop {
            match self.0.try_wait().unwrap() {
                Some(status) => return status,
                None if Instant::now() > until => panic!("it does not end"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn log(&mut self) -> String {
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If a test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The log line with the losses of this output.
#[track_caller]
fn lost<'l>(log: &'l str, output: &str) -> &'l str {
    let prefix = format!("{output}: ");
    let line = log.lines().rev().find(|line| line.contains(&prefix) && line.contains(" lost since "));
    line.unwrap_or_else(|| panic!("{output} lost nothing: {log}"))
}

/// Replays with a stuck output, which fails: the file has all alerts, and the log reports the losses of the other
/// output.
#[track_caller]
fn check(options: &[&str], output: &str, reason: &str, prepare: impl FnOnce(&Dir, &mut Command)) {
    let (status, log) = replay(options, output, reason, prepare);
    assert_eq!(status.code(), Some(1), "{log}");
    let line = log.lines().find(|line| line.starts_with("Error: the replay lost alerts: "));
    let said = format!("{output} lost ");
    assert!(line.is_some_and(|line| line.contains(&said) && line.contains(reason)), "{log}");
}

/// The same with an output whose losses do not make a replay fail.
#[track_caller]
fn check_receiver(options: &[&str], output: &str, reason: &str, prepare: impl FnOnce(&Dir, &mut Command)) {
    let (status, log) = replay(options, output, reason, prepare);
    assert!(status.success() && !log.contains("the replay lost alerts"), "{status}: {log}");
}

#[track_caller]
fn replay(
    options: &[&str],
    output: &str,
    reason: &str,
    prepare: impl FnOnce(&Dir, &mut Command),
) -> (ExitStatus, String) {
    let dir = Dir::new(output);
    // Standard output, which nobody watches, must not run out of time.
    let stdout = format!("stdout_output.enabled={}", output == "stdout_output");
    let mut falco =
        Falco::new(&dir, &[&["output_timeout=300", &stdout], options].concat()).replay(Path::new("-"));
    prepare(&dir, &mut falco.command);
    let mut run = falco.start();
    let is_full = options.iter().any(|option| option.starts_with("outputs_queue"));
    let size = if is_full { CAPACITY / 2 } else { usize::MAX };
    feed_numbered(&mut run.0.stdin.take().unwrap(), size, || last_number(&end_of(&falco.alerts)));
    let status = run.wait();
    let log = run.log();
    assert_eq!(falco.numbers(), all_numbers(), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    let line = lost(&log, output);
    assert!(line.contains(reason), "{reason}: {log}");
    let of = all_numbers().len();
    assert!(log.lines().any(|line| line.starts_with(&format!("   - {output}: ")) && line.ends_with(&format!(" of {of}"))));
    (status, log)
}

/// Alerts that a queue takes where it may become full.
const CAPACITY: usize = 100;

const STUCK: &str = "not delivered within 300 ms at the end of the run (output_timeout)";

#[test]
fn standard_output_that_nobody_reads() {
    let unread = |_: &Dir, falco: &mut Command| {
        falco.stdout(Stdio::piped());
    };
    check(&[], "stdout_output", STUCK, unread);
    let full = format!("outputs_queue.capacity={CAPACITY}");
    check(&[&full], "stdout_output", "its queue is full", unread);
}

#[test]
fn standard_output_on_a_full_disk() {
    check(&[], "stdout_output", ", disk full (standard output)", |_, falco| {
        falco.stdout(File::options().write(true).open("/dev/full").unwrap());
    });
}

#[test]
fn standard_output_whose_reader_is_gone() {
    check_receiver(&[], "stdout_output", ", its reader is gone (standard output)", |_, falco| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        falco.stdout(writer);
    });
}

#[test]
fn a_program_that_never_reads() {
    for keep_alive in ["true", "false"] {
        let keep_alive = format!("program_output.keep_alive={keep_alive}");
        let options = ["program_output.enabled=true", "program_output.program=exec sleep 600", &keep_alive];
        check(&options, "program_output", STUCK, |_, _| {});
    }
}

#[test]
fn a_server_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http_output.url=http://{}/", silent.local_addr().unwrap());
    check_receiver(&["http_output.enabled=true", &url], "http_output", STUCK, |_, falco| {
        falco.env_remove("http_proxy").env_remove("HTTP_PROXY");
    });
}

#[test]
fn a_log_daemon_that_hangs() {
    eyas_testing::need_root();
    let (unshare, _) = (eyas_testing::need_program("unshare"), eyas_testing::need_program("mount"));
    let can = Command::new(&unshare).args(["-m", "true"]).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        eyas_testing::ignore("needs a mount namespace of its own");
    }
    let dir = Dir::new("stalls-log");
    let daemon = UnixDatagram::bind(dir.join("log")).unwrap();
    check_receiver(&["syslog_output.enabled=true"], "syslog_output", STUCK, |_, falco| {
        let mut wrapped = Command::new(&unshare);
        wrapped.args(["-m", "/bin/sh", "-c", log::WITH_LOG]).arg(dir.join("log")).arg(dir.join("dev"));
        wrapped.arg(falco.get_program()).args(falco.get_args()).env("TZ", "UTC");
        wrapped.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        *falco = wrapped;
    });
    let mut bytes = [0; 1024];
    let len = daemon.recv(&mut bytes).unwrap();
    let first = String::from_utf8_lossy(&bytes[..len]);
    assert!(first.starts_with("<14>falco[") && first.contains("Informational event "), "{first}");
}

#[test]
fn a_fifo_in_the_place_of_a_file() {
    for is_open in [false, true] {
        let dir = Dir::new("stalls-fifo");
        let fifo = dir.fifo("fifo");
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let reader = is_open.then(|| File::options().read(true).custom_flags(flags).open(&fifo).unwrap());
        let mut falco = Falco::new(&dir, &["output_timeout=300"]).replay(Path::new("-"));
        let file = format!("file_output.filename={}", fifo.display());
        let mut run = Run::of(falco.command.args(["-o", &file]));
        feed_numbered(&mut run.stdin.take().unwrap(), usize::MAX, || run.output(last_number));
        let (status, out, log) = run.wait();
        drop(reader);
        assert_eq!(status.code(), Some(1), "{log}");
        assert_eq!(out.lines().filter(|line| line.ends_with("xxx")).count(), all_numbers().len(), "{log}");
        assert!(lost(&log, "file_output").contains(STUCK), "{log}");
    }
}

#[test]
fn a_metrics_file_that_is_a_fifo() {
    let dir = Dir::new("stalls-metrics");
    let fifo = format!("metrics.output_file={}", dir.fifo("fifo").display());
    let options = [
        "output_timeout=300",
        "stdout_output.enabled=false",
        "metrics.enabled=true",
        "metrics.output_rule=true",
        &fifo,
    ];
    let mut falco = Falco::new(&dir, &options).replay(Path::new("-"));
    let mut run = falco.start();
    let mut input = run.0.stdin.take().unwrap();
    // Events bring the numbers for the snapshot.
    for piece in demo_pieces() {
        input.write_all(&piece).unwrap();
        std::thread::sleep(Duration::from_millis(10));
        if std::fs::read_to_string(&falco.alerts).is_ok_and(|text| text.contains("Falco metrics snapshot")) {
            break;
        }
    }
    drop(input);
    let status = run.wait();
    let log = run.log();
    assert!(status.success(), "{log}");
    assert!(lost(&log, "metrics.output_file").contains("1 snapshot lost"), "{log}");
    let text = std::fs::read_to_string(&falco.alerts).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("Falco metrics snapshot")).count(), 1);
}

/// Whether the pipe that is the standard output of this process has no room.
fn is_full(falco: &Child) -> bool {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let writer =
        File::options().write(true).custom_flags(flags).open(format!("/proc/{}/fd/1", falco.id())).unwrap();
    poll(&mut [PollFd::new(&writer, PollFlags::OUT)], Some(&Timespec::default())).unwrap() == 0
}

#[test]
fn a_replay_with_a_slow_reader_loses_nothing() {
    let dir = Dir::new("stalls-slow");
    let mut falco =
        Falco::new(&dir, &["output_timeout=100", "file_output.enabled=false", "outputs_queue.capacity=10"]);
    falco.command.stdout(Stdio::piped());
    let mut falco = falco.replay(&demo());
    let mut run = falco.start();
    // Longer than the output has to be stuck elsewhere.
    std::thread::sleep(Duration::from_secs(1));
    let mut text = String::new();
    run.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(run.wait().success());
    assert_eq!(text.lines().filter(|line| line.ends_with("xxx")).count(), all_numbers().len());
    assert!(text.contains("\nEvents detected: "), "the statistics come, too");
    // SIGTERM ends it.
    let mut run = falco.start();
    let until = Instant::now() + SOON;
    // The first alerts that the loop passes on fill the pipe.
    while !is_full(&run.0) {
        assert!(Instant::now() < until, "the pipe has room");
        std::thread::sleep(Duration::from_millis(5));
    }
    run.signal(Signal::TERM);
    let status = run.wait();
    let log = run.log();
    assert!(status.success() && lost(&log, "stdout_output").contains("(standard output)"), "{status}: {log}");
    assert!(log.contains("Standard output is not read. The statistics:\nEvents detected: "), "{log}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_program_quietly() {
    let dir = Dir::new("stalls-head");
    for threads in ["1", "2"] {
        let mut falco = Falco::new(&dir, &["file_output.enabled=false"]).replay(&demo());
        falco.command.args(["--threads", threads]).stdout(Stdio::piped());
        let mut run = falco.start();
        let mut first = String::new();
        BufReader::new(run.0.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.ends_with("xxx\n"), "{first}");
        let status = run.wait();
        let log = run.log();
        assert!(status.success() && !log.contains("Error") && !log.contains("panicked"), "{status}: {log}");
    }
}

#[test]
fn standard_error_that_fails_changes_nothing() {
    let dir = Dir::new("stalls-stderr");
    let gone = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for (name, stderr) in [("gone", gone()), ("full", full())] {
        let mut falco = Falco::new(&dir, &["log_level=debug"]).replay(&demo());
        falco.command.stderr(stderr);
        let status = falco.start().wait();
        assert!(status.success(), "{name}: {status}");
        assert_eq!(falco.numbers(), all_numbers(), "{name}");
        std::fs::remove_file(&falco.alerts).unwrap();
    }
    // The same for options that only print something.
    for args in [&["-V", "rules.yaml"][..], &["--version"], &["--list"], &["--nonsense"]] {
        for (out, error) in [(gone(), gone()), (full(), full())] {
            let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
            let status = falco.args(args).current_dir(&dir).stdout(out).stderr(error).status().unwrap();
            assert!(status.code().is_some_and(|code| code != 101), "{args:?}: {status}");
        }
    }
}

#[test]
fn printing_to_a_full_disk_is_an_error_but_to_a_closed_pipe_is_not() {
    let root = eyas_testing::root();
    let printing: &[&[&str]] = &[
        &["-h"],
        &["--help"],
        &["--version"],
        &["--list"],
        &["--list", "--markdown"],
        &["--list-events"],
        &["-i"],
        &["--list-plugins"],
        &["--page-size"],
        &["--support"],
        &["--config-schema"],
        &["--rule-schema"],
        &["--generate", "bash"],
        &["-V", "demo/rules.yaml"],
        &["--test", "demo/rules.test.yaml"],
        &["--explain-pushdown", "-r", "demo/rules.yaml"],
        &["--to-sql", "-r", "demo/rules.yaml"],
        &["--incident", "demo/demo.scap.gz", "-r", "demo/rules.yaml"],
        &["-L", "-r", "demo/rules.yaml"],
    ];
    for args in printing {
        let run = |stdout: Stdio| {
            let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
            falco.args(["-c", "/dev/null"]).args(*args).current_dir(&root).stdout(stdout).output().unwrap()
        };
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = run(writer.into());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {}: {errors}", output.status);
        assert!(!errors.contains("standard output"), "{args:?}: {errors}");
        let output = run(File::options().write(true).open("/dev/full").unwrap().into());
        let errors = String::from_utf8_lossy(&output.stderr);
        let said = "cannot write to standard output: No space left on device";
        assert!(output.status.code() == Some(1) && errors.contains(said), "{args:?}: {errors}");
    }
}

#[test]
fn a_log_that_nobody_reads_stops_neither_detection_nor_the_end() {
    let dir = Dir::new("stalls-log");
    // More diagnostics than a pipe holds.
    let broken: String = (0..2000).map(|n| format!("- {{macro: m{n}, condition: evt.num > 0}}\n")).collect();
    let broken = dir.write("broken.yaml", &(broken + &std::fs::read_to_string(numbered_rule(&dir)).unwrap()));
    let mut falco = Falco::new(&dir, &["log_level=debug"]);
    falco.command.arg("-r").arg(&broken).args(["-v", "-e", "-"]).stdout(Stdio::null());
    let mut run = falco.start();
    let mut input = run.0.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        let mut capture = File::open(demo()).unwrap();
        let _ = std::io::copy(&mut capture, &mut input);
        input
    });
    let until = Instant::now() + SOON;
    while falco.numbers().len() < 4000 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(20));
    }
    // Each signal writes a line to the log.
    for _ in 0..10 {
        run.signal(Signal::USR1);
        std::thread::sleep(Duration::from_millis(10));
    }
    run.signal(Signal::TERM);
    assert!(run.wait().success());
    drop(feeder.join());
}

#[test]
fn an_input_without_data_does_not_block_the_end() {
    let dir = Dir::new("stalls-input");
    let fifo = dir.fifo("fifo");
    for (capture, signal) in [(Path::new("-"), Signal::TERM), (&fifo, Signal::INT)] {
        for threads in ["1", "2"] {
            let mut falco = Falco::new(&dir, &[]).replay(capture);
            falco.command.args(["--threads", threads]);
            let run = Run::of(&mut falco.command);
            eyas_testing::wait_for_handler(run.child.id(), signal);
            run.signal(signal);
            // The program would be killed, with an error, if it waited for the input.
            let (status, _, log) = run.wait();
            assert!(status.success() && !log.contains("Error"), "{status}: {log}");
        }
    }
}

#[test]
fn an_alert_does_not_wait_for_the_next_event_of_a_stream() {
    let dir = Dir::new("stalls-prompt");
    let mut falco = Falco::new(&dir, &[]).replay(Path::new("-"));
    let mut run = falco.start();
    let pieces = common::demo_pieces();
    std::io::Write::write_all(run.0.stdin.as_mut().unwrap(), &pieces[..200].concat()).unwrap();
    let until = Instant::now() + SOON;
    while falco.numbers().is_empty() {
        assert!(Instant::now() < until, "no alert while the input pauses");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(run.0.stdin.take());
    assert!(run.wait().success());
}

/// The port that the log names.
fn port(log: &mut impl BufRead) -> u16 {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "no web server");
        if let Some((_, address)) = line.split_once("listening on 127.0.0.1:") {
            return address.trim().parse().unwrap();
        }
    }
}

#[track_caller]
fn wait_for(port: u16, path: &str, what: &str, found: impl Fn(&str, &str) -> bool) -> String {
    let until = Instant::now() + SOON;
    loop {
        let (head, body) = get(port, path);
        if found(&head, &body) {
            return body;
        }
        assert!(Instant::now() < until, "{what}: {head}{body}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn health_and_metrics_report_a_stuck_output() {
    let dir = Dir::new("stalls-health");
    let options = [
        &WEB[..],
        &["output_timeout=300", "program_output.enabled=true", "program_output.program=exec sleep 600"],
    ];
    let mut falco = Falco::new(&dir, &options.concat()).replay(Path::new("-"));
    let mut run = Run::of(&mut falco.command);
    let port = run.port();
    assert_eq!(get(port, "/healthz").1, r#"{"status": "ok"}"#);
    let pieces = common::demo_pieces();
    run.feed(&pieces[..200]);
    let why = |health: &serde_json::Value| -> String {
        // Others may have waited for a CPU.
        let all = health["reasons"].as_array().into_iter().flatten().filter_map(|reason| reason.as_str());
        all.filter(|reason| reason.starts_with("program_output: ")).collect()
    };
    let body = wait_for(port, "/healthz", "not ok", |head, body| {
        head.starts_with("http/1.1 503 service unavailable")
            && !why(&serde_json::from_str(body).unwrap()).is_empty()
    });
    let health: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(health["status"], "failed");
    assert!(why(&health).contains(" alerts wait, none was delivered for "), "{body}");
    // The loop reports its numbers at the next event.
    let mut pieces = pieces[200..].iter();
    let part = "falcosecurity_scap_n_evts_total ";
    let until = Instant::now() + SOON;
    let page = loop {
        run.feed(pieces.next());
        let page = get(port, "/metrics").1;
        if page.contains(part) {
            break page;
        }
        assert!(Instant::now() < until, "{part}: {page}");
    };
    let value = |what: &str, output: &str| -> u64 {
        let name = format!("falcosecurity_falco_outputs_{what}_total{{output=\"{output}\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("{name}: {page}")).parse().unwrap()
    };
    assert!(value("delivered", "file_output") > 100 && value("waiting", "program_output") > 100, "{page}");
    assert_eq!(value("lost", "program_output"), 0, "{page}");
    // falco checks the log once a second.
    run.wait_for("program_output: ");
    run.signal(Signal::TERM);
    let (status, _, log) = run.wait();
    assert!(status.success(), "{log}");
    let stuck = |line: &str| {
        line.contains("program_output: ") && line.contains(" alerts wait, none was delivered for ")
    };
    assert!(log.lines().any(stuck), "{log}");
    assert!(lost(&log, "program_output").contains(STUCK), "{log}");
}

/// Opens the file of the rule this many times.
fn open_often(path: &Path, times: usize) {
    for _ in 0..times {
        drop(File::open(path).unwrap());
    }
}

#[test]
fn live_detection_continues_whatever_outputs_do() {
    let _turn = eyas_testing::live_turn();
    let dir = Dir::new("stalls-live");
    let [early, watched] = ["early", "watched"].map(|name| dir.write(name, ""));
    let (alerts, fifo) = (dir.join("alerts"), dir.fifo("fifo"));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let rules = dir.write(
        "own.yaml",
        format!(
            "- {{rule: opened, desc: d, condition: 'evt.type in (open, openat) and fd.name in ({}, {})', output: '%fd.name {}', priority: INFO}}\n",
            early.display(),
            watched.display(),
            "x".repeat(200)
        ),
    );
    let url = format!("http_output.url=http://{}/", silent.local_addr().unwrap());
    let (file, metrics) = (
        format!("file_output.filename={}", alerts.display()),
        format!("metrics.output_file={}", fifo.display()),
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_falco"));
    command.args(["-c", "/dev/null", "-r"]).arg(&rules);
    let options = [
        "file_output.enabled=true",
        "program_output.enabled=true",
        "program_output.keep_alive=true",
        "program_output.program=exec sleep 600",
        "http_output.enabled=true",
        "metrics.interval=100ms",
        "output_timeout=1000",
    ];
    for option in WEB.iter().chain(&options).chain(&[&*url, &*file, &*metrics]) {
        command.args(["-o", option]);
    }
    command.env_remove("http_proxy").env_remove("HTTP_PROXY");
    // The test does not read standard output and standard error while falco runs.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = Running(command.spawn().unwrap());
    let mut log = BufReader::new(run.0.stderr.take().unwrap());
    let port = port(&mut log);
    let count = |path: &Path| {
        let part = format!("{} ", path.display());
        std::fs::read_to_string(&alerts).unwrap_or_default().matches(&part).count()
    };
    let until = Instant::now() + SOON;
    while count(&early) == 0 {
        assert!(Instant::now() < until, "no alert");
        open_often(&early, 1);
        std::thread::sleep(Duration::from_millis(100));
    }
    open_often(&watched, 3000);
    wait_for(port, "/healthz", "not ok", |_, body| {
        let stuck = ["stdout_output: ", "program_output: ", "http_output: "];
        // The others are no longer than a moment without a CPU.
        stuck.iter().all(|output| body.contains(output))
            && !body.contains("file_output: ")
            && !body.contains("event loop")
    });
    // After all outputs have been stuck for a while, and while falco reloads its files again and again.
    for _ in 0..50 {
        run.signal(Signal::HUP);
        open_often(&watched, 20);
        std::thread::sleep(Duration::from_millis(20));
    }
    let until = Instant::now() + SOON;
    while count(&watched) < 4000 {
        assert!(Instant::now() < until, "{} of 4000", count(&watched));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(count(&watched), 4000);
    let page = get(port, "/metrics").1;
    for part in [
        "scap_n_drops_total 0\n",
        "falco_num_evts_total ",
        "outputs_waiting_total{output=\"stdout_output\"} ",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    run.signal(Signal::TERM);
    // The program would be killed, with an error, if it did not end in time.
    assert!(run.wait().success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    for output in ["stdout_output", "program_output", "http_output", "metrics.output_file"] {
        let line = lost(&rest, output);
        assert!(line.contains("not delivered within 1000 ms"), "{rest}");
    }
    let of = std::fs::read_to_string(&alerts).unwrap().lines().count();
    assert!(rest.contains(&format!("   - program_output: {of} of {of}\n")), "{rest}");
}
