//! Reads audit events from a file or any other reader.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use eyas_sinsp::plugin::{Batch, EventStream, Flow, PluginError};

use crate::document::{Document, Node};

/// Maximum size of an event, bytes: the default of the reference implementation.
const MAX_EVENT: usize = 262_144;
/// Maximum length of a line, which may have many events, bytes.
const MAX_LINE: u64 = 64 << 20;
/// Number of events in a batch, unless a line has more.
const BATCH: usize = 64;
/// Number of lines of a FIFO that may wait.
const WAITING: usize = 16;
/// Time to wait for the next line of a FIFO.
const PATIENCE: Duration = Duration::from_millis(100);

/// An event stream of audit events from lines of JSON. Each line is an event, a list of events, or an
/// `EventList`.
///
/// The time of an event is the time of its stage. The stream skips and counts lines that are not JSON, and
/// events without a time or larger than 256 KiB.
pub struct AuditStream {
    input: Input,
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
        let failed = |cause: io::Error| format!("cannot open {path}: {cause}");
        if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
            return Ok(Self::of(Input::Lines(lines_of(Path::new(path)).map_err(failed)?)));
        }
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
        Ok(Self { size, ..Self::new(BufReader::with_capacity(256 << 10, file)) })
    }

    /// Creates a stream from a reader.
    pub fn new(reader: impl BufRead + Send + 'static) -> Self {
        Self::of(Input::Reader(Box::new(reader)))
    }

    fn of(input: Input) -> Self {
        Self { input, line: Vec::new(), read: 0, size: None, skipped: 0 }
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

enum Input {
    Reader(Box<dyn BufRead + Send>),
    /// Lines that another thread reads, because opening or reading may wait without a limit.
    Lines(Receiver<Line>),
}

impl Input {
    /// Reads the next line, or a part of a long one. Waits for a line only if `may_wait`.
    fn next(&mut self, line: &mut Vec<u8>, may_wait: bool) -> io::Result<Flow> {
        line.clear();
        match self {
            Self::Reader(reader) => {
                let read = reader.take(MAX_LINE).read_until(b'\n', line)?;
                Ok(if read == 0 { Flow::End } else { Flow::More })
            }
            Self::Lines(lines) => {
                match lines.recv_timeout(if may_wait { PATIENCE } else { Duration::ZERO }) {
                    Ok(next) => {
                        *line = next?;
                        Ok(Flow::More)
                    }
                    Err(RecvTimeoutError::Timeout) => Ok(Flow::Idle),
                    Err(RecvTimeoutError::Disconnected) => Ok(Flow::End),
                }
            }
        }
    }
}

type Line = io::Result<Vec<u8>>;

/// Starts to read a FIFO or a device.
fn lines_of(path: &Path) -> io::Result<Receiver<Line>> {
    let path = path.to_owned();
    read_by_thread(move || Ok(Box::new(BufReader::with_capacity(256 << 10, File::open(path)?))))
}

/// A panic of the thread is an error: its end alone would look like the end of the log.
fn read_by_thread(
    open: impl FnOnce() -> io::Result<Box<dyn BufRead + Send>> + Send + 'static,
) -> io::Result<Receiver<Line>> {
    let (send, lines) = sync_channel(WAITING);
    thread::Builder::new().name("audit log".into()).spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| send_lines(open()?, &send)));
        if let Err(error) =
            result.unwrap_or_else(|_| Err(io::Error::other("the thread that reads it panicked")))
        {
            let _ = send.send(Err(error));
        }
    })?;
    Ok(lines)
}

fn send_lines(log: Box<dyn BufRead + Send>, lines: &SyncSender<Line>) -> io::Result<()> {
    let mut input = Input::Reader(log);
    let mut line = Vec::new();
    while matches!(input.next(&mut line, true)?, Flow::More) {
        // Nobody needs more lines.
        if lines.send(Ok(std::mem::take(&mut line))).is_err() {
            break;
        }
    }
    Ok(())
}

impl EventStream for AuditStream {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Flow, PluginError> {
        while batch.len() < BATCH {
            let next = self.input.next(&mut self.line, batch.is_empty());
            match next.map_err(|cause| format!("cannot read the audit log: {cause}"))? {
                Flow::More => {}
                // Events that are there come first.
                Flow::Idle if !batch.is_empty() => return Ok(Flow::More),
                over => return Ok(over),
            }
            let read = self.line.len() as u64;
            self.read += read;
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

    /// A log whose second read panics.
    struct Panics(bool);

    impl Read for Panics {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            assert!(!std::mem::replace(&mut self.0, true), "as meant");
            out[..3].copy_from_slice(b"{}\n");
            Ok(3)
        }
    }

    #[test]
    fn a_panic_of_the_reading_thread_is_an_error() {
        let lines = read_by_thread(|| Ok(Box::new(BufReader::new(Panics(false))))).unwrap();
        let mut stream = AuditStream::of(Input::Lines(lines));
        let mut batch = Batch::default();
        let error = loop {
            match stream.next_batch(&mut batch) {
                Ok(Flow::End) => panic!("it looks like the end"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("panicked") && stream.skipped() == 1, "{error}");
    }

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

    #[test]
    fn a_fifo_is_idle_until_a_writer_writes() {
        let dir = eyas_testing::Dir::new("audit-fifo");
        let fifo = dir.fifo("log");
        let mut stream = AuditStream::open(fifo.to_str().unwrap()).unwrap();
        let mut batch = Batch::default();
        assert_eq!((stream.next_batch(&mut batch), batch.len()), (Ok(Flow::Idle), 0));
        let event = r#"{"kind":"Event","auditID":"1","stageTimestamp":"2018-10-25T13:58:49.736141Z"}"#;
        std::fs::write(&fifo, format!("{event}\n{event}\n")).unwrap();
        let mut events = 0;
        loop {
            batch.clear();
            let flow = stream.next_batch(&mut batch).unwrap();
            events += batch.len();
            if flow == Flow::End {
                break;
            }
        }
        assert_eq!(events, 2);
    }
}
