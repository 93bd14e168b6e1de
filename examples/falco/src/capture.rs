//! Alerts start captures: `capture:` of the configuration.
//!
//! A file begins with the complete state before its first event, so that it can be read by itself. Then it
//! has every event until some time after the last alert. The first event is the one that started the
//! capture, unless the flight recorder has earlier ones.
//!
//! ```text
//!   events ──> Frames ──> a thread: Recorder ──> file
//!   state  ──> Chunks ──>           FlightRecorder ──┘ at an alert
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eyas::rules::{Priority, Rule};
use eyas::scap::{Frames, RawEvent};
use eyas::sinsp::{EventView, Skipped};
use eyas_console::ShowPath;
use serde_json::Value;

use crate::clock;
use crate::config::{self, CaptureMode, Config};
use crate::internal::Internal;
use crate::log::{self, Level};
use crate::signals::Stop;
use chunks::Chunks;
pub use flight::Limits;
use pool::Pool;
use recorder::{Beginning, Chunk, Message, Recorder, State, Status};
use transport::Transport;

mod chunks;
mod flight;
mod pool;
mod recorder;
mod transport;
mod written;

const MS: u64 = 1_000_000;
/// Bytes of events that are passed to a file in one message.
const BATCH: usize = 128 << 10;
/// Delay before a new file begins after one that could not be written, ns of event time.
const RETRY: u64 = 10_000 * MS;
/// Maximum time that an event waits for others of its batch.
const DELAY: Duration = Duration::from_secs(1);
/// Extra time before a capture ends if no events arrive, ns.
const GRACE: u64 = 1_000 * MS;

/// Writes captures, one after another.
pub struct Capture {
    config: config::Capture,
    /// Whether the events are live. They must not wait, so another thread writes.
    live: bool,
    transport: Option<Transport>,
    wanted: Option<Wanted>,
    active: Option<Active>,
    /// Chunks of the flight recorder, if there is one.
    chunks: Option<Chunks>,
    /// Events that were not passed on yet.
    frames: Frames,
    /// Bytes of events that are passed on together.
    batch: usize,
    /// Buffers for it.
    pool: Pool,
    /// Arrival of the first event in `frames`, while a file is being written.
    since: Instant,
    /// No file begins with an event before this time.
    not_before: u64,
    stop: Stop,
    /// Maximum time to finish at the end.
    timeout: Duration,
}

/// Capture settings of the rules that match the current event.
struct Wanted {
    begins: bool,
    /// ns.
    duration: u64,
}

/// A file that is being written.
struct Active {
    status: Arc<Status>,
    /// Time of the first event.
    began: u64,
    /// The file ends with the first event at or after this time.
    deadline: u64,
}

impl Active {
    /// Whether the clock was set back since the beginning, by more than the file is to last: the deadline may
    /// be far away now.
    fn is_set_back(&self, ts: u64) -> bool {
        ts < self.began.saturating_sub(self.deadline - self.began)
    }
}

impl Capture {
    pub fn new(config: &Config, stop: Stop) -> Self {
        let mut this = Self {
            config: config.capture.clone(),
            live: !config.engine.is_replay(),
            transport: None,
            wanted: None,
            active: None,
            chunks: None,
            frames: Frames::default(),
            batch: BATCH,
            pool: Pool::default(),
            since: Instant::now(),
            not_before: 0,
            stop,
            timeout: Duration::from_millis(config.output_timeout),
        };
        this.announce();
        this.configure_flight();
        this
    }

    fn announce(&self) {
        if self.config.enabled {
            let config::Capture { mode, path_prefix, .. } = &self.config;
            let prefix = path_prefix.shown();
            log::info(&format!("Capture is enabled in mode '{mode}'. Capturing events to {prefix}"));
        }
    }

    /// Applies another configuration. The current file keeps the configuration with which it began.
    pub fn configure(&mut self, config: &config::Capture) {
        if *config == self.config {
            return;
        }
        self.config = config.clone();
        self.announce();
        if !self.config.enabled {
            self.end();
        }
        self.configure_flight();
    }

    /// Starts the flight recorder, changes its limits, or stops it.
    fn configure_flight(&mut self) {
        let limits = self.config.flight();
        if self.chunks.as_ref().map(|chunks| chunks.limits) == limits {
            return;
        }
        self.send_batch(true);
        if limits.is_some() && !self.ensure_transport() {
            return self.chunks = None;
        }
        if let Some(transport) = &mut self.transport {
            let _ = transport.send(Message::Flight(limits));
        }
        self.chunks = limits.map(Chunks::new);
    }

