//! Alerts over HTTP: delivery, and behaviour when the server is slow, unreachable, or an impostor.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use common::{Dir, PATIENT, Run, demo, demo_pieces, root};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

mod common;

struct Request {
    head: String,
    body: Vec<u8>,
    /// Number of its connection.
    connection: usize,
}

/// Reads requests until the connection ends, and replies to each.
fn serve(stream: impl Read + Write, connection: usize, answer: &str, got: &dyn Fn(Request)) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if !matches!(stream.read_line(&mut line), Ok(1..)) {
                return;
            }
            if line == "\r\n" {
                break;
            }
            line = line.to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head += &line;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        got(Request { head, body, connection });
        let length = answer.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
        let text = answer.replacen("\r\n", &format!("\r\ncontent-length: {length}\r\n"), 1);
        if stream.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// A server with one reply to all requests. The channel gets the requests.
fn server(answer: &'static str, tls: Option<Arc<ServerConfig>>) -> (u16, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, requests) = channel();
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let (send, tls) = (send.clone(), tls.clone());
            std::thread::spawn(move || {
                let got = |request| drop(send.send(request));
                match tls {
                    None => serve(stream, connection, answer, &got),
                    Some(tls) => {
                        let tls = ServerConnection::new(tls).unwrap();
                        serve(StreamOwned::new(tls, stream), connection, answer, &got);
                    }
                }
            });
        }
    });
    (port, requests)
}

/// The program with the demo's rules; the options are of `http_output`, unless they begin with a slash.
fn falco(options: &[&str]) -> Command {
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.env("FALCO_HOSTNAME", "vm").env("TZ", "UTC");
    falco
        .env_remove("http_proxy")
        .env_remove("https_proxy")
        .env_remove("HTTP_PROXY")
        .env_remove("HTTPS_PROXY");
    falco.args(["-c", "/dev/null"]).args(PATIENT).args(["-o", "http_output.enabled=true"]);
    falco.arg("-r").arg(root().join("demo/rules.yaml"));
    for option in options {
        let option = option.strip_prefix('/').map_or_else(|| format!("http_output.{option}"), str::to_owned);
        falco.args(["-o", &option]);
    }
    falco
}

/// Replays the demo.
fn replay(options: &[&str]) -> Output {
    falco(options).arg("-e").arg(demo()).output().unwrap()
}

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn url(scheme: &str, port: u16) -> String {
    format!("url={scheme}://127.0.0.1:{port}/alerts?x=1")
}

#[test]
fn alerts_arrive_as_they_are_in_a_file() {
    let dir = Dir::new("http-same");
    for (json, kind) in [("true", "application/json"), ("false", "text/plain")] {
        let (port, requests) = server(OK, None);
        let file = dir.join(json);
        let out = replay(&[
            &url("http", port),
            "user_agent=tester/1",
            &format!("/json_output={json}"),
            "/file_output.enabled=true",
            &format!("/file_output.filename={}", file.display()),
        ]);
        assert!(out.status.success(), "{}", stderr(&out));
        let requests: Vec<Request> = requests.try_iter().collect();
        assert!(requests.len() > 5);
        let body: Vec<u8> = requests.iter().flat_map(|r| [&r.body[..], b"\n"].concat()).collect();
        assert_eq!(body, std::fs::read(&file).unwrap());
        for request in &requests {
            let head = &request.head;
            assert!(head.starts_with("post /alerts?x=1 http/1.1\r\n"), "{head}");
            for line in [format!("content-type: {kind}\r\n"), "user-agent: tester/1\r\n".into()] {
                assert!(head.contains(&line), "{head}");
            }
            assert_eq!(request.connection, 0, "one connection is used for all");
        }
    }
}

#[test]
fn a_server_that_never_answers_neither_stops_nor_slows_a_replay() {
    // Each alert ends with the number of its event.
    let numbered = "/append_output=[{extra_output: ' #%evt.num'}]";
    let plain = String::from_utf8(replay(&["enabled=false", numbered]).stdout).unwrap();
    let number = |line: &str| line.rsplit_once('#')?.1.parse::<usize>().ok();
    // The program does not accept connections, but the kernel does.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let options = [&url("http", port), numbered, "/output_timeout=500", "/outputs_queue.capacity=2"];
    let mut run = Run::of(falco(&options).args(["-e", "-"]));
    // The queue of standard output is as short. It has the time to take each alert.
    let (pieces, mut fed) = (demo_pieces(), 0);
    for number in plain.lines().filter_map(number) {
        run.feed(&pieces[fed..=number]);
        fed = number + 1;
        run.wait_for_output(|out| out.contains(&format!("#{number}\n")));
    }
    run.feed(&pieces[fed..]);
    let (out, text) = run.end();
    assert_eq!(out, plain, "other outputs have all alerts");
    assert!(text.contains("http_output: 6 alerts lost since "), "{text}");
    assert!(
        text.contains(": 4, its queue is full (outputs_queue.capacity); 2, not delivered within 500 ms"),
        "{text}"
    );
    assert!(text.contains(&format!(" (http://127.0.0.1:{port}/alerts?x=1)\n")), "{text}");
    assert!(text.ends_with("\nLost by outputs:\n   - http_output: 6 of 6"), "{text}");
}

