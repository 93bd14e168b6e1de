//! TLS: trusted certificates, and the client certificate.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use eyas_console::ShowPath;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::pem;

/// Files for TLS.
pub struct Tls<'o> {
    pub insecure: bool,
    pub ca_cert: &'o Path,
    pub ca_bundle: &'o Path,
    pub ca_path: &'o Path,
    /// Client certificate and key, if there are any.
    pub client: Option<(&'o Path, &'o Path)>,
}

/// TLS configuration for requests over HTTP.
///
/// # Errors
/// A certificate or key is not available.
pub fn tls_config(files: &Tls<'_>, output: &str) -> Result<TlsConfig> {
    let provider = Arc::new(ring::default_provider());
    let roots = match files.insecure {
        true => Vec::new(),
        false => roots(files, output)?,
    };
    let mut tls = TlsConfig::builder()
        .disable_verification(files.insecure)
        .root_certs(RootCerts::from(roots.iter().map(certificate)));
    if let Some((cert, key)) = files.client {
        tls = tls.client_cert(Some(identity(cert, key, output, &provider)?));
    }
    Ok(tls.unversioned_rustls_crypto_provider(provider).build())
}

fn certificate(der: &CertificateDer<'_>) -> Certificate<'static> {
    Certificate::from_der(der).to_owned()
}

/// Trusted CA certificates.
fn roots(files: &Tls<'_>, output: &str) -> Result<Vec<CertificateDer<'static>>> {
    let is_set = |path: &Path| !path.as_os_str().is_empty();
    if is_set(files.ca_cert) {
        return pem::certificates(files.ca_cert).with_context(|| format!("{output}.ca_cert"));
    }
    if is_set(files.ca_bundle) {
        return pem::certificates(files.ca_bundle).with_context(|| format!("{output}.ca_bundle"));
    }
    pem::directory(files.ca_path)
        .with_context(|| format!("{output}.ca_path (or name a certificate in {output}.ca_cert)"))
}

/// The client's certificate chain and its key, checked to match.
fn pair(
    cert: &Path,
    key: &Path,
    output: &str,
    provider: &CryptoProvider,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let certs = pem::certificates(cert).with_context(|| format!("{output}.client_cert"))?;
    let der = pem::key(key).with_context(|| format!("{output}.client_key"))?;
    rustls::sign::CertifiedKey::from_der(certs.clone(), der.clone_key(), provider).map_err(|error| {
        let (cert, key) = (cert.shown(), key.shown());
        anyhow!("{output}.client_cert {cert} and {output}.client_key {key}: {error}")
    })?;
    Ok((certs, der))
}

/// The client certificate.
fn identity(cert: &Path, key: &Path, output: &str, provider: &CryptoProvider) -> Result<ClientCert> {
    let (certs, _) = pair(cert, key, output, provider)?;
    let key = PrivateKey::from_pem(&pem::read(key)?).with_context(|| format!("{output}.client_key"))?;
    let certs: Vec<_> = certs.iter().map(certificate).collect();
    Ok(ClientCert::new_with_certs(&certs, key))
}

/// TLS configuration of a connection with these protocols.
///
/// # Errors
/// A certificate or key is not available.
#[cfg(any(feature = "grpc", feature = "kafka"))]
pub fn client_config(files: &Tls<'_>, output: &str, protocols: &[&[u8]]) -> Result<rustls::ClientConfig> {
    use rustls::{ClientConfig, RootCertStore};

    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .context("TLS")?;
    let builder = if files.insecure {
        let verifier = Arc::new(super::unverified::Unverified(Arc::clone(&provider)));
        builder.dangerous().with_custom_certificate_verifier(verifier)
    } else {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots(files, output)?);
        builder.with_root_certificates(store)
    };
    let mut config = match files.client {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let (certs, key) = pair(cert, key, output, &provider)?;
            builder.with_client_auth_cert(certs, key).with_context(|| format!("{output}.client_cert"))?
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}
