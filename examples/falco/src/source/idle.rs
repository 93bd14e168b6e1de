//! `engine.kind: nodriver`: a source without events.

use std::time::Duration;

use eyas::scap::{Advance, Error, EventSource, RawEvent, Snapshot};

/// Duration of one wait for an event, as in a live capture.
const WAIT: Duration = Duration::from_millis(100);

/// A live source without events. It ends when it is stopped.
#[derive(Default)]
pub struct Idle {
    has_begun: bool,
    is_stopped: bool,
}

impl EventSource for Idle {
    fn advance(&mut self) -> Result<Advance, Error> {
        if self.is_stopped {
            return Ok(Advance::End);
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            return Ok(Advance::Snapshot(Box::<Snapshot>::default()));
        }
        std::thread::sleep(WAIT);
        Ok(Advance::Idle)
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        None
    }

    fn stop(&mut self) -> bool {
        self.is_stopped = true;
        true
    }
}
