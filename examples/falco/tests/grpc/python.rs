//! A client with another implementation of gRPC: grpcio, which is C++ with a Python interface.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use eyas_testing::test;
use prost::Message;

use super::certificates::Authority;
use super::client::{Output, Version};
use super::common::{Dir, Run, demo_pieces, falco};
use super::encrypted::files;

fn need_grpcio() {
    let found = Command::new("python3").args(["-c", "import grpc"]).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        eyas_testing::ignore("needs python3 with grpcio");
    }
}

/// Runs the client; returns its lines.
fn python(args: &[&str]) -> (Child, impl Iterator<Item = String> + use<>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grpc/client.py");
    let mut command = Command::new("python3");
    let mut child = command.arg(script).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    (child, lines)
}

fn decode<M: Message + Default>(line: String) -> M {
    let byte = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..line.len()).step_by(2).map(byte).collect();
    M::decode(bytes.as_slice()).unwrap()
}

/// Tests all three methods; `more` are further arguments of the client.
fn check(mut run: Run, target: &str, more: &[&str]) {
    let (mut child, mut lines) = python(&[&["version", target], more].concat());
    let version: Version = decode(lines.next().unwrap());
    assert!(version.version.starts_with("0.44.1+"), "{version:?}");
    assert!(child.wait().unwrap().success());

    let (mut child, lines) = python(&[&["get", target], more].concat());
    assert_eq!(lines.count(), 0);
    assert!(child.wait().unwrap().success());

    let (mut child, mut lines) = python(&[&["sub", target, "6"], more].concat());
    assert_eq!(lines.next().unwrap(), "subscribed");
    run.feed(&demo_pieces());
    let alerts: Vec<String> = lines.map(|line| decode::<Output>(line).output).collect();
    assert!(child.wait().unwrap().success());
    let (out, _) = run.end();
    assert_eq!(alerts, out.lines().take(6).collect::<Vec<_>>());
}

#[test]
fn a_client_of_grpcio_is_served_at_a_socket() {
    need_grpcio();
    let dir = Dir::new("grpc-python");
    let target = format!("unix://{}", dir.join("falco.sock").display());
    let address = format!("grpc.bind_address={target}");
    let mut run = Run::of(falco(&["grpc.enabled=true", &address]).args(["-e", "-"]));
    run.wait_for("Starting gRPC server at ");
    check(run, &target, &[]);
}

#[test]
fn a_client_of_grpcio_is_served_over_tls() {
    need_grpcio();
    let dir = Dir::new("grpc-python-tls");
    let authority = Authority::new(&dir, "ours");
    let [chain, key, roots] = files(&authority.sign(&dir, "127.0.0.1"), &authority);
    let options = ["grpc.enabled=true", "grpc.bind_address=127.0.0.1:0", &chain, &key, &roots];
    let mut run = Run::of(falco(&options).args(["-e", "-"]));
    let target = run.wait_for("Starting gRPC server at ");
    let client = authority.sign(&dir, "client");
    let paths = [&authority.file, &client.cert, &client.key].map(|path| path.display().to_string());
    check(run, &target, &paths.each_ref().map(String::as_str));
}
