use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest as Request, ExportLogsServiceResponse as Response,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use serde_json::json;

use super::*;
use crate::output::with_cx;
use crate::outputs::retry::is_delayed;

/// A receiver that gives these replies in order, and decodes requests with the types of another implementation.
fn receiver(answers: Vec<(&'static str, Vec<u8>)>) -> (String, Receiver<(String, Request)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/logs", listener.local_addr().unwrap());
    let (send, got) = channel();
    std::thread::spawn(move || {
        let mut answers = answers.into_iter();
        while let Ok((stream, _)) = listener.accept() {
            let mut stream = BufReader::new(stream);
            loop {
                let (mut head, mut length) = (String::new(), 0);
                while !head.ends_with("\r\n\r\n") {
                    let mut line = String::new();
                    if !matches!(stream.read_line(&mut line), Ok(1..)) {
                        break;
                    }
                    let line = line.to_lowercase();
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    head += &line;
                }
                if head.is_empty() {
                    break;
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                if head.contains("content-encoding: gzip") {
                    let mut inflated = Vec::new();
                    GzDecoder::new(body.as_slice()).read_to_end(&mut inflated).unwrap();
                    body = inflated;
                }
                let _ = send.send((head, Request::decode(body.as_slice()).unwrap()));
                let Some((status, body)) = answers.next() else { return };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.get_mut().write_all(&[answer.as_bytes(), &body].concat()).unwrap();
            }
        }
    });
    (endpoint, got)
}

fn settings(endpoint: &str) -> Settings {
    let headers = [("x-key".to_owned(), "secret".to_owned())].into();
    Settings { enabled: true, endpoint: endpoint.to_owned(), headers, ..Settings::default() }
}

pub(super) fn alerts(count: usize) -> Vec<Alert> {
    let record = |number: usize| {
        json!({
            "hostname": "vm", "message": format!("alert {number}"), "output": "o", "priority": "Warning",
            "rule": "A rule", "source": "syscall", "tags": ["T1059"], "time": "2026-01-02T03:04:05.000000006Z",
            "output_fields": {
                "proc.pid": 7, "proc.name": "cat", "user.name": null, "evt.is_open_read": true,
                "fd.name": "10.0.0.1:4711->10.0.0.2:80",
            },
        })
    };
    (0..count)
        .map(|number| {
            let record = Some(record(number).to_string().into_bytes().into());
            Alert { record, ..Alert::new(b"text", 4) }
        })
        .collect()
}

fn open(settings: &Settings) -> Box<dyn Output> {
    settings.check().unwrap();
    settings.open(&Config::default()).unwrap()
}

#[test]
fn alerts_are_log_records() {
    let (endpoint, got) = receiver(vec![("200 OK", Vec::new())]);
    let mut output = open(&settings(&endpoint));
    assert!(matches!(with_cx(|cx| output.deliver(&alerts(3), cx)), Ok(3)));
    let (head, request) = got.recv().unwrap();
    for part in ["post /v1/logs", "content-type: application/x-protobuf", "x-key: secret", "eyas-falco/"] {
        assert!(head.contains(part), "{head}");
    }
    let [logs] = &request.resource_logs[..] else { panic!("one resource") };
    let text = |value: &Option<opentelemetry_proto::tonic::common::v1::AnyValue>| match value
        .as_ref()
        .and_then(|value| value.value.clone())
    {
        Some(Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    };
    let resource = &logs.resource.as_ref().unwrap().attributes;
    let named = |name: &str| resource.iter().find(|pair| pair.key == name).map(|pair| text(&pair.value));
    assert_eq!(named("service.name").as_deref(), Some("falco"));
    assert_eq!(named("host.name").as_deref(), Some("vm"));
    let records = &logs.scope_logs[0].log_records;
    assert_eq!(records.len(), 3);
    let record = &records[1];
    assert_eq!(record.time_unix_nano, 1_767_323_045_000_000_006);
    assert!(record.observed_time_unix_nano > record.time_unix_nano);
    assert_eq!((record.severity_number, record.severity_text.as_str()), (13, "Warning"));
    assert_eq!(text(&record.body), "alert 1");
    assert_eq!(record.event_name, "falco.alert");
    let attribute = |name: &str| {
        let pair = record.attributes.iter().find(|pair| pair.key == name)?;
        pair.value.as_ref()?.value.clone()
    };
    assert_eq!(attribute("falco.rule"), Some(Value::StringValue("A rule".into())));
    assert_eq!(attribute("process.pid"), Some(Value::IntValue(7)));
    assert_eq!(attribute("falco.proc.pid"), Some(Value::IntValue(7)));
    assert_eq!(attribute("falco.evt.is_open_read"), Some(Value::BoolValue(true)));
    assert_eq!(attribute("server.port"), Some(Value::IntValue(80)));
    assert_eq!(attribute("user.name"), None, "absent");
    assert!(matches!(attribute("falco.tags"), Some(Value::ArrayValue(tags)) if tags.values.len() == 1));
}

#[test]
fn requests_to_a_busy_server_are_retried_later() {
    let (endpoint, got) = receiver(vec![("503 Busy\r\nretry-after: 0", Vec::new()), ("200 OK", Vec::new())]);
    let mut output = open(&settings(&endpoint));
    let alerts = alerts(2);
    let first = with_cx(|cx| output.deliver(&alerts, cx));
    assert!(matches!(&first, Err(Failure::Later(why)) if why.contains("503")), "{first:?}");
    assert!(matches!(with_cx(|cx| output.deliver(&alerts, cx)), Ok(2)));
    assert_eq!(got.iter().take(2).count(), 2);
    // No server listens: the first delivery fails, and the next ones wait for a while.
    let mut output = open(&settings("http://127.0.0.1:9/v1/logs"));
    assert!(matches!(with_cx(|cx| output.deliver(&alerts, cx)), Err(Failure::Later(_))));
    assert!(is_delayed(|| with_cx(|cx| output.deliver(&alerts, cx))));
}

#[test]
fn only_refused_alerts_are_lost() {
    let partial = ExportLogsPartialSuccess { rejected_log_records: 1, error_message: "too old".into() };
    let partial = Response { partial_success: Some(partial) }.encode_to_vec();
    let (endpoint, got) = receiver(vec![
        ("400 Bad Request", Vec::new()),
        ("400 Bad Request", Vec::new()),
        ("401 Unauthorized", Vec::new()),
        ("200 OK", partial),
    ]);
    let mut output = open(&settings(&endpoint));
    let all = alerts(3);
    // The output sends everything, then the first alert.
    assert!(matches!(with_cx(|cx| output.deliver(&all, cx)), Err(Failure::Interrupted)));
    assert_eq!(output.most(), 1);
    let alone = with_cx(|cx| output.deliver(&all[..1], cx));
    assert!(matches!(&alone, Err(Failure::Lost(why)) if why.contains("400")), "{alone:?}");
    let refused = with_cx(|cx| output.deliver(&all[1..2], cx));
    assert!(matches!(&refused, Err(Failure::Lost(why)) if why.contains("401")), "{refused:?}");
    assert!(matches!(with_cx(|cx| output.deliver(&all[1..], cx)), Ok(2)));
    let sizes: Vec<usize> = got
        .iter()
        .take(4)
        .map(|(_, request)| request.resource_logs[0].scope_logs[0].log_records.len())
        .collect();
    assert_eq!(sizes, [3, 1, 1, 2]);
}

#[test]
fn a_hanging_or_malformed_server_does_not_block() {
    let all = alerts(1);
    // A server that never replies.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/logs", listener.local_addr().unwrap());
    let mut output = open(&Settings { timeout: 200, ..settings(&endpoint) });
    let hung = with_cx(|cx| output.deliver(&all, cx));
    assert!(matches!(&hung, Err(Failure::Later(why)) if why.contains("in time")), "{hung:?}");
    // A malformed body does not report refused records, so the records are treated as delivered.
    let (endpoint, _got) = receiver(vec![("200 OK", b"\xff\xffnonsense".to_vec())]);
    let mut output = open(&settings(&endpoint));
    assert!(matches!(with_cx(|cx| output.deliver(&all, cx)), Ok(1)));
    // A server without HTTP.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/logs", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"hello\r\n\r\n"));
    let mut output = open(&settings(&endpoint));
    assert!(matches!(with_cx(|cx| output.deliver(&all, cx)), Err(Failure::Later(_))));
    let _ = server.join();
}

#[test]
fn mistakes_are_named() {
    let default = Settings { enabled: true, ..Settings::default() };
    let ports = [Protocol::Http, Protocol::Grpc].map(|protocol| {
        Settings { protocol, ..Settings { endpoint: String::new(), ..settings("") } }.place()
    });
    assert_eq!(ports, ["http://localhost:4318/v1/logs", "http://localhost:4317"]);
    assert!(default.check().is_ok());
    let wrong = |change: fn(&mut Settings)| {
        let mut settings = settings("http://localhost:4318/v1/logs");
        change(&mut settings);
        format!("{:#}", settings.check().unwrap_err())
    };
    for (error, want) in [
        (wrong(|settings| settings.endpoint = "localhost:4318".into()), "otlp_output.endpoint"),
        (wrong(|settings| settings.endpoint = "http://".into()), "otlp_output.endpoint"),
        (wrong(|settings| settings.protocol = Protocol::Grpc), "gRPC has no path"),
        (wrong(|settings| drop(settings.headers.insert("a b".into(), "x".into()))), "\"a b\""),
        (wrong(|settings| settings.client_cert = "/c".into()), "client_key belong together"),
    ] {
        assert!(error.contains(want), "{error}");
    }
}
