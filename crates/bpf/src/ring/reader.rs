//! A ring read without copying.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::frame::{self, ALIGN, Frame};
use super::shared::{SEGMENT, STRIDE, Shared};

/// Frames that have to follow one another, without one that does not add up, for the first of them to count as a frame.
const CHAIN: usize = 4;

/// What was skipped as it does not add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How often.
    pub times: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// The frames of one CPU, oldest first.
pub struct Ring {
    shared: Arc<Shared>,
    cpu: usize,
    /// The first of its segments.
    first: usize,
    size: usize,
    /// Where the oldest frame begins, in bytes from the first one on.
    at: Cell<u64>,
    /// What that frame is, once it was looked at.
    frame: Cell<Option<Frame>>,
    /// Up to where the kernel has published frames, as far as is known.
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

    /// The oldest frame, if there is one; it stays until [`Ring::consume`]. Every frame adds up: what does not is
    /// skipped up to the next one that does, and counted.
    #[inline]
    pub fn peek(&self) -> Option<&[u8]> {
        let frame = self.frame.get().or_else(|| self.look())?;
        Some(self.bytes(self.at.get(), frame.len))
    }

    /// Gives the oldest frame's room back to the kernel.
    #[inline]
    pub fn consume(&mut self) {
        let Some(frame) = self.frame.take().or_else(|| self.look()) else { return };
        self.frame.set(None);
        self.events += u64::from(!frame.is_loss);
        self.go_to(self.at.get() + aligned(frame.len));
    }

    /// Whether a program is making an event here. If none was and the ring is empty when it is looked at thereafter,
    /// every event that comes is younger than this look.
    #[inline]
    pub fn is_claimed(&self) -> bool {
        self.shared.busy(self.cpu).load(Ordering::Acquire) != 0
    }

    /// What was skipped as it did not add up: never anything, unless the kernel runs programs in a way that is not known.
    pub fn skipped(&self) -> Skipped {
        self.skipped.get()
    }

    /// How many events were consumed; frames that report losses are none.
    pub fn events(&self) -> u64 {
        self.events
    }

    fn go_to(&self, at: u64) {
        self.at.set(at);
        self.shared.tail(self.cpu).store(at, Ordering::Release);
    }

    /// Looks at the frame that is next.
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

    /// Goes on behind what does not add up.
    #[cold]
    fn skip(&self) {
        let (at, end) = (self.at.get(), self.end.get());
        // More than the ring holds, or less than nothing: only the end itself is known to be where a frame begins.
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

    /// Whether frames follow one another from there on, for some time or up to the end.
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

    /// The frame that begins there, if one that adds up does and ends where frames are published.
    #[inline]
    fn parse(&self, at: u64) -> Option<Frame> {
        let rest = self.end.get().checked_sub(at).filter(|rest| *rest <= self.size as u64)? as usize;
        frame::parse(self.bytes(at, rest.min(frame::MAX_EVENT)))
            .filter(|frame| aligned(frame.len) <= rest as u64)
    }

    /// `len` bytes from there on, as many as a frame may have at most.
    #[inline]
    fn bytes(&self, at: u64, len: usize) -> &[u8] {
        let offset = at as usize & (self.size - 1);
        let place = (self.first + offset / SEGMENT) * STRIDE + offset % SEGMENT;
        // SAFETY: the plan gave this ring segments for all its bytes, and a segment has room for a whole event behind its
        // last byte. The kernel wrote the bytes before it moved the head past them, and does not touch them again before
        // the tail, which only this ring moves, is past them; what is lent does not outlive that: `consume` takes
        // `&mut self`, and `skip` skips nothing that was lent.
        unsafe { std::slice::from_raw_parts(self.shared.segments.start.add(place).as_ptr(), len) }
    }
}

/// Bytes that a frame takes.
#[inline]
fn aligned(len: usize) -> u64 {
    (len as u64).next_multiple_of(ALIGN)
}

#[cfg(test)]
mod tests;
