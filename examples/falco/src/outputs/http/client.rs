//! HTTP client: one request per alert.

use std::io::Write;
use std::time::Duration;
use std::{fmt, io};

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::{CertificateError, Error as TlsError};
use ureq::http::Uri;
use ureq::{Agent, Error};

use super::tls::{self, Tls};

/// Timeout of connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// Time after which an idle connection is closed, without `keep_alive`.
const IDLE: Duration = Duration::from_secs(15);
/// The same with `keep_alive`: usually the server closes the connection earlier.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Maximum number of bytes of a response that are read.
const MAX_ANSWER: u64 = 64 << 10;

/// A client for one server.
pub struct Client {
    output: &'static str,
    agent: Agent,
    url: String,
    headers: Vec<(String, String)>,
    compress: bool,
}

/// Options of the client.
pub struct Options<'o> {
    /// Name of the output in messages.
    pub output: &'static str,
    pub target: Uri,
    pub user_agent: &'o str,
    pub headers: Vec<(String, String)>,
    pub compress: bool,
    /// Whether to keep an idle connection for any time.
    pub keep_alive: bool,
    /// How long all of an attempt may take.
    pub timeout: Duration,
    pub tls: Tls<'o>,
}

/// Response of the server.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// Delay before the next request, if the server requests one.
    pub retry_after: Option<Duration>,
    /// The URL to which the server redirects.
    location: Option<String>,
}

impl Answer {
    /// What the server says to an alert that it does not accept.
    pub fn refusal(&self) -> String {
        match &self.location {
            Some(url) if (300..400).contains(&self.status) => format!(
                "the server returns {} and redirects to {}: alerts are not redirected, use that URL",
                self.status,
                shown(url)
            ),
            _ => format!("the server returns {}", self.status),
        }
    }
}

/// Why there is no response.
pub enum Failure {
    /// The request timed out.
    Timeout(String),
    /// The connection ended.
    Broken(String),
    /// Anything else.
    Other(String),
}

impl Client {
    /// # Errors
    /// A certificate or key is not available.
    pub fn new(options: Options<'_>) -> Result<Self> {
        let Options { output, target, user_agent, headers, compress, keep_alive, timeout, tls } = options;
        let mut agent = Agent::config_builder()
            .user_agent(user_agent)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(timeout))
            .max_idle_connections(1)
            .max_idle_age(if keep_alive { KEPT } else { IDLE });
        if target.scheme_str() == Some("https") {
            agent = agent.tls_config(tls::tls_config(&tls, output)?);
        }
        Ok(Self { output, agent: agent.build().into(), url: target.to_string(), headers, compress })
    }

    /// The URL, without its password.
    pub fn url(&self) -> String {
        shown(&self.url)
    }

    /// Disables compression, if it may be the reason for the refusal of an alert. Returns whether
    /// compression was enabled until now.
    pub fn stop_compressing(&mut self, status: u16) -> bool {
        matches!(status, 400 | 406 | 415 | 422) && std::mem::take(&mut self.compress)
    }

    pub fn post(&self, alert: &[u8]) -> Result<Answer, Failure> {
        let mut request = self.agent.post(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let sent = if self.compress {
            request = request.header("content-encoding", "gzip");
            let mut body = GzEncoder::new(Vec::new(), Compression::default());
            let done = body.write_all(alert).and_then(|()| body.finish());
            request.send(&done.map_err(|error| Failure::Other(error.to_string()))?)
        } else {
            request.send(alert)
        };
        let mut response = sent.map_err(|error| failure(error, self.output))?;
        // Reads the body to the end, so that the connection can be reused. A body that is too long is
        // ignored.
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: response.status().as_u16(),
            body: body.unwrap_or_default(),
            retry_after: header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs),
            location: header("location").map(str::to_owned),
        })
    }
}

/// A URL without its password.
pub fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

/// Whether requests can be sent to this URL: it has a scheme of HTTP, a host, and no port above 65,535.
pub fn is_complete(target: &Uri) -> bool {
    let authority = target.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = target.host().and_then(|name| host.strip_prefix(name)).unwrap_or_default();
    matches!(target.scheme_str(), Some("http" | "https"))
        && target.host().is_some_and(|host| !host.is_empty())
        // Without this, a port that is no number would stand for the default.
        && (port.is_empty() || target.port_u16().is_some())
}

fn failure(error: Error, output: &str) -> Failure {
    match error {
        Error::Timeout(which) => Failure::Timeout(format!("no response in time ({which})")),
        Error::HostNotFound => Failure::Other("there is no such host".into()),
        Error::Rustls(error) => Failure::Other(tls_failure(&error, output)),
        Error::Io(error) => match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::Timeout(error.to_string()),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Failure::Broken(format!("the connection ended: {error}")),
            _ => match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
                Some(inner) => Failure::Other(tls_failure(inner, output)),
                None => Failure::Other(error.to_string()),
            },
        },
        Error::Protocol(why) => {
            Failure::Other(format!("the response is not HTTP ({why}){}", expects("HTTP")))
        }
        other => Failure::Other(other.to_string()),
    }
}

/// Advice if a server speaks another protocol.
pub fn expects(protocol: &str) -> String {
    format!("; does the server speak {protocol} at this port?")
}

/// Describes a TLS error of the server, with advice.
fn tls_failure(error: &TlsError, output: &str) -> String {
    let hint = match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            return format!("{error}; set {output}.ca_cert to the certificate of its CA");
        }
        TlsError::InvalidCertificate(CertificateError::Other(other)) if is_ca(other) => {
            "; it is a CA's own: let it sign one for the server"
        }
        TlsError::InvalidMessage(_) => return format!("{error}{}", expects("TLS")),
        _ => "",
    };
    format!("{error}{hint}")
}

fn is_ca(error: impl fmt::Debug) -> bool {
    format!("{error:?}").contains("CaUsedAsEndEntity")
}
