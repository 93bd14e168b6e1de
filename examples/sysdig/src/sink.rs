//! Sinks: consumers of the events that pass the filter.

use std::path::PathBuf;

use anyhow::Result;
use eyas::scap::{Loss, RawEvent, Snapshot, Stats};
use eyas::sinsp::EventView;
use eyas_report::slice::FirstPass;

mod dump;
mod lines;
mod perfetto;
mod summary;

pub use dump::Dump;
pub use lines::Lines;
pub use perfetto::Perfetto;
pub use summary::Summary;

/// The end of a capture.
pub struct Ended<'a> {
    /// Path of the capture; `live` for the running system.
    pub path: &'a str,
    /// Its counters.
    pub stats: Stats,
    /// Error, if the capture is truncated or damaged.
    pub error: Option<String>,
}

/// Consumes events: for example a printer, a file, or a table of counts.
pub trait Sink {
    /// Initial state of the following events.
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<()> {
        let _ = snapshot;
        Ok(())
    }

    /// An event that passed the filter.
    fn event(&mut self, event: &EventView<'_>) -> Result<()>;

    /// An event that only changes the state: it is not shown, but a capture needs it.
    fn hidden(&mut self, event: &EventView<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// An event that the filter rejected, but that readers of a capture need for the state.
    fn state(&mut self, event: &EventView<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// The result of a lookup before the next event: it is not shown, but a capture needs it.
    fn report(&mut self, event: &RawEvent<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Notes events that are missing before the next event.
    fn losses(&mut self, losses: &[Loss]) -> Result<()> {
        let _ = losses;
        Ok(())
    }

    /// No event is available now: flush buffers.
    fn idle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether no further event is needed.
    fn is_done(&self) -> bool {
        false
    }

    /// There is no further event; `now` is the final state.
    fn end(&mut self, now: &EventView<'_>) -> Result<()> {
        let _ = now;
        Ok(())
    }

    /// One of the captures has ended, or the rest of it is unreadable.
    fn ended(&mut self, end: &Ended<'_>) -> Result<()> {
        let _ = end;
        Ok(())
    }

    /// Path and condition of a capture to write after all events were read.
    fn export(&self) -> Option<(PathBuf, String)> {
        None
    }

    /// All captures have ended.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Finds the state that the selected events need.
impl Sink for FirstPass {
    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        self.keep(event);
        Ok(())
    }

    fn hidden(&mut self, event: &EventView<'_>) -> Result<()> {
        self.pass(event);
        Ok(())
    }

    fn state(&mut self, event: &EventView<'_>) -> Result<()> {
        self.pass(event);
        Ok(())
    }
}
