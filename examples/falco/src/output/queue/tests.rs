use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{scope, sleep};

use super::*;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

fn alert(text: &str) -> Alert {
    Alert::new(text.as_bytes(), 4)
}

fn alerts(texts: &[&str]) -> Vec<Alert> {
    texts.iter().map(|text| alert(text)).collect()
}

fn queue(alerts: usize, bytes: usize) -> Queue {
    Queue::new(Limits { alerts, bytes, gather: Duration::ZERO })
}

/// Delivers up to `most` alerts of the next run, and returns them.
fn take(queue: &Queue, most: usize) -> Vec<String> {
    let mut run = Vec::new();
    assert_eq!(queue.next(most, &mut run), Order::Deliver);
    assert_eq!(queue.remove_handled(run.len(), true), run.len() as u64);
    run.iter().map(|alert| String::from_utf8_lossy(&alert.text).into_owned()).collect()
}

#[test]
fn alerts_without_room_are_refused_at_once() {
    let queue = queue(2, 10);
    assert_eq!(queue.push(&alerts(&["one", "two", "3"]), |_| false), 2, "two alerts fit");
    assert_eq!(take(&queue, 1), ["one"]);
    assert_eq!(queue.push(&alerts(&["12345678"]), |_| false), 0, "ten bytes fit");
    assert_eq!(queue.push(&alerts(&["1234567"]), |_| false), 1);
    assert_eq!(take(&queue, 9), ["two", "1234567"]);
    assert_eq!(queue.push(&alerts(&["longer than ten bytes", "x"]), |_| false), 1, "one always fits, alone");
    let load = queue.load();
    assert_eq!((load.alerts, load.delivered), (1, 3));
}

#[test]
fn a_patient_caller_waits_for_an_output_that_makes_progress() {
    let queue = queue(1, 100);
    scope(|scope| {
        scope.spawn(|| {
            for _ in 0..10 {
                sleep(SHORT);
                assert_eq!(take(&queue, 1), ["alert"]);
            }
        });
        for _ in 0..10 {
            assert_eq!(queue.push(&alerts(&["alert"]), |still| still < LONG), 1);
        }
    });
}

#[test]
fn no_caller_waits_twice_for_a_stuck_output() {
    let queue = queue(1, 100);
    let began = Instant::now();
    assert_eq!(queue.push(&alerts(&["one", "two"]), |still| still < SHORT), 1);
    assert_eq!(queue.push(&alerts(&["three"]), |still| still < LONG), 0);
    assert!(began.elapsed() < LONG / 2 && queue.load().still.unwrap() >= SHORT);
    assert_eq!(take(&queue, 1), ["one"]);
    assert_eq!(queue.push(&alerts(&["four", "five"]), |still| still < SHORT), 1, "it is waited for again");
}

#[test]
fn alerts_stay_in_the_queue_until_they_are_handled() {
    let queue = queue(9, 100);
    queue.push(&alerts(&["one", "two", "three"]), |_| false);
    let mut run = Vec::new();
    assert_eq!((queue.next(9, &mut run), run.len()), (Order::Deliver, 3));
    queue.remove_handled(1, false);
    queue.reopen();
    assert!(queue.interrupts() && queue.pause(LONG));
    assert_eq!(queue.next(9, &mut run), Order::Reopen);
    assert!(!queue.interrupts() && !queue.pause(SHORT));
    assert_eq!(take(&queue, 9), ["two", "three"]);
    queue.uncount_delivered(1);
    assert_eq!(queue.load().delivered, 1);
}

#[test]
fn the_worker_ends_when_all_is_delivered_or_abandoned() {
    let queue = queue(9, 100);
    queue.push(&alerts(&["one", "two"]), |_| false);
    queue.close();
    assert_eq!(queue.push(&alerts(&["three"]), |_| false), 0);
    assert_eq!(take(&queue, 1), ["one"]);
    assert!(!queue.wait_for_end(Instant::now(), |still| still < SHORT));
    assert_eq!(queue.abandon(), 1);
    let mut run = Vec::new();
    assert_eq!((queue.next(1, &mut run), run.len()), (Order::Abandon, 0));
    assert_eq!(queue.remove_handled(1, true), 0, "it was given up");
    queue.end();
    assert!(queue.wait_for_end(Instant::now(), |_| false));

    let empty = Queue::new(Limits { alerts: 1, bytes: 1, gather: Duration::ZERO });
    empty.close();
    assert_eq!(empty.next(1, &mut run), Order::Close);
}

#[test]
fn losses_are_no_progress() {
    let queue = queue(1, 100);
    queue.push(&alerts(&["one"]), |_| false);
    let (lost, waits) = (AtomicUsize::new(0), AtomicBool::new(true));
    scope(|scope| {
        scope.spawn(|| {
            while waits.load(SeqCst) {
                sleep(SHORT / 8);
                lost.fetch_add(queue.remove_handled(1, false) as usize, SeqCst);
            }
        });
        let many = alerts(&["more"; 10_000]);
        // Some alerts must be lost meanwhile, however slow this machine is.
        let taken = queue.push(&many, |still| still < SHORT || lost.load(SeqCst) < 3);
        assert!((2..many.len()).contains(&taken), "{taken}");
        assert!(queue.push(&many, |_| unreachable!()) <= 1, "somebody has waited in vain before");
        queue.close();
        assert!(!queue.wait_for_end(Instant::now(), |still| still < SHORT));
        waits.store(false, SeqCst);
    });
}

#[test]
fn buffered_alerts_are_gathered_for_a_moment() {
    let limits = Limits { alerts: 9, bytes: 1 << 20, gather: SHORT };
    let queue = Queue::new(limits);
    let mut run = Vec::new();
    let began = Instant::now();
    for text in ["one", "two", "three"] {
        queue.push(&alerts(&[text]), |_| false);
    }
    assert_eq!((queue.next(9, &mut run), run.len()), (Order::Deliver, 3));
    assert!(began.elapsed() >= SHORT);
    queue.remove_handled(3, true);
    // The queue does not wait for more if there is much, or at the end.
    queue.set_limits(Limits { gather: LONG, ..limits });
    let began = Instant::now();
    queue.push(&[alert(&"x".repeat(RUN_BYTES))], |_| false);
    assert_eq!(queue.next(9, &mut run), Order::Deliver);
    queue.remove_handled(1, true);
    queue.push(&alerts(&["last"]), |_| false);
    queue.close();
    assert_eq!(queue.next(9, &mut run), Order::Deliver);
    assert!(began.elapsed() < LONG / 2);
}
