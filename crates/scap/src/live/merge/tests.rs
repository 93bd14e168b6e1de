use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;

#[derive(Default)]
struct Fake {
    frames: VecDeque<[u8; 8]>,
    looks: Rc<Cell<usize>>,
    is_claimed: bool,
}

impl Fake {
    fn publish(&mut self, ts: u64) {
        self.frames.push_back(ts.to_ne_bytes());
    }
}

impl Queue for Fake {
    fn head(&self) -> Option<&[u8]> {
        self.looks.set(self.looks.get() + 1);
        self.frames.front().map(|frame| &frame[..])
    }

    fn pop(&mut self) {
        self.frames.pop_front();
    }

    fn is_claimed(&self) -> bool {
        self.is_claimed
    }
}

const US: u64 = 1000;

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
    let all = drain(&mut Merge::new(queues.collect()), 1_000_000);
    assert_eq!(all.len(), 500);
    assert!(all.is_sorted());
}

#[test]
fn a_queue_that_was_empty_is_seen_before_younger_frames() {
    let mut merge = Merge::new(vec![Fake::default(), Fake::default()]);
    [100 * US, 300 * US].into_iter().for_each(|ts| merge.queues[0].publish(ts));
    assert_eq!(merge.next(|| 200 * US), Some(0));
    // The other gets one that is older than the second of the first.
    merge.queues[1].publish(250 * US);
    assert_eq!(merge.next(|| 400 * US), Some(1));
    assert_eq!(merge.next(|| 400 * US), Some(0));
    assert_eq!(merge.next(|| 400 * US), None);
    merge.queues[1].publish(500 * US);
    assert_eq!(drain(&mut merge, 600 * US), [500 * US]);
}

#[test]
fn a_frame_that_is_being_made_is_waited_for() {
    let mut merge = Merge::new(vec![Fake::default(), Fake::default(), Fake::default()]);
    // The second is at work on one of 90, and publishes it late.
    merge.queues[1].is_claimed = true;
    merge.queues[0].publish(100 * US);
    assert_eq!(merge.next(|| 10 * US), None);
    assert_eq!(merge.next(|| 1000 * US), None);
    merge.queues[1].publish(90 * US);
    merge.queues[1].is_claimed = false;
    assert_eq!(drain(&mut merge, 1010 * US), [90 * US, 100 * US]);
}

#[test]
fn a_queue_that_runs_empty_while_it_is_claimed_is_waited_for() {
    let mut merge = Merge::new(vec![Fake::default(), Fake::default()]);
    [100 * US, 300 * US].into_iter().for_each(|ts| merge.queues[0].publish(ts));
    merge.queues[1].publish(150 * US);
    // Claimed, and not empty when the empty ones are checked_at at.
    merge.queues[1].is_claimed = true;
    assert_eq!(drain(&mut merge, 1000 * US), [100 * US, 150 * US]);
    merge.queues[1].publish(160 * US);
    merge.queues[1].is_claimed = false;
    assert_eq!(drain(&mut merge, 1010 * US), [160 * US, 300 * US]);
}

#[test]
fn the_youngest_frames_wait_until_stores_and_clocks_have_settled() {
    let mut merge = Merge::new(vec![Fake::default(), Fake::default()]);
    merge.queues[0].publish(100 * US);
    assert_eq!(merge.next(|| 101 * US), None);
    assert_eq!(drain(&mut merge, 151 * US), [100 * US]);
    // Where no queue is empty, nothing older can come.
    merge.queues[0].publish(200 * US);
    merge.queues[1].publish(201 * US);
    assert_eq!(merge.next(|| 202 * US), Some(0));
}

#[test]
fn no_frame_waits_forever() {
    let mut merge = Merge::new(vec![Fake::default(), Fake::default()]);
    merge.queues[1].is_claimed = true;
    merge.queues[0].publish(100 * US);
    assert_eq!(merge.next(|| HOLD), None);
    assert_eq!(drain(&mut merge, 100 * US + HOLD), [100 * US]);
    merge.queues[0].publish(200 * US);
    assert_eq!(merge.next(|| 300 * US), None);
    merge.close();
    assert_eq!(drain(&mut merge, 300 * US), [200 * US]);
}

#[test]
fn a_backlog_does_not_check_idle_queues() {
    let looks = Rc::new(Cell::new(0));
    let mut queues: Vec<Fake> = (0..100).map(|_| Fake { looks: looks.clone(), ..Fake::default() }).collect();
    queues[3].frames = (1..=1000u64).map(u64::to_ne_bytes).collect();
    let mut merge = Merge::new(queues);
    assert_eq!(drain(&mut merge, 100 * US).len(), 1000);
    // Each frame is checked_at at twice; the idle ones, twice each, at the beginning and at the end.
    assert!(looks.get() < 2000 + 500, "{} looks", looks.get());
}

#[test]
fn a_frame_too_short_comes_first() {
    assert_eq!(time(&[1, 2, 3]), 0);
}

/// A program of one CPU: it claims the ring, takes the time, and publishes so much later.
#[derive(Clone, Copy, Debug)]
struct Work {
    pause: u64,
    before: u64,
    after: u64,
}

fn work() -> impl Strategy<Value = Work> {
    let usually_short = || prop_oneof![4 => 0..200_u64, 1 => 0..100_000_u64];
    (usually_short(), usually_short(), usually_short()).prop_map(|(pause, before, after)| Work {
        pause: pause + 1,
        before,
        after,
    })
}

proptest! {
    #[test]
    fn the_order_is_that_of_time_at_every_call(
        cpus in prop::collection::vec(prop::collection::vec(work(), 0..60), 1..5),
        asks in prop::collection::vec(prop_oneof![4 => 1..300_u64, 1 => 1..200_000_u64], 1..400),
    ) {
        // What happens when: a claim, or the end of one with the frame that it was for.
        let mut steps = Vec::new();
        for (cpu, works) in cpus.iter().enumerate() {
            let mut now = 1_000_000;
            for work in works {
                let claimed = now + work.pause;
                let ts = claimed + work.before;
                now = ts + work.after;
                steps.push((claimed, cpu, None));
                steps.push((now, cpu, Some(ts)));
            }
        }
        steps.sort_unstable_by_key(|(at, ..)| *at);
        let total = steps.len() / 2;
        let mut merge = Merge::new(cpus.iter().map(|_| Fake::default()).collect());
        let (mut steps, mut out) = (steps.into_iter().peekable(), Vec::new());
        let mut now = 1_000_000;
        for ask in asks {
            now += ask;
            while let Some((_, cpu, ts)) = steps.next_if(|(at, ..)| *at <= now) {
                let queue = &mut merge.queues[cpu];
                queue.is_claimed = ts.is_none();
                ts.into_iter().for_each(|ts| queue.publish(ts));
            }
            out.extend(drain(&mut merge, now));
        }
        for (_, cpu, ts) in steps {
            ts.into_iter().for_each(|ts| merge.queues[cpu].publish(ts));
        }
        merge.close();
        out.extend(drain(&mut merge, now));
        prop_assert_eq!(out.len(), total);
        prop_assert!(out.is_sorted(), "{:?}", out);
    }
}
