//! Snapshots at intervals, as alerts and in a file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use eyas::rules::Priority;
use serde_json::json;

use super::reading::Before;
use super::{Meter, Sample, snapshot};
use crate::internal::{Fields, Internal};
use crate::log::{Level, Seldom, log};
use crate::output::Side;
use crate::setup::Setup;

/// How long it takes, at most, to notice that the run has ended before there was anything to measure.
const GLANCE: Duration = Duration::from_secs(1);

/// A thread that takes snapshots until this is dropped.
pub struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Takes the first snapshot as soon as events come.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn start(meter: Arc<Meter>, alerts: Side) -> Result<Self> {
        let path = &meter.config.output_file;
        let file = match path.as_os_str().is_empty() {
            true => None,
            false => Some(
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(path)
                    .with_context(|| format!("metrics.output_file: can't open {}", path.display()))?,
            ),
        };
        let alerts = meter.config.output_rule.then_some(alerts);
        if alerts.is_none() && file.is_none() {
            return Ok(Self { stop: None, thread: None });
        }
        let every = meter.config.every()?;
        log(Level::Info, &format!("Setting metrics interval to {}", meter.config.interval));
        let (stop, stopped) = channel();
        let work = Work { meter, alerts, file, failing: Seldom::default() };
        let thread = thread::Builder::new()
            .name("metrics".into())
            .spawn(move || work.run(every, &stopped))
            .context("can't start the thread that takes snapshots of metrics")?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What makes it panic is on standard error.
            let _ = thread.join();
        }
    }
}

struct Work {
    meter: Arc<Meter>,
    alerts: Option<Side>,
    file: Option<File>,
    failing: Seldom,
}

impl Work {
    fn run(mut self, every: Duration, stopped: &Receiver<()>) {
        let mut before: Option<Before> = None;
        let mut next = Instant::now();
        for number in 0u64.. {
            let Some(sample) = self.sample() else { return };
            let reading = self.meter.read(Some(sample), before.as_ref());
            let fields = snapshot::fields(&reading, self.meter.rows(), &self.meter.config);
            let setup = reading.alerts().map(|alerts| Arc::clone(&alerts.setup));
            let this = reading.as_before();
            self.hand_on(number, fields, setup.as_deref());
            before = Some(this);
            // Those that a stopped machine has missed are left out.
            let now = Instant::now();
            next = (next + every).max(now);
            if stopped.recv_timeout(next - now) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// The next sample; nothing if the run ended without one.
    fn sample(&self) -> Option<Arc<Sample>> {
        let samples = self.meter.samples();
        loop {
            match samples.ask(GLANCE) {
                None if !samples.is_over() => {}
                sample => return sample,
            }
        }
    }

    fn hand_on(&mut self, number: u64, fields: Fields, setup: Option<&Setup>) {
        if let Some(file) = &mut self.file {
            let line = json!({ "output_fields": fields, "sample": number }).to_string() + "\n";
            if let Err(error) = file.write_all(line.as_bytes())
                && self.failing.happened().is_some()
            {
                let path = self.meter.config.output_file.display();
                log(Level::Error, &format!("metrics.output_file: can't write {path}: {error}"));
            }
        }
        if let (Some(alerts), Some(setup)) = (&self.alerts, setup) {
            let message = "Falco metrics snapshot".to_owned();
            let (rule, priority) = ("metrics snapshot", Priority::Informational);
            let alert = Internal { rule, priority, message, fields };
            // Where there is no writer any more, the run ends, and this with it.
            alerts.send(priority as u8, &setup.line(&alert));
        }
    }
}
