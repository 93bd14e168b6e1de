//! Every output with every fault of its destination: detection continues, the program ends in time, and
//! each alert is either delivered or counted as lost.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
#[cfg(feature = "grpc")]
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use eyas_testing::test;
use rustix::process::Signal;

use common::{
    Dir, PATIENT, Run, SOON, all_numbers, demo, demo_pieces, end_of, feed_numbered, last_number,
    numbered_rule, numbers,
};

#[cfg(feature = "kafka")]
#[path = "receivers/broker.rs"]
mod broker;
mod common;
#[path = "receivers/log.rs"]
mod log;
#[path = "receivers/server.rs"]
mod server;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Fault of a destination.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It accepts a connection, but reads nothing or sends no reply.
    Stall,
    /// It ends while alerts are delivered to it.
    Kill,
    /// It does not exist; for standard output, the disk is full.
    Refuse,
    /// Its reply is not one of the protocol.
    Garbage,
}

use Fault::{Garbage, Kill, Refuse, Stall};

/// Losses of an output.
#[derive(Clone, Copy, Debug)]
enum Loss {
    All,
    Some,
    Nothing,
}

/// Losses of each output for each fault, in the order of [`Fault`].
const TABLE: &[(&str, [Loss; 4])] = &[
    ("stdout_output", [Loss::Some, Loss::Some, Loss::All, Loss::Nothing]),
    ("syslog_output", [Loss::Some, Loss::Some, Loss::All, Loss::Nothing]),
    ("program_output", [Loss::Some, Loss::Some, Loss::Some, Loss::Nothing]),
    ("http_output", [Loss::All; 4]),
    ("otlp_output", [Loss::All; 4]),
    #[cfg(feature = "kafka")]
    ("kafka_output", [Loss::All; 4]),
    // Nobody requests an alert.
    #[cfg(feature = "grpc")]
    ("grpc_output", [Loss::All; 4]),
];

/// How alerts are sent over the network.
const PLAIN: &[&str] = &[
    "http_output.url=http://{http}/",
    "otlp_output.endpoint=http://{otlp}/v1/logs",
    "kafka_output.brokers=[{kafka}]",
];
const ENCRYPTED: &[&str] = &[
    "http_output.url=https://{http}/",
    "http_output.mtls=true",
    "http_output.client_cert={dir}/client.crt",
    "http_output.client_key={dir}/client.key",
    "otlp_output.protocol=grpc",
    "otlp_output.endpoint=http://{otlp}",
    "kafka_output.brokers=[{kafka}]",
    "kafka_output.tls=true",
];

fn rules(dir: &Dir) -> String {
    numbered_rule(dir).display().to_string()
}

/// A port with this fault.
fn port(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok).take_while(|_| fault != Refuse) {
            match fault {
                Garbage => answer_nonsense(&mut stream),
                Kill => drop(stream.read(&mut [0; 16])),
                Stall | Refuse => held.push(stream),
            }
        }
    });
    if fault == Refuse {
        // The listening thread ends with this connection, and closes the port.
        drop(TcpStream::connect(&address));
        while TcpStream::connect(&address).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    address
}

/// Sends bytes that are no reply in any protocol, but begin like one of HTTP.
fn answer_nonsense(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    let mut bytes = b"HTTP/1.1 2".to_vec();
    bytes.extend((0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8));
    let _ = stream.write_all(&bytes);
}

/// Whether a test can have its own `/dev/log` here.
fn has_log() -> bool {
    rustix::process::geteuid().is_root()
        && Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success())
}

/// The daemon of `/dev/log` with this fault.
fn daemon(path: &Path, fault: Fault) {
    let daemon = UnixDatagram::bind(path).unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 1024];
        match fault {
            Stall => std::thread::sleep(SOON),
            Kill => drop(daemon.recv(&mut bytes)),
            Refuse => {}
            Garbage => while daemon.recv(&mut bytes).is_ok() {},
        }
    });
}

