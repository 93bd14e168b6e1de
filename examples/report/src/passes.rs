//! Reading a capture from its begin to its end.

use std::path::Path;

use anyhow::{Context, Result};
use eyas::scap::{EventSource, Reader};
use eyas::sinsp::{EventView, Inspector, Step};

/// What a pass over a capture has found of the capture itself.
#[derive(Default)]
pub struct Span {
    /// Times of the first and the last event, ns since the epoch.
    pub first: u64,
    pub last: u64,
    pub events: u64,
    /// Events that were lost before they reached the file, as far as it says.
    pub lost: u64,
    /// Why the rest of the file cannot be read.
    pub broken: Option<String>,
}

/// Calls `each` with every event of the capture.
pub fn pass(
    path: &Path,
    mut inspector: Inspector,
    mut each: impl FnMut(&EventView<'_>) -> Result<()>,
) -> Result<Span> {
    let mut source = Reader::open(path).with_context(|| format!("can't open {}", path.display()))?;
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
            // A file that breaks off still tells what happened before.
            Err(error) if span.events > 0 => {
                span.broken = Some(error.to_string());
                break;
            }
            Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
        }
    }
    span.lost = source.stats().drops().max(inspector.stats().events_lost);
    Ok(span)
}
