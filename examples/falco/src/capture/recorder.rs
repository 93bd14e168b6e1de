//! Writes the files of captures, one after another.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use eyas::scap::{Frames, Loss, Snapshot, Writer};
use eyas_console::ShowPath;
use rustix::fs::OFlags;

use super::flight::{FlightRecorder, Limits};
use super::pool::{MAX_POOLED, Pool};
use super::written::{self, Written};
use crate::file;
use crate::log::{self, Level};

/// State of a capture, shared by its writer and by the thread that requested it.
pub struct Status {
    path: PathBuf,
    /// Size at which the capture ends, bytes; 0 for no limit.
    limit: u64,
    written: AtomicU64,
    state: AtomicU8,
    /// Events that were dropped for lack of time.
    lost: AtomicU64,
}

/// Outcome of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The capture is running, or has ended normally.
    Good,
    /// The capture has reached its size limit.
    Full,
    /// The capture could not be written. The log has the reason.
    Failed,
}

impl Status {
    pub fn new(path: PathBuf, limit: u64) -> Self {
        let (written, lost) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { path, limit, written, state: AtomicU8::new(State::Good as u8), lost }
    }

    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            full if full == State::Full as u8 => State::Full,
            failed if failed == State::Failed as u8 => State::Failed,
            _ => State::Good,
        }
    }

    /// Bytes of the file.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Records that this many events are missing.
    pub fn count_lost(&self, events: u64) {
        self.lost.fetch_add(events, Ordering::Relaxed);
    }

    fn set(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }
}

/// Data to write or to keep.
pub enum Message {
    /// Begins a file.
    Begin(Arc<Status>, Beginning),
    /// A new state, where a replayed file has several captures.
    Snapshot(Box<Snapshot>),
    Frames(Frames),
    /// The file is complete.
    End,
    /// Starts a flight recorder with these limits for the next events, or, without limits, stops it.
    Flight(Option<Limits>),
    /// The next events begin a chunk of the flight recorder.
    Chunk(Chunk),
}

/// Beginning of a file without a pre-roll.
pub struct Beginning {
    /// The state there.
    pub snapshot: Box<Snapshot>,
    /// Losses after which that state is in doubt.
    pub losses: Vec<Loss>,
    /// Time of the first event, ns.
    pub ts: u64,
}

/// Beginning of a chunk of the flight recorder.
pub struct Chunk {
    /// The state there.
    pub snapshot: Box<Snapshot>,
    /// Losses after which that state is in doubt.
    pub losses: Vec<Loss>,
    /// Whether events before the chunk are missing.
    pub has_gap: bool,
}

impl Message {
    /// Number of bytes of events, and of beginnings of files, in this message.
    pub fn load(&self) -> (usize, usize) {
        match self {
            Self::Begin(..) | Self::Snapshot(_) | Self::Chunk(_) => (0, 1),
            Self::Frames(frames) => (frames.size(), 0),
            Self::End | Self::Flight(_) => (0, 0),
        }
    }
}

/// Writes files and keeps the flight recorder. Logs the outcome.
pub struct Recorder {
    open: Option<Open>,
    flight: Option<FlightRecorder>,
    /// Pool for emptied buffers.
    pool: Pool,
}

struct Open {
    status: Arc<Status>,
    writer: Writer,
    events: u64,
    /// Number of them that happened before the alert.
    earlier: u64,
    unflushed: bool,
}

impl Recorder {
    pub fn new(pool: Pool) -> Self {
        Self { open: None, flight: None, pool }
    }

    pub fn take(&mut self, message: Message) {
        match message {
            Message::Begin(status, beginning) => {
                self.end();
                match Open::create(&status, &beginning, self.flight.as_ref()) {
                    Ok(open) => self.open = Some(open),
                    Err(error) => fail(&status, &error),
                }
                self.end_if_full();
            }
            Message::Snapshot(snapshot) => {
                if self.flight.is_some() {
                    self.keep(snapshot.clone(), Vec::new(), true);
                }
                self.write(|open| Ok(open.writer.snapshot(&snapshot)?));
            }
            Message::Frames(frames) => {
                self.write(|open| open.frames(&frames));
                match &mut self.flight {
                    None => self.pool.put(frames, MAX_POOLED),
                    Some(flight) => {
                        flight.add(frames);
                        flight.compress();
                    }
                }
            }
            Message::End => self.end(),
            Message::Flight(None) => self.flight = None,
            Message::Flight(Some(limits)) => match &mut self.flight {
                Some(flight) => flight.limit(limits),
                None => self.flight = Some(FlightRecorder::new(limits, self.pool.clone())),
            },
            Message::Chunk(Chunk { snapshot, losses, has_gap }) => self.keep(snapshot, losses, has_gap),
        }
    }

