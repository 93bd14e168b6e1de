//! `http_output`: sends alerts to an HTTP server.

use std::time::Duration;

use anyhow::{Context, Result};
use ureq::http::HeaderValue;

use crate::config::{Config, JSON_SCHEMA, JsonSchema, Shape};
use crate::log::warning;
use crate::output::{Alert, Cx, Failure, NO_REPLY, Output, Reload, Section};
use client::{Answer, Client, Options};

pub mod client;
mod settings;
pub mod tls;
#[cfg(any(feature = "grpc", feature = "kafka"))]
mod unverified;

pub use settings::Settings;
use tls::Tls;

impl Section for Settings {
    const NAME: &'static str = "http_output";
    const KEYS: &'static [(&'static str, Shape)] = &[
        ("enabled", Shape::Bool),
        ("url", Shape::Text),
        ("user_agent", Shape::Text),
        ("insecure", Shape::Bool),
        ("ca_cert", Shape::Text),
        ("ca_bundle", Shape::Text),
        ("ca_path", Shape::Text),
        ("mtls", Shape::Bool),
        ("client_cert", Shape::Text),
        ("client_key", Shape::Text),
        ("echo", Shape::Bool),
        ("compress_uploads", Shape::Bool),
        ("keep_alive", Shape::Bool),
        ("max_consecutive_timeouts", Shape::Number(u8::MAX as u64)),
        JSON_SCHEMA,
    ];
    const DEPENDS_ON: &'static [&'static str] = &["json_output"];
    // The certificate files may have new contents.
    const RELOAD: Reload = Reload::Always;

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn json_schema(&self) -> JsonSchema {
        self.json_schema
    }

    fn check(&self) -> Result<()> {
        if self.enabled {
            self.target()?;
            let agent = HeaderValue::from_str(&self.user_agent);
            agent.with_context(|| format!("http_output.user_agent is {:?}", self.user_agent))?;
        }
        Ok(())
    }

    fn place(&self) -> String {
        self.target().map(|target| client::shown(&target.to_string())).unwrap_or_default()
    }

    /// Reads certificates, but does not connect to the server yet.
    fn open(&self, config: &Config) -> Result<Box<dyn Output>> {
        let is_json = config.json_output || self.json_schema != JsonSchema::Falco;
        let content_type = if is_json { "application/json" } else { "text/plain" };
        let client = Client::new(Options {
            output: Self::NAME,
            target: self.target()?,
            user_agent: &self.user_agent,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            compress: self.compress_uploads,
            keep_alive: self.keep_alive,
            timeout: ATTEMPT,
            tls: Tls {
                insecure: self.insecure,
                ca_cert: &self.ca_cert,
                ca_bundle: &self.ca_bundle,
                ca_path: &self.ca_path,
                client: self.mtls.then_some((&self.client_cert, &self.client_key)),
            },
        })?;
        Ok(Box::new(Http { client, retries: self.max_consecutive_timeouts, echo: self.echo }))
    }
}

/// Timeout of a whole attempt.
const ATTEMPT: Duration = Duration::from_secs(10);

struct Http {
    client: Client,
    retries: u8,
    echo: bool,
}

impl Output for Http {
    /// Sends an alert until the server accepts it, refuses it, or fails to respond too often.
    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        let Some(alert) = alerts.first() else { return Ok(0) };
        let (mut timeouts, mut broken) = (0, false);
        loop {
            if cx.is_interrupted() {
                return Err(Failure::Interrupted);
            }
            cx.hint(NO_REPLY);
            match self.client.post(&alert.text) {
                Ok(Answer { status: 200..300, body, .. }) => {
                    if self.echo {
                        print_response(&body);
                    }
                    return Ok(1);
                }
                Ok(Answer { status, .. }) if self.client.stop_compressing(status) => {
                    warning(&format!(
                        "http_output: {} returns {status} for a compressed alert; alerts are sent uncompressed from now on",
                        self.client.url()
                    ));
                }
                Ok(answer) => return Err(Failure::Lost(answer.refusal())),
                Err(client::Failure::Timeout(what)) if timeouts < self.retries => {
                    timeouts += 1;
                    cx.hint(&what);
                }
                // The server may have closed a kept-alive connection in the meantime.
                Err(client::Failure::Broken(_)) if !broken => broken = true,
                Err(
                    client::Failure::Timeout(what)
                    | client::Failure::Broken(what)
                    | client::Failure::Other(what),
                ) => return Err(Failure::Lost(what)),
            }
        }
    }
}

/// Prints the response of the server, which must not change what a terminal shows.
fn print_response(body: &[u8]) {
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
    crate::console::print(&crate::log::lines(&text));
}
