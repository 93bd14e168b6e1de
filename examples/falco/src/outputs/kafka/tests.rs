use std::io::Write;
use std::net::TcpListener;

use super::*;
use crate::output::with_cx;
use crate::outputs::retry::is_delayed;
use broker::{TOPIC, broker};

#[path = "../../../tests/receivers/broker.rs"]
mod broker;

const TOO_LARGE: i16 = 10;
const NOT_LEADER: i16 = 6;

fn settings(broker: String) -> Settings {
    Settings { enabled: true, brokers: vec![broker], topic: TOPIC.into(), ..Settings::default() }
}

fn open(settings: &Settings) -> Box<dyn Output> {
    settings.check().unwrap();
    settings.open(&Config::default()).unwrap()
}

fn deliver(output: &mut dyn Output, count: usize) -> Result<usize, Failure> {
    let alerts: Vec<_> = (0..count).map(|n| Alert::new(format!("alert {n}").as_bytes(), 4)).collect();
    with_cx(|cx| output.deliver(&alerts, cx))
}

#[test]
fn alerts_are_records_of_the_topic() {
    for compression in ["none", "gzip"] {
        let (address, got) = broker(&["other", TOPIC], &[]);
        let mut output = open(&Settings { compression: compression.into(), ..settings(address) });
        for want in [(0, 3), (1, 1), (0, 2)] {
            let delivered = deliver(&mut *output, want.1);
            assert!(matches!(delivered, Ok(count) if count == want.1), "{compression}: {delivered:?}");
            let (partition, values) = got.recv().unwrap();
            assert_eq!((partition, values.len()), want, "partitions take turns");
            assert_eq!(values.last().unwrap(), &format!("alert {}", want.1 - 1));
        }
    }
}

#[test]
fn a_name_and_a_password_are_presented() {
    for (password, is_right) in [("secret", true), ("wrong", false)] {
        let (address, _got) = broker(&[TOPIC], &[]);
        let settings = Settings {
            sasl_mechanism: Mechanism::Plain,
            sasl_username: "falco".into(),
            sasl_password: password.into(),
            timeout: if is_right { 10_000 } else { 500 },
            ..settings(address)
        };
        let outcome = deliver(&mut *open(&settings), 1);
        match is_right {
            true => assert!(matches!(outcome, Ok(1)), "{outcome:?}"),
            false => assert!(matches!(outcome, Err(Failure::Later(_))), "{outcome:?}"),
        }
    }
}

#[test]
fn a_batch_that_is_too_large_is_split_and_a_single_alert_is_lost() {
    let (address, got) = broker(&[TOPIC], &[TOO_LARGE, TOO_LARGE, 0]);
    let mut output = open(&settings(address));
    assert!(matches!(deliver(&mut *output, 3), Err(Failure::Interrupted)));
    assert_eq!(output.most(), 1);
    let alone = deliver(&mut *output, 1);
    assert!(matches!(&alone, Err(Failure::Lost(why)) if why.contains("message.max.bytes")), "{alone:?}");
    assert!(matches!(deliver(&mut *output, 1), Ok(1)));
    let sizes: Vec<usize> = got.iter().take(3).map(|(_, values)| values.len()).collect();
    assert_eq!(sizes, [3, 1, 1]);
}

#[test]
fn a_failed_request_to_a_broker_is_retried_later() {
    // No broker listens.
    let mut output = open(&Settings { timeout: 300, ..settings("127.0.0.1:9".into()) });
    assert!(matches!(deliver(&mut *output, 1), Err(Failure::Later(_))));
    assert!(is_delayed(|| deliver(&mut *output, 1)));
    // The broker has no such topic.
    let (address, _got) = broker(&["other"], &[]);
    let missing = deliver(&mut *open(&settings(address)), 1);
    assert!(
        matches!(&missing, Err(Failure::Later(why)) if why.contains("no topic `alerts.falco`")),
        "{missing:?}"
    );
    // The broker does not reply.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let hung = deliver(&mut *open(&Settings { timeout: 200, ..settings(address) }), 1);
    assert!(matches!(&hung, Err(Failure::Later(why)) if why.contains("in time")), "{hung:?}");
    // The reply is malformed.
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = (&stream).write_all(b"\0\0\0\x04abcd");
        }
    });
    let nonsense = deliver(&mut *open(&Settings { timeout: 300, ..settings(address) }), 1);
    assert!(matches!(nonsense, Err(Failure::Later(_))), "{nonsense:?}");
}

#[test]
fn a_new_leader_of_the_partition_is_found() {
    let (address, got) = broker(&[TOPIC], &[NOT_LEADER]);
    let mut output = open(&settings(address));
    let outcome = deliver(&mut *output, 1);
    assert!(matches!(outcome, Ok(1)), "the client finds the leader itself: {outcome:?}");
    assert_eq!(got.iter().take(2).count(), 2);
}

#[test]
fn mistakes_are_named() {
    let wrong = |change: fn(&mut Settings)| {
        let mut settings = settings("localhost:9092".into());
        change(&mut settings);
        format!("{:#}", settings.check().unwrap_err())
    };
    for (error, want) in [
        (wrong(|settings| settings.brokers.clear()), "kafka_output.brokers is empty"),
        (wrong(|settings| settings.brokers = vec!["localhost".into()]), "expected HOST:PORT"),
        (wrong(|settings| settings.brokers = vec!["http://a:9092".into()]), "expected HOST:PORT"),
        (wrong(|settings| settings.topic = "a b".into()), "kafka_output.topic is `a b`"),
        (wrong(|settings| settings.sasl_mechanism = Mechanism::Plain), "sasl_username is empty"),
        (wrong(|settings| settings.client_cert = "/c".into()), "client_key belong together"),
    ] {
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn causes_of_errors_are_shown_without_the_retries() {
    let retries = "Connection error: all retries failed: Retry exceeded deadline. Source: ";
    for (cause, want) in [
        ("error connecting to broker \"b:1\": IO Error: Connection refused (os error 111)", ""),
        (
            "error connecting to broker \"b:1\": IO Error: received corrupt message of type InvalidContentType",
            "; does the server speak TLS at this port?",
        ),
        (
            "cannot sync versions: Request error: Cannot read data: early eof",
            "; is it a broker of Kafka, and does it expect TLS (kafka_output.tls)?",
        ),
    ] {
        assert_eq!(shown(&format!("{retries}{cause}")), format!("{cause}{want}"));
    }
}
