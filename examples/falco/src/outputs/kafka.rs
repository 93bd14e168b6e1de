//! `kafka_output`: sends alerts to a Kafka topic.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rskafka::BackoffConfig;
use rskafka::chrono::DateTime;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{ClientBuilder, Credentials, SaslConfig};
use rskafka::record::Record;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::http::tls::{self, Tls};
use super::retry::Retry;
use crate::clock;
use crate::config::{Config, JSON_SCHEMA, JsonSchema, Shape, choice};
use crate::output::{Alert, Cx, Failure, NO_REPLY, Output, Reload, Section};
use crate::outputs::http::client::expects;

/// Maximum number of alerts in a request.
const BATCH: usize = 512;

choice! {
    /// Authentication mechanism.
    Mechanism {
        /// No authentication.
        None = "none",
        /// Name and password in clear text: use this only with TLS.
        Plain = "plain",
        /// SCRAM with SHA-256.
        ScramSha256 = "scram-sha-256",
        /// SCRAM with SHA-512.
        ScramSha512 = "scram-sha-512",
    }
}

/// `kafka_output:`
#[derive(Deserialize, Serialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the output is enabled.
    pub enabled: bool,
    /// Addresses of brokers, such as `host:9092`. One reachable broker is enough: it knows the others.
    pub brokers: Vec<String>,
    /// The topic.
    pub topic: String,
    /// `gzip` or `none`.
    pub compression: String,
    /// Timeout of an attempt, ms.
    pub timeout: u64,
    /// Connections are encrypted.
    pub tls: bool,
    /// Skip the verification of the brokers' certificates.
    pub insecure: bool,
    /// CA certificate for the brokers' certificates.
    pub ca_cert: PathBuf,
    /// The same, in the files of a directory.
    pub ca_path: PathBuf,
    /// Client certificate and its key, if there is one.
    pub client_cert: PathBuf,
    /// The key.
    pub client_key: PathBuf,
    /// Authentication mechanism.
    pub sasl_mechanism: Mechanism,
    /// Name for that.
    pub sasl_username: String,
    /// Password for that.
    pub sasl_password: String,
    /// Schema of the written alerts.
    pub json_schema: JsonSchema,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            brokers: Vec::new(),
            topic: "falco".into(),
            compression: "none".into(),
            timeout: 10_000,
            tls: false,
            insecure: false,
            ca_cert: PathBuf::new(),
            ca_path: "/etc/ssl/certs".into(),
            client_cert: PathBuf::new(),
            client_key: PathBuf::new(),
            sasl_mechanism: Mechanism::None,
            sasl_username: String::new(),
            sasl_password: String::new(),
            json_schema: JsonSchema::Falco,
        }
    }
}

