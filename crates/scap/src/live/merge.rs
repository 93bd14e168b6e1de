//! One stream out of many rings, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How long a program's claim of a ring and what it publishes there take to be seen, ns: far longer than the buffers of a
/// processor hold a store back, and than the clocks of two processors differ.
const SETTLES_IN: u64 = 50_000;
/// How long frames wait for older ones at most, ns. A program that takes longer, as one of a virtual processor that the
/// host stopped in the middle, has its event come out of order.
const HOLD: u64 = 100_000_000;

/// What the merge asks of a ring.
pub(super) trait Queue {
    /// The oldest frame, which stays until [`Queue::pop`]. Its first eight bytes are its time.
    fn head(&self) -> Option<&[u8]>;
    /// Gives the oldest frame's room back.
    fn pop(&mut self);
    /// Whether a frame is being made, whose time may have been taken already. If none is and the queue is empty
    /// thereafter, frames that come are younger than this question.
    fn is_claimed(&self) -> bool;
}

/// Merges queues of which each is in order.
///
/// A frame has its time before it is published, so that one that is still to come may be older than one that is there.
/// The heap holds the head of every queue that had one when last looked at; the oldest is handed out when all that is
/// still to come is younger, which the empty queues show: one that is not claimed has nothing older to come than the time
/// of the look. Under load they are looked at once in many events.
pub(super) struct Merge<Q> {
    queues: Vec<Q>,
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    empty: Vec<usize>,
    /// By queue: a time that all frames that are still to come are younger than.
    passed: Vec<u64>,
    /// The same of all empty queues.
    horizon: u64,
    /// The same of queues that are found empty and not claimed: when they were last looked at, and a little earlier.
    looked: u64,
    /// The queue whose head is lent.
    lent: Option<usize>,
    /// Whether all frames are published that ever will be.
    closed: bool,
}

impl<Q: Queue> Merge<Q> {
    pub(super) fn new(queues: Vec<Q>) -> Self {
        Self {
            heads: BinaryHeap::with_capacity(queues.len()),
            empty: (0..queues.len()).collect(),
            passed: vec![0; queues.len()],
            horizon: 0,
            looked: 0,
            lent: None,
            closed: false,
            queues,
        }
    }

    pub(super) fn queues(&self) -> &[Q] {
        &self.queues
    }

    /// When the empty queues were last looked at, about.
    pub(super) fn looked(&self) -> u64 {
        self.looked
    }

    /// All frames are published that ever will be: nothing is waited for any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// The index of the queue whose head is the oldest frame, if nothing older can come; `now` returns the time of the
    /// frames' clock.
    pub(super) fn next(&mut self, now: impl FnOnce() -> u64) -> Option<usize> {
        if let Some(index) = self.lent.take() {
            self.queues[index].pop();
            self.look(index);
        }
        if self.oldest().is_none() && !self.empty.is_empty() {
            self.look_at_empty(now());
        }
        let (ts, index) = self.oldest()?;
        self.heads.pop();
        self.passed[index] = self.passed[index].max(ts);
        self.lent = Some(index);
        Some(index)
    }

    /// The frame that [`Merge::next`] found, and its queue's index; it stays until the next call.
    pub(super) fn current(&self) -> Option<(usize, &[u8])> {
        let index = self.lent?;
        Some((index, self.queues[index].head()?))
    }

    /// Time and queue of the oldest head, if nothing older can come.
    fn oldest(&self) -> Option<(u64, usize)> {
        let Reverse(head) = *self.heads.peek()?;
        (head.0 <= self.horizon || self.empty.is_empty()).then_some(head)
    }

    /// Looks at the empty queues again.
    fn look_at_empty(&mut self, now: u64) {
        // Before the look: what arrives during it may be younger than what it finds.
        self.looked = if self.closed { u64::MAX } else { now.saturating_sub(SETTLES_IN) };
        self.horizon = self.looked;
        for at in (0..self.empty.len()).rev() {
            let index = self.empty.swap_remove(at);
            self.look(index);
        }
        self.horizon = self.horizon.max(now.saturating_sub(HOLD));
    }

    /// Files a queue that is in neither list.
    fn look(&mut self, index: usize) {
        let queue = &self.queues[index];
        let mut head = queue.head().map(time);
        if head.is_none() {
            let is_claimed = queue.is_claimed() && !self.closed;
            head = queue.head().map(time);
            if head.is_none() && !is_claimed {
                self.passed[index] = self.passed[index].max(self.looked);
            }
        }
        match head {
            Some(ts) => self.heads.push(Reverse((ts, index))),
            None => {
                self.empty.push(index);
                self.horizon = self.horizon.min(self.passed[index]);
            }
        }
    }
}

/// Time of a frame; 0 for one that is too short, so that it comes first and is refused.
fn time(frame: &[u8]) -> u64 {
    frame.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests;
