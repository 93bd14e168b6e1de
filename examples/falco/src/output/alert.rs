//! Alerts on their way to outputs.

use std::sync::Arc;

/// A finished alert, which all outputs share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The line, without its end.
    pub text: Arc<[u8]>,
    /// All of the alert as a JSON object, with every property that `json_include_…` can leave out. Only where an output
    /// asks for it by `Section::needs_record`.
    pub record: Option<Arc<[u8]>>,
    /// Priority as syslog counts: 0 is the gravest.
    pub severity: u8,
}

impl Alert {
    /// A line without a record.
    pub fn new(text: &[u8], severity: u8) -> Self {
        Self { text: text.into(), record: None, severity }
    }

    /// Bytes of the line and the record.
    pub fn size(&self) -> usize {
        self.text.len() + self.record.as_ref().map_or(0, |record| record.len())
    }
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
    /// Adds an alert: the line that `line` appends, and the record that `record` appends, if there is to be one.
    pub fn add(
        &mut self,
        severity: u8,
        line: impl FnOnce(&mut Vec<u8>),
        record: Option<impl FnOnce(&mut Vec<u8>)>,
    ) {
        let text = self.written(line);
        let record = record.map(|record| self.written(record));
        self.push(Alert { text, record, severity });
    }

    fn written(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Arc<[u8]> {
        self.scratch.clear();
        write(&mut self.scratch);
        self.scratch.as_slice().into()
    }

    /// Adds an alert.
    pub fn push(&mut self, alert: Alert) {
        self.bytes += alert.size();
        self.alerts.push(alert);
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

    /// Bytes of their lines and records.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets the alerts.
    pub fn clear(&mut self) {
        self.alerts.clear();
        self.bytes = 0;
    }
}
