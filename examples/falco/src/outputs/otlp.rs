//! `otlp_output`: sends alerts as log records to an OpenTelemetry collector.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use ureq::http::{HeaderName, HeaderValue, Uri};

use super::http::client::{Client, Options, is_complete, shown};
use super::http::tls::Tls;
use super::retry::Retry;
use crate::config::{Config, Shape, choice};
use crate::output::{Alert, Cx, Failure, NO_REPLY, Output, Reload, Section};
use crate::schemas::Record;
use messages::{ExportLogsServiceRequest, InstrumentationScope, KeyValue, Resource, ResourceLogs, ScopeLogs};
use transport::{Reply, Transport};

#[cfg(feature = "grpc")]
mod grpc;
mod http;
mod messages;
mod record;
mod transport;

/// User agent of the requests.
const USER_AGENT: &str = concat!("eyas-falco/", env!("CARGO_PKG_VERSION"));
/// Maximum number of alerts in a request.
const BATCH: usize = 512;

choice! {
    /// Transport of requests, with OpenTelemetry's names.
    Protocol {
        /// HTTP with protobuf.
        Http = "http/protobuf",
        /// gRPC.
        Grpc = "grpc",
    }
}

impl Protocol {
    /// Default endpoint of collectors for this transport.
    const fn endpoint(self) -> &'static str {
        match self {
            Self::Http => "http://localhost:4318/v1/logs",
            Self::Grpc => "http://localhost:4317",
        }
    }
}

/// `otlp_output:`
#[derive(Deserialize, Serialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the output is enabled.
    pub enabled: bool,
    /// Transport of log records.
    pub protocol: Protocol,
    /// URL of the collector, for HTTP with the path; empty for the protocol's default port on this host.
    pub endpoint: String,
    /// Headers of each request, for example for authorization.
    pub headers: BTreeMap<String, String>,
    /// `gzip` or `none`.
    pub compression: String,
    /// Timeout of a request, ms.
    pub timeout: u64,
    /// `service.name` of the resource.
    pub service_name: String,
    /// Skip the verification of the server's certificate.
    pub insecure: bool,
    /// CA certificate for the server's certificate.
    pub ca_cert: PathBuf,
    /// The same, in the files of a directory.
    pub ca_path: PathBuf,
    /// Client certificate and its key, if there is one.
    pub client_cert: PathBuf,
    /// The key.
    pub client_key: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            protocol: Protocol::Http,
            endpoint: String::new(),
            headers: BTreeMap::new(),
            compression: "gzip".into(),
            timeout: 10_000,
            service_name: "falco".into(),
            insecure: false,
            ca_cert: PathBuf::new(),
            ca_path: "/etc/ssl/certs".into(),
            client_cert: PathBuf::new(),
            client_key: PathBuf::new(),
        }
    }
}

impl Settings {
    fn endpoint(&self) -> &str {
        if self.endpoint.is_empty() { self.protocol.endpoint() } else { &self.endpoint }
    }

    fn target(&self) -> Result<Uri> {
        let (endpoint, example) = (shown(self.endpoint()), self.protocol.endpoint());
        let uri: Uri =
            self.endpoint().parse().with_context(|| format!("otlp_output.endpoint is `{endpoint}`"))?;
        if !is_complete(&uri) {
            bail!("otlp_output.endpoint is `{endpoint}`: expected a URL, as {example}");
        }
        if self.protocol == Protocol::Grpc && !matches!(uri.path(), "" | "/") {
            bail!("otlp_output.endpoint is `{endpoint}`: gRPC has no path, as in {example}");
        }
        Ok(uri)
    }

    fn tls(&self) -> Tls<'_> {
        let has_client = !self.client_cert.as_os_str().is_empty();
        Tls {
            insecure: self.insecure,
            ca_cert: &self.ca_cert,
            ca_bundle: "".as_ref(),
            ca_path: &self.ca_path,
            client: has_client.then_some((&self.client_cert, &self.client_key)),
        }
    }

    fn over_http(&self) -> Result<Box<dyn Transport>> {
        let mut headers = vec![("content-type".to_owned(), "application/x-protobuf".to_owned())];
        headers.extend(self.headers.clone());
        let client = Client::new(Options {
            output: Self::NAME,
            target: self.target()?,
            user_agent: USER_AGENT,
            headers,
            compress: self.compression == "gzip",
            keep_alive: true,
            timeout: self.timeout(),
            tls: self.tls(),
        })?;
        Ok(Box::new(client))
    }

    #[cfg(feature = "grpc")]
    fn over_grpc(&self) -> Result<Box<dyn Transport>> {
        let target = self.target()?;
        let is_secure = target.scheme_str() == Some("https");
        let tls = is_secure.then(|| super::http::tls::client_config(&self.tls(), Self::NAME, &[b"h2"]));
        let client = grpc::Client::new(grpc::Options {
            target: &target,
            user_agent: USER_AGENT,
            headers: &self.headers,
            compress: self.compression == "gzip",
            timeout: self.timeout(),
            tls: tls.transpose()?,
        })?;
        Ok(Box::new(client))
    }

    #[cfg(not(feature = "grpc"))]
    fn over_grpc(&self) -> Result<Box<dyn Transport>> {
        bail!("otlp_output.protocol is `grpc`, but this program was built without the feature `grpc`");
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout.max(1))
    }
}

