//! Alerts start captures: `capture:` of the configuration.
//!
//! A file begins with all that is known before the event that started it, so that it can be read by itself, then has
//! every event until some time after the last alert.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eyas::rules::{Priority, Rule};
use eyas::sinsp::{EventView, Skipped};
use serde_json::Value;

use crate::clock;
use crate::config::{self, CaptureMode, Config};
use crate::internal::Internal;
use crate::log::{self, Level};
use crate::signals::Stop;
use frames::Frames;
use recorder::{Message, Recorder, State, Status};
use way::Way;

mod frames;
mod recorder;
mod way;

const MS: u64 = 1_000_000;
/// After a file that could not be written, none begins for so long, ns of event time.
const RETRY: u64 = 10_000 * MS;
/// How long an event waits for others to be handed on with.
const DELAY: Duration = Duration::from_secs(1);
/// How much later than by the events' time a capture ends where no events come, ns.
const GRACE: u64 = 1_000 * MS;

/// Captures one after another.
pub struct Capture {
    config: config::Capture,
    /// Events don't wait: another thread writes.
    live: bool,
    way: Option<Way>,
    wanted: Option<Wanted>,
    active: Option<Active>,
    /// Time of an event before which none begins.
    not_before: u64,
    stop: Stop,
    /// How long the end may take.
    timeout: Duration,
}

/// What the rules want that the event at hand satisfies.
struct Wanted {
    begins: bool,
    /// ns.
    duration: u64,
}

struct Active {
    status: Arc<Status>,
    /// With the first event at this time it ends.
    deadline: u64,
    frames: Frames,
    /// When what is in `frames` came first.
    since: Instant,
}

impl Capture {
    pub fn new(config: &Config, stop: Stop) -> Self {
        let this = Self {
            config: config.capture.clone(),
            live: !config.engine.is_replay(),
            way: None,
            wanted: None,
            active: None,
            not_before: 0,
            stop,
            timeout: Duration::from_millis(config.output_timeout),
        };
        this.announce();
        this
    }

    fn announce(&self) {
        if self.config.enabled {
            let config::Capture { mode, path_prefix, .. } = &self.config;
            let prefix = path_prefix.display();
            log::info(&format!("Capture is enabled in mode '{mode}'. Capturing events to {prefix}"));
        }
    }

    /// Goes on with another configuration; the file that is being written counts by the one it began with.
    pub fn configure(&mut self, config: &config::Capture) {
        if *config == self.config {
            return;
        }
        self.config = config.clone();
        self.announce();
        if !self.config.enabled {
            self.end();
        }
    }

    /// Whether all that comes is to be shown to this.
    pub fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// The event at hand satisfies a rule.
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

    /// The event at hand was tested; what there is to tell about the capture.
    #[inline]
    pub fn event(&mut self, event: &EventView<'_>) -> Option<Internal> {
        if self.wanted.is_none() && self.active.is_none() { None } else { self.record(event) }
    }

    #[cold]
    fn record(&mut self, event: &EventView<'_>) -> Option<Internal> {
        let ts = event.event().ts;
        if let Some(Wanted { begins, duration }) = self.wanted.take() {
            let deadline = ts.saturating_add(duration);
            match &mut self.active {
                Some(active) => active.deadline = active.deadline.max(deadline),
                None if begins && ts >= self.not_before => self.begin(event, deadline),
                None => {}
            }
        }
        let active = self.active.as_mut()?;
        if active.frames.len() == 0 {
            active.since = Instant::now();
        }
        active.frames.push(&event.event());
        let is_over = ts >= active.deadline;
        self.hand_on(false);
        let active = self.active.as_ref()?;
        match active.status.state() {
            State::Full => {
                let told = self.full(&active.status);
                self.active = None;
                return Some(told);
            }
            State::Failed => {
                self.active = None;
                self.not_before = ts.saturating_add(RETRY);
            }
            State::Good if is_over => self.end(),
            State::Good => {}
        }
        None
    }

    /// What is not shown to the rules.
    pub fn passed(&mut self, passed: Skipped<'_>) {
        let Some(active) = &mut self.active else { return };
        match passed {
            Skipped::Event(event) => {
                active.frames.push(&event);
                self.hand_on(false);
            }
            Skipped::Snapshot(snapshot) => {
                self.hand_on(true);
                let snapshot = Message::Snapshot(Box::new(snapshot.clone()));
                if !self.way.as_mut().is_some_and(|way| way.give(snapshot)) {
                    // What follows would be read with the wrong state.
                    self.end();
                }
            }
        }
    }

    /// No events come at the moment.
    pub fn idle(&mut self) {
        let Some(active) = &self.active else { return };
        if clock::now() > active.deadline.saturating_add(GRACE) {
            self.end();
        } else if active.since.elapsed() >= DELAY {
            self.hand_on(true);
        }
    }

    fn begin(&mut self, event: &EventView<'_>, deadline: u64) {
        let ts = event.event().ts;
        let path = self.path(ts, event.num());
        let limit = self.config.max_file_size_mb << 20;
        let status = Arc::new(Status::new(path, limit));
        let way = match &mut self.way {
            Some(way) => way,
            None => match if self.live { Way::thread() } else { Ok(Way::Here(Recorder::default())) } {
                Ok(way) => self.way.insert(way),
                Err(error) => {
                    self.not_before = ts.saturating_add(RETRY);
                    return log::log(Level::Error, &format!("capture: {error:#}"));
                }
            },
        };
        if way.give(Message::Begin(Arc::clone(&status), Box::new(event.snapshot()))) {
            self.active = Some(Active { status, deadline, frames: Frames::default(), since: Instant::now() });
        } else {
            self.not_before = ts.saturating_add(RETRY);
            log::log(Level::Error, "capture: none begins, as those before are not written yet");
        }
    }

    /// `<prefix>_<time, ns>_<number of the event>.scap`, so that names sort by time.
    fn path(&self, ts: u64, number: u64) -> PathBuf {
        let mut name = self.config.path_prefix.clone().into_os_string();
        name.push(format!("_{ts:020}_{number:020}.scap"));
        name.into()
    }

    /// Hands on what waits, if it is much or `all` says so.
    fn hand_on(&mut self, all: bool) {
        let (Some(active), Some(way)) = (&mut self.active, &mut self.way) else { return };
        let least = if all { 0 } else { way.batch() };
        let Some(frames) = way::ready(&mut active.frames, least) else { return };
        let events = frames.len();
        if !way.give(Message::Frames(frames)) {
            active.status.lose(events);
        }
    }

    /// Completes the file.
    fn end(&mut self) {
        self.hand_on(true);
        if self.active.take().is_some()
            && let Some(way) = &mut self.way
        {
            way.give(Message::End);
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
        if self.way.take().is_some_and(|way| !way.finish(patience)) {
            let ms = self.timeout.as_millis();
            log::log(
                Level::Error,
                &format!("capture: the last file was not complete after {ms} ms (output_timeout)"),
            );
        }
    }
}
