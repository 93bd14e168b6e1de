use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use eyas::scap::{Loss, OwnedEvent, RawEvent, Snapshot, Writer};
use eyas::sinsp::EventView;
use eyas_console::ShowPath;
use eyas_console::file::create;
use eyas_report::slice::{Places, Slice};

use super::Sink;
use crate::args::Args;
use crate::output::Unbuffered;
use crate::redact::Redactor;
use crate::rotation::{Names, Rotation};

/// Maximum number of state events that are repeated in every file.
const STATE_LIMIT: usize = 65_536;
/// Maximum time that written data stays in buffers while no events arrive.
const FLUSH_AFTER: Duration = Duration::from_secs(1);

/// Writes events to one capture, or to several in turn.
pub struct Dump {
    names: Names,
    rotation: Rotation,
    compress: bool,
    /// Events that reported the state at the beginning, which every file gets.
    state: Vec<OwnedEvent>,
    /// Initial state, until the first file is open.
    waiting: Option<Snapshot>,
    /// Whether a shown event has occurred.
    begun: bool,
    /// Whether the initial state was written to the file.
    has_snapshot: bool,
    writer: Option<Writer>,
    /// Path of the current file.
    path: PathBuf,
    /// The losses since the last event of the previous file.
    lost: Vec<Loss>,
    /// When something was written that may still wait in a buffer.
    unflushed: Option<Instant>,
    /// The processes in the file; `None` for all.
    slice: Option<Slice>,
    /// Numbers of events, if not all events are written but they keep their numbers.
    places: Option<Places>,
    redactor: Option<Redactor>,
}

impl Dump {
    /// Creates the file, or the first of several. The slice determines which other events the selected ones
    /// need.
    pub fn create(path: &Path, args: &Args, slice: Option<Slice>) -> Result<Self> {
        let rotation = Rotation::new(args);
        if rotation.is_on() && path == Path::new("-") {
            bail!("-C, -G and -e write several files, so -w must name a file, not standard output");
        }
        let names = Names::new(path, args, rotation.is_on());
        // Lookup results have no event numbers in a live capture.
        let has_reports = !args.is_replay() && !rotation.is_on();
        let mut dump = Self {
            names,
            rotation,
            compress: args.compress,
            state: Vec::new(),
            waiting: None,
            begun: false,
            has_snapshot: false,
            writer: None,
            path: PathBuf::new(),
            lost: Vec::new(),
            unflushed: None,
            places: (slice.is_some() || args.keeps_state() || has_reports).then(Places::default),
            slice,
            redactor: if args.redact { Some(Redactor::new(args.redact_key.as_deref())?) } else { None },
        };
        // An unwritable file is reported before the capture begins. A name with the time is known only at
        // the first event.
        if !dump.names.are_timed() {
            dump.open(0)?;
        }
        Ok(dump)
    }

    /// Begins the next file, whose first event has this time.
    fn open(&mut self, ts: u64) -> Result<()> {
        // This file contains the losses that the previous one lacks.
        self.lost.extend(self.writer.as_mut().map(Writer::take_losses).unwrap_or_default());
        self.close()?;
        let (path, oldest) = self.names.next(ts).context("the name given with -w")?;
        if let Some(oldest) = oldest {
            // It is no error if the file was already removed.
            let _ = fs::remove_file(oldest);
        }
        let mut writer = match path == Path::new("-") {
            true => Writer::new(Unbuffered, self.compress),
            false => match create(&path) {
                Ok(file) => Writer::new(file, self.compress),
                Err(error) => bail!("cannot write {}: {error}; choose another with -w", path.shown()),
            },
        };
        writer.losses(&std::mem::take(&mut self.lost));
        self.writer = Some(writer);
        self.places = self.places.take().map(|_| Places::default());
        self.path = path;
        Ok(())
    }

    fn open_if_closed(&mut self) -> Result<()> {
        match self.writer {
            Some(_) => Ok(()),
            None => self.open(jiff::Timestamp::now().as_nanosecond() as u64),
        }
    }

    fn close(&mut self) -> Result<()> {
        if let Some(writer) = self.writer.take() {
            writer.finish().with_context(|| name(&self.path))?;
        }
        Ok(())
    }