/// A program with this fault.
fn program(fault: Fault) -> &'static str {
    match fault {
        Stall => "exec sleep 600",
        Kill => "head -c 1000 > /dev/null",
        Refuse => "/nonexistent/program 2> /dev/null",
        Garbage => "head -c 100000 /dev/urandom > /dev/null; exec cat > /dev/null",
    }
}

/// Standard output with this fault.
fn stdout(fault: Fault) -> Stdio {
    match fault {
        Stall | Kill => Stdio::piped(),
        Refuse => File::options().write(true).open("/dev/full").unwrap().into(),
        Garbage => Stdio::null(),
    }
}

/// Starts a client with this fault as soon as the gRPC server listens.
#[cfg(feature = "grpc")]
fn client(path: std::path::PathBuf, fault: Fault) {
    std::thread::spawn(move || {
        let until = Instant::now() + SOON;
        while fault != Refuse && Instant::now() < until {
            if let Ok(mut stream) = UnixStream::connect(&path) {
                match fault {
                    Stall => std::thread::sleep(SOON),
                    Garbage => drop(stream.write_all(&[0xa5; 4096])),
                    Kill | Refuse => {}
                }
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
}

/// Options of all outputs to servers, which have this fault.
fn servers(fault: Fault, dir: &Dir, network: &[&str]) -> Vec<String> {
    let identity = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
    dir.write("client.crt", identity.cert.pem());
    dir.write("client.key", identity.signing_key.serialize_pem());
    let mut options = vec!["http_output.enabled=true".to_owned(), "otlp_output.enabled=true".to_owned()];
    #[cfg(feature = "kafka")]
    options.push("kafka_output.enabled=true".to_owned());
    #[cfg(feature = "grpc")]
    {
        let socket = dir.join("grpc.sock");
        options.push("grpc.enabled=true".to_owned());
        options.push(format!("grpc.bind_address=unix://{}", socket.display()));
        client(socket, fault);
    }
    for option in network {
        let mut option = option.replace("{dir}", &dir.display().to_string());
        for place in ["{http}", "{otlp}", "{kafka}"] {
            if option.contains(place) {
                option = option.replace(place, &port(fault));
            }
        }
        options.push(option);
    }
    options
}

/// The program with these options, and with a log daemon that has this fault, where a test can have one.
fn with_log(fault: Fault, dir: &Dir, options: &[String]) -> Command {
    let mut falco = if has_log() {
        daemon(&dir.join("log"), fault);
        let mut falco = Command::new("unshare");
        falco.args(["-m", "/bin/sh", "-c", log::WITH_LOG]).arg(dir.join("log")).arg(dir.join("dev"));
        falco.arg(env!("CARGO_BIN_EXE_falco")).args(["-o", "syslog_output.enabled=true"]);
        falco
    } else {
        Command::new(env!("CARGO_BIN_EXE_falco"))
    };
    for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"] {
        falco.env_remove(variable);
    }
    falco.env("TZ", "UTC").args(["-c", "/dev/null"]);
    options.iter().for_each(|option| {
        falco.args(["-o", option]);
    });
    falco
}

/// Replays with this fault in all outputs except the file, which must have all alerts.
fn check(fault: Fault, name: &str, network: &[&str]) {
    let dir = Dir::new(&format!("faults-{name}-{fault:?}"));
    let file = dir.join("alerts");
    // With nonsense as the reply, some outputs lose nothing, if they have the time.
    let timeout = if fault == Garbage { 10_000 } else { 300 };
    let mut options = servers(fault, &dir, network);
    options.extend([
        format!("output_timeout={timeout}"),
        "file_output.enabled=true".to_owned(),
        format!("file_output.filename={}", file.display()),
        "program_output.enabled=true".to_owned(),
        "program_output.keep_alive=true".to_owned(),
        format!("program_output.program={}", program(fault)),
    ]);
    let mut falco = with_log(fault, &dir, &options);
    falco.args(["-r", &rules(&dir), "-e", "-"]);
    let mut child = falco.stdin(Stdio::piped()).stdout(stdout(fault)).stderr(Stdio::piped()).spawn().unwrap();
    // Not read, or closed after the first alert.
    let mut reader = child.stdout.take();
    let killer = reader
        .take_if(|_| fault == Kill)
        .map(|mut reader| std::thread::spawn(move || drop(reader.read(&mut [0; 100]))));
    feed_numbered(&mut child.stdin.take().unwrap(), usize::MAX, || last_number(&end_of(&file)));
    let out = child.wait_with_output().unwrap();
    drop(killer.map(std::thread::JoinHandle::join));
    drop(reader);
    let log = String::from_utf8_lossy(&out.stderr);
    let at = format!("{fault:?}, {name}: {log}");
    // With nonsense as the reply, only outputs to servers lose alerts, which is no failure of the replay.
    let status = if fault == Garbage { 0 } else { 1 };
    assert!(out.status.code() == Some(status) && !log.contains("panicked"), "{at}");
    assert_eq!(log.contains("\nError: the replay lost alerts: "), status == 1, "{at}");
    assert_eq!(numbers(&std::fs::read_to_string(&file).unwrap()), all_numbers(), "{at}");
    let has_log = has_log();
    for (output, losses) in TABLE.iter().filter(|(output, _)| has_log || *output != "syslog_output") {
        check_losses(&log, output, losses[fault as usize], all_numbers().len());
    }
}

/// Checks the losses that the log reports for an output, which got `count` alerts.
#[track_caller]
fn check_losses(log: &str, output: &str, losses: Loss, count: usize) {
    let line = log.lines().find_map(|line| line.strip_prefix(&format!("   - {output}: ")));
    let (lost, of) = match line.map(|line| line.split_once(" of ").unwrap()) {
        Some((lost, of)) => (lost.parse().unwrap(), of.parse().unwrap()),
        None => (0, count),
    };
    let is_right = match losses {
        Loss::All => lost == count,
        Loss::Some => (1..=count).contains(&lost),
        Loss::Nothing => lost == 0,
    };
    assert!(is_right && of == count, "{output} lost {lost} of {of}, not of {count}: {log}");
    if lost > 0 {
        let reported = |line: &str| line.contains(&format!("{output}: ")) && line.contains(" lost since ");
        assert!(log.lines().any(reported), "{output}: {log}");
    }
}

fn check_each(fault: Fault) {
    std::thread::scope(|scope| {
        scope.spawn(|| check(fault, "plain", PLAIN));
        scope.spawn(|| check(fault, "encrypted", ENCRYPTED));
    });
}

#[test]
fn all_outputs_stall() {
    check_each(Stall);
}

#[test]
fn the_receivers_of_all_outputs_are_killed() {
    check_each(Kill);
}

#[test]
fn all_outputs_are_refused() {
    check_each(Refuse);
}

#[test]
fn all_outputs_get_garbage() {
    check_each(Garbage);
}

/// Opens of the watched file in a live capture in which no output but one takes alerts.
#[cfg(feature = "live")]
const OPENS: usize = 3000;

#[cfg(feature = "live")]
#[test]
fn a_live_capture_continues_while_all_outputs_except_one_stall() {
    let _turn = eyas_testing::live_turn();
    let dir = Dir::new("faults-live");
    let (witness, fifo) = (dir.join("witness"), dir.fifo("fifo"));
    let [early, watched] = ["early", "watched"].map(|name| dir.write(name, ""));
    let paths = [&early, &watched].map(|path| path.display().to_string());
    let condition = format!("evt.type in (open, openat) and fd.name in ({})", paths.join(", "));
    // More than a pipe holds.
    let output = format!("%fd.name {}", "x".repeat(200));
    let rule = format!(
        "- {{rule: opened, desc: d, condition: '{condition}', output: '{output}', priority: INFO}}\n"
    );
    let rules = dir.write("rules.yaml", rule);
    let mut options = servers(Stall, &dir, PLAIN);
    options.extend([
        "output_timeout=1000".to_owned(),
        "file_output.enabled=true".to_owned(),
        format!("file_output.filename={}", fifo.display()),
        "program_output.enabled=true".to_owned(),
        "program_output.keep_alive=true".to_owned(),
        format!("program_output.program=exec cat >> {}", witness.display()),
    ]);
    let mut falco = with_log(Stall, &dir, &options);
    falco.arg("-r").arg(rules).stdin(Stdio::null()).stdout(stdout(Stall)).stderr(Stdio::piped());
    let mut child = falco.spawn().unwrap();
    let reader = child.stdout.take();
    let count = |part: &str| std::fs::read_to_string(&witness).unwrap_or_default().matches(part).count();
    let wait_until = |what: &str, is_so: &mut dyn FnMut() -> bool| {
        let until = Instant::now() + SOON;
        while !is_so() {
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait_until("no alert", &mut || {
        drop(File::open(&early).unwrap());
        count("/early ") > 0
    });
    // All others are stuck long before the last alert.
    for _ in 0..OPENS {
        drop(File::open(&watched).unwrap());
    }
    wait_until("alerts are missing", &mut || count("/watched ") >= OPENS);
    assert_eq!(count("/watched "), OPENS);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    // The program would be killed, with an error, if it did not end in time.
    assert!(child.wait().unwrap().success() && !log.contains("panicked"), "{log}");
    drop(reader);
    let all = std::fs::read_to_string(&witness).unwrap().lines().count();
    let has_log = has_log();
    let others = TABLE.iter().filter(|(output, _)| has_log || *output != "syslog_output");
    let others = others.filter(|(output, _)| *output != "program_output");
    for (output, losses) in
        others.map(|(output, losses)| (*output, losses[0])).chain([("file_output", Loss::All)])
    {
        check_losses(&log, output, losses, all);
    }
    check_losses(&log, "program_output", Loss::Nothing, all);
}

/// While falco opens outputs again, a working server, program, files and standard output get each alert once.
#[test]
fn outputs_that_are_opened_again_have_each_alert_once() {
    let dir = Dir::new("faults-rotation");
    let (file, by_program) = (dir.join("alerts"), dir.join("by-program"));
    let options = [
        "file_output.enabled=true".to_owned(),
        "file_output.keep_alive=true".to_owned(),
        format!("file_output.filename={}", file.display()),
        "program_output.enabled=true".to_owned(),
        "program_output.keep_alive=true".to_owned(),
        format!("program_output.program=cat >> {}", by_program.display()),
    ];
    let rules = rules(&dir);
    let mut args = vec!["-c", "/dev/null", "-r", &rules, "-e", "-"];
    options.iter().for_each(|option| args.extend(["-o", option]));
    let mut run = Run::start(&args);
    let pieces = demo_pieces();
    let mut old = Vec::new();
    let rounds = 4;
    for (round, pieces) in pieces.chunks(pieces.len().div_ceil(rounds)).enumerate() {
        run.feed(pieces);
        let until = Instant::now() + SOON;
        while std::fs::read(&file).unwrap_or_default().is_empty() {
            assert!(Instant::now() < until, "no alert");
            std::thread::sleep(Duration::from_millis(5));
        }
        if round + 1 < rounds {
            let moved = dir.join(format!("alerts.{round}"));
            std::fs::rename(&file, &moved).unwrap();
            run.signal(Signal::USR1);
            run.wait_for("SIGUSR1 received, reopening outputs...");
            old.push(moved);
        }
    }
    let (out, log) = run.end();
    assert!(!log.contains(" lost since "), "{log}");
    let text: String = old.iter().chain([&file]).map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let by_program = std::fs::read_to_string(by_program).unwrap();
    for (output, text) in [("file", &text), ("program", &by_program), ("stdout", &out)] {
        assert_eq!(numbers(text), all_numbers(), "{output}");
    }
    let last = numbers(&std::fs::read_to_string(&file).unwrap());
    assert!(!last.is_empty() && last.len() < all_numbers().len(), "{}", last.len());
}

/// With the seccomp filter, which is off if a program is an output.
#[test]
fn the_seccomp_filter_allows_all_outputs() {
    let dir = Dir::new("faults-none");
    let ((http, requests), (otlp, exports)) = (server::server(), server::server());
    let mut options = vec![
        "file_output.enabled=true".to_owned(),
        format!("file_output.filename={}", dir.join("alerts").display()),
        "http_output.enabled=true".to_owned(),
        format!("http_output.url=http://{http}/"),
        "otlp_output.enabled=true".to_owned(),
        format!("otlp_output.endpoint=http://{otlp}/v1/logs"),
    ];
    #[cfg(feature = "kafka")]
    let records = {
        let (address, records) = broker::broker(&[broker::TOPIC], &[]);
        options.push("kafka_output.enabled=true".to_owned());
        options.push(format!("kafka_output.brokers=[{address}]"));
        options.push(format!("kafka_output.topic={}", broker::TOPIC));
        records
    };
    let mut falco = with_log(Garbage, &dir, &options);
    falco.args(PATIENT).args(["-r", &rules(&dir), "-e"]).arg(demo());
    let out = falco.output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && !log.contains("keeps all privileges"), "{log}");
    assert!(!log.contains("Lost by outputs") && !log.contains(" lost since "), "{log}");
    let count = all_numbers().len();
    assert_eq!(numbers(&String::from_utf8(out.stdout).unwrap()), all_numbers());
    assert_eq!(numbers(&std::fs::read_to_string(dir.join("alerts")).unwrap()), all_numbers());
    assert_eq!(requests.load(Ordering::Relaxed), count as u64);
    assert!((1..count as u64).contains(&exports.load(Ordering::Relaxed)), "batches");
    #[cfg(feature = "kafka")]
    assert_eq!(records.try_iter().map(|(_, values)| values.len()).sum::<usize>(), count);
}

/// The faults of a file; standard output must have all alerts.
#[test]
fn a_file_that_fails_in_any_way_does_not_stop_detection() {
    let dir = Dir::new("faults-file");
    let (fifo, rules) = (dir.fifo("fifo"), rules(&dir));
    for (file, reads, reason) in [
        (Path::new("/dev/full"), false, "disk full (/dev/full)"),
        (&fifo, false, "not delivered within 300 ms"),
        (&fifo, true, "lost since"),
    ] {
        // Reads a little, and closes the FIFO.
        let reader = reads.then(|| {
            let fifo = fifo.clone();
            std::thread::spawn(move || drop(File::open(fifo).unwrap().read(&mut [0; 1000])))
        });
        let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
        falco.env("TZ", "UTC").args(["-c", "/dev/null", "-r", &rules, "-e", "-"]);
        for option in ["output_timeout=300", "file_output.enabled=true"] {
            falco.args(["-o", option]);
        }
        let mut run = Run::of(falco.arg("-o").arg(format!("file_output.filename={}", file.display())));
        feed_numbered(&mut run.stdin.take().unwrap(), usize::MAX, || run.output(last_number));
        let (status, out, log) = run.wait();
        assert_eq!(status.code(), Some(1), "{log}");
        assert_eq!(numbers(&out), all_numbers(), "{log}");
        let line = log.lines().find(|line| line.contains("file_output: ") && line.contains(" lost since "));
        assert!(line.is_some_and(|line| line.contains(reason)), "{reason}: {log}");
        let of = format!(" of {}", all_numbers().len());
        assert!(
            log.lines().any(|line| line.starts_with("   - file_output: ") && line.ends_with(&of)),
            "{log}"
        );
        drop(reader.map(std::thread::JoinHandle::join));
    }
}

/// Runs the program under a limit of the system.
fn under(limit: &str, options: &[&str]) -> std::process::Output {
    let falco = env!("CARGO_BIN_EXE_falco");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\""), falco, "-c", "/dev/null"]);
    shell.args(PATIENT).args(options).arg("-e").arg(demo()).output().unwrap()
}

#[test]
fn a_file_that_reaches_the_size_limit_does_not_stop_detection() {
    let dir = Dir::new("faults-limit");
    let rules = rules(&dir);
    let file = format!("file_output.filename={}", dir.join("alerts").display());
    let out = under("-f 0", &["-r", &rules, "-o", "file_output.enabled=true", "-o", &file]);
    let log = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{log}");
    assert_eq!(numbers(&String::from_utf8(out.stdout).unwrap()), all_numbers(), "{log}");
    assert!(log.contains(&format!("   - file_output: {0} of {0}", all_numbers().len())), "{log}");
}

#[test]
fn too_few_files_are_an_error_that_names_the_limit() {
    let dir = Dir::new("faults-files");
    let out = under("-n 4", &["-r", &rules(&dir)]);
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && log.contains("raise the limit, with `ulimit -n`"), "{log}");
}

