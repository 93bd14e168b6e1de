//! Alerts to a server: `http_output`.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use super::backlog::Backlog;
use super::{DROPPED, Line, Output, alerts};
use crate::config::Config;
use crate::log::{Level, Seldom, log};
use client::{Answer, Client, Failure};

mod client;

/// Most alerts that wait where the configuration says nothing else.
const MAX_ALERTS: usize = 1 << 16;
/// Most bytes that wait.
const MAX_BYTES: usize = 16 << 20;

/// Hands alerts to a thread that sends them one after the other, so that neither detection nor another output ever
/// waits for the server.
pub struct Http {
    backlog: Arc<Backlog>,
    sender: Option<JoinHandle<()>>,
    pushed: u64,
    full: Seldom,
    url: String,
    /// How long a full backlog is waited for: not at all where events don't wait, either.
    wait: Duration,
    timeout: Duration,
}

impl Http {
    /// Reads certificates and starts the thread; the server is not asked for anything yet.
    ///
    /// # Errors
    /// Something about the configuration, or the files that it names.
    pub fn open(config: &Config) -> Result<Self> {
        let http = &config.http_output;
        let client = Client::new(http, config.json_output)?;
        let url = client.url();
        let max_alerts = match config.outputs_queue.capacity {
            0 => MAX_ALERTS,
            capacity => capacity,
        };
        let backlog = Arc::new(Backlog::new(max_alerts, MAX_BYTES));
        let sender = Sender {
            client,
            retries: http.max_consecutive_timeouts,
            echo: http.echo,
            failing: Seldom::default(),
            failed: 0,
        };
        let alerts = Arc::clone(&backlog);
        let sender = thread::Builder::new()
            .name("http_output".into())
            .spawn(move || sender.run(&alerts))
            .context("can't start the thread that sends alerts")?;
        let timeout = Duration::from_millis(config.output_timeout);
        let wait = if config.engine.kind == "replay" { timeout } else { Duration::ZERO };
        Ok(Self { backlog, sender: Some(sender), pushed: 0, full: Seldom::default(), url, wait, timeout })
    }
}

impl Output for Http {
    fn name(&self) -> &'static str {
        "http_output"
    }

    fn write(&mut self, line: Line<'_>) -> io::Result<()> {
        if self.backlog.push(line.text, self.wait) {
            self.pushed += 1;
            return Ok(());
        }
        DROPPED.fetch_add(1, Ordering::Relaxed);
        if let Some(times) = self.full.happened() {
            let text = format!(
                "http_output: {} takes alerts too slowly: the queue is full, {times} left out since this was last said",
                self.url
            );
            log(Level::Error, &text);
        }
        Ok(())
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        let left = self.backlog.close(self.pushed, self.timeout);
        if left > 0 {
            DROPPED.fetch_add(left, Ordering::Relaxed);
            let (url, ms) = (&self.url, self.timeout.as_millis());
            let text = format!(
                "http_output: {left} alerts not delivered: {url} took none of them in {ms} ms (output_timeout) at the end"
            );
            log(Level::Error, &text);
        } else if let Some(sender) = self.sender.take() {
            // It has nothing left but to say how it went; it logs if it panics.
            let _ = sender.join();
        }
        if self.full.unsaid() > 0 {
            log(
                Level::Error,
                &format!("http_output: {} more were left out as the queue was full", self.full.unsaid()),
            );
        }
    }
}

/// What the thread has.
struct Sender {
    client: Client,
    retries: u8,
    echo: bool,
    failing: Seldom,
    /// Alerts not delivered since one was.
    failed: u64,
}

impl Sender {
    fn run(mut self, backlog: &Backlog) {
        while let Some(alert) = backlog.take() {
            let outcome = self.deliver(&alert);
            self.tell(outcome);
            backlog.done();
        }
        if self.failing.unsaid() > 0 {
            let text = format!("http_output: {} more alerts not delivered", self.failing.unsaid());
            log(Level::Error, &text);
        }
    }

    /// Sends an alert until it is taken, refused, or not answered too often.
    fn deliver(&mut self, alert: &[u8]) -> Result<(), String> {
        let (mut timeouts, mut broken) = (0, false);
        loop {
            match self.client.post(alert) {
                Ok(Answer { status: 200..300, body }) => {
                    if self.echo {
                        // Whoever reads standard output notices if it is gone.
                        let _ = io::stdout().write_all(&body).and_then(|()| io::stdout().flush());
                    }
                    return Ok(());
                }
                Ok(Answer { status, .. }) if self.client.stop_compressing(status) => {
                    let text = format!(
                        "http_output: {} answers {status} to a compressed alert; they are sent as they are from now on",
                        self.client.url()
                    );
                    log(Level::Warning, &text);
                }
                Ok(Answer { status, .. }) => return Err(format!("it answers {status}")),
                Err(Failure::Timeout(_)) if timeouts < self.retries => timeouts += 1,
                // A connection that was kept may have been closed at the other end meanwhile.
                Err(Failure::Broken(_)) if !broken => broken = true,
                Err(Failure::Timeout(what) | Failure::Broken(what) | Failure::Other(what)) => {
                    return Err(what);
                }
            }
        }
    }

    fn tell(&mut self, outcome: Result<(), String>) {
        let url = self.client.url();
        match outcome {
            Ok(()) if self.failed == 0 => {}
            Ok(()) => {
                let failed = std::mem::take(&mut self.failed);
                self.failing = Seldom::default();
                log(
                    Level::Info,
                    &format!("http_output: {url} takes alerts again; {failed} were not delivered"),
                );
            }
            Err(what) => {
                self.failed += 1;
                if let Some(times) = self.failing.happened() {
                    let alerts = alerts(times);
                    log(Level::Error, &format!("http_output: {alerts} not delivered to {url}: {what}"));
                }
            }
        }
    }
}
