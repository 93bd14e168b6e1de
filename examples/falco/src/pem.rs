//! Reads certificates and keys from PEM files.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use eyas_console::ShowPath;
use rustls::crypto::ring;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::file;

/// Maximum size of a file, bytes. Larger files are not PEM files.
const MAX_FILE: u64 = 16 << 20;

/// Reads a file, up to the maximum size.
///
/// # Errors
/// The file cannot be read, is not a regular file, or is too large.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let what = || format!("can't read {}", path.shown());
    file::read(path, MAX_FILE).with_context(what)
}

/// All certificates of a file, in order.
///
/// # Errors
/// The file cannot be read, or has no certificate.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|error| anyhow!("{}: {error}", path.shown()))?;
    if found.is_empty() {
        bail!("{} contains no certificate in PEM format (-----BEGIN CERTIFICATE-----)", path.shown());
    }
    Ok(found)
}

/// The first private key of a file.
///
/// # Errors
/// The file cannot be read, or has no key.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| match error {
        Error::NoItemsFound => {
            anyhow!("{} contains no private key in PEM format without a password", path.shown())
        }
        error => anyhow!("{}: {error}", path.shown()),
    })
}

/// All certificates in the files of a directory, each once.
///
/// # Errors
/// The directory cannot be listed, or no file in it has a certificate.
pub fn directory(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let entries = std::fs::read_dir(path).with_context(|| format!("can't list {}", path.shown()))?;
    // The directory may also have other files: keys, lists, dangling symlinks.
    let files = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file());
    let mut found: Vec<_> = files.filter_map(|path| certificates(&path).ok()).flatten().collect();
    found.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    found.dedup();
    if found.is_empty() {
        bail!("no file in {} contains a certificate", path.shown());
    }
    Ok(found)
}

/// TLS configuration of a server with this certificate. With `roots`, only clients with a certificate from
/// one of these CAs may connect.
///
/// # Errors
/// The key does not match the certificate, or one of them is invalid.
pub fn server(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Option<Vec<CertificateDer<'static>>>,
) -> Result<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match roots {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let mut store = RootCertStore::empty();
            roots.into_iter().try_for_each(|root| store.add(root))?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    Ok(builder.with_single_cert(certificates, key)?)
}
