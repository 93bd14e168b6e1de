//! Reads a capture from beginning to end.

use std::path::Path;

use anyhow::{Context, Result};
use eyas::scap::{Advance, Error, EventSource, Loss, RawEvent, Reader, Stats};
use eyas::sinsp::{EventView, Inspector, Step};
use eyas_console::ShowPath;

/// Facts about the capture itself that a pass has found.
#[derive(Default)]
pub struct Span {
    /// Times of the first and the last event, ns since the epoch.
    pub first: u64,
    pub last: u64,
    pub events: u64,
    /// Number of events that were dropped before they reached the file, as far as the file reports it.
    pub lost: u64,
    /// When events were lost, if known: the times of the first and the last loss.
    pub losses: Vec<(u64, u64)>,
    /// Why the rest of the file cannot be read.
    pub broken: Option<String>,
}

/// A capture, and the times of its losses.
struct Noting {
    reader: Reader,
    losses: Vec<(u64, u64)>,
}

impl EventSource for Noting {
    fn advance(&mut self) -> Result<Advance, Error> {
        let advance = self.reader.advance();
        self.losses.extend(self.reader.losses().iter().map(|loss| (loss.since, loss.until)));
        advance
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        self.reader.current()
    }

    fn losses(&self) -> &[Loss] {
        self.reader.losses()
    }

    fn stats(&mut self) -> Stats {
        self.reader.stats()
    }
}

/// Calls `each` with every event of the capture.
pub fn pass(
    path: &Path,
    mut inspector: Inspector,
    mut each: impl FnMut(&EventView<'_>) -> Result<()>,
) -> Result<Span> {
    let reader = Reader::open(path).with_context(|| format!("can't open {}", path.shown()))?;
    let mut source = Noting { reader, losses: Vec::new() };
    let mut span = Span::default();
    loop {
        match inspector.next(&mut source) {
            Ok(Step::Event(event)) => {
                let ts = event.event().ts;
                if span.events == 0 {
                    span.first = ts;
                }
                (span.last, span.events) = (ts, span.events + 1);
                each(&event)?;
            }
            Ok(Step::Idle) => {}
            Ok(Step::End) => break,
            // A truncated file still has all events before its end.
            Err(error) if span.events > 0 => {
                span.broken = Some(error.to_string());
                break;
            }
            Err(error) => return Err(error).with_context(|| format!("can't read {}", path.shown())),
        }
    }
    span.lost = source.stats().drops().max(inspector.stats().events_lost);
    span.losses = source.losses;
    Ok(span)
}