    /// Whether this needs every event.
    pub fn is_active(&self) -> bool {
        self.active.is_some() || self.chunks.is_some()
    }

    /// Records that the current event matches a rule.
    #[inline]
    pub fn matched(&mut self, rule: &Rule) {
        if !self.config.enabled {
            return;
        }
        let ms = match rule.capture_duration_ms {
            0 => self.config.default_duration,
            ms => ms,
        };
        let wanted = self.wanted.get_or_insert(Wanted { begins: false, duration: 0 });
        wanted.begins |= rule.capture || self.config.mode == CaptureMode::AllRules;
        wanted.duration = wanted.duration.max(u64::from(ms) * MS);
    }

    /// Call this after the rules have tested the current event. Returns an alert about the capture, if
    /// there is one.
    #[inline]
    pub fn event(&mut self, event: &EventView<'_>) -> Option<Internal> {
        if self.wanted.is_some() || self.active.is_some() {
            return self.record(event);
        }
        if self.chunks.is_some() {
            self.keep(event);
        }
        None
    }

    /// Keeps the event for the flight recorder. This runs for every event, so it only copies the event.
    #[inline(never)]
    fn keep(&mut self, event: &EventView<'_>) {
        self.begin_chunk_if_due(event);
        if !event.reports().is_empty() {
            return self.push_with_reports(event);
        }
        self.frames.push(event.as_raw());
        if self.frames.size() >= self.batch {
            self.send_batch(true);
        }
    }

    #[cold]
    fn record(&mut self, event: &EventView<'_>) -> Option<Internal> {
        let ts = event.event().ts;
        if self.active.as_ref().is_some_and(|active| active.is_set_back(ts)) {
            self.end();
        }
        self.begin_chunk_if_due(event);
        if let Some(Wanted { begins, duration }) = self.wanted.take() {
            let deadline = ts.saturating_add(duration);
            match &mut self.active {
                Some(active) => active.deadline = active.deadline.max(deadline),
                None if begins && ts >= self.not_before => self.begin(event, deadline),
                None => {}
            }
        }
        if !self.is_active() {
            return None;
        }
        self.push_with_reports(event);
        let active = self.active.as_ref()?;
        match active.status.state() {
            State::Full => {
                let alert = self.full(&active.status);
                self.active = None;
                return Some(alert);
            }
            State::Failed => {
                self.active = None;
                self.not_before = ts.saturating_add(RETRY);
            }
            State::Good if ts >= active.deadline => self.end(),
            State::Good => {}
        }
        None
    }

    /// Handles data that the rules do not see.
    pub fn passed(&mut self, passed: Skipped<'_>) {
        match passed {
            Skipped::Event(event) => self.push(&event),
            Skipped::Losses(losses) => self.frames.push_losses(losses),
            Skipped::Snapshot(snapshot) => {
                self.send_batch(true);
                let message = Message::Snapshot(Box::new(snapshot.clone()));
                if self.transport.as_mut().is_none_or(|transport| transport.send(message).is_err()) {
                    // A reader would interpret the following events with the wrong state.
                    self.end();
                    self.chunks.as_mut().into_iter().for_each(Chunks::note_gap);
                }
            }
        }
    }

    /// Call this while no events arrive.
    pub fn idle(&mut self) {
        let Some(active) = &self.active else { return };
        if clock::steady() > active.deadline.saturating_add(GRACE) {
            self.end();
        } else if self.since.elapsed() >= DELAY {
            self.send_batch(true);
        }
    }

    /// Writes the results of lookups before the event that uses them.
    fn push_with_reports(&mut self, event: &EventView<'_>) {
        for report in event.reports() {
            self.push(&report.as_raw());
        }
        self.push(&event.event());
    }

    fn push(&mut self, event: &RawEvent<'_>) {
        if self.frames.is_empty() && self.active.is_some() {
            self.since = Instant::now();
        }
        self.frames.push(event);
        // A replay can wait: events go to the file at once, and its limit applies at once.
        let is_prompt = !self.live && self.active.is_some();
        self.send_batch(is_prompt);
    }

    /// Begins a chunk of the flight recorder with the current event, if a chunk is due.
    fn begin_chunk_if_due(&mut self, event: &EventView<'_>) {
        let (ts, waiting) = (event.as_raw().ts, self.frames.size());
        if self.chunks.as_ref().is_some_and(|chunks| chunks.is_due(ts, waiting)) {
            self.begin_chunk(event);
        }
    }