    fn keep(&mut self, snapshot: Box<Snapshot>, losses: Vec<Loss>, is_apart: bool) {
        let Some(flight) = &mut self.flight else { return };
        if let Err(error) = flight.begin(snapshot, losses, is_apart) {
            log::log(Level::Error, &format!("capture: can't keep the state before alerts: {error:#}"));
            self.flight = None;
        }
    }

    /// Compresses the data of the flight recorder, as far as there is time.
    pub fn compress(&mut self) {
        if let Some(flight) = &mut self.flight {
            flight.compress();
        }
    }

    /// Flushes the file, so that everything written so far is readable.
    pub fn flush(&mut self) {
        self.write(|open| match std::mem::take(&mut open.unflushed) {
            true => Ok(open.writer.flush()?),
            false => Ok(()),
        });
    }

    /// After an error or after the size limit, events are left out until the next file begins.
    fn write(&mut self, with: impl FnOnce(&mut Open) -> Result<()>) {
        let Some(open) = &mut self.open else { return };
        if let Err(error) = with(open) {
            fail(&open.status, &error);
            self.open = None;
        } else {
            self.end_if_full();
        }
    }

    fn end_if_full(&mut self) {
        if let Some(open) = self.open.as_ref().filter(|open| open.is_full()) {
            let status = Arc::clone(&open.status);
            self.end();
            if status.state() == State::Good {
                status.set(State::Full);
            }
        }
    }

    /// Gives up the open file, if there is one.
    pub fn fail_open_file(&mut self, why: &str) {
        if let Some(open) = self.open.take() {
            fail(&open.status, &anyhow!("{why}"));
        }
    }

    /// Completes the file.
    pub fn end(&mut self) {
        let Some(Open { status, writer, events, earlier, .. }) = self.open.take() else { return };
        let path = status.path.shown();
        if let Err(error) = writer.finish() {
            return fail(&status, &error.into());
        }
        match std::fs::metadata(&status.path) {
            Ok(meta) => status.written.store(meta.len(), Ordering::Relaxed),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return fail(
                    &status,
                    &anyhow!("the file was deleted before it was complete, with {events} events"),
                );
            }
            Err(_) => {}
        }
        let before =
            if earlier > 0 { format!(", {earlier} of them from before the alert") } else { String::new() };
        log::info(&format!("Captured {events} events to {path}{before}"));
        let lost = status.lost.load(Ordering::Relaxed);
        if lost > 0 {
            log::warning(&format!(
                "{lost} events are missing in {path}: it could not be written fast enough"
            ));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

fn fail(status: &Status, error: &anyhow::Error) {
    let path = status.path.shown();
    log::log(Level::Error, &format!("capture: can't write {path}: {error:#}; see capture.path_prefix"));
    status.set(State::Failed);
}

impl Open {
    fn create(status: &Arc<Status>, beginning: &Beginning, flight: Option<&FlightRecorder>) -> Result<Self> {
        // The file may contain secrets, and its directory may be world-writable.
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(file::mode());
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).context("no such flag")?;
        let file = options.custom_flags(flags).open(&status.path)?;
        if !file.metadata()?.is_file() {
            bail!("it is not a regular file");
        }
        let mut writer = Writer::new(file, true);
        let earlier =
            flight.map(|flight| flight.write(&mut writer, beginning.ts, status.limit)).transpose()?.flatten();
        if earlier.is_none() {
            writer.snapshot(&beginning.snapshot)?;
            writer.losses(&beginning.losses);
        }
        let earlier = earlier.unwrap_or_default();
        Ok(Self { status: Arc::clone(status), writer, events: earlier, earlier, unflushed: earlier > 0 })
    }

    fn frames(&mut self, frames: &Frames) -> Result<()> {
        let Written { written, too_long } = written::write(frames, &mut self.writer, self.status.limit)?;
        self.events += written;
        self.status.count_lost(too_long);
        self.unflushed = true;
        Ok(())
    }

    fn is_full(&self) -> bool {
        written::is_full(&self.writer, self.status.limit)
    }
}
