use std::collections::VecDeque;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use eyas_testing::Dir;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest as Logs, ExportLogsServiceResponse as Answer,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response};

use super::*;
use crate::config::Config;
use crate::output::{Failure, Output, Section, with_cx};
use crate::outputs::otlp::tests::alerts;
use crate::outputs::otlp::{Protocol, Settings};

/// A collector with another implementation's types: it gives these replies in order, and then accepts everything.
struct Collector {
    answers: Mutex<VecDeque<Result<Answer, Status>>>,
    got: Sender<(MetadataMap, Logs)>,
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(&self, request: Request<Logs>) -> Result<Response<Answer>, Status> {
        let (metadata, _, logs) = request.into_parts();
        let _ = self.got.send((metadata, logs));
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Ok(Answer::default())).map(Response::new)
    }
}

/// Starts a collector. Returns its address, and a channel with the received requests.
fn collector(
    answers: Vec<Result<Answer, Status>>,
    tls: Option<ServerTlsConfig>,
) -> (String, Receiver<(MetadataMap, Logs)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (got, receiver) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let incoming = TcpIncoming::from(tokio::net::TcpListener::from_std(listener).unwrap());
            let mut server = Server::builder();
            if let Some(tls) = tls {
                server = server.tls_config(tls).unwrap();
            }
            let collector = Collector { answers: Mutex::new(answers.into()), got };
            let service = LogsServiceServer::new(collector).accept_compressed(CompressionEncoding::Gzip);
            server.add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
    });
    (address.to_string(), receiver)
}

fn settings(endpoint: String) -> Settings {
    let headers = [("X-Key".to_owned(), "secret".to_owned())].into();
    Settings { enabled: true, protocol: Protocol::Grpc, endpoint, headers, ..Settings::default() }
}

fn open(settings: &Settings) -> Box<dyn Output> {
    settings.check().unwrap();
    settings.open(&Config::default()).unwrap()
}

fn deliver(output: &mut dyn Output, count: usize) -> Result<usize, Failure> {
    with_cx(|cx| output.deliver(&alerts(count), cx))
}

#[test]
fn a_collector_gets_log_records() {
    let (address, got) = collector(Vec::new(), None);
    for compression in ["gzip", "none"] {
        let settings = Settings { compression: compression.into(), ..settings(format!("http://{address}")) };
        let mut output = open(&settings);
        assert!(matches!(deliver(&mut *output, 3), Ok(3)));
        let (metadata, logs) = got.recv().unwrap();
        assert_eq!(metadata.get("x-key").unwrap(), "secret");
        assert!(metadata.get("user-agent").unwrap().to_str().unwrap().starts_with("eyas-falco/"));
        let records = &logs.resource_logs[0].scope_logs[0].log_records;
        assert_eq!((records.len(), records[1].event_name.as_str()), (3, "falco.alert"));
        assert_eq!(records[1].time_unix_nano, 1_767_323_045_000_000_006);
    }
}

#[test]
fn errors_are_handled_as_the_protocol_requires() {
    let retry = RetryInfo { delay: Some(Delay { seconds: 0, nanos: 1_000_000 }) };
    let any =
        Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value: retry.encode_to_vec() };
    let details = Details { details: vec![any] }.encode_to_vec();
    let partial = ExportLogsPartialSuccess { rejected_log_records: 1, error_message: "too old".into() };
    let long = ExportLogsPartialSuccess { error_message: "x".repeat(MAX_ANSWER), ..partial.clone() };
    let (address, got) = collector(
        vec![
            Err(Status::with_details(Code::ResourceExhausted, "full", details.into())),
            Err(Status::invalid_argument("no such thing")),
            Err(Status::permission_denied("no")),
            Err(Status::resource_exhausted("no more today")),
            Ok(Answer { partial_success: Some(partial) }),
            Ok(Answer { partial_success: Some(long) }),
            Err(Status::unavailable("back soon")),
        ],
        None,
    );
    let mut output = open(&settings(format!("http://{address}")));
    let later = deliver(&mut *output, 2);
    assert!(matches!(&later, Err(Failure::Later(why)) if why.contains("full")), "{later:?}");
    // The collector requested a delay of 1 ms.
    std::thread::sleep(Duration::from_millis(2));
    assert!(matches!(deliver(&mut *output, 2), Err(Failure::Interrupted)), "the whole, then parts");
    let lost = deliver(&mut *output, 1);
    assert!(matches!(&lost, Err(Failure::Lost(why)) if why.contains("PermissionDenied: no")), "{lost:?}");
    assert!(matches!(deliver(&mut *output, 1), Err(Failure::Lost(_))), "it gives no time");
    assert!(matches!(deliver(&mut *output, 2), Ok(2)), "one of them was refused, and is counted");
    assert!(matches!(deliver(&mut *output, 2), Ok(2)), "the answer is too long, and they are taken");
    assert!(matches!(deliver(&mut *output, 1), Err(Failure::Later(_))));
    assert_eq!(got.iter().take(7).count(), 7);
}

