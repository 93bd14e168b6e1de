//! Alerts that wait for somebody slow.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A bounded line between who makes alerts and a thread that takes them: what finds no room is left out.
pub struct Backlog {
    inner: Mutex<Inner>,
    changed: Condvar,
    max_alerts: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// Alerts that the taker is done with.
    done: u64,
    /// Nothing was taken in all the time that somebody waited: nobody waits again before something is.
    stuck: bool,
    closed: bool,
}

impl Backlog {
    /// Room for so much.
    pub fn new(max_alerts: usize, max_bytes: usize) -> Self {
        Self { inner: Mutex::default(), changed: Condvar::new(), max_alerts, max_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing is left half done where the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while `unless` does not hold, until the taker has made no progress for `patience`; answers whether it
    /// held in time.
    fn wait<'a>(
        &'a self,
        mut inner: MutexGuard<'a, Inner>,
        patience: Duration,
        unless: impl Fn(&Inner) -> bool,
    ) -> (MutexGuard<'a, Inner>, bool) {
        let (mut done, mut until) = (inner.done, Instant::now() + patience);
        while !unless(&inner) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return (inner, false);
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
            if inner.done != done {
                (done, until) = (inner.done, Instant::now() + patience);
            }
        }
        (inner, true)
    }

    /// Adds an alert; answers whether there was room for it. Waits for room as long as alerts are taken, and for
    /// `patience` when none are.
    pub fn push(&self, alert: &[u8], patience: Duration) -> bool {
        let has_room = |inner: &Inner| {
            let fits = inner.waiting.len() < self.max_alerts && inner.bytes + alert.len() <= self.max_bytes;
            fits || inner.waiting.is_empty()
        };
        let inner = self.lock();
        let patience = if inner.stuck { Duration::ZERO } else { patience };
        let (mut inner, fits) = self.wait(inner, patience, has_room);
        if !fits {
            inner.stuck = true;
            return false;
        }
        inner.bytes += alert.len();
        inner.waiting.push_back(alert.into());
        drop(inner);
        self.changed.notify_all();
        true
    }

    /// The next alert, when there is one; nothing once all is over. Call [`Backlog::done`] when done with it.
    pub fn take(&self) -> Option<Box<[u8]>> {
        let mut inner = self.lock();
        loop {
            if let Some(alert) = inner.waiting.pop_front() {
                inner.bytes -= alert.len();
                return Some(alert);
            }
            if inner.closed {
                return None;
            }
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The taker is done with the alert that it took.
    pub fn done(&self) {
        let mut inner = self.lock();
        inner.done += 1;
        inner.stuck = false;
        drop(inner);
        self.changed.notify_all();
    }

    /// Lets the taker have what waits, as long as it makes progress within `patience`; answers how many alerts it has
    /// not taken, which are gone then. `pushed` is how many were added.
    pub fn close(&self, pushed: u64, patience: Duration) -> u64 {
        let mut inner = self.lock();
        inner.closed = true;
        self.changed.notify_all();
        (inner, _) = self.wait(inner, patience, |inner| inner.done >= pushed);
        inner.waiting.clear();
        inner.bytes = 0;
        pushed.saturating_sub(inner.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[test]
    fn what_finds_no_room_is_left_out() {
        let backlog = Backlog::new(2, 10);
        assert!(backlog.push(b"one", SOON) && backlog.push(b"two", SOON));
        assert!(!backlog.push(b"3", SOON), "two alerts fit");
        let began = Instant::now();
        assert!(!backlog.push(b"4", Duration::from_secs(60)), "nobody waits twice for who is stuck");
        assert!(began.elapsed() < Duration::from_secs(30));
        assert_eq!(&*backlog.take().unwrap(), b"one");
        backlog.done();
        assert!(!backlog.push(b"12345678", SOON), "ten bytes fit");
        assert!(backlog.push(b"1234567", SOON));
        assert_eq!(backlog.close(3, SOON), 2);
        assert!(backlog.take().is_none());
    }

    #[test]
    fn an_alert_that_exceeds_all_room_still_goes_alone() {
        let backlog = Backlog::new(8, 4);
        assert!(backlog.push(b"longer than four", SOON));
        assert!(!backlog.push(b"x", SOON));
    }

    #[test]
    fn who_makes_progress_is_waited_for() {
        let backlog = Backlog::new(1, 100);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while backlog.take().is_some() {
                    std::thread::sleep(SOON);
                    backlog.done();
                }
            });
            for _ in 0..10 {
                assert!(backlog.push(b"alert", Duration::from_secs(60)));
            }
            assert_eq!(backlog.close(10, Duration::from_secs(60)), 0);
        });
    }
}
