//! A Kafka broker with another implementation of the protocol than falco's.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

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

/// The topic of the records.
pub const TOPIC: &str = "alerts.falco";

/// A broker that replies to batches with these errors in order, and then accepts all.
struct Broker {
    port: i32,
    topics: Vec<&'static str>,
    errors: Mutex<VecDeque<i16>>,
    got: Sender<(i32, Vec<String>)>,
}

/// Starts a broker. The channel gets the batches, with their partition.
pub fn broker(topics: &[&'static str], errors: &[i16]) -> (String, Receiver<(i32, Vec<String>)>) {
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

    /// Metadata of the requested topics, or of all.
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
