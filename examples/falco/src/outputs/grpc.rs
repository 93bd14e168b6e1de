//! `grpc_output`: sends alerts to clients of the gRPC server.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Shape};
use crate::grpc::{self, Lost, feed};
use crate::output::{self, Alert, Cx, Failure, Output, Section};

/// Interval at which `close` checks whether clients have received their alerts.
const GLANCE: Duration = Duration::from_millis(10);

/// `grpc_output:`
#[derive(Deserialize, Serialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the output is enabled. Without a server (`grpc.enabled`) it is always off.
    pub enabled: bool,
    /// Address of the server, for messages.
    #[serde(skip)]
    place: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, place: String::new() }
    }
}

impl Section for Settings {
    const NAME: &'static str = "grpc_output";
    const KEYS: &'static [(&'static str, Shape)] = &[("enabled", Shape::Bool)];
    const NEEDS_RECORD: bool = true;

    fn of(config: &Config) -> Self {
        let value = config.outputs.get(Self::NAME).cloned();
        let section: Self = value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
        let enabled = section.enabled && config.grpc.enabled && !feed().is_off();
        Self { enabled, place: config.grpc.bind_address.clone() }
    }

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn place(&self) -> String {
        self.place.clone()
    }

    fn open(&self, config: &Config) -> Result<Box<dyn Output>> {
        feed().set_limits(output::Settings::new(config, false).limits);
        Ok(Box::new(Grpc))
    }
}

/// Passes alerts to the server. It never waits for a client: a slow client loses its oldest alerts.
struct Grpc;

impl Output for Grpc {
    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        let Some(alert) = alerts.first() else { return Ok(0) };
        let message = grpc::alert(alert).ok_or_else(|| Failure::Lost("it has no record".into()))?;
        report(feed().push(message), cx);
        Ok(1)
    }

    /// Waits until subscribers have received the rest.
    fn close(&mut self, cx: &Cx<'_>) {
        let mut left = usize::MAX;
        while !cx.is_interrupted() {
            let now = feed().unread();
            if now == 0 {
                break;
            }
            if now < left {
                left = now;
                cx.progress();
            }
            std::thread::sleep(GLANCE);
        }
        report(feed().clear(), cx);
    }

    fn abandon(&mut self, cx: &Cx<'_>) {
        report(feed().clear(), cx);
    }
}

fn report(lost: Lost, cx: &Cx<'_>) {
    if lost.unread > 0 {
        cx.lose_delivered(lost.unread, "a subscriber reads too slowly (outputs_queue.capacity)");
    }
    if lost.unfetched > 0 {
        cx.lose_delivered(lost.unfetched, "no client has requested them (outputs_queue.capacity)");
    }
}