#[test]
fn an_unreachable_server_is_reported_once() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let out = replay(&[&url("http", port)]);
    assert!(out.status.success());
    let text = stderr(&out);
    let lines: Vec<&str> =
        text.lines().filter(|line| line.contains("http_output: ") && line.contains("since")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    let place = format!("(http://127.0.0.1:{port}/alerts?x=1)");
    assert!(lines[0].contains("http_output: 6 alerts lost since ") && lines[0].ends_with(&place), "{text}");
    assert!(lines[0].contains("Connection refused"), "{text}");
}

#[test]
fn the_status_and_the_body_of_responses_are_used() {
    let (port, requests) = server("HTTP/1.1 503 Busy\r\n\r\n", None);
    let text = stderr(&replay(&[&url("http", port)]));
    assert!(text.contains("the server returns 503"), "{text}");
    assert_eq!(requests.try_iter().count(), 6, "each alert is tried");

    let (port, _requests) = server("HTTP/1.1 200 OK\r\n\r\nthank you\n", None);
    let out = replay(&[&url("http", port), "echo=true", "/stdout_output.enabled=false"]);
    assert_eq!(String::from_utf8_lossy(&out.stdout).matches("thank you\n").count(), 6);
    let out = replay(&[&url("http", port), "/stdout_output.enabled=false"]);
    assert!(!String::from_utf8_lossy(&out.stdout).contains("thank you"));

    let (port, _requests) = server("HTTP/1.1 200 OK\r\n\r\n\x1b]0;owned\x07\u{202e} one\r\n\ttwo\n", None);
    let out = replay(&[&url("http", port), "echo=true", "/stdout_output.enabled=false"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(text.matches("\\u001b]0;owned\\u0007\\u202e one\n\ttwo\n").count(), 6, "{text:?}");
}

#[test]
fn a_server_of_another_kind_is_reported_with_advice() {
    for (answer, want) in [
        ("garbage\r\n\r\n", "the response is not HTTP ("),
        ("garbage\r\n\r\n", "; does the server speak HTTP at this port?"),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://u:secret@other/x\r\ncontent-length: 0\r\n\r\n",
            "the server returns 302 and redirects to http://other/x: alerts are not redirected, use that URL",
        ),
    ] {
        let (port, _requests) = server(answer, None);
        let text = stderr(&replay(&[&url("http", port)]));
        assert!(text.contains(want) && !text.contains("secret"), "{want}: {text}");
    }
}

#[test]
fn compressed_alerts_are_the_same() {
    let inflate = |body: &[u8]| {
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(body).read_to_end(&mut text).unwrap();
        text
    };
    let (port, requests) = server(OK, None);
    replay(&[&url("http", port)]);
    let plain: Vec<Vec<u8>> = requests.try_iter().map(|request| request.body).collect();
    let (port, requests) = server(OK, None);
    replay(&[&url("http", port), "compress_uploads=true"]);
    let requests: Vec<Request> = requests.try_iter().collect();
    assert!(requests.iter().all(|request| request.head.contains("content-encoding: gzip\r\n")));
    assert_eq!(requests.iter().map(|request| inflate(&request.body)).collect::<Vec<_>>(), plain);
    // A server that refuses the encoding gets uncompressed alerts.
    let (port, requests) = server("HTTP/1.1 415 No\r\n\r\n", None);
    let text = stderr(&replay(&[&url("http", port), "compress_uploads=true"]));
    let bodies: Vec<Vec<u8>> = requests.try_iter().map(|request| request.body).collect();
    assert_eq!(inflate(&bodies[0]), plain[0]);
    assert_eq!(bodies[1..], plain[..]);
    assert!(text.contains("returns 415 for a compressed alert"), "{text}");
}

/// A certificate and its key.
struct Identity {
    cert: rcgen::Certificate,
    key: KeyPair,
}

fn signed_by(ca: &CertifiedIssuer<'_, KeyPair>, name: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let cert = params.signed_by(&key, ca).unwrap();
    Identity { cert, key }
}

fn server_config(identity: &Identity, client_ca: Option<&CertificateDer<'_>>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(ca.clone().into_owned()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::Pkcs8(identity.key.serialize_der().into());
    Arc::new(builder.with_single_cert(vec![identity.cert.der().clone()], key).unwrap())
}

#[test]
fn encrypted_alerts_go_only_to_a_verified_server() {
    let dir = Dir::new("http-tls");
    let put = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name).display().to_string()
    };
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "a test's");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let at = signed_by(&ca, "127.0.0.1");
    let client = signed_by(&ca, "falco");
    let ca_file = put("ca.pem", &ca.pem());
    put("notes.txt", "no certificate");
    let cert = put("client.crt", &client.cert.pem());
    let key = put("client.key", &client.key.serialize_pem());
    let (ca_cert, cert, key) =
        (format!("ca_cert={ca_file}"), format!("client_cert={cert}"), format!("client_key={key}"));

    let config = server_config(&at, None);
    for option in [
        &ca_cert[..],
        &format!("ca_bundle={ca_file}"),
        &format!("ca_path={}", dir.display()),
        "insecure=true",
    ] {
        let (port, requests) = server(OK, Some(config.clone()));
        let out = replay(&[&url("https", port), option]);
        assert_eq!(requests.try_iter().count(), 6, "{option}: {}", stderr(&out));
    }

    // Its certificate is not trusted; it has another name; it does not use TLS.
    let other =
        CertifiedIssuer::self_signed(CertificateParams::default(), KeyPair::generate().unwrap()).unwrap();
    let stranger = format!("ca_cert={}", put("other.pem", &other.pem()));
    let elsewhere = server_config(&signed_by(&ca, "elsewhere.example"), None);
    for (tls, option, want) in [
        (Some(config.clone()), &stranger[..], "set http_output.ca_cert to the certificate of its CA"),
        (Some(elsewhere), &ca_cert, "not valid for name"),
        (None, &ca_cert, "the connection ended"),
    ] {
        let (port, requests) = server(OK, tls);
        let text = stderr(&replay(&[&url("https", port), option]));
        assert!(text.contains(want), "{want}: {text}");
        assert_eq!(requests.try_iter().filter(|r| r.head.starts_with("post")).count(), 0);
    }

    // The server requires a client certificate.
    let config = server_config(&at, Some(ca.der()));
    let (port, requests) = server(OK, Some(config.clone()));
    let out = replay(&[&url("https", port), &ca_cert, "mtls=true", &cert, &key]);
    assert_eq!(requests.try_iter().count(), 6, "{}", stderr(&out));
    let (port, requests) = server(OK, Some(config));
    let text = stderr(&replay(&[&url("https", port), &ca_cert]));
    assert!(requests.try_iter().count() == 0 && text.contains("6 alerts lost"), "{text}");

    // Unreadable files are reported at startup.
    let wrong_key = format!("client_key={}", put("wrong.key", &KeyPair::generate().unwrap().serialize_pem()));
    let no_file = format!("ca_cert={}", dir.join("none").display());
    let empty = format!("ca_cert={}", dir.join("notes.txt").display());
    for (options, want) in [
        (vec![&no_file[..]], "Error: http_output.ca_cert: can't read"),
        (vec![&empty], "notes.txt contains no certificate in PEM form"),
        (vec!["ca_path=/nonexistent"], "can't list /nonexistent"),
        (
            vec![&ca_cert, "mtls=true", "client_cert=/nonexistent"],
            "http_output.client_cert: can't read /nonexistent",
        ),
        (vec![&ca_cert, "mtls=true", &cert, "client_key=/dev/null"], "/dev/null contains no private key"),
        (vec![&ca_cert, "mtls=true", &cert, &wrong_key], "wrong.key"),
    ] {
        let out = replay(&[&["url=https://127.0.0.1:9"], &options[..]].concat());
        assert_eq!(out.status.code(), Some(1));
        assert!(stderr(&out).contains(want), "{want}: {}", stderr(&out));
    }
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    for (options, want) in [
        (&[][..], "Error: http output enabled but no url in configuration block: http_output.url is empty"),
        (&["url=ftp://x"], "Error: http_output.url is `ftp://x`: expected http://HOST"),
        (&["url=http://x y"], "Error: http_output.url is `http://x y`"),
        (&["url=http://x", "user_agent=a\u{7f}b"], "Error: http_output.user_agent is \"a\\u{7f}b\""),
    ] {
        let out = replay(options);
        assert_eq!(out.status.code(), Some(1));
        assert!(stderr(&out).contains(want), "{want}: {}", stderr(&out));
    }
    // The name is looked up elsewhere, which may take long.
    let text = stderr(&replay(&["url=http://nowhere.invalid/", "/output_timeout=2000"]));
    assert!(text.contains(" (http://nowhere.invalid/)"), "{text}");
}