impl Section for Settings {
    const NAME: &'static str = "otlp_output";
    const KEYS: &'static [(&'static str, Shape)] = &[
        ("enabled", Shape::Bool),
        ("protocol", Protocol::SHAPE),
        ("endpoint", Shape::Text),
        ("headers", Shape::Anything),
        ("compression", Shape::Choice(&["gzip", "none"])),
        ("timeout", Shape::Number(u32::MAX as u64)),
        ("service_name", Shape::Text),
        ("insecure", Shape::Bool),
        ("ca_cert", Shape::Text),
        ("ca_path", Shape::Text),
        ("client_cert", Shape::Text),
        ("client_key", Shape::Text),
    ];
    // The certificate files may have new contents.
    const RELOAD: Reload = Reload::Always;
    const NEEDS_RECORD: bool = true;

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn check(&self) -> Result<()> {
        if !self.enabled {
            return Ok(());
        }
        self.target()?;
        for (name, value) in &self.headers {
            name.parse::<HeaderName>().with_context(|| format!("otlp_output.headers: {name:?}"))?;
            // The value may be a secret, so the message does not have it.
            HeaderValue::from_str(value)
                .with_context(|| format!("otlp_output.headers: the value of {name:?}"))?;
        }
        if self.client_cert.as_os_str().is_empty() != self.client_key.as_os_str().is_empty() {
            bail!("otlp_output.client_cert and otlp_output.client_key belong together: set both, or none");
        }
        Ok(())
    }

    fn place(&self) -> String {
        shown(self.endpoint())
    }

    /// Reads certificates, but does not connect to the server yet.
    fn open(&self, _: &Config) -> Result<Box<dyn Output>> {
        let transport = match self.protocol {
            Protocol::Http => self.over_http()?,
            Protocol::Grpc => self.over_grpc()?,
        };
        let service_name = self.service_name.clone();
        Ok(Box::new(Otlp { transport, service_name, batch: BATCH, retry: Retry::default() }))
    }
}

struct Otlp {
    transport: Box<dyn Transport>,
    service_name: String,
    /// Maximum number of alerts in the next request: fewer after a request that the server refused as a
    /// whole.
    batch: usize,
    retry: Retry,
}

impl Output for Otlp {
    fn most(&self) -> usize {
        self.batch
    }

    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        self.retry.check()?;
        let request = self.request(alerts);
        cx.hint(NO_REPLY);
        match self.transport.send(request) {
            Reply::Taken(response) => {
                self.retry.succeeded();
                self.batch = (2 * self.batch).min(BATCH);
                let refused = response.partial_success.unwrap_or_default();
                if let Some(count) =
                    u64::try_from(refused.rejected_log_records).ok().filter(|count| *count > 0)
                {
                    let count = count.min(alerts.len() as u64);
                    cx.lose_delivered(count, &format!("the server refuses them: {}", refused.error_message));
                }
                Ok(alerts.len())
            }
            Reply::Later { asked, why } => Err(self.retry.failed(asked, why)),
            // One alert may be the reason, so the alerts are sent in smaller requests.
            Reply::Unfit(_) if alerts.len() > 1 => {
                self.batch = alerts.len() / 2;
                Err(Failure::Interrupted)
            }
            Reply::Unfit(why) | Reply::Refused(why) => Err(Failure::Lost(why)),
        }
    }
}

impl Otlp {
    fn request(&self, alerts: &[Alert]) -> ExportLogsServiceRequest {
        let mut hostname = String::new();
        let records = alerts.iter().filter_map(|alert| {
            let record = Record::parse(alert.record.as_deref()?)?;
            hostname.clone_from(&record.hostname);
            Some(record::log_record(&record, alert.severity))
        });
        let log_records = records.collect();
        let scope = InstrumentationScope {
            name: "eyas falco".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let mut attributes = vec![KeyValue::text("service.name", self.service_name.as_str())];
        if !hostname.is_empty() {
            attributes.push(KeyValue::text("host.name", hostname));
        }
        ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(Resource { attributes }),
                scope_logs: vec![ScopeLogs { scope: Some(scope), log_records }],
            }],
        }
    }
}

#[cfg(test)]
mod tests;