/// Names of standard output as `file_output.filename`: the output appends to what standard output writes.
const STDOUT: [&str; 4] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1"];

fn written_twice(out: &str) {
    let mut twice = [all_numbers(), all_numbers()].concat();
    twice.sort_unstable();
    let mut written = numbers(out);
    written.sort_unstable();
    assert_eq!(written, twice, "{out}");
}

fn to_file(dir: &Dir, name: &Path) -> Command {
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco
        .env("TZ", "UTC")
        .args(["-c", "/dev/null"])
        .args(PATIENT)
        .args(["-r", &rules(dir), "-e"])
        .arg(demo());
    falco.args(["-o", "file_output.enabled=true", "-o"]);
    falco.arg(format!("file_output.filename={}", name.display()));
    falco
}

#[test]
fn a_file_that_is_standard_output_overwrites_nothing() {
    let dir = Dir::new("faults-stdout");
    let (link, out) = (dir.join("link"), dir.join("out"));
    std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
    for name in STDOUT.map(Path::new).iter().chain([&&*link, &&*out]) {
        let status = to_file(&dir, name).stdout(File::create(&out).unwrap()).status().unwrap();
        assert!(status.success(), "{}", name.display());
        written_twice(&std::fs::read_to_string(&out).unwrap());
    }
    let both = File::create(&out).unwrap();
    let mut falco = to_file(&dir, Path::new("/dev/stderr"));
    assert!(falco.stdout(both.try_clone().unwrap()).stderr(both).status().unwrap().success());
    written_twice(&std::fs::read_to_string(&out).unwrap());
}