impl Section for Settings {
    const NAME: &'static str = "kafka_output";
    const KEYS: &'static [(&'static str, Shape)] = &[
        ("enabled", Shape::Bool),
        ("brokers", crate::config::TEXTS),
        ("topic", Shape::Text),
        ("compression", Shape::Choice(&["gzip", "none"])),
        ("timeout", Shape::Number(u32::MAX as u64)),
        ("tls", Shape::Bool),
        ("insecure", Shape::Bool),
        ("ca_cert", Shape::Text),
        ("ca_path", Shape::Text),
        ("client_cert", Shape::Text),
        ("client_key", Shape::Text),
        ("sasl_mechanism", Mechanism::SHAPE),
        ("sasl_username", Shape::Text),
        ("sasl_password", Shape::Text),
        JSON_SCHEMA,
    ];
    // The certificate files may have new contents.
    const RELOAD: Reload = Reload::Always;

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn json_schema(&self) -> JsonSchema {
        self.json_schema
    }

    fn check(&self) -> Result<()> {
        if !self.enabled {
            return Ok(());
        }
        if self.brokers.is_empty() {
            bail!("kafka_output.brokers is empty: name a broker, as [localhost:9092]");
        }
        for broker in &self.brokers {
            let port = broker.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
            if !matches!(port, Some((host, Ok(1..))) if !host.is_empty() && !host.contains('/')) {
                bail!("kafka_output.brokers has `{broker}`: expected HOST:PORT, as localhost:9092");
            }
        }
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.topic.is_empty() || self.topic.len() > 249 || !self.topic.chars().all(is_letter) {
            bail!(
                "kafka_output.topic is `{}`: expected up to 249 of the characters a-z, A-Z, 0-9, `.`, `_`, `-`",
                self.topic
            );
        }
        if self.sasl_mechanism != Mechanism::None && self.sasl_username.is_empty() {
            bail!("kafka_output.sasl_username is empty, but sasl_mechanism is {}", self.sasl_mechanism);
        }
        if self.client_cert.as_os_str().is_empty() != self.client_key.as_os_str().is_empty() {
            bail!("kafka_output.client_cert and kafka_output.client_key belong together: set both, or none");
        }
        Ok(())
    }

    fn place(&self) -> String {
        format!("topic {} at {}", self.topic, self.brokers.join(", "))
    }

    /// Reads certificates, but does not connect to a broker yet.
    fn open(&self, _: &Config) -> Result<Box<dyn Output>> {
        let has_client = !self.client_cert.as_os_str().is_empty();
        let files = Tls {
            insecure: self.insecure,
            ca_cert: &self.ca_cert,
            ca_bundle: "".as_ref(),
            ca_path: &self.ca_path,
            client: has_client.then_some((&self.client_cert, &self.client_key)),
        };
        let timeout = Duration::from_millis(self.timeout.max(1));
        let tls = match self.tls {
            true => Some(Arc::new(tls::client_config(&files, Self::NAME, &[])?)),
            false => None,
        };
        let credentials = || Credentials::new(self.sasl_username.clone(), self.sasl_password.clone());
        let sasl = match self.sasl_mechanism {
            Mechanism::None => None,
            Mechanism::Plain => Some(SaslConfig::Plain(credentials())),
            Mechanism::ScramSha256 => Some(SaslConfig::ScramSha256(credentials())),
            Mechanism::ScramSha512 => Some(SaslConfig::ScramSha512(credentials())),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("kafka")
            .enable_all()
            .build()
            .context("kafka_output: can't start a thread")?;
        Ok(Box::new(Kafka {
            runtime: Some(runtime),
            brokers: self.brokers.clone(),
            tls,
            sasl,
            topic: self.topic.clone(),
            compression: if self.compression == "gzip" {
                Compression::Gzip
            } else {
                Compression::NoCompression
            },
            timeout,
            partitions: Vec::new(),
            next: 0,
            batch: BATCH,
            retry: Retry::default(),
        }))
    }
}

struct Kafka {
    /// Taken out when this is dropped.
    runtime: Option<Runtime>,
    brokers: Vec<String>,
    tls: Option<Arc<rustls::ClientConfig>>,
    sasl: Option<SaslConfig>,
    topic: String,
    compression: Compression,
    timeout: Duration,
    /// Clients of the topic's partitions; empty before the first attempt and after a failure.
    partitions: Vec<PartitionClient>,
    /// Index of the partition for the next request. Alerts have no key, and the alerts of one request stay
    /// together.
    next: usize,
    /// Maximum number of alerts in the next request: fewer after a request that was too large.
    batch: usize,
    retry: Retry,
}

/// How long the client retries by itself. It reports the reason of a failure only after that.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why alerts were not taken.
enum NotTaken {
    TooLarge,
    Other(String),
}

impl From<Error> for NotTaken {
    fn from(error: Error) -> Self {
        match error {
            Error::ServerError {
                protocol_error: ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge,
                ..
            } => Self::TooLarge,
            Error::ServerError { protocol_error, error_message, .. } => match error_message {
                Some(message) => Self::Other(format!("the broker returns {protocol_error}: {message}")),
                None => Self::Other(format!("the broker returns {protocol_error}")),
            },
            other => Self::Other(shown(&other.to_string())),
        }
    }
}

