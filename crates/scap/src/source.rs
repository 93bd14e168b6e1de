//! Sources of frames.

use eyas_events::filter::UnusedFiles;

use crate::{Error, Loss, RawEvent, Snapshot};

/// The next item of a source.
#[derive(Debug)]
pub enum Next<'a> {
    /// A new state of the system, which replaces the old one. It is the first item of a source, and of each
    /// concatenated capture.
    Snapshot(Box<Snapshot>),
    /// An event.
    Event(RawEvent<'a>),
    /// No event at the moment (live only; after a wait of at most 100 ms): call again.
    Idle,
    /// The capture has ended.
    End,
}

/// Result of [`EventSource::advance`].
#[derive(Debug)]
pub enum Advance {
    /// A snapshot, as [`Next::Snapshot`].
    Snapshot(Box<Snapshot>),
    /// An event: [`EventSource::current`].
    Event,
    /// No event at the moment, as [`Next::Idle`].
    Idle,
    /// The capture has ended.
    End,
}

/// A live or recorded stream of events.
pub trait EventSource {
    /// Advances to the next item.
    ///
    /// # Errors
    /// The capture is damaged or cannot be read. All items before were delivered, and the next call returns
    /// [`Advance::End`].
    fn advance(&mut self) -> Result<Advance, Error>;

    /// The current event; `None` if the current item is no event.
    fn current(&self) -> Option<RawEvent<'_>>;

    /// The next item; its borrowed data is valid until the next call.
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

    /// Ends a live capture: it still returns the events that have happened, then [`Advance::End`]. Returns
    /// whether the source is live; a recorded capture ignores the call.
    fn stop(&mut self) -> bool {
        false
    }

    /// Ends a live capture without its remaining events, which are counted as filtered. Does nothing for a
    /// recorded one.
    ///
    /// # Errors
    /// The kernel does not wait for its programs.
    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Losses between the previous item and the current one; empty for sources without losses.
    fn losses(&self) -> &[Loss] {
        &[]
    }

    /// The kinds of files whose opens and closes may be filtered out, because no rule uses such files. If directories are among
    /// them, events contain the directories that their paths begin at ([`RawEvent::bases`]).
    fn unused_files(&self) -> UnusedFiles {
        UnusedFiles::NONE
    }

    /// Time since the current event, ns: how far the reader lags behind the system. 0 without an event, and in recorded captures.
    fn lag(&self) -> u64 {
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

    fn unused_files(&self) -> UnusedFiles {
        (**self).unused_files()
    }

    fn lag(&self) -> u64 {
        (**self).lag()
    }

    fn stats(&mut self) -> Stats {
        (**self).stats()
    }
}

/// Counters of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events that the kernel produced, or that the file contained.
    pub produced: u64,
    /// Lost because a ring was full.
    pub drops_buffer: u64,
    /// Lost because they exceeded the largest event.
    pub drops_too_large: u64,
    /// Lost because the kernel did not run a program of the probe while another one ran on that CPU; some
    /// of these may not have been needed.
    pub drops_missed: u64,
    /// Lost for any other reason: frames that do not add up, a program that interrupted another, a CPU that can have no
    /// ring. In a capture: all losses that it reports.
    pub drops_other: u64,
    /// Parameters left empty because the user memory was not paged in; no event is lost by that.
    pub page_faults: u64,
    /// How often values were not kept at the beginning of a call or while it ran, because the kernel did not run the
    /// program for that. The events contain the values at the end, and the requested path instead of the kernel's. No
    /// event is lost by that.
    pub missed_beginnings: u64,
    /// Left out on purpose: unknown types, enter events that became a part of exit events, excluded
    /// threads, events that waited when the capture was ended.
    pub filtered: u64,
}

impl Stats {
    /// Number of events lost for any reason.
    pub fn drops(&self) -> u64 {
        self.drops_buffer + self.drops_too_large + self.drops_missed + self.drops_other
    }
}