#[test]
fn a_file_that_is_standard_output_may_be_a_pipe_or_a_socket() {
    let dir = Dir::new("faults-socket");
    for name in STDOUT.map(Path::new) {
        let (mut reader, socket) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut child = to_file(&dir, name).stdout(std::os::fd::OwnedFd::from(socket)).spawn().unwrap();
        let mut out = String::new();
        reader.read_to_string(&mut out).unwrap();
        assert!(child.wait().unwrap().success(), "{}", name.display());
        written_twice(&out);
        let piped = to_file(&dir, name).output().unwrap();
        assert!(piped.status.success(), "{}", name.display());
        written_twice(&String::from_utf8(piped.stdout).unwrap());
    }
}

#[test]
fn descriptors_of_falco_itself_are_no_files() {
    let dir = Dir::new("faults-descriptor");
    let under = |redirections: &str, falco: &Command| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec \"$0\" \"$@\" {redirections}")]).env("OUT", dir.join("out"));
        shell.arg(falco.get_program()).args(falco.get_args()).output().unwrap()
    };
    let closed: String = (3..10).map(|number| format!(" {number}>&-")).collect();
    for number in 3..10 {
        let out = under(&closed, &to_file(&dir, Path::new(&format!("/dev/fd/{number}"))));
        let log = String::from_utf8_lossy(&out.stderr);
        let want =
            format!("can't open /dev/fd/{number}: falco was not started with a file descriptor {number}");
        assert!(out.status.code() == Some(1) && log.contains(&want), "{log}");
    }
    assert!(under("7>\"$OUT\"", &to_file(&dir, Path::new("/dev/fd/7"))).status.success());
    assert_eq!(numbers(&std::fs::read_to_string(dir.join("out")).unwrap()), all_numbers());
}

