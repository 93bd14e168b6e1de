//! Certificates and keys in PEM files.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use rustls::crypto::ring;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::file;

/// Bytes of a file, at most: what is larger holds something else.
const MAX_FILE: u64 = 16 << 20;

/// The bytes of a file, as many as one with certificates or keys may have.
///
/// # Errors
/// It can't be read, is no regular file, or has more.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let what = || format!("can't read {}", path.display());
    file::read(path, MAX_FILE).with_context(what)
}

/// All certificates of a file, in order.
///
/// # Errors
/// It can't be read, or there are none in it.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|error| anyhow!("{}: {error}", path.display()))?;
    if found.is_empty() {
        bail!("{} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", path.display());
    }
    Ok(found)
}

/// The first private key of a file.
///
/// # Errors
/// It can't be read, or there is none in it.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| match error {
        Error::NoItemsFound => {
            anyhow!("{} holds no private key in PEM form without a password", path.display())
        }
        error => anyhow!("{}: {error}", path.display()),
    })
}

/// All certificates in the files of a directory, each once.
///
/// # Errors
/// It can't be listed, or none of its files holds a certificate.
pub fn directory(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let entries = std::fs::read_dir(path).with_context(|| format!("can't list {}", path.display()))?;
    // Other files may be there, too: keys, lists, links that lead nowhere.
    let files = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file());
    let mut found: Vec<_> = files.filter_map(|path| certificates(&path).ok()).flatten().collect();
    found.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    found.dedup();
    if found.is_empty() {
        bail!("no file in {} holds a certificate", path.display());
    }
    Ok(found)
}

/// TLS of a server with this certificate, which serves everybody, or those whose certificates are signed by one of `roots`.
///
/// # Errors
/// The key is not the certificate's, or something is wrong with one of them.
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
