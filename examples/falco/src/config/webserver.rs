//! `webserver:`

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Section, Text};
use super::shape::U32;

/// The web server for health and metrics.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Webserver {
    /// Whether the server is enabled.
    pub enabled: bool,
    /// Listening port; 0 for any free port.
    pub listen_port: u32,
    /// Listening address; by default all IPv4 addresses.
    pub listen_address: String,
    /// Path of the health check.
    pub k8s_healthz_endpoint: String,
    /// Whether to serve metrics, if they are enabled.
    pub prometheus_metrics_enabled: bool,
    /// Connections are encrypted.
    pub ssl_enabled: bool,
    /// File with the certificate and the private key.
    pub ssl_certificate: PathBuf,
}

/// Keys of the section.
pub const SHAPE: Shape = Section(&[
    ("enabled", Bool),
    ("threadiness", U32),
    ("listen_port", U32),
    ("listen_address", Text),
    ("k8s_healthz_endpoint", Text),
    ("prometheus_metrics_enabled", Bool),
    ("ssl_enabled", Bool),
    ("ssl_certificate", Text),
]);

impl Default for Webserver {
    fn default() -> Self {
        Self {
            enabled: false,
            listen_port: 8765,
            listen_address: "0.0.0.0".into(),
            k8s_healthz_endpoint: "/healthz".into(),
            prometheus_metrics_enabled: false,
            ssl_enabled: false,
            ssl_certificate: "/etc/falco/falco.pem".into(),
        }
    }
}

impl Webserver {
    /// Validates the section before the server starts.
    pub(super) fn check(&self) -> Result<()> {
        // Falco also refuses an invalid address that it does not use.
        self.ip()?;
        if !self.enabled {
            return Ok(());
        }
        self.address()?;
        if !self.k8s_healthz_endpoint.starts_with('/') {
            bail!(
                "webserver.k8s_healthz_endpoint is `{}`: expected a path, as /healthz",
                self.k8s_healthz_endpoint
            );
        }
        Ok(())
    }

    fn ip(&self) -> Result<IpAddr> {
        let text = &self.listen_address;
        text.parse().ok().with_context(|| {
            format!("webserver.listen_address: webserver listen address \"{text}\" is not a valid IP address")
        })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// The address or the port is invalid.
    pub fn address(&self) -> Result<SocketAddr> {
        let port = u16::try_from(self.listen_port)
            .ok()
            .with_context(|| format!("webserver.listen_port is {}: expected 0 to 65535", self.listen_port))?;
        Ok((self.ip()?, port).into())
    }
}