#[test]
fn requests_to_a_missing_or_hanging_collector_are_retried_later() {
    let mut output = open(&settings("http://127.0.0.1:9".into()));
    let first = deliver(&mut *output, 1);
    assert!(matches!(&first, Err(Failure::Later(why)) if why.contains("refused")), "{first:?}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut output = open(&Settings { timeout: 200, ..settings(format!("http://{address}")) });
    let hung = deliver(&mut *output, 1);
    assert!(matches!(&hung, Err(Failure::Later(why)) if why.contains("in time")), "{hung:?}");
    // A server with another protocol.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let mut output = open(&settings(format!("http://{address}")));
    let nonsense = deliver(&mut *output, 1);
    server.join().unwrap();
    let is_told = |why: &str| !why.contains("refused") && !why.contains("in time");
    assert!(matches!(&nonsense, Err(Failure::Later(why)) if is_told(why)), "{nonsense:?}");
}

/// Certificates of a test: an authority, and a certificate that it signed.
fn certificates(dir: &Path) -> (Identity, Certificate) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let signed = |names: Vec<String>| {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
        (cert.pem(), key.serialize_pem())
    };
    let (server, client) = (signed(vec!["127.0.0.1".into()]), signed(vec!["client".into()]));
    std::fs::create_dir_all(dir).unwrap();
    for (name, text) in [("ca.pem", ca.pem()), ("client.pem", client.0), ("client.key", client.1)] {
        std::fs::write(dir.join(name), text).unwrap();
    }
    (Identity::from_pem(server.0, server.1), Certificate::from_pem(ca.pem()))
}

#[test]
fn both_ends_are_verified() {
    let dir = Dir::new("otlp");
    let (identity, ca) = certificates(&dir);
    let tls = ServerTlsConfig::new().identity(identity).client_ca_root(ca);
    let (address, got) = collector(Vec::new(), Some(tls));
    let endpoint = format!("https://{address}");
    let trusting = Settings { ca_cert: dir.join("ca.pem"), ..settings(endpoint.clone()) };
    let full = Settings {
        client_cert: dir.join("client.pem"),
        client_key: dir.join("client.key"),
        ca_cert: dir.join("ca.pem"),
        ..settings(endpoint.clone())
    };
    let blind = Settings {
        insecure: true,
        ca_cert: "".into(),
        client_cert: dir.join("client.pem"),
        client_key: dir.join("client.key"),
        ..settings(endpoint)
    };
    for settings in [&full, &blind] {
        assert!(matches!(deliver(&mut *open(settings), 1), Ok(1)));
        got.recv().unwrap();
    }
    let nobody = deliver(&mut *open(&trusting), 1);
    assert!(matches!(nobody, Err(Failure::Later(_))), "it presents no certificate: {nobody:?}");
    std::fs::write(dir.join("other.pem"), rcgen::generate_simple_self_signed(vec![]).unwrap().cert.pem())
        .unwrap();
    let other = Settings { ca_cert: dir.join("other.pem"), ..full };
    let stranger = deliver(&mut *open(&other), 1);
    assert!(
        matches!(&stranger, Err(Failure::Later(why)) if why.contains("invalid peer certificate")),
        "{stranger:?}"
    );
}
