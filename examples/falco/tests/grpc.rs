//! The gRPC server: alerts for clients that connect, disconnect, and read slowly.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use client::{Client, Output, next};
use common::{Dir, PATIENT, Run, SOON, WEB, demo_pieces, falco, get};
use eyas_testing::test;
use tonic::{Code, Streaming};

#[path = "grpc/certificates.rs"]
mod certificates;
#[path = "grpc/client.rs"]
mod client;
mod common;
#[path = "grpc/encrypted.rs"]
mod encrypted;
#[path = "grpc/python.rs"]
mod python;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Number of events at the start. Rules do not test all of them.
const FIRST: usize = 100;

/// A rule that every later event matches, with long alerts.
fn rules(dir: &Dir) -> String {
    let text = format!(
        "- rule: Any\n  desc: d\n  condition: evt.num > {FIRST}\n  output: \"%evt.num {}\"\n  priority: INFO\n  tags: [a, b]\n",
        "x".repeat(4000)
    );
    dir.write("any.yaml", &text).display().to_string()
}

/// The program with a server at a socket. It replays its standard input.
struct Serving {
    run: Run,
    pieces: std::vec::IntoIter<Vec<u8>>,
    dir: Dir,
}

impl Serving {
    fn start(name: &str, options: &[&str]) -> Self {
        let dir = Dir::new(&format!("grpc-{name}"));
        let address = format!("grpc.bind_address=unix://{}", dir.join("run/falco.sock").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_falco"));
        command.env("FALCO_HOSTNAME", "vm").env("TZ", "UTC").args(["-c", "/dev/null", "-e", "-"]);
        command.args(PATIENT).args(["-r", &rules(&dir), "-o", "grpc.enabled=true", "-o", &address]);
        for option in options {
            command.args(["-o", option]);
        }
        let mut run = Run::of(&mut command);
        assert_eq!(run.wait_for("Starting gRPC server at "), address["grpc.bind_address=".len()..]);
        let mut pieces = demo_pieces().into_iter();
        run.feed(&pieces.by_ref().take(FIRST + 1).collect::<Vec<_>>());
        Self { run, pieces, dir }
    }

    fn client(&self) -> Client {
        Client::unix(&self.dir.join("run/falco.sock"))
    }

    /// Feeds this number of events; each raises an alert.
    fn events(&mut self, count: usize) {
        let pieces: Vec<_> = self.pieces.by_ref().take(count).collect();
        assert_eq!(pieces.len(), count);
        self.run.feed(&pieces);
    }

    /// Fetches alerts until this number has arrived.
    #[track_caller]
    fn fetch(&self, client: &Client, count: usize) -> Vec<u64> {
        let (until, mut found) = (Instant::now() + SOON, Vec::new());
        while found.len() < count {
            assert!(Instant::now() < until, "{found:?}");
            found.extend(client.get().unwrap().iter().map(number));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(found.len(), count, "{found:?}");
        found
    }
}

/// Number of the event.
fn number(alert: &Output) -> u64 {
    alert.output_fields["evt.num"].parse().unwrap()
}

#[track_caller]
fn numbers(client: &Client, stream: &mut Streaming<Output>, count: usize) -> Vec<u64> {
    (0..count).map(|_| number(&next(client, stream).expect("an alert"))).collect()
}

#[test]
fn get_returns_waiting_alerts_and_ends() {
    let dir = Dir::new("grpc-get");
    let path = dir.join("falco.sock");
    let address = format!("grpc.bind_address=unix://{}", path.display());
    let mut command = falco(&["grpc.enabled=true", &address]);
    let mut run = Run::of(command.args(["-e", "-"]));
    run.wait_for("Starting gRPC server at ");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let client = Client::unix(&path);
    assert!(client.get().unwrap().is_empty());
    run.feed(&demo_pieces());
    let (until, mut alerts) = (Instant::now() + SOON, Vec::new());
    while alerts.len() < 6 {
        assert!(Instant::now() < until, "{alerts:?}");
        alerts.extend(client.get().unwrap());
    }
    assert!(client.get().unwrap().is_empty(), "an alert is fetched once");
    let (out, log) = run.end();
    let lines: Vec<&str> = out.lines().take(6).collect();
    let outputs: Vec<&str> = alerts.iter().map(|alert| alert.output.as_str()).collect();
    assert_eq!(outputs, lines);
    let first = &alerts[0];
    assert_eq!(
        (first.hostname.as_str(), first.source.as_str(), first.source_deprecated),
        ("vm", "syscall", 0)
    );
    assert!(first.output_fields.contains_key("evt.time") && !first.tags.is_empty(), "{first:?}");
    assert!(
        first.output.contains(
            ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice"][first.priority as usize]
        )
    );
    let time = first.time.as_ref().unwrap();
    assert_eq!(first.output_fields["evt.time"], format!("{}{:09}", time.seconds, time.nanos));
    assert!(!path.exists(), "the socket is removed");
    assert!(!log.contains("grpc_output"), "nothing was lost: {log}");
}

#[test]
fn sub_streams_waiting_and_new_alerts_to_each_client() {
    let mut falco = Serving::start("sub", &[]);
    let (one, two) = (falco.client(), falco.client());
    let mut first = one.sub().unwrap();
    let mut second = two.sub().unwrap();
    falco.events(3);
    assert_eq!(numbers(&one, &mut first, 3), numbers(&two, &mut second, 3));
    assert!(one.get().unwrap().is_empty(), "subscribers have these alerts");
    // Later requests change nothing, and are not necessary.
    one.ask_again();
    falco.events(1);
    let last = numbers(&one, &mut first, 1);
    assert_eq!(last, numbers(&two, &mut second, 1));
    // One subscriber leaves, and then the other.
    drop((first, one));
    falco.events(2);
    assert_eq!(numbers(&two, &mut second, 2), [last[0] + 1, last[0] + 2]);
    drop((second, two));
    let client = falco.client();
    let found = kept_after_clients_have_gone(&mut falco, &client);
    // Waiting alerts arrive first.
    falco.events(1);
    std::thread::sleep(Duration::from_millis(50));
    let mut third = client.sub().unwrap();
    falco.events(1);
    assert_eq!(numbers(&client, &mut third, 2), [found + 1, found + 2]);
    let reader = std::thread::spawn(move || next(&client, &mut third));
    let (_, log) = falco.run.end();
    assert_eq!(reader.join().unwrap(), None, "the end of the program ends the call without an error");
    assert!(log.contains("grpc_output") == log.contains("lost since"), "{log}");
}

/// Feeds events until an alert waits for a client. Returns the number of its event.
fn kept_after_clients_have_gone(falco: &mut Serving, client: &Client) -> u64 {
    let mut pause = Duration::from_millis(20);
    for _ in 0..200 {
        falco.events(1);
        std::thread::sleep(pause);
        pause = pause * 51 / 50;
        if let Some(last) = client.get().unwrap().last() {
            return number(last);
        }
    }
    panic!("the server does not notice that its clients have gone");
}

/// Waits until the server has this number of alerts. Returns how many of them were lost.
#[track_caller]
fn lost_of(port: u16, count: u64) -> u64 {
    let until = Instant::now() + SOON;
    loop {
        let (_, page) = get(port, "/metrics");
        let value = |name: &str| -> u64 {
            let line = page
                .lines()
                .find(|line| !line.starts_with('#') && line.contains("grpc_output") && line.contains(name));
            line.unwrap_or_else(|| panic!("{name}: {page}")).rsplit(' ').next().unwrap().parse().unwrap()
        };
        let (lost, delivered) = (value("lost"), value("delivered"));
        if lost + delivered == count {
            return lost;
        }
        assert!(Instant::now() < until, "{lost} {delivered}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_slow_subscriber_loses_alerts_and_delays_nobody() {
    let options = [&WEB[..], &["outputs_queue.capacity=8"]].concat();
    let mut falco = Serving::start("slow", &options);
    let port = falco.run.port();
    let (slow, fast) = (falco.client(), falco.client());
    let mut stalled = slow.sub().unwrap();
    let mut read = fast.sub().unwrap();
    for _ in 0..200 {
        falco.events(1);
        numbers(&fast, &mut read, 1);
    }
    falco.run.wait_for("grpc_output: ");
    let lost = lost_of(port, 200);
    assert!(lost > 50, "{lost}");
    // The client reads again, and gets the newest alerts.
    let mut last = 0;
    let mut had = 0;
    while had < 200 - lost {
        let now = numbers(&slow, &mut stalled, 1)[0];
        assert!(now > last, "in order");
        (last, had) = (now, had + 1);
    }
    drop((stalled, slow));
    let (_, log) = falco.run.end();
    assert!(log.contains("a subscriber reads too slowly (outputs_queue.capacity) (unix://"), "{log}");
    assert!(log.contains(&format!("read too slowly for {lost} others")), "{log}");
    assert!(log.contains(&format!("grpc_output: {lost} of 200")), "{log}");
}

#[test]
fn unrequested_alerts_are_bounded_and_counted() {
    let options = [&WEB[..], &["outputs_queue.capacity=8", "buffered_outputs=false"]].concat();
    let mut falco = Serving::start("alone", &options);
    let port = falco.run.port();
    falco.events(20);
    falco.run.wait_for("grpc_output: ");
    assert_eq!(lost_of(port, 20), 12);
    let client = falco.client();
    let mut fetched = falco.fetch(&client, 8);
    assert!(fetched.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{fetched:?}");
    let newest = fetched.pop().unwrap();
    falco.events(2);
    assert_eq!(falco.fetch(&client, 2), [newest + 1, newest + 2]);
    falco.events(3);
    let (_, log) = falco.run.end();
    // In one line or, if the test takes long, two.
    assert!(log.contains(" alerts lost since ") && log.contains("no client has requested them"), "{log}");
    assert!(log.contains("grpc_output: 15 of 25"), "{log}");
}

#[test]
fn the_version_is_returned_and_other_methods_are_refused() {
    let falco = Serving::start("version", &["grpc_output.enabled=false", "grpc.threadiness=1"]);
    let client = falco.client();
    let version = client.version().unwrap();
    assert!(version.version.starts_with("0.44.1+"), "{version:?}");
    assert_eq!((version.major, version.minor, version.patch), (0, 44, 1));
    assert_eq!((version.engine_version.as_str(), version.engine_minor), ("0.62.0", 62));
    assert_eq!(client.call("/falco.outputs.service/put").unwrap_err().code(), Code::Unimplemented);
    assert!(client.get().unwrap().is_empty());
    let (_, log) = falco.run.end();
    assert!(log.contains("gRPC server threadiness equals to 1"), "{log}");
}

#[test]
fn malformed_requests_do_not_affect_other_clients() {
    use std::io::{Read, Write};
    let mut falco = Serving::start("garbage", &[]);
    let path = falco.dir.join("run/falco.sock");
    let mut strangers = Vec::new();
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"",
        &[0xff; 4096],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x09\x09",
    ] {
        let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let _ = stream.write_all(bytes);
        strangers.push(stream);
    }
    let client = falco.client();
    falco.events(2);
    falco.fetch(&client, 2);
    let mut answer = Vec::new();
    strangers[0].set_read_timeout(Some(SOON)).unwrap();
    let _ = strangers[0].read_to_end(&mut answer);
    // Too many connections: the server refuses some, and continues to serve the others.
    let more: Vec<_> = (0..80).map(|_| std::os::unix::net::UnixStream::connect(&path).unwrap()).collect();
    falco.run.wait_for("is refused: there are 64 connections already");
    falco.events(1);
    falco.fetch(&client, 1);
    drop(more);
    let _ = falco.run.end();
}

/// The program as a service without events.
fn idle(address: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_falco"));
    command.args(["-c", "/dev/null", "-r"]).arg(common::root().join("demo/rules.yaml"));
    let address = format!("grpc.bind_address=unix://{}", address.display());
    let all = ["engine.kind=nodriver", "grpc.enabled=true", &address];
    for option in all.iter().chain(options) {
        command.args(["-o", option]);
    }
    command
}

#[test]
fn the_socket_of_a_program_that_runs_is_left_alone() {
    let dir = Dir::new("grpc-twice");
    let path = dir.join("falco.sock");
    // A socket of a killed program.
    drop(UnixListener::bind(&path).unwrap());
    let mut run = Run::of(&mut idle(&path, &[]));
    run.wait_for("Starting gRPC server at ");
    let out = idle(&path, &[]).output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{log}");
    assert!(
        log.contains("Error: grpc: another program listens at") && log.contains("grpc.bind_address"),
        "{log}"
    );
    // A replay at the same time needs no server.
    let capture = common::demo();
    let address = format!("grpc.bind_address=unix://{}", path.display());
    let out = falco(&["grpc.enabled=true", &address]).arg("-e").arg(capture).output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && log.contains("the replay continues without"), "{log}");
    assert!(!log.contains("grpc_output"), "{log}");
    assert!(Client::unix(&path).version().is_ok());
    run.stdin.take();
    let _ = run.end();
    assert!(!path.exists());

    let out = idle(Path::new("/dev/null"), &[]).output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && log.contains("/dev/null exists and is not a socket"), "{log}");
}

#[test]
fn a_reload_keeps_the_server_and_its_clients() {
    let dir = Dir::new("grpc-reload");
    let (path, other) = (dir.join("falco.sock"), dir.join("other.sock"));
    let config = |address: &Path, more: &str| {
        let rules = common::root().join("demo/rules.yaml");
        let text = format!(
            "engine: {{kind: nodriver}}\nrules_files: [{}]\ngrpc: {{enabled: true, bind_address: 'unix://{}'}}\n{more}",
            rules.display(),
            address.display()
        );
        dir.write("falco.yaml", &text)
    };
    let file = config(&path, "");
    let mut run = Run::start(&["-c", file.to_str().unwrap()]);
    run.wait_for("Opening 'syscall' source");
    let client = Client::unix(&path);
    let mut stream = client.sub().unwrap();
    config(&other, "");
    run.wait_for("grpc.bind_address has changed; the change takes effect on restart");
    run.wait_for("Reloaded: ");
    assert!(!other.exists() && client.version().is_ok());
    // An internal alert: rules that do not load.
    config(&other, "priority: nonsense\n");
    run.wait_for("Not reloaded");
    let alert = next(&client, &mut stream).unwrap();
    assert_eq!(alert.rule, "Falco internal: hot restart failure");
    assert_eq!((alert.source.as_str(), alert.source_deprecated, alert.priority), ("internal", 2, 2));
    // Without the output, no alert arrives; with it, the server serves the same client again.
    for (more, want) in [("grpc_output: {enabled: false}\n", false), ("grpc_output: {enabled: true}\n", true)]
    {
        config(&path, more);
        run.wait_for("Reloaded: ");
        config(&path, "priority: nonsense\n");
        run.wait_for("Not reloaded");
        if want {
            assert_eq!(next(&client, &mut stream).unwrap().rule, alert.rule);
            assert!(client.get().unwrap().is_empty());
        }
    }
    run.stdin.take();
    let (_, log) = run.end();
    assert!(!log.contains("lost since"), "{log}");
    assert_eq!(next(&client, &mut stream), None);
}
