//! What yields frames.

use crate::{Error, Loss, RawEvent, Snapshot};

/// What a source has next.
#[derive(Debug)]
pub enum Next<'a> {
    /// The state of the system from here on; forget what was known. The first thing that a source
    /// yields, and again where captures were concatenated.
    Snapshot(Box<Snapshot>),
    /// An event.
    Event(RawEvent<'a>),
    /// Nothing at the moment (live only; after a wait of at most 100 ms, which an event ends): ask again.
    Idle,
    /// The capture has ended.
    End,
}

/// What [`EventSource::advance`] came to.
#[derive(Debug)]
pub enum Advance {
    /// A snapshot, as [`Next::Snapshot`].
    Snapshot(Box<Snapshot>),
    /// An event: [`EventSource::current`].
    Event,
    /// Nothing at the moment, as [`Next::Idle`].
    Idle,
    /// The capture has ended.
    End,
}

/// A live or recorded stream of events.
pub trait EventSource {
    /// Goes on to the next item.
    ///
    /// # Errors
    /// The capture is damaged or cannot be read; what came before was delivered, and the next call
    /// yields [`Advance::End`].
    fn advance(&mut self) -> Result<Advance, Error>;

    /// The event that [`EventSource::advance`] came to; `None` if that was no event.
    fn current(&self) -> Option<RawEvent<'_>>;

    /// The next item; what it lends lives until the next call.
    ///
    /// # Errors
    /// As for [`EventSource::advance`].
    fn next(&mut self) -> Result<Next<'_>, Error> {
        Ok(match self.advance()? {
            Advance::Snapshot(snapshot) => Next::Snapshot(snapshot),
            Advance::Event => self.current().map_or(Next::Idle, Next::Event),
            Advance::Idle => Next::Idle,
            Advance::End => Next::End,
        })
    }

    /// Asks a live capture to end: what has happened until now is still yielded, then [`Advance::End`]. Whether there is
    /// such a thing to do; a recorded capture goes on as it did.
    fn stop(&mut self) -> bool {
        false
    }

    /// Ends a live capture without what has happened and was not yielded, which counts as filtered. Does nothing to a
    /// recorded one.
    ///
    /// # Errors
    /// The kernel does not say when its programs have ended.
    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// What was lost between the item before and the one that [`EventSource::advance`] came to; nothing where nothing
    /// can be lost.
    fn losses(&self) -> &[Loss] {
        &[]
    }

    /// Whether events are left out that open and close files, as nobody asks what their descriptors stand for.
    fn leaves_out_files(&self) -> bool {
        false
    }

    /// How long ago the current event happened, ns; 0 where there is none, and in captures, whose events are all that
    /// there is.
    fn behind(&self) -> u64 {
        0
    }

    /// Counters so far.
    fn stats(&mut self) -> Stats {
        Stats::default()
    }
}

impl<S: EventSource + ?Sized> EventSource for Box<S> {
    fn advance(&mut self) -> Result<Advance, Error> {
        (**self).advance()
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        (**self).current()
    }

    fn next(&mut self) -> Result<Next<'_>, Error> {
        (**self).next()
    }

    fn stop(&mut self) -> bool {
        (**self).stop()
    }

    fn finish(&mut self) -> Result<(), Error> {
        (**self).finish()
    }

    fn losses(&self) -> &[Loss] {
        (**self).losses()
    }

    fn leaves_out_files(&self) -> bool {
        (**self).leaves_out_files()
    }

    fn behind(&self) -> u64 {
        (**self).behind()
    }

    fn stats(&mut self) -> Stats {
        (**self).stats()
    }
}

/// Counters of a source: `events` delivered or dropped before delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events that the kernel produced, or that the file held.
    pub produced: u64,
    /// Lost because a ring was full.
    pub drops_buffer: u64,
    /// Lost because they exceeded the largest event.
    pub drops_too_large: u64,
    /// Lost because the kernel did not run a program of the probe, as another was at work on that CPU; some of these may
    /// not have been of interest.
    pub drops_missed: u64,
    /// Lost for any other reason: frames that do not add up, a program that interrupted another, a CPU that can have no
    /// ring. Of a capture: all losses that it tells of.
    pub drops_other: u64,
    /// Parameters left empty because the kernel had to bring in user memory first; no event is lost by that.
    pub page_faults: u64,
    /// Calls whose arguments were not kept when they began, as the kernel did not run the program for that: their events
    /// have them as they were at the end. No event is lost by that.
    pub missed_beginnings: u64,
    /// Left out on purpose: unknown types, enter events folded into exits, suppressed threads, what waited when the
    /// capture was ended.
    pub filtered: u64,
}

impl Stats {
    /// Events lost for any reason.
    pub fn drops(&self) -> u64 {
        self.drops_buffer + self.drops_too_large + self.drops_missed + self.drops_other
    }
}
