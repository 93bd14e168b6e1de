//! TCP with mutual TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use eyas_testing::test;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity as Pem};

use super::certificates::{Authority, Identity, text};
use super::client::{Client, next};
use super::common::{Dir, Run, SOON, demo_pieces, falco};

/// The keys of the configuration that name files.
pub fn files(server: &Identity, clients: &Authority) -> [String; 3] {
    let key = |name: &str, path: &Path| format!("grpc.{name}={}", path.display());
    [key("cert_chain", &server.cert), key("private_key", &server.key), key("root_certs", &clients.file)]
}

fn connect(port: &str, server: &Authority, client: Option<&Identity>) -> Result<Client, String> {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(text(&server.file)));
    if let Some(Identity { cert, key }) = client {
        tls = tls.identity(Pem::from_pem(text(cert), text(key)));
    }
    let endpoint =
        Endpoint::from_shared(format!("https://127.0.0.1:{port}")).unwrap().tls_config(tls).unwrap();
    Client::connect(endpoint).map_err(|error| format!("{error:?}"))
}

#[test]
fn clients_with_a_certificate_are_served_and_others_refused() {
    let dir = Dir::new("grpc-tls");
    let (ours, theirs) = (Authority::new(&dir, "ours"), Authority::new(&dir, "theirs"));
    let server = ours.sign(&dir, "127.0.0.1");
    let [chain, key, roots] = files(&server, &ours);
    let options = ["grpc.enabled=true", "grpc.bind_address=127.0.0.1:0", &chain, &key, &roots];
    let mut run = Run::of(falco(&options).args(["-e", "-"]));
    let address = run.wait_for("Starting gRPC server at ");
    let port = address.rsplit_once(':').unwrap().1.to_owned();

    let client = connect(&port, &ours, Some(&ours.sign(&dir, "client"))).unwrap();
    let mut stream = client.sub().unwrap();
    assert!(client.version().unwrap().version.starts_with("0.44.1"));

    let refused = |client: Result<Client, String>| match client {
        Err(_) => {}
        // With TLS 1.3, the first call of a client fails.
        Ok(client) => drop(client.version().map(|version| panic!("{version:?}")).unwrap_err()),
    };
    refused(connect(&port, &ours, Some(&theirs.sign(&dir, "stranger"))));
    let why = run.wait_for(" is refused: ");
    assert!(why.contains("certificate"), "{why}");
    refused(connect(&port, &ours, None));
    // A client that does not trust the server does not connect.
    assert!(connect(&port, &theirs, Some(&ours.sign(&dir, "careful"))).is_err());
    // A client without TLS, and one that sends nothing.
    let mut plain = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
    plain.set_read_timeout(Some(SOON)).unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    let _silent = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();

    run.feed(&demo_pieces());
    let alerts: Vec<_> = (0..6).map(|_| next(&client, &mut stream).unwrap().output).collect();
    let (out, log) = run.end();
    assert_eq!(alerts, out.lines().take(6).collect::<Vec<_>>());
    assert_eq!(next(&client, &mut stream), None);
    assert_eq!(log.matches(" is refused: ").count(), 1, "said once a minute: {log}");
}

#[test]
fn many_idle_connections_do_not_block_other_clients() {
    let dir = Dir::new("grpc-many");
    let ours = Authority::new(&dir, "ours");
    let [chain, key, roots] = files(&ours.sign(&dir, "127.0.0.1"), &ours);
    let options = ["grpc.enabled=true", "grpc.bind_address=127.0.0.1:0", &chain, &key, &roots];
    let mut run = Run::of(falco(&options).args(["-e", "-"]));
    let address = run.wait_for("Starting gRPC server at ");
    let port = address.rsplit_once(':').unwrap().1.to_owned();
    // Too many clients at once: they send nothing, or a part of a handshake.
    let strangers: Vec<_> = (0..200)
        .map(|number| {
            let mut stream = TcpStream::connect(&address).unwrap();
            if number % 2 == 0 {
                stream.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
            }
            stream
        })
        .collect();
    let client = connect(&port, &ours, Some(&ours.sign(&dir, "client"))).unwrap();
    assert!(client.version().is_ok() && client.get().unwrap().is_empty());
    drop(strangers);
    run.feed(&demo_pieces());
    let (_, log) = run.end();
    assert!(!log.contains("connections already"), "{log}");
}

#[test]
fn unusable_certificates_are_named() {
    let dir = Dir::new("grpc-files");
    let authority = Authority::new(&dir, "ours");
    let (server, other) = (authority.sign(&dir, "127.0.0.1"), authority.sign(&dir, "other"));
    let [chain, key, roots] = files(&server, &authority);
    let [_, wrong_key, _] = files(&other, &authority);
    let notes = format!("grpc.root_certs={}", dir.write("notes.txt", "no certificate").display());
    for (options, want) in [
        (vec![], "Error: grpc.cert_chain: can't read /etc/falco/certs/server.crt"),
        (
            vec![&chain[..], "grpc.private_key=/nonexistent", &roots],
            "Error: grpc.private_key: can't read /nonexistent",
        ),
        (vec![&chain, &key, &notes], "notes.txt contains no certificate"),
        (vec![&chain, &wrong_key, &roots], "other.key"),
        (
            vec!["grpc.bind_address=here"],
            "grpc.bind_address is `here`: expected unix:///PATH/OF/SOCKET or HOST:PORT",
        ),
    ] {
        let base = ["engine.kind=nodriver", "grpc.enabled=true", "grpc.bind_address=127.0.0.1:0"];
        let out = falco(&[&base[..], &options].concat()).output().unwrap();
        let log = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{want}: {log}");
        assert!(log.contains(want), "{want}: {log}");
    }
}