#[test]
fn too_few_threads_are_an_error_that_names_the_limit() {
    eyas_testing::need_root();
    let dir = Dir::new("faults-threads");
    // The limit does not hold for root.
    let falco = dir.join("falco");
    std::fs::copy(env!("CARGO_BIN_EXE_falco"), &falco).unwrap();
    std::fs::copy(demo(), dir.join("demo.scap.gz")).unwrap();
    let rules = rules(&dir);
    for more in [&[][..], &["--threads", "4"]] {
        for limit in 1..12 {
            let mut prlimit = Command::new("prlimit");
            prlimit.args([&format!("--nproc={limit}"), "--"]).arg(&falco);
            prlimit.args(["-c", "/dev/null", "-r", &rules, "-e"]).arg(dir.join("demo.scap.gz")).args(more);
            let out = std::os::unix::process::CommandExt::uid(&mut prlimit, 65_534).output().unwrap();
            let log = String::from_utf8_lossy(&out.stderr);
            let is_refused = out.status.code() == Some(1) && log.contains("raise the limit of threads");
            assert!(is_refused || out.status.success(), "{limit} {:?}: {log}", out.status);
        }
    }
}

#[test]
fn a_fifo_as_standard_output_waits_for_its_next_reader() {
    let dir = Dir::new("faults-reader");
    let fifo = dir.fifo("fifo");
    let reader = File::options().read(true).write(true).open(&fifo).unwrap();
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.env("TZ", "UTC").args(["-c", "/dev/null"]).args(PATIENT).args(["-r", &rules(&dir)]);
    // Alerts without a capture.
    for option in [
        "engine.kind=nodriver",
        "metrics.enabled=true",
        "metrics.interval=100ms",
        "metrics.output_rule=true",
        "output_timeout=300",
    ] {
        falco.args(["-o", option]);
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" >\"$OUT\""]).env("OUT", &fifo);
    let mut run = Run::of(shell.arg(falco.get_program()).args(falco.get_args()));
    let mut first = String::new();
    BufReader::new(reader).read_line(&mut first).unwrap();
    assert!(first.contains("Falco metrics snapshot"), "{first}");
    run.wait_for("the FIFO has lost its reader");
    assert!(run.child.try_wait().unwrap().is_none());
    // The FIFO may contain the rest of a line for the first reader.
    let next = BufReader::new(File::open(&fifo).unwrap()).lines().map(Result::unwrap);
    assert!(next.skip(1).any(|line| line.contains("Falco metrics snapshot") && line.ends_with(')')));
    run.signal(Signal::TERM);
    let (status, _, log) = run.wait();
    assert!(status.success() && log.contains("the FIFO has lost its reader"), "{log}");
}

#[test]
fn a_time_zone_without_end_is_an_error() {
    let dir = Dir::new("faults-zone");
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.args(["-c", "/dev/null", "-r", &rules(&dir), "-e"]).arg(demo()).env("TZ", ":/dev/zero");
    let out = falco.output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert_eq!(
        (out.status.code(), &*log),
        (
            Some(1),
            "Error: the environment variable TZ names /dev/zero, which is not a time zone file: set TZ=UTC\n"
        )
    );
}
