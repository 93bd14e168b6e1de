//! Changes the outputs when the configuration changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;

use super::channel::Channel;
use super::hub::{Hub, Settings};
use super::row::Row;
use crate::config::Config;

/// A change of the running outputs for a new configuration. If it is dropped without being applied, the
/// outputs that were opened for it end.
pub struct Change {
    settings: Settings,
    /// For every enabled output: the newly opened one, or `None` if the running one continues.
    outputs: Vec<(&'static str, Option<Arc<Channel>>)>,
}

impl Change {
    /// Opens the outputs of `rows` that the configuration enables and for which `is_new` returns true.
    ///
    /// # Errors
    /// One cannot be opened.
    pub fn new(
        rows: &'static [Row],
        config: &Config,
        settings: Settings,
        is_new: impl Fn(&Row) -> bool,
    ) -> Result<Self> {
        let mut change = Self { settings, outputs: Vec::new() };
        let shared = Arc::new(config.clone());
        for row in rows.iter().filter(|row| (row.is_enabled)(config)) {
            let opened = match is_new(row) {
                true => Some(Channel::start(row, &shared, settings.limits, settings.timeout)?),
                false => None,
            };
            change.outputs.push((row.name, opened));
        }
        Ok(change)
    }

    /// Switches to these outputs.
    pub fn apply(mut self, hub: &Hub) {
        let running: BTreeMap<_, _> =
            hub.channels().iter().map(|channel| (channel.row().name, Arc::clone(channel))).collect();
        let outputs = std::mem::take(&mut self.outputs);
        let channels =
            outputs.into_iter().filter_map(|(name, opened)| opened.or_else(|| running.get(name).cloned()));
        hub.replace(channels.collect(), self.settings);
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        for channel in self.outputs.iter().filter_map(|(_, opened)| opened.as_ref()) {
            channel.close();
        }
    }
}
