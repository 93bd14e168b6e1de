//! `http_output:`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use ureq::http::{HeaderValue, Uri};

/// Alerts to a server, by HTTP.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct HttpOutput {
    /// On or off.
    pub enabled: bool,
    /// Where alerts are sent; `http://` unless it says otherwise.
    pub url: String,
    /// What the sender calls itself.
    pub user_agent: String,
    /// Whoever answers is believed.
    pub insecure: bool,
    /// Certificate of who signed the server's.
    pub ca_cert: PathBuf,
    /// The same, many in one file.
    pub ca_bundle: PathBuf,
    /// The same, in the files of a directory.
    pub ca_path: PathBuf,
    /// Tell the server who this is, too.
    pub mtls: bool,
    /// Certificate of this program.
    pub client_cert: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
    /// Print what the server answers.
    pub echo: bool,
    /// Alerts are compressed.
    pub compress_uploads: bool,
    /// An idle connection is kept for the next alert, however long that takes.
    pub keep_alive: bool,
    /// How often an alert is sent again if there is no answer.
    pub max_consecutive_timeouts: u8,
}

impl Default for HttpOutput {
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
        }
    }
}

impl HttpOutput {
    /// What can be told to be wrong without a look at files or at the server.
    pub(super) fn check(&self) -> Result<()> {
        if self.enabled {
            self.target()?;
            let agent = HeaderValue::from_str(&self.user_agent);
            agent.with_context(|| format!("http_output.user_agent is {:?}", self.user_agent))?;
        }
        Ok(())
    }

    /// The URL, without the quotes that it may have.
    ///
    /// # Errors
    /// It is none, or not one of HTTP.
    pub fn target(&self) -> Result<Uri> {
        let url = self.url.trim();
        let quoted = ['"', '\''].into_iter().find_map(|c| url.strip_prefix(c)?.strip_suffix(c));
        let url = quoted.unwrap_or(url);
        if url.is_empty() {
            bail!("http_output is enabled but http_output.url is empty");
        }
        let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let uri: Uri = whole.parse().with_context(|| format!("http_output.url is `{url}`"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            bail!(
                "http_output.url is `{url}`: expected http://HOST or https://HOST, with a port and a path if need be"
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
        let target = |url: &str| HttpOutput { url: url.into(), ..HttpOutput::default() }.target();
        for (url, want) in [
            ("http://a:2801/x?y=1", "http://a:2801/x?y=1"),
            ("a:2801", "http://a:2801/"),
            ("\"https://a\"", "https://a/"),
            ("'http://[::1]:8/'", "http://[::1]:8/"),
        ] {
            assert_eq!(target(url).unwrap().to_string(), want);
        }
        for url in ["", "''", "ftp://a", "http://", "http://a b", "/run/x.sock"] {
            let error = format!("{:#}", target(url).unwrap_err());
            assert!(error.contains("http_output.url"), "{url}: {error}");
        }
    }
}
