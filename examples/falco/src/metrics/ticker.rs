//! Takes snapshots at intervals, as alerts and in a file.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use eyas::rules::Priority;
use serde_json::json;

use super::meter::Meter;
use super::reading::Before;
use super::samples::Sample;
use super::snapshot;
use crate::config::Config;
use crate::internal::{Fields, Internal};
use crate::log::{Level, log};
use crate::output::{Alert, Channel, Hub};
use crate::outputs::METRICS_FILE;
use crate::setup::Setup;
use eyas::sinsp::service::Service;

/// Interval at which the thread checks whether the run has ended before the first sample.
const GLANCE: Duration = Duration::from_secs(1);

/// A thread that takes snapshots until this is dropped.
pub struct Ticker {
    stop: Option<Sender<()>>,
    service: Option<Service>,
}

impl Ticker {
    /// Takes the first snapshot as soon as events arrive.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn start(meter: Arc<Meter>, config: &Config, hub: &Arc<Hub>) -> Result<Self> {
        let file = match (METRICS_FILE.is_enabled)(config) {
            true => Some(hub.add_file(&METRICS_FILE, config)?),
            false => None,
        };
        let alerts = meter.config.output_rule.then(|| Arc::clone(hub));
        if alerts.is_none() && file.is_none() {
            return Ok(Self { stop: None, service: None });
        }
        let every = meter.config.every()?;
        let (interval, ms) = (&meter.config.interval, every.as_millis());
        log(Level::Info, &format!("Setting metrics interval to {interval}, equivalent to {ms} (ms)"));
        let (stop, stopped) = channel();
        // Only this thread uses it, but the thread may be restarted.
        let stopped = Mutex::new(stopped);
        let mut work = Work { meter, alerts, file, before: None, number: 0 };
        let service = Service::start("metrics", move || {
            work.run(every, &stopped.lock().unwrap_or_else(PoisonError::into_inner));
        });
        let service = service.context("can't start the thread that takes snapshots of metrics")?;
        Ok(Self { stop: Some(stop), service: Some(service) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(service) = self.service.take() {
            service.wait(GLANCE * 2);
        }
    }
}

struct Work {
    meter: Arc<Meter>,
    alerts: Option<Arc<Hub>>,
    file: Option<Arc<Channel>>,
    before: Option<Before>,
    number: u64,
}

impl Work {
    fn run(&mut self, every: Duration, stopped: &Receiver<()>) {
        let mut next = Instant::now();
        loop {
            let Some(sample) = self.sample() else { return };
            let reading = self.meter.read(Some(sample), self.before.as_ref());
            let fields = snapshot::fields(&reading, self.meter.rows(), &self.meter.config);
            let setup = reading.alerts().map(|alerts| Arc::clone(&alerts.setup));
            let this = reading.for_next();
            self.deliver(fields, setup.as_deref());
            self.number += 1;
            self.before = Some(this);
            // Snapshots that were missed while the machine was suspended are skipped.
            let now = Instant::now();
            next = (next + every).max(now);
            if stopped.recv_timeout(next - now) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// The next sample; `None` if the run ended without one.
    fn sample(&self) -> Option<Arc<Sample>> {
        let samples = self.meter.samples();
        loop {
            match samples.request(GLANCE) {
                None if !samples.is_over() => {}
                sample => return sample,
            }
        }
    }

    fn deliver(&self, fields: Fields, setup: Option<&Setup>) {
        let priority = Priority::Informational;
        if let Some(file) = &self.file {
            let line = json!({ "output_fields": fields, "sample": self.number }).to_string();
            file.push(&[Alert::new(line.as_bytes(), priority as u8)], |_| false);
        }
        if let (Some(hub), Some(setup)) = (&self.alerts, setup) {
            let message = "Falco metrics snapshot".to_owned();
            let internal = Internal { rule: "metrics snapshot", priority, message, fields };
            hub.send(setup.alert(&internal));
        }
    }
}
