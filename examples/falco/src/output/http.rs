//! `http_output`: alerts to a server.

use super::{Alert, Cx, Failure, Output};
use crate::log::warning;
use client::{Answer, Client};

mod client;
mod settings;

pub use settings::Settings;

struct Http {
    client: Client,
    retries: u8,
    echo: bool,
}

impl Output for Http {
    /// Sends an alert until the server takes it, refuses it, or fails to answer too often.
    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        let Some(alert) = alerts.first() else { return Ok(0) };
        let (mut timeouts, mut broken) = (0, false);
        loop {
            if cx.is_interrupted() {
                return Err(Failure::Interrupted);
            }
            match self.client.post(&alert.text) {
                Ok(Answer { status: 200..300, body }) => {
                    if self.echo {
                        echo(&body);
                    }
                    return Ok(1);
                }
                Ok(Answer { status, .. }) if self.client.stop_compressing(status) => {
                    warning(&format!(
                        "http_output: {} answers {status} to a compressed alert; alerts are sent uncompressed from now on",
                        self.client.url()
                    ));
                }
                Ok(Answer { status, .. }) => {
                    return Err(Failure::Lost(format!("the server answers {status}")));
                }
                Err(client::Failure::Timeout(what)) if timeouts < self.retries => {
                    timeouts += 1;
                    cx.hint(&what);
                }
                // A connection that was kept may have been closed at the other end meanwhile.
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

/// Prints what the server answers.
fn echo(body: &[u8]) {
    crate::console::print(&String::from_utf8_lossy(body));
}