    #[cold]
    fn begin_chunk(&mut self, event: &EventView<'_>) {
        // Checked first: if there is no room, the waiting events keep waiting.
        if !self.transport.as_ref().is_some_and(Transport::has_room_for_state) {
            return;
        }
        self.send_batch(true);
        let (Some(chunks), Some(transport)) = (&mut self.chunks, &mut self.transport) else { return };
        let began = Instant::now();
        let snapshot = Box::new(event.snapshot());
        let chunk = Chunk { snapshot, losses: event.losses(), has_gap: chunks.has_gap };
        if transport.send(Message::Chunk(chunk)).is_ok() {
            chunks.begin(event.event().ts, began.elapsed());
        }
    }

    /// Makes sure that there is a writer. Returns whether there is one.
    fn ensure_transport(&mut self) -> bool {
        if self.transport.is_none() {
            match if self.live {
                Transport::thread(self.pool.clone())
            } else {
                Ok(Transport::Here(Box::new(Recorder::new(self.pool.clone()))))
            } {
                Ok(transport) => self.transport = Some(transport),
                Err(error) => log::log(Level::Error, &format!("capture: {error:#}")),
            }
        }
        self.transport.is_some()
    }

    fn begin(&mut self, event: &EventView<'_>, deadline: u64) {
        let ts = event.event().ts;
        self.send_batch(true);
        if !self.ensure_transport() {
            self.not_before = ts.saturating_add(RETRY);
            return;
        }
        let limit = self.config.max_file_size_mb << 20;
        let status = Arc::new(Status::new(self.path(ts, event.num()), limit));
        let beginning = Beginning { snapshot: Box::new(event.snapshot()), losses: event.losses(), ts };
        let message = Message::Begin(Arc::clone(&status), beginning);
        if self.transport.as_mut().is_some_and(|transport| transport.send(message).is_ok()) {
            self.active = Some(Active { status, began: event.event().ts, deadline });
            self.batch = BATCH;
        } else {
            self.not_before = ts.saturating_add(RETRY);
            log::log(Level::Error, "capture: no new file begins, because earlier ones are not written yet");
        }
    }

    /// `<prefix>_<time, ns>_<number of the event>.scap`, so that names sort by time.
    fn path(&self, ts: u64, number: u64) -> PathBuf {
        let mut name = self.config.path_prefix.clone().into_os_string();
        name.push(format!("_{ts:020}_{number:020}.scap"));
        name.into()
    }

    /// Passes the waiting events on, if they fill a batch or if `all` is set.
    fn send_batch(&mut self, all: bool) {
        let size = self.frames.size();
        let Some(transport) = self.transport.as_mut().filter(|_| size > 0 && (all || size >= self.batch))
        else {
            return;
        };
        self.batch = match &self.chunks {
            Some(chunks) if self.active.is_none() => chunks.batch(),
            _ => BATCH,
        };
        let mut frames = std::mem::replace(&mut self.frames, self.pool.take(self.batch));
        if size < frames.capacity() / 2 {
            frames.shrink_to_fit();
        }
        let events = frames.len() as u64;
        let returned = transport.send(Message::Frames(frames));
        let is_given = returned.is_ok();
        if let Err(Message::Frames(frames)) = returned {
            // Replays of the capture then know that events are missing.
            self.frames.push_losses(&written::losses(&frames));
        }
        match &mut self.chunks {
            Some(chunks) if is_given => chunks.count(size),
            Some(chunks) => chunks.note_gap(),
            None => {}
        }
        if let Some(active) = self.active.as_ref().filter(|_| !is_given) {
            active.status.count_lost(events);
        }
    }

    /// Completes the file.
    fn end(&mut self) {
        self.send_batch(true);
        if self.active.take().is_some()
            && let Some(transport) = &mut self.transport
        {
            let _ = transport.send(Message::End);
        }
    }

    fn full(&self, status: &Status) -> Internal {
        let limit = self.config.max_file_size_mb;
        let fields = [("max_file_size_mb", limit), ("written_bytes", status.written())];
        Internal {
            rule: "capture size limit reached",
            priority: Priority::Informational,
            message: format!("Falco internal: capture size limit reached. Configured limit: {limit} MB."),
            fields: fields.map(|(key, n)| (key.to_owned(), Value::from(n))).into(),
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.end();
        let patience = |still| {
            still < self.timeout && self.stop.since().is_none_or(|stopped| stopped.elapsed() < self.timeout)
        };
        if self.transport.take().is_some_and(|transport| !transport.finish(patience)) {
            let ms = self.timeout.as_millis();
            log::log(
                Level::Error,
                &format!("capture: the last file was not complete after {ms} ms (output_timeout)"),
            );
        }
    }
}
