//! Reads audit events from a file or any other reader.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use eyas_sinsp::plugin::{Batch, EventStream, Flow, PluginError};

use crate::document::{Document, Node};

/// Maximum size of an event, bytes: the default of the reference implementation.
const MAX_EVENT: usize = 262_144;
/// Maximum length of a line, which may have many events, bytes.
const MAX_LINE: u64 = 64 << 20;
/// Number of events in a batch, unless a line has more.
const BATCH: usize = 64;

/// An event stream of audit events from lines of JSON. Each line is an event, a list of events, or an
/// `EventList`.
///
/// The time of an event is the time of its stage. The stream skips and counts lines that are not JSON, and
/// events without a time or larger than 256 KiB.
pub struct AuditStream {
    reader: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    read: u64,
    /// Size of the input, if it is a file.
    size: Option<u64>,
    skipped: u64,
}

impl AuditStream {
    /// Opens a file with audit events.
    ///
    /// # Errors
    /// The file cannot be opened, or the path is a listening address, which this source does not support.
    pub fn open(path: &str) -> Result<Self, PluginError> {
        if path.starts_with("http://") || path.starts_with("https://") {
            return Err(format!(
                "cannot listen at {path}: the built-in source reads files; load the plugin's shared object for a webhook"
            )
            .into());
        }
        let file = File::open(path).map_err(|cause| format!("cannot open {path}: {cause}"))?;
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
        Ok(Self { size, ..Self::new(BufReader::with_capacity(256 << 10, file)) })
    }

    /// Creates a stream from a reader.
    pub fn new(reader: impl BufRead + Send + 'static) -> Self {
        Self { reader: Box::new(reader), line: Vec::new(), read: 0, size: None, skipped: 0 }
    }

    /// Number of lines and events that were skipped so far.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Appends the events of the line.
    fn take_line(&mut self, batch: &mut Batch) {
        let line = self.line.trim_ascii();
        if line.is_empty() {
            return;
        }
        let document = Document::parse(line);
        let Some(root) = document.root() else {
            self.skipped += 1;
            return;
        };
        let is_list = root.get(b"kind").and_then(Node::string).is_some_and(|kind| *kind == *b"EventList");
        let list = if is_list { root.get(b"items") } else { Some(root).filter(Node::is_array) };
        match list {
            Some(list) => list.items().for_each(|event| self.skipped += u64::from(!push(event, batch))),
            None => self.skipped += u64::from(!push(root, batch)),
        }
    }
}

/// Appends an event. Returns whether the value was an event.
fn push(event: Node<'_>, batch: &mut Batch) -> bool {
    let time = event.get(b"stageTimestamp").and_then(Node::string).and_then(|text| {
        let time: jiff::Timestamp = std::str::from_utf8(&text).ok()?.parse().ok()?;
        u64::try_from(time.as_nanosecond()).ok()
    });
    let is_event = time.is_some() && event.raw().len() <= MAX_EVENT;
    if is_event {
        batch.push(time, event.raw());
    }
    is_event
}

impl EventStream for AuditStream {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Flow, PluginError> {
        while batch.len() < BATCH {
            self.line.clear();
            let read = (&mut self.reader).take(MAX_LINE).read_until(b'\n', &mut self.line);
            let read = read.map_err(|cause| format!("cannot read the audit log: {cause}"))? as u64;
            self.read += read;
            if read == 0 {
                return Ok(Flow::End);
            }
            if read == MAX_LINE && self.line.last() != Some(&b'\n') {
                return Err(format!("a line of the audit log is longer than {MAX_LINE} bytes").into());
            }
            self.take_line(batch);
        }
        Ok(Flow::More)
    }

    fn progress(&mut self) -> Option<(f64, String)> {
        let size = self.size.filter(|size| *size > 0)?;
        Some((100.0 * self.read as f64 / size as f64, String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_events_lists_of_events_and_event_lists() {
        let event = |id: u32| {
            format!(r#"{{"kind":"Event","auditID":"{id}","stageTimestamp":"2018-10-25T13:58:49.736141Z"}}"#)
        };
        let text = format!(
            "{}\n\n[{},{}]\n{{\"kind\":\"EventList\",\"items\":[{}]}}\nbroken\n{{\"kind\":\"Event\"}}\n{}",
            event(1),
            event(2),
            event(3),
            event(4),
            event(5)
        );
        let mut stream = AuditStream::new(std::io::Cursor::new(text));
        let mut batch = Batch::default();
        assert_eq!(stream.next_batch(&mut batch), Ok(Flow::End));
        let ids: Vec<String> = (0..batch.len())
            .map(|at| {
                let sent = batch.get(at).unwrap();
                assert_eq!(sent.ts, Some(1_540_475_929_736_141_000));
                let document = Document::parse(&sent.body[12..]);
                String::from_utf8(document.root().unwrap().get(b"auditID").unwrap().text().into_owned())
                    .unwrap()
            })
            .collect();
        assert_eq!(ids, ["1", "2", "3", "4", "5"]);
        assert_eq!(stream.skipped(), 2);
        assert!(
            AuditStream::open("http://:9765/k8s-audit").is_err() && AuditStream::open("/nowhere").is_err()
        );
    }
}
