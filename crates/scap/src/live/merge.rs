//! Merges many rings to one stream, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Time until a program's claim of a ring and its published events are visible, ns: far longer than the
/// store buffers of a processor delay a store, and than the clocks of two processors differ.
const SETTLES_IN: u64 = 50_000;
/// Maximum time that frames wait for older ones, ns. If a program takes longer, for example because the
/// host stopped its virtual processor, its event comes out of order.
const HOLD: u64 = 100_000_000;

/// A ring, for the merge.
pub(super) trait Queue {
    /// The oldest frame, which stays until [`Queue::pop`]. Its first eight bytes are its time.
    fn head(&self) -> Option<&[u8]>;
    /// Removes the oldest frame.
    fn pop(&mut self);
    /// Whether a program is making a frame, whose time may be taken already. If none is, and the queue is
    /// empty afterwards, later frames are younger than this call.
    fn is_claimed(&self) -> bool;
}

/// Merges queues, each of which is in order.
///
/// A frame gets its time before it is published, so a later frame may be older than an existing one. The
/// heap contains the head of every queue that was not empty at the last check. The oldest head is returned
/// when all later frames are certain to be younger. The empty queues show that: an empty, unclaimed queue
/// gets no frame that is older than the check. Under load, the empty queues are checked once in many
/// events.
pub(super) struct Merge<Q> {
    queues: Vec<Q>,
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    empty: Vec<usize>,
    /// For each queue, a time such that all later frames are younger.
    passed: Vec<u64>,
    /// The same for all empty queues.
    horizon: u64,
    /// The same for queues that are empty and unclaimed: slightly earlier than the last check.
    checked_at: u64,
    /// The queue whose head is borrowed.
    borrowed: Option<usize>,
    /// Whether no more frames will be published.
    closed: bool,
}

impl<Q: Queue> Merge<Q> {
    pub(super) fn new(queues: Vec<Q>) -> Self {
        Self {
            heads: BinaryHeap::with_capacity(queues.len()),
            empty: (0..queues.len()).collect(),
            passed: vec![0; queues.len()],
            horizon: 0,
            checked_at: 0,
            borrowed: None,
            closed: false,
            queues,
        }
    }

    pub(super) fn queues(&self) -> &[Q] {
        &self.queues
    }

    /// Approximate time of the last check of the empty queues.
    pub(super) fn checked_at(&self) -> u64 {
        self.checked_at
    }

    /// Declares that no more frames will be published, so that nothing waits any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// The index of the queue whose head is the oldest frame, if nothing older can come; `now` returns the time of the
    /// frames' clock.
    pub(super) fn next(&mut self, now: impl FnOnce() -> u64) -> Option<usize> {
        if let Some(index) = self.borrowed.take() {
            self.queues[index].pop();
            self.check_queue(index);
        }
        if self.oldest().is_none() && !self.empty.is_empty() {
            self.check_empty(now());
        }
        let (ts, index) = self.oldest()?;
        self.heads.pop();
        self.passed[index] = self.passed[index].max(ts);
        self.borrowed = Some(index);
        Some(index)
    }

    /// The frame that [`Merge::next`] found, and its queue's index; it stays until the next call.
    pub(super) fn current(&self) -> Option<(usize, &[u8])> {
        let index = self.borrowed?;
        Some((index, self.queues[index].head()?))
    }

    /// Time and queue of the oldest head, if nothing older can come.
    fn oldest(&self) -> Option<(u64, usize)> {
        let Reverse(head) = *self.heads.peek()?;
        (head.0 <= self.horizon || self.empty.is_empty()).then_some(head)
    }

    /// Checks the empty queues again.
    fn check_empty(&mut self, now: u64) {
        // Set before the check, because frames that arrive during the check may be younger than those that
        // it finds.
        self.checked_at = if self.closed { u64::MAX } else { now.saturating_sub(SETTLES_IN) };
        self.horizon = self.checked_at;
        for at in (0..self.empty.len()).rev() {
            let index = self.empty.swap_remove(at);
            self.check_queue(index);
        }
        self.horizon = self.horizon.max(now.saturating_sub(HOLD));
    }

    /// Checks a queue that is in neither list, and adds it to one.
    fn check_queue(&mut self, index: usize) {
        let queue = &self.queues[index];
        let mut head = queue.head().map(time);
        if head.is_none() {
            let is_claimed = queue.is_claimed() && !self.closed;
            head = queue.head().map(time);
            if head.is_none() && !is_claimed {
                self.passed[index] = self.passed[index].max(self.checked_at);
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

/// Time of a frame; 0 if it is too short, so that it comes first and is rejected.
fn time(frame: &[u8]) -> u64 {
    frame.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests;
