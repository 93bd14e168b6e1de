//! One stream out of many rings, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What the merge asks of a ring.
pub(super) trait Queue {
    /// The oldest frame, which stays until [`Queue::pop`]. Its first eight bytes are its time.
    fn head(&self) -> Option<&[u8]>;
    /// Gives the oldest frame's room back.
    fn pop(&mut self);
}

/// Merges queues of which each is in order.
///
/// The heap holds the head of every queue that had one when last looked at. A queue found empty at time P
/// can only get frames younger than P, so the empty ones are looked at again only when the oldest head is
/// younger than that: under load once in many events.
pub(super) struct Merge<Q> {
    queues: Vec<Q>,
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    empty: Vec<usize>,
    /// When the empty queues were last looked at; 0: never.
    looked: u64,
    /// The queue whose head is lent.
    lent: Option<usize>,
}

impl<Q: Queue> Merge<Q> {
    pub(super) fn new(queues: Vec<Q>) -> Self {
        let empty = (0..queues.len()).collect();
        let heads = BinaryHeap::with_capacity(queues.len());
        Self { queues, heads, empty, looked: 0, lent: None }
    }

    /// The index of the queue whose head is the oldest frame; `now` tells the time of the frames' clock.
    pub(super) fn next(&mut self, now: impl FnOnce() -> u64) -> Option<usize> {
        if let Some(index) = self.lent.take() {
            self.queues[index].pop();
            self.look(index);
        }
        if self.heads.peek().is_none_or(|Reverse((ts, _))| *ts > self.looked) && !self.empty.is_empty() {
            // Before the look: what arrives during it may be younger than what it finds.
            self.looked = now();
            for index in std::mem::take(&mut self.empty) {
                self.look(index);
            }
        }
        let Reverse((_, index)) = self.heads.pop()?;
        self.lent = Some(index);
        Some(index)
    }

    /// The frame that [`Merge::next`] found, and its queue's index; it stays until the next call.
    pub(super) fn current(&self) -> Option<(usize, &[u8])> {
        let index = self.lent?;
        Some((index, self.queues[index].head()?))
    }

    fn look(&mut self, index: usize) {
        match self.queues[index].head().map(time) {
            Some(ts) => self.heads.push(Reverse((ts, index))),
            None => self.empty.push(index),
        }
    }
}

/// Time of a frame; 0 for one that is too short, so that it comes first and is refused.
fn time(frame: &[u8]) -> u64 {
    frame.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::VecDeque;
    use std::rc::Rc;

    use super::*;

    #[derive(Default)]
    struct Fake {
        frames: VecDeque<[u8; 8]>,
        looks: Rc<Cell<usize>>,
    }

    impl Queue for Fake {
        fn head(&self) -> Option<&[u8]> {
            self.looks.set(self.looks.get() + 1);
            self.frames.front().map(|frame| &frame[..])
        }

        fn pop(&mut self) {
            self.frames.pop_front();
        }
    }

    fn drain(merge: &mut Merge<Fake>, now: u64) -> Vec<u64> {
        let mut out = Vec::new();
        while let Some(index) = merge.next(|| now) {
            let (same, frame) = merge.current().unwrap();
            assert_eq!(same, index);
            out.push(time(frame));
        }
        out
    }

    #[test]
    fn frames_come_in_the_order_of_time() {
        let queues = (0..5u64).map(|cpu| Fake {
            frames: (0..100).map(|i| (i * 7 + cpu * 3 + 1).to_ne_bytes()).collect(),
            ..Fake::default()
        });
        let all = drain(&mut Merge::new(queues.collect()), 10_000);
        assert_eq!(all.len(), 500);
        assert!(all.is_sorted());
    }

    #[test]
    fn a_queue_that_was_empty_is_seen_before_younger_frames() {
        let mut merge = Merge::new(vec![Fake::default(), Fake::default()]);
        merge.queues[0].frames.extend([10u64, 30].map(u64::to_ne_bytes));
        assert_eq!(merge.next(|| 20), Some(0));
        // The other gets one that is older than the 30 in the first.
        merge.queues[1].frames.push_back(25u64.to_ne_bytes());
        assert_eq!(merge.next(|| 40), Some(1));
        assert_eq!(merge.next(|| 40), Some(0));
        assert_eq!(merge.next(|| 40), None);
        merge.queues[1].frames.push_back(50u64.to_ne_bytes());
        assert_eq!(drain(&mut merge, 60), [50]);
    }

    #[test]
    fn a_backlog_does_not_look_at_idle_queues() {
        let looks = Rc::new(Cell::new(0));
        let mut queues: Vec<Fake> =
            (0..100).map(|_| Fake { looks: looks.clone(), ..Fake::default() }).collect();
        queues[3].frames = (1..=1000u64).map(u64::to_ne_bytes).collect();
        let mut merge = Merge::new(queues);
        assert_eq!(drain(&mut merge, 5000).len(), 1000);
        // Each frame is looked at twice; the idle ones at the beginning and at the end.
        assert!(looks.get() < 2000 + 300, "{} looks", looks.get());
    }

    #[test]
    fn a_frame_too_short_comes_first() {
        assert_eq!(time(&[1, 2, 3]), 0);
    }
}
