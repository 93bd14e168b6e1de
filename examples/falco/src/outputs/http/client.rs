//! One request for each alert.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use anyhow::{Context, Result, anyhow};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error as TlsError};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::settings::Settings;
use crate::pem;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long all of an attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a connection that nobody uses is kept, unless it is to be kept.
const IDLE: Duration = Duration::from_secs(15);
/// How long it is kept then: who closes it is the server.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 10;

/// Knows the server and how to speak to it.
pub(super) struct Client {
    agent: Agent,
    url: String,
    content_type: &'static str,
    compress: bool,
}

/// What a server said.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
pub(super) enum Failure {
    /// It takes too long.
    Timeout(String),
    /// The connection ended.
    Broken(String),
    /// Anything else.
    Other(String),
}

impl Client {
    /// # Errors
    /// A certificate or key can't be had.
    pub(super) fn new(config: &Settings, json: bool) -> Result<Self> {
        let target = config.target()?;
        let mut agent = Agent::config_builder()
            .user_agent(&config.user_agent)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ATTEMPT))
            .max_idle_connections(1)
            .max_idle_age(if config.keep_alive { KEPT } else { IDLE });
        if target.scheme_str() == Some("https") {
            agent = agent.tls_config(tls(config)?);
        }
        Ok(Self {
            agent: agent.build().into(),
            url: target.to_string(),
            content_type: if json { "application/json" } else { "text/plain" },
            compress: config.compress_uploads,
        })
    }

    /// Where alerts go, without a password that may be in it.
    pub(super) fn url(&self) -> String {
        shown(&self.url)
    }

    /// Compresses no more if this may be why an alert was refused; returns whether it did until now.
    pub(super) fn stop_compressing(&mut self, status: u16) -> bool {
        matches!(status, 400 | 406 | 415 | 422) && std::mem::take(&mut self.compress)
    }

    pub(super) fn post(&self, alert: &[u8]) -> Result<Answer, Failure> {
        let mut request = self.agent.post(&self.url).content_type(self.content_type);
        let sent = if self.compress {
            request = request.header("content-encoding", "gzip");
            let mut body = GzEncoder::new(Vec::new(), Compression::default());
            let done = body.write_all(alert).and_then(|()| body.finish());
            request.send(&done.map_err(|error| Failure::Other(error.to_string()))?)
        } else {
            request.send(alert)
        };
        let mut response = sent.map_err(failure)?;
        // Read to the end, so that the connection can be used again; what is too long is nobody's loss.
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        Ok(Answer { status: response.status().as_u16(), body: body.unwrap_or_default() })
    }
}

/// A URL without a password that may be in it.
pub(super) fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Timeout(which) => Failure::Timeout(format!("no answer in time ({which})")),
        Error::HostNotFound => Failure::Other("there is no such host".into()),
        Error::Rustls(error) => Failure::Other(tls_failure(&error)),
        Error::Io(error) => match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::Timeout(error.to_string()),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Failure::Broken(format!("the connection ended: {error}")),
            _ => match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
                Some(inner) => Failure::Other(tls_failure(inner)),
                None => Failure::Other(error.to_string()),
            },
        },
        other => Failure::Other(other.to_string()),
    }
}

/// What is wrong with the other end, and what helps.
fn tls_failure(error: &TlsError) -> String {
    let hint = match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "; name the certificate of who signed it in http_output.ca_cert"
        }
        TlsError::InvalidCertificate(CertificateError::Other(other)) if is_ca(other) => {
            "; it is a CA's own: let it sign one for the server"
        }
        TlsError::InvalidMessage(_) => "; does the server speak TLS at this port?",
        _ => "",
    };
    format!("{error}{hint}")
}

fn is_ca(error: impl fmt::Debug) -> bool {
    format!("{error:?}").contains("CaUsedAsEndEntity")
}

fn tls(config: &Settings) -> Result<TlsConfig> {
    let provider = Arc::new(ring::default_provider());
    let roots = match config.insecure {
        true => Vec::new(),
        false => roots(config)?,
    };
    let mut tls = TlsConfig::builder()
        .disable_verification(config.insecure)
        .root_certs(RootCerts::from(roots.iter().map(certificate)));
    if config.mtls {
        tls = tls.client_cert(Some(identity(config, &provider)?));
    }
    Ok(tls.unversioned_rustls_crypto_provider(provider).build())
}

fn certificate(der: &CertificateDer<'_>) -> Certificate<'static> {
    Certificate::from_der(der).to_owned()
}

/// Who is believed.
fn roots(config: &Settings) -> Result<Vec<CertificateDer<'static>>> {
    let is_set = |path: &Path| !path.as_os_str().is_empty();
    if is_set(&config.ca_cert) {
        return pem::certificates(&config.ca_cert).context("http_output.ca_cert");
    }
    if is_set(&config.ca_bundle) {
        return pem::certificates(&config.ca_bundle).context("http_output.ca_bundle");
    }
    pem::directory(&config.ca_path)
        .context("http_output.ca_path (or name a certificate in http_output.ca_cert)")
}

/// Who this is.
fn identity(config: &Settings, provider: &CryptoProvider) -> Result<ClientCert> {
    let certs = pem::certificates(&config.client_cert).context("http_output.client_cert")?;
    let key = pem::key(&config.client_key).context("http_output.client_key")?;
    rustls::sign::CertifiedKey::from_der(certs.clone(), key, provider).map_err(|error| {
        let (cert, key) = (config.client_cert.display(), config.client_key.display());
        anyhow!("http_output.client_cert {cert} and http_output.client_key {key}: {error}")
    })?;
    let key = PrivateKey::from_pem(&pem::read(&config.client_key)?).context("http_output.client_key")?;
    let certs: Vec<_> = certs.iter().map(certificate).collect();
    Ok(ClientCert::new_with_certs(&certs, key))
}
