use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, MetadataRequest, MetadataResponse, ProduceRequest,
    ProduceResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use kafka_protocol::records::RecordBatchDecoder;
use prost::bytes::{Bytes, BytesMut};

use super::*;
use crate::output::with_cx;

const TOPIC: &str = "alerts.falco";
const TOO_LARGE: i16 = 10;
const NOT_LEADER: i16 = 6;

/// A broker on another implementation of the protocol. It answers batches with these errors in order, then takes all.
struct Broker {
    port: i32,
    topics: Vec<&'static str>,
    errors: Mutex<VecDeque<i16>>,
    got: Sender<(i32, Vec<String>)>,
}

fn broker(topics: &[&'static str], errors: &[i16]) -> (String, Receiver<(i32, Vec<String>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (got, receiver) = channel();
    let broker = Arc::new(Broker {
        port: address.port().into(),
        topics: topics.to_vec(),
        errors: Mutex::new(errors.iter().copied().collect()),
        got,
    });
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let broker = Arc::clone(&broker);
            std::thread::spawn(move || while broker.serve(&stream).is_some() {});
        }
    });
    (address.to_string(), receiver)
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

impl Broker {
    fn serve(&self, mut stream: &TcpStream) -> Option<()> {
        let mut len = [0; 4];
        stream.read_exact(&mut len).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(len) as usize];
        stream.read_exact(&mut frame).ok()?;
        let number = |at: usize| i16::from_be_bytes([frame[at], frame[at + 1]]);
        let (key, version) = (ApiKey::try_from(number(0)).unwrap(), number(2));
        let mut request = Bytes::from(frame);
        let header = RequestHeader::decode(&mut request, key.request_header_version(version)).unwrap();
        let mut answer = BytesMut::new();
        let head = ResponseHeader::default().with_correlation_id(header.correlation_id);
        head.encode(&mut answer, key.response_header_version(version)).unwrap();
        match key {
            ApiKey::ApiVersions => self.versions().encode(&mut answer, version),
            ApiKey::Metadata => {
                let asked = MetadataRequest::decode(&mut request, version).unwrap().topics;
                self.metadata(asked).encode(&mut answer, version)
            }
            ApiKey::Produce => self
                .produce(ProduceRequest::decode(&mut request, version).unwrap())
                .encode(&mut answer, version),
            ApiKey::SaslHandshake => SaslHandshakeResponse::default()
                .with_mechanisms(vec![text("PLAIN")])
                .encode(&mut answer, version),
            ApiKey::SaslAuthenticate => {
                let said = SaslAuthenticateRequest::decode(&mut request, version).unwrap().auth_bytes;
                let error = if &said[..] == b"\0falco\0secret" { 0 } else { 58 };
                SaslAuthenticateResponse::default().with_error_code(error).encode(&mut answer, version)
            }
            other => panic!("{other:?}"),
        }
        .unwrap();
        stream.write_all(&(answer.len() as u32).to_be_bytes()).ok()?;
        stream.write_all(&answer).ok()
    }

    fn versions(&self) -> ApiVersionsResponse {
        let keys = [
            (ApiKey::Produce, 3, 9),
            (ApiKey::Metadata, 0, 12),
            (ApiKey::ApiVersions, 0, 3),
            (ApiKey::SaslHandshake, 0, 1),
            (ApiKey::SaslAuthenticate, 0, 2),
        ];
        let keys = keys.map(|(key, min, max)| {
            ApiVersion::default().with_api_key(key as i16).with_min_version(min).with_max_version(max)
        });
        ApiVersionsResponse::default().with_api_keys(keys.to_vec())
    }

    /// Of the topics that are asked for, or of all.
    fn metadata(&self, asked: Option<Vec<MetadataRequestTopic>>) -> MetadataResponse {
        let is_asked = |name: &&&str| {
            asked.as_ref().is_none_or(Vec::is_empty)
                || asked
                    .iter()
                    .flatten()
                    .any(|topic| topic.name.as_ref().is_some_and(|topic| &topic.0[..] == **name))
        };
        let partition = |number| {
            MetadataResponsePartition::default().with_partition_index(number).with_leader_id(BrokerId(1))
        };
        let topic = |name: &&'static str| {
            MetadataResponseTopic::default()
                .with_name(Some(TopicName(text(name))))
                .with_partitions((0..2).map(partition).collect())
        };
        let broker = MetadataResponseBroker::default()
            .with_node_id(BrokerId(1))
            .with_host(text("127.0.0.1"))
            .with_port(self.port);
        MetadataResponse::default()
            .with_brokers(vec![broker])
            .with_controller_id(BrokerId(1))
            .with_topics(self.topics.iter().filter(is_asked).map(topic).collect())
    }

    fn produce(&self, request: ProduceRequest) -> ProduceResponse {
        let [topic] = &request.topic_data[..] else { panic!("one topic") };
        let [partition] = &topic.partition_data[..] else { panic!("one partition") };
        assert_eq!((request.acks, &topic.name.0[..]), (-1, TOPIC));
        let mut records = partition.records.clone().unwrap();
        let records = RecordBatchDecoder::decode(&mut records).unwrap().records;
        let values = records.iter().map(|record| {
            assert!(record.key.is_none() && record.timestamp > 1_700_000_000_000);
            String::from_utf8(record.value.as_ref().unwrap().to_vec()).unwrap()
        });
        let _ = self.got.send((partition.index, values.collect()));
        let error = self.errors.lock().unwrap().pop_front().unwrap_or(0);
        let partition =
            PartitionProduceResponse::default().with_index(partition.index).with_error_code(error);
        let topic = TopicProduceResponse::default()
            .with_name(topic.name.clone())
            .with_partition_responses(vec![partition]);
        ProduceResponse::default().with_responses(vec![topic])
    }
}

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
fn what_is_too_large_is_sent_in_parts_and_alone_is_lost() {
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
fn a_broker_that_fails_is_asked_again_later() {
    // Nobody is there.
    let mut output = open(&Settings { timeout: 300, ..settings("127.0.0.1:9".into()) });
    assert!(matches!(deliver(&mut *output, 1), Err(Failure::Later(_))));
    let again = deliver(&mut *output, 1);
    assert!(matches!(&again, Err(Failure::Later(why)) if why.contains("asked again")), "{again:?}");
    // It is there and has no such topic.
    let (address, _got) = broker(&["other"], &[]);
    let missing = deliver(&mut *open(&settings(address)), 1);
    assert!(
        matches!(&missing, Err(Failure::Later(why)) if why.contains("no topic `alerts.falco`")),
        "{missing:?}"
    );
    // It hangs.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let began = std::time::Instant::now();
    let hung = deliver(&mut *open(&Settings { timeout: 200, ..settings(address) }), 1);
    assert!(matches!(hung, Err(Failure::Later(_))), "{hung:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
    // It says nonsense.
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
fn another_leader_is_looked_for() {
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