    /// Begins the next file with the current state, if the event belongs there.
    fn rotate(&mut self, event: &EventView<'_>) -> Result<()> {
        let ts = event.event().ts;
        let written = self.writer.as_ref().map_or(0, Writer::written);
        let due = self.rotation.is_due(ts, written);
        if self.writer.is_some() && !due {
            return Ok(());
        }
        self.open(ts)?;
        let snapshot = match self.waiting.take() {
            Some(snapshot) => snapshot,
            None => self.prepared(&event.snapshot()),
        };
        if let Some(writer) = &mut self.writer {
            writer.snapshot(&snapshot).with_context(|| name(&self.path))?;
            for event in &self.state {
                let raw = event.as_raw();
                let redacted = self.redactor.as_mut().map(|redactor| redactor.event(&raw));
                let raw = redacted.as_ref().map_or(raw, OwnedEvent::as_raw);
                writer.event(&raw).with_context(|| name(&self.path))?;
            }
            self.rotation.began(writer.written());
        }
        Ok(())
    }

    /// The part of a snapshot that is written.
    fn prepared(&mut self, snapshot: &Snapshot) -> Snapshot {
        let mut kept = snapshot.clone();
        if let Some(slice) = &mut self.slice {
            slice.reduce(&mut kept);
        }
        if let Some(redactor) = &mut self.redactor {
            redactor.snapshot(snapshot, &mut kept);
            for event in &mut kept.metadata {
                *event = redactor.event(&event.as_raw());
            }
        }
        kept
    }

    fn write(&mut self, event: &RawEvent<'_>) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            let redacted = self.redactor.as_mut().map(|redactor| redactor.event(event));
            let event = &redacted.as_ref().map_or(*event, OwnedEvent::as_raw);
            writer.event(event).with_context(|| name(&self.path))?;
            self.unflushed.get_or_insert_with(Instant::now);
        }
        Ok(())
    }
}

/// The name of a file in errors.
fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard output".to_owned() } else { path.shown() }
}

impl Sink for Dump {
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.state.clear();
        self.begun = false;
        self.has_snapshot = true;
        let snapshot = self.prepared(snapshot);
        match &mut self.writer {
            Some(writer) => writer.snapshot(&snapshot).with_context(|| name(&self.path))?,
            None => self.waiting = Some(snapshot),
        }
        Ok(())
    }

    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        self.begun = true;
        if self.rotation.is_on() {
            self.rotate(event)?;
        }
        let mut raw = event.event();
        if let Some(places) = &mut self.places {
            raw.place = places.place(event);
        }
        if let Some(slice) = &mut self.slice {
            slice.keep(event);
        }
        self.write(&raw)
    }

    fn hidden(&mut self, event: &EventView<'_>) -> Result<()> {
        if self.rotation.is_on() && !self.begun && self.state.len() < STATE_LIMIT {
            self.state.push(event.event().into());
        }
        if self.slice.as_mut().is_some_and(|slice| !slice.needs(event)) {
            return Ok(());
        }
        if let Some(places) = &mut self.places {
            places.pass(event.event().ts);
        }
        self.write(&event.event())
    }

    fn state(&mut self, event: &EventView<'_>) -> Result<()> {
        let is_needed = match &mut self.slice {
            Some(slice) => slice.needs(event),
            None => event.changes_state(),
        };
        if self.writer.is_none() || !is_needed {
            return Ok(());
        }
        if let Some(places) = &mut self.places {
            places.pass(event.event().ts);
        }
        let mut raw = event.event();
        raw.state_only = true;
        self.write(&raw)
    }

    fn report(&mut self, event: &RawEvent<'_>) -> Result<()> {
        // The snapshot of the first file does not have this event yet.
        if self.writer.is_none() && self.state.len() < STATE_LIMIT {
            self.state.push((*event).into());
        }
        if let Some(places) = self.places.as_mut().filter(|_| self.writer.is_some()) {
            places.pass(event.ts);
        }
        self.write(event)
    }

    fn losses(&mut self, losses: &[Loss]) -> Result<()> {
        match &mut self.writer {
            Some(writer) => writer.losses(losses),
            None => self.lost.extend_from_slice(losses),
        }
        Ok(())
    }

    fn idle(&mut self) -> Result<()> {
        if let Some(writer) = &mut self.writer
            && self.unflushed.is_some_and(|since| since.elapsed() >= FLUSH_AFTER)
        {
            writer.flush().with_context(|| name(&self.path))?;
            self.unflushed = None;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        // If the program is stopped before the first snapshot, the file is an empty capture.
        if !self.has_snapshot {
            self.waiting = None;
            self.open_if_closed()?;
            if let Some(writer) = &mut self.writer {
                writer.snapshot(&Snapshot::default()).with_context(|| name(&self.path))?;
            }
        }
        // Without any event, the file has only the state.
        if let Some(snapshot) = self.waiting.take() {
            self.open_if_closed()?;
            if let Some(writer) = &mut self.writer {
                writer.snapshot(&snapshot).with_context(|| name(&self.path))?;
            }
        }
        self.close()
    }
}
