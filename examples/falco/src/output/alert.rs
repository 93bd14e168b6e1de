//! Alerts on their way to outputs.

use std::sync::Arc;

/// A finished alert: one rendering, which all outputs share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The line, without its end.
    pub text: Arc<[u8]>,
    /// Priority as syslog counts: 0 is the gravest.
    pub severity: u8,
}

/// Alerts that wait to be handed to the outputs.
#[derive(Default)]
pub struct Batch {
    alerts: Vec<Alert>,
    bytes: usize,
    /// Where the next alert is written; its memory is used again.
    scratch: Vec<u8>,
}

impl Batch {
    /// Adds the line that `write` appends.
    pub fn add(&mut self, severity: u8, write: impl FnOnce(&mut Vec<u8>)) {
        self.scratch.clear();
        write(&mut self.scratch);
        self.bytes += self.scratch.len();
        self.alerts.push(Alert { text: self.scratch.as_slice().into(), severity });
    }

    /// Moves the alerts of another batch to the end of this one.
    pub fn append(&mut self, other: &mut Self) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.alerts.append(&mut other.alerts);
    }

    /// The alerts, in order.
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// Bytes of their lines.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets the alerts.
    pub fn clear(&mut self) {
        self.alerts.clear();
        self.bytes = 0;
    }
}