/// The cause of an error without the words about retries, with advice if the server may be no broker.
fn shown(error: &str) -> String {
    let cause = error.rsplit_once("Source: ").map_or(error, |(_, cause)| cause);
    let advice = if cause.contains("InvalidContentType") {
        expects("TLS")
    } else if cause.contains("cannot sync versions") {
        "; is it a broker of Kafka, and does it expect TLS (kafka_output.tls)?".to_owned()
    } else {
        String::new()
    };
    format!("{cause}{advice}")
}

impl Output for Kafka {
    fn most(&self) -> usize {
        self.batch
    }

    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        self.retry.check()?;
        let Some(runtime) = self.runtime.take() else { return Ok(0) };
        let timeout = self.timeout;
        cx.hint(NO_REPLY);
        let sent = runtime.block_on(async { tokio::time::timeout(timeout, self.send(alerts)).await });
        self.runtime = Some(runtime);
        let why = match sent {
            Ok(Ok(())) => {
                self.retry.succeeded();
                self.batch = (2 * self.batch).min(BATCH);
                return Ok(alerts.len());
            }
            // The connection is still usable.
            Ok(Err(NotTaken::TooLarge)) if alerts.len() > 1 => {
                self.batch = alerts.len() / 2;
                return Err(Failure::Interrupted);
            }
            Ok(Err(NotTaken::TooLarge)) => {
                return Err(Failure::Lost("the broker finds it too large (message.max.bytes)".into()));
            }
            Ok(Err(NotTaken::Other(why))) => why,
            Err(_) => "no answer in time".into(),
        };
        // Leaders and partitions may have changed.
        self.partitions.clear();
        Err(self.retry.failed(None, why))
    }
}

impl Kafka {
    /// Sends alerts to the next partition, and waits until all of its replicas have them.
    async fn send(&mut self, alerts: &[Alert]) -> Result<(), NotTaken> {
        if self.partitions.is_empty() {
            self.partitions = self.connect().await?;
        }
        let partition = &self.partitions[self.next % self.partitions.len()];
        self.next = self.next.wrapping_add(1);
        let now = DateTime::from_timestamp_nanos(clock::now().cast_signed());
        let record = |alert: &Alert| Record {
            key: None,
            value: Some(alert.text.to_vec()),
            headers: Default::default(),
            timestamp: now,
        };
        partition.produce(alerts.iter().map(record).collect(), self.compression).await?;
        Ok(())
    }

    async fn connect(&self) -> Result<Vec<PartitionClient>, NotTaken> {
        let deadline = self.timeout.min(PATIENCE);
        let mut builder = ClientBuilder::new(self.brokers.clone())
            .client_id(concat!("eyas-falco/", env!("CARGO_PKG_VERSION")))
            .backoff_config(BackoffConfig { deadline: Some(deadline), ..BackoffConfig::default() });
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(Arc::clone(tls));
        }
        if let Some(sasl) = &self.sasl {
            builder = builder.sasl_config(sasl.clone());
        }
        let client = builder.build().await?;
        let topics = client.list_topics().await?;
        let found = topics.into_iter().find(|topic| topic.name == self.topic);
        let numbers = found.map(|topic| topic.partitions).filter(|numbers| !numbers.is_empty());
        let numbers = numbers
            .ok_or_else(|| NotTaken::Other(format!("there is no topic `{}`: create it", self.topic)))?;
        let mut partitions = Vec::new();
        for number in numbers {
            let unknown = UnknownTopicHandling::Error;
            partitions.push(client.partition_client(self.topic.as_str(), number, unknown).await?);
        }
        Ok(partitions)
    }
}

impl Drop for Kafka {
    /// Does not wait for a hanging name lookup.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
