//! Reads a ring without copying.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::frame::{self, ALIGN, Frame};
use super::shared::{SEGMENT, STRIDE, Shared};

/// Number of consecutive well-formed frames after a malformed one, for the first of them to be accepted.
const CHAIN: usize = 4;

/// Skipped malformed data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Number of occurrences.
    pub times: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// The frames of one CPU, oldest first.
pub struct Ring {
    shared: Arc<Shared>,
    cpu: usize,
    /// Its first segment.
    first: usize,
    size: usize,
    /// Position of the oldest frame, counted in bytes from the first frame ever.
    at: Cell<u64>,
    /// That frame, after it was parsed.
    frame: Cell<Option<Frame>>,
    /// Known position up to which the kernel has published frames.
    end: Cell<u64>,
    skipped: Cell<Skipped>,
    /// Events that were consumed.
    events: u64,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("cpu", &self.cpu).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Ring {
    pub(super) fn new(shared: Arc<Shared>, cpu: usize, first: usize, size: usize) -> Self {
        Self {
            shared,
            cpu,
            first,
            size,
            at: Cell::new(0),
            frame: Cell::new(None),
            end: Cell::new(0),
            skipped: Cell::default(),
            events: 0,
        }
    }

    /// The oldest frame, if there is one; it stays until [`Ring::consume`]. Every returned frame is
    /// well-formed: malformed data is skipped and counted.
    #[inline]
    pub fn peek(&self) -> Option<&[u8]> {
        let frame = self.frame.get().or_else(|| self.look())?;
        Some(self.bytes(self.at.get(), frame.len))
    }

    /// Returns the oldest frame's room to the kernel.
    #[inline]
    pub fn consume(&mut self) {
        let Some(frame) = self.frame.take().or_else(|| self.look()) else { return };
        self.frame.set(None);
        self.events += u64::from(!frame.is_loss);
        self.go_to(self.at.get() + aligned(frame.len));
    }

    /// Whether a program is making an event here. If none is, and the ring is empty at a later check, every
    /// later event is younger than this call.
    #[inline]
    pub fn is_claimed(&self) -> bool {
        self.shared.busy(self.cpu).load(Ordering::Acquire) != 0
    }

    /// Skipped malformed data. There is none, unless the kernel runs programs in an unknown way.
    pub fn skipped(&self) -> Skipped {
        self.skipped.get()
    }

    /// Number of consumed events, without loss frames.
    pub fn events(&self) -> u64 {
        self.events
    }

    fn go_to(&self, at: u64) {
        self.at.set(at);
        self.shared.tail(self.cpu).store(at, Ordering::Release);
    }

    /// Parses the next frame.
    #[inline]
    fn look(&self) -> Option<Frame> {
        loop {
            let at = self.at.get();
            if at == self.end.get() {
                let head = self.shared.head(self.cpu).load(Ordering::Acquire);
                if at == head {
                    return None;
                }
                self.end.set(head);
            }
            match self.parse(at) {
                Some(frame) => {
                    self.frame.set(Some(frame));
                    return Some(frame);
                }
                None => self.skip(),
            }
        }
    }

    /// Continues after malformed data.
    #[cold]
    fn skip(&self) {
        let (at, end) = (self.at.get(), self.end.get());
        // The distance exceeds the ring or is negative: only the end itself is certain to be the beginning
        // of a frame.
        let holds = end.checked_sub(at).is_some_and(|len| len <= self.size as u64);
        let next = if holds {
            (at + ALIGN..end).step_by(ALIGN as usize).find(|at| self.is_chain(*at))
        } else {
            None
        };
        let next = next.unwrap_or(end);
        let Skipped { times, bytes } = self.skipped.get();
        self.skipped.set(Skipped { times: times + 1, bytes: bytes + next.abs_diff(at) });
        self.go_to(next);
    }

    /// Whether well-formed frames follow from there on, for some number or up to the end.
    fn is_chain(&self, mut at: u64) -> bool {
        for _ in 0..CHAIN {
            match self.parse(at) {
                Some(frame) => at += aligned(frame.len),
                None => return false,
            }
            if at == self.end.get() {
                return true;
            }
        }
        true
    }

    /// The well-formed frame that begins there, if it ends within the published frames.
    #[inline]
    fn parse(&self, at: u64) -> Option<Frame> {
        let rest = self.end.get().checked_sub(at).filter(|rest| *rest <= self.size as u64)? as usize;
        frame::parse(self.bytes(at, rest.min(frame::MAX_EVENT)))
            .filter(|frame| aligned(frame.len) <= rest as u64)
    }

    /// `len` bytes from there on, at most the maximum size of a frame.
    #[inline]
    fn bytes(&self, at: u64, len: usize) -> &[u8] {
        let offset = at as usize & (self.size - 1);
        let place = (self.first + offset / SEGMENT) * STRIDE + offset % SEGMENT;
        // SAFETY: the plan gave this ring segments for all its bytes, and a segment has room for a whole event after its
        // last byte. The kernel wrote the bytes before it moved the head past them, and does not touch them again before
        // the tail, which only this ring moves, is past them; what is lent does not outlive that: `consume` takes
        // `&mut self`, and `skip` skips nothing that was lent.
        unsafe { std::slice::from_raw_parts(self.shared.segments.start.add(place).as_ptr(), len) }
    }
}

/// Size of a frame with padding.
#[inline]
fn aligned(len: usize) -> u64 {
    (len as u64).next_multiple_of(ALIGN)
}

#[cfg(test)]
mod tests;
