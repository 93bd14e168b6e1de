//! What becomes of the events that pass the filter.

use std::path::PathBuf;

use anyhow::Result;
use eyas::scap::{Loss, RawEvent, Snapshot, Stats};
use eyas::sinsp::EventView;
use eyas_report::slice::Scout;

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
    /// Where it was read from; `live` of the running system.
    pub path: &'a str,
    /// Its counters.
    pub stats: Stats,
    /// Why it ends, where it is not whole.
    pub error: Option<String>,
}

/// Takes events: a printer, a file, a table of counts.
pub trait Sink {
    /// The state that the events from here on start from.
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<()> {
        let _ = snapshot;
        Ok(())
    }

    /// An event that passed the filter.
    fn event(&mut self, event: &EventView<'_>) -> Result<()>;

    /// An event that concerns the state only: not to be shown, but a capture needs it.
    fn hidden(&mut self, event: &EventView<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// An event that did not pass the filter, but who reads a capture of the others needs for its state.
    fn state(&mut self, event: &EventView<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// What look-ups found before the event that comes next: not to be shown, but a capture needs it.
    fn report(&mut self, event: &RawEvent<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Events are missing before what comes next.
    fn losses(&mut self, losses: &[Loss]) -> Result<()> {
        let _ = losses;
        Ok(())
    }

    /// Nothing more at the moment: what waits in buffers should go out.
    fn idle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether no further event is needed.
    fn is_done(&self) -> bool {
        false
    }

    /// No further event comes; this is what is known at the end.
    fn end(&mut self, now: &EventView<'_>) -> Result<()> {
        let _ = now;
        Ok(())
    }

    /// One of the captures has ended, or cannot be read any further.
    fn ended(&mut self, end: &Ended<'_>) -> Result<()> {
        let _ = end;
        Ok(())
    }

    /// A capture that is to be written of the events that satisfy a condition, once all events have come.
    fn export(&self) -> Option<(PathBuf, String)> {
        None
    }

    /// The end of all events.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Looks for what the events that pass need.
impl Sink for Scout {
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
