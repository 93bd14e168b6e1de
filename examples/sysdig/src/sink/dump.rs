use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use eyas::scap::{OwnedEvent, RawEvent, Snapshot, Writer, proc};
use eyas::sinsp::EventView;

use super::Sink;
use crate::args::Args;
use crate::rotation::{Names, Rotation};

/// Bytes of an event's block beside its body: block header and trailer, CPU, event header.
const BLOCK: u64 = 8 + 4 + 2 + eyas::events::HEADER_LEN as u64;

/// The most events about the state that are repeated in every file.
const STATE_LIMIT: usize = 65_536;

/// Writes events to a capture, or to one after another.
pub struct Dump {
    names: Names,
    rotation: Rotation,
    compress: bool,
    /// For a later file's beginning: taken anew from a live system.
    fresh: Option<proc::Options>,
    snapshot: Option<Snapshot>,
    /// What told of the state at the beginning, for every file.
    state: Vec<OwnedEvent>,
    /// Events that are shown have come.
    begun: bool,
    writer: Option<Writer>,
}

impl Dump {
    pub fn create(path: &Path, args: &Args) -> Result<Self> {
        let rotation = Rotation::new(args);
        let names = Names::new(path, args, rotation.is_on());
        let fresh = args.read.is_none().then(crate::input::proc_options);
        let mut dump = Self {
            names,
            rotation,
            compress: args.compress,
            fresh,
            snapshot: None,
            state: Vec::new(),
            begun: false,
            writer: None,
        };
        // A name that cannot be written to is told before the capture begins.
        dump.open()?;
        Ok(dump)
    }

    /// Begins the next file.
    fn open(&mut self) -> Result<()> {
        self.close()?;
        let (path, oldest) = self.names.next(&jiff::Zoned::now()).context("the name given with -w")?;
        if let Some(oldest) = oldest {
            // One that somebody else removed already is as gone as it should be.
            let _ = fs::remove_file(oldest);
        }
        let writer = Writer::create(&path, self.compress)
            .map_err(|error| anyhow!("cannot write {}: {error}; choose another with -w", path.display()))?;
        self.writer = Some(writer);
        if let Some(snapshot) = &self.snapshot {
            self.begin(&snapshot.clone())?;
        }
        if let Some(writer) = &mut self.writer {
            for event in &self.state {
                writer.event(&event.as_raw())?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, snapshot: &Snapshot) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.snapshot(snapshot)?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        Ok(())
    }

    /// Begins the next file if the event is the first that belongs there.
    fn rotate(&mut self, event: &RawEvent<'_>) -> Result<()> {
        if self.rotation.is_due(event.ts, BLOCK + event.body().len() as u64) {
            if let Some(options) = &self.fresh {
                self.snapshot = Some(proc::snapshot(options)?);
            }
            self.open()?;
        }
        Ok(())
    }

    fn write(&mut self, event: &RawEvent<'_>) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.event(event)?;
        }
        Ok(())
    }
}

impl Sink for Dump {
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<()> {
        if self.rotation.is_on() {
            self.snapshot = Some(snapshot.clone());
            self.state.clear();
            self.begun = false;
        }
        self.begin(snapshot)
    }

    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        self.begun = true;
        if self.rotation.is_on() {
            self.rotate(&event.event())?;
        }
        self.write(&event.event())
    }

    fn hidden(&mut self, event: &EventView<'_>) -> Result<()> {
        if self.rotation.is_on() && !self.begun && self.state.len() < STATE_LIMIT {
            self.state.push(event.event().into());
        }
        self.write(&event.event())
    }

    fn finish(&mut self) -> Result<()> {
        self.close()
    }
}
