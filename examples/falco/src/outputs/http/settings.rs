//! `http_output:`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use ureq::http::Uri;

use super::client;
use crate::config::JsonSchema;

/// Settings of the HTTP output.
#[derive(Deserialize, Serialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the output is enabled.
    pub enabled: bool,
    /// URL of the server; without a scheme, `http://`.
    pub url: String,
    /// User agent of the requests.
    pub user_agent: String,
    /// Skip the verification of the server's certificate.
    pub insecure: bool,
    /// CA certificate for the server's certificate.
    pub ca_cert: PathBuf,
    /// The same, several certificates in one file.
    pub ca_bundle: PathBuf,
    /// The same, in the files of a directory.
    pub ca_path: PathBuf,
    /// Present a client certificate.
    pub mtls: bool,
    /// Certificate of this program.
    pub client_cert: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
    /// Whether to print the server's responses.
    pub echo: bool,
    /// Alerts are compressed.
    pub compress_uploads: bool,
    /// Whether to keep an idle connection for the next alert, for any time.
    pub keep_alive: bool,
    /// Number of retries if there is no response.
    pub max_consecutive_timeouts: u8,
    /// Schema of the written alerts.
    pub json_schema: JsonSchema,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            url: String::new(),
            user_agent: "falcosecurity/falco".into(),
            insecure: false,
            ca_cert: PathBuf::new(),
            ca_bundle: PathBuf::new(),
            ca_path: "/etc/ssl/certs".into(),
            mtls: false,
            client_cert: "/etc/ssl/certs/client.crt".into(),
            client_key: "/etc/ssl/certs/client.key".into(),
            echo: false,
            compress_uploads: false,
            keep_alive: false,
            max_consecutive_timeouts: 5,
            json_schema: JsonSchema::Falco,
        }
    }
}

impl Settings {
    /// The URL, without surrounding quotes.
    ///
    /// # Errors
    /// The text is not a URL, or its scheme is not HTTP.
    pub fn target(&self) -> Result<Uri> {
        let url = self.url.trim();
        let quoted = ['"', '\''].into_iter().find_map(|c| url.strip_prefix(c)?.strip_suffix(c));
        let url = quoted.unwrap_or(url);
        if url.is_empty() {
            bail!("http output enabled but no url in configuration block: http_output.url is empty");
        }
        let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let url = client::shown(url);
        let uri: Uri = whole.parse().with_context(|| format!("http_output.url is `{url}`"))?;
        if !client::is_complete(&uri) {
            bail!(
                "http_output.url is `{url}`: expected http://HOST or https://HOST, with a port (up to 65535) and a path if \
                 need be"
            );
        }
        Ok(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_as_people_write_them() {
        let target = |url: &str| Settings { url: url.into(), ..Settings::default() }.target();
        for (url, want) in [
            ("http://a:2801/x?y=1", "http://a:2801/x?y=1"),
            ("a:2801", "http://a:2801/"),
            ("\"https://a\"", "https://a/"),
            ("'http://[::1]:8/'", "http://[::1]:8/"),
        ] {
            assert_eq!(target(url).unwrap().to_string(), want);
        }
        for port in ["99999", "-1", "x"] {
            assert!(target(&format!("http://a:{port}/")).is_err(), "{port}");
        }
        let secret = target("http://me:secret@[::1/").unwrap_err();
        assert!(!format!("{secret:#}").contains("secret"), "{secret:#}");
        for url in ["", "''", "ftp://a", "http://", "http://a b", "/run/x.sock"] {
            let error = format!("{:#}", target(url).unwrap_err());
            assert!(error.contains("http_output.url"), "{url}: {error}");
        }
    }
}
