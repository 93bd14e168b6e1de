//! The outputs as the event loop sees them.

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

/// Bytes of alerts that are handed over soon.
const LARGE: usize = 64 << 10;

/// How long standard output is waited for at least.
const LEAST: Duration = Duration::from_millis(100);

/// Hands alerts to all outputs.
pub struct Outputs {
    hub: Arc<Hub>,
    batch: Batch,
    /// Events can wait for outputs.
    is_replay: bool,
    stop: Stop,
}

impl Outputs {
    /// Opens those outputs of `rows` that the configuration enables.
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

    /// The same for other threads.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Where alerts are added; call [`Outputs::offer`] then.
    pub fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Whether so much was added that it should be handed over soon.
    pub fn is_large(&self) -> bool {
        self.batch.bytes() >= LARGE
    }

    /// Hands over what was added. A replay waits for an output that has no room, as long as it makes progress.
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

    /// Whether alerts are of no use to anybody any more: standard output was the only output, and its reader is gone.
    pub fn is_deserted(&self) -> bool {
        let channels = self.hub.channels();
        !self.hub.settings().captures
            && !channels.is_empty()
            && channels.iter().all(|channel| channel.is_gone())
    }

    /// Has all outputs open their destinations again.
    pub fn reopen(&mut self) {
        self.offer();
        self.hub.channels().iter().for_each(|channel| channel.reopen());
    }

    /// Other outputs take the alerts that are added from here on.
    pub fn change(&mut self, change: Change) {
        self.offer();
        change.apply(&self.hub);
    }

    /// Hands over the rest and waits until it is delivered: for each output as long as it makes progress, or makes none for
    /// `output_timeout`; if the program was asked to end, `output_timeout` in all. Returns whether standard output was
    /// waited for in vain.
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

    /// How long may still be waited for standard output at the end: as [`Outputs::close`] does.
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

/// Whether this is standard output, and the only output: as any filter, a replay waits for its reader.
fn is_only_reader(channels: &[Arc<Channel>], channel: &Channel) -> bool {
    channels.len() == 1 && channel.row().is_stdout
}
