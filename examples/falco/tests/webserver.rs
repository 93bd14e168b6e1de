//! The web server: its pages, and malicious clients.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Dir, Run, connect, falco, get, root, say};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

mod common;

const LISTEN: [&str; 3] =
    ["webserver.enabled=true", "webserver.listen_address=127.0.0.1", "webserver.listen_port=0"];

fn serving(options: &[&str]) -> (Run, u16) {
    let mut running = Run::of(falco(&[&LISTEN, options].concat()).args(["-e", "-"]));
    let port = running.port();
    (running, port)
}

fn demo() -> Vec<u8> {
    std::fs::read(root().join("demo/demo.scap.gz")).unwrap()
}

#[test]
fn pages_are_there_while_a_replay_lasts() {
    let (mut falco, port) = serving(&[]);
    for _ in 0..3 {
        let (head, body) = get(port, "/healthz");
        assert!(
            head.starts_with("http/1.1 200 ok\r\n") && head.contains("content-type: application/json"),
            "{head}"
        );
        assert_eq!(body, r#"{"status": "ok"}"#);
    }
    let (head, body) = get(port, "/versions");
    assert!(head.contains("content-type: application/json"), "{head}");
    let versions: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(versions["engine_version_semver"], "0.62.0");
    let keys: Vec<&str> = versions.as_object().unwrap().keys().map(String::as_str).collect();
    let want = [
        "default_driver_version",
        "driver_api_version",
        "driver_schema_version",
        "engine_version",
        "engine_version_semver",
        "falco_version",
        "libs_version",
        "plugin_api_version",
    ];
    assert_eq!(keys, want);

    for (request, want) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "http/1.1 404"),
        ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "http/1.1 404"),
        ("GET /healthz/../versions HTTP/1.1\r\nHost: x\r\n\r\n", "http/1.1 404"),
        ("POST /healthz HTTP/1.1\r\nHost: x\r\ncontent-length: 3\r\n\r\nabc", "http/1.1 405"),
        ("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "http/1.1 200"),
        ("GET /healthz?x HTTP/1.0\r\n\r\n", "http/1.0 200"),
        ("nonsense\r\n\r\n", "http/1.1 400"),
    ] {
        let (head, _) = say(connect(port), request);
        assert!(head.starts_with(want), "{request}: {head}");
    }

    falco.stdin.as_mut().unwrap().write_all(&demo()).unwrap();
    let (status, output, log) = falco.finish();
    assert!(status.success(), "{log}");
    assert!(output.contains("\nEvents detected: 6\n"), "{output}");
}

#[test]
fn a_client_that_closes_its_side_gets_its_reply() {
    let (falco, port) = serving(&[]);
    for _ in 0..20 {
        let mut stream = connect(port);
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 OK") && reply.ends_with(r#"{"status": "ok"}"#), "{reply:?}");
    }
    let _ = falco.finish();
}

#[test]
fn the_health_page_may_be_elsewhere() {
    let (falco, port) = serving(&["webserver.k8s_healthz_endpoint=/livez"]);
    assert!(get(port, "/livez").0.starts_with("http/1.1 200"));
    assert!(get(port, "/healthz").0.starts_with("http/1.1 404"));
    let _ = falco.finish();
}

#[test]
fn slow_or_many_clients_do_not_block_others() {
    let (mut falco, port) = serving(&[]);
    // Too many clients at once: some send nothing, some a part of a request, some never read.
    let flood = || {
        let mut slow: Vec<_> = (0..100).map(|_| connect(port)).collect();
        for (n, stream) in slow.iter_mut().enumerate() {
            let part =
                ["", "GET /healthz HTTP/1.1\r\nX-Slow: ", "GET /versions HTTP/1.1\r\nHost: x\r\n\r\n"][n % 3];
            // The server has closed the oldest connections already.
            let _ = stream.write_all(part.as_bytes());
        }
        slow
    };
    // After 10 s the server closes connections of slow clients anyway. A busy machine has three attempts to be faster.
    let mut slow = Vec::new();
    let is_fast = (0..3).any(|_| {
        slow = flood();
        let began = Instant::now();
        for _ in 0..20 {
            assert!(get(port, "/healthz").0.starts_with("http/1.1 200"));
        }
        began.elapsed() < Duration::from_secs(5)
    });
    assert!(is_fast, "slow clients keep the others out");
    // The server refuses an endless head, and closes idle connections after a while.
    let endless = format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(1 << 20));
    let mut stream = connect(port);
    let _ = stream.write_all(endless.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    let mut last = slow.pop().unwrap();
    // The client waits for the end no longer than `SOON`.
    assert!(!matches!(last.read_to_end(&mut answer), Err(error) if error.kind() == ErrorKind::WouldBlock));
    // Meanwhile, detection continues.
    falco.stdin.as_mut().unwrap().write_all(&demo()).unwrap();
    let (status, output, log) = falco.finish();
    assert!(status.success() && output.contains("\nEvents detected: 6\n"), "{output}{log}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let port = format!("webserver.listen_port={}", address.port());
    let want = format!("webserver: can't listen on {address}: Address already in use");
    // A replay needs no web server.
    let options = [LISTEN[0], LISTEN[1], &port];
    let out = falco(&options).arg("-e").arg(root().join("demo/demo.scap.gz")).output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && log.contains(&want), "{log}");
    assert!(
        log.contains("set webserver.listen_port to another port") && log.contains("continues without"),
        "{log}"
    );
    assert!(String::from_utf8_lossy(&out.stdout).contains("\nEvents detected: 6\n"));
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    for (options, want) in [
        (
            &["webserver.listen_address=localhost"][..],
            "webserver listen address \"localhost\" is not a valid IP address",
        ),
        (&["webserver.listen_port=70000"], "Error: webserver.listen_port is 70000: expected 0 to 65535"),
        (
            &["webserver.k8s_healthz_endpoint=healthz"],
            "Error: webserver.k8s_healthz_endpoint is `healthz`: expected a path",
        ),
        (
            &["webserver.listen_address=192.0.2.1"],
            "set webserver.listen_address to an address of this machine",
        ),
        (
            &["webserver.ssl_enabled=true", "webserver.ssl_certificate=/nonexistent"],
            "webserver.ssl_certificate: can't read /nonexistent",
        ),
        (
            &["webserver.ssl_enabled=true", "webserver.ssl_certificate=/dev/null"],
            "/dev/null contains no certificate",
        ),
    ] {
        let out = falco(&[&LISTEN, options].concat())
            .arg("-e")
            .arg(root().join("demo/demo.scap.gz"))
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&out.stderr);
        assert!(log.contains(want), "{want}: {log}");
    }
}

#[test]
fn pages_may_be_encrypted() {
    let dir = Dir::new("webserver-tls");
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let file = dir.join("falco.pem");
    std::fs::write(&file, signed.cert.pem() + &signed.signing_key.serialize_pem()).unwrap();
    let (falco, port) =
        serving(&["webserver.ssl_enabled=true", &format!("webserver.ssl_certificate={}", file.display())]);
    let mut roots = RootCertStore::empty();
    roots.add(signed.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A client without TLS, in between.
    let _ = say(connect(port), "GET /healthz HTTP/1.1\r\n\r\n");
    let tls = ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").unwrap()).unwrap();
    let (head, body) = say(StreamOwned::new(tls, connect(port)), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, r#"{"status": "ok"}"#);
    let _ = falco.finish();
}
