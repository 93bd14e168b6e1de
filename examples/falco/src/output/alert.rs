//! Alerts for outputs.

use std::sync::Arc;

/// A complete alert, shared by all outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The line, without a newline.
    pub text: Arc<[u8]>,
    /// The whole alert as a JSON object, with every property that `json_include_…` can leave out. Present
    /// only if an output requests it with `Section::needs_record`.
    pub record: Option<Arc<[u8]>>,
    /// Priority as a syslog number: 0 is the most severe.
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

/// Alerts to pass to the outputs.
#[derive(Default)]
pub struct Batch {
    alerts: Vec<Alert>,
    bytes: usize,
    /// Reusable buffer for the next alert.
    scratch: Vec<u8>,
}

impl Batch {
    /// Adds an alert. `line` appends its line; `record`, if given, appends its record.
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

    /// Total bytes of lines and records.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets the alerts.
    pub fn clear(&mut self) {
        self.alerts.clear();
        self.bytes = 0;
    }
}
