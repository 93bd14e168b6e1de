//! The interface of the outputs for the event loop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::alert::Batch;
use super::channel::Channel;
use super::hub::{Hub, Settings};
use super::reload::Change;
use super::row::Row;
use crate::config::Config;
use crate::signals::Stop;

/// Bytes of alerts that are worth passing on immediately.
const LARGE: usize = 64 << 10;

/// Minimum time to wait for standard output.
const LEAST: Duration = Duration::from_millis(100);

/// Passes alerts to all outputs.
pub struct Outputs {
    hub: Arc<Hub>,
    batch: Batch,
    /// Whether events can wait for outputs.
    is_replay: bool,
    stop: Stop,
}

impl Outputs {
    /// Opens the outputs of `rows` that the configuration enables.
    ///
    /// # Errors
    /// One cannot be opened.
    pub fn open(rows: &'static [Row], config: &Config, unbuffered: bool, stop: Stop) -> Result<Self> {
        let settings = Settings::new(config, unbuffered);
        let hub = Arc::new(Hub::new(settings));
        let this = Self { hub, batch: Batch::default(), is_replay: config.engine.is_replay(), stop };
        Change::new(rows, config, settings, |_| true)?.apply(&this.hub);
        Ok(this)
    }

    /// The interface for other threads.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The batch to which alerts are added. Call [`Outputs::offer`] afterwards.
    pub fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Whether the batch is large enough to be passed on.
    pub fn is_large(&self) -> bool {
        self.batch.bytes() >= LARGE
    }

    /// Passes the batch to the outputs. A replay waits for a full output as long as the output makes
    /// progress.
    pub fn offer(&mut self) {
        if self.batch.alerts().is_empty() {
            return;
        }
        let timeout = self.hub.settings().timeout;
        let channels = self.hub.channels();
        for channel in channels.iter() {
            let patience = |still: Duration| {
                let waits = still < timeout || is_only_reader(&channels, channel);
                self.is_replay && waits && !self.stop.is_set()
            };
            channel.push(self.batch.alerts(), patience);
        }
        drop(channels);
        self.batch.clear();
    }

    /// Whether nothing receives alerts any more: standard output was the only output, and its reader is
    /// gone.
    pub fn has_no_receiver(&self) -> bool {
        let channels = self.hub.channels();
        !self.hub.settings().captures
            && !channels.is_empty()
            && channels.iter().all(|channel| channel.is_gone())
    }

    /// Makes all outputs reopen their destinations.
    pub fn reopen(&mut self) {
        self.offer();
        self.hub.channels().iter().for_each(|channel| channel.reopen());
    }

    /// Switches to other outputs for alerts that are added from now on.
    pub fn change(&mut self, change: Change) {
        self.offer();
        change.apply(&self.hub);
    }

    /// Passes the rest to the outputs and waits until it is delivered. Gives up on an output that makes no
    /// progress for `output_timeout`. If a signal requested the end of the program, waits at most `output_timeout` in
    /// total. Returns whether standard output timed out.
    pub fn close(&mut self) -> bool {
        self.offer();
        let timeout = self.hub.settings().timeout;
        let channels = self.hub.channels().clone();
        let patience = |channel: &Channel, still: Duration| {
            let waits = still < timeout || (self.is_replay && is_only_reader(&channels, channel));
            waits && self.stop.since().is_none_or(|stopped| stopped.elapsed() < timeout)
        };
        self.hub.close(patience);
        channels.iter().any(|channel| channel.row().is_stdout && !channel.has_ended())
    }

    /// Whether to keep waiting for standard output at the end, by the rules of [`Outputs::close`].
    pub fn waits_for_stdout(&self, still: Duration) -> bool {
        let timeout = self.hub.settings().timeout;
        let channels = self.hub.channels();
        let is_filter = self.is_replay && channels.iter().all(|channel| is_only_reader(&channels, channel));
        match self.stop.since() {
            Some(stopped) => stopped.elapsed() < timeout || still < LEAST,
            None => is_filter || still < timeout,
        }
    }
}

/// Whether this is standard output, and the only output. A replay then waits for its reader, like any
/// filter program.
fn is_only_reader(channels: &[Arc<Channel>], channel: &Channel) -> bool {
    channels.len() == 1 && channel.row().is_stdout
}
