//! The bounded queue of an output. Callers that add alerts wait for the output only if they choose to.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::alert::Alert;

/// Target size of a run of alerts, bytes.
pub const RUN_BYTES: usize = 64 << 10;
/// Maximum number of alerts in a run.
const RUN_ALERTS: usize = 1024;
/// Time during which buffered outputs gather alerts.
pub const GATHER: Duration = Duration::from_millis(100);
/// Interval at which waiting callers check whether to keep waiting.
const GLANCE: Duration = Duration::from_millis(20);

/// Limits of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Alerts.
    pub alerts: usize,
    /// Maximum number of bytes. One alert always fits.
    pub bytes: usize,
    /// Time during which alerts are gathered, so that more are written at once.
    pub gather: Duration,
}

/// An order for the worker.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Deliver this run of alerts.
    Deliver,
    /// Reopen the destination.
    Reopen,
    /// End: everything is delivered and no more alerts will come.
    Close,
    /// End immediately, even if alerts are left.
    Abandon,
}

/// Queue of alerts that an output has not delivered yet.
pub struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    /// The worker may be delivering the first ones.
    waiting: VecDeque<Alert>,
    bytes: usize,
    limits: Limits,
    delivered: u64,
    /// Time of the worker's last progress, or of the arrival of the first alert.
    progress: Instant,
    /// The same, but lost alerts are no progress.
    delivery: Instant,
    /// Whether a caller has timed out. Callers then do not wait again until an alert is delivered.
    stuck: bool,
    phase: Phase,
    reopen: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// No more alerts will come.
    Closing,
    /// The remaining alerts are dropped.
    Abandoned,
    /// The worker has ended.
    Ended,
}

/// Contents of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Alerts that wait.
    pub alerts: usize,
    /// Number of alerts delivered so far.
    pub delivered: u64,
    /// Time without progress while alerts wait; `None` if no alert waits.
    pub still: Option<Duration>,
}

impl Queue {
    pub fn new(limits: Limits) -> Self {
        let inner = Inner {
            waiting: VecDeque::new(),
            bytes: 0,
            limits,
            delivered: 0,
            progress: Instant::now(),
            delivery: Instant::now(),
            stuck: false,
            phase: Phase::Open,
            reopen: false,
        };
        Self { inner: Mutex::new(inner), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No data is left half updated while the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'q>(&self, inner: MutexGuard<'q, Inner>, time: Duration) -> MutexGuard<'q, Inner> {
        self.changed.wait_timeout(inner, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Changes the limits.
    pub fn set_limits(&self, limits: Limits) {
        self.lock().limits = limits;
    }

    /// Adds as many alerts as fit, starting with the first. Returns their number. Waits for room while
    /// `patience` allows it. `patience` gets the time without a delivery: lost alerts do not count, because
    /// they are no reason to wait longer.
    pub fn push(&self, alerts: &[Alert], patience: impl Fn(Duration) -> bool) -> usize {
        let mut taken = 0;
        let mut inner = self.lock();
        let began = Instant::now();
        loop {
            let before = taken;
            while let Some(alert) = alerts.get(taken).filter(|alert| inner.has_room(alert)) {
                if inner.waiting.is_empty() {
                    inner.progress = Instant::now();
                }
                inner.bytes += alert.size();
                inner.waiting.push_back(alert.clone());
                taken += 1;
            }
            if taken > before {
                self.changed.notify_all();
            }
            let still = || inner.delivery.max(began).elapsed();
            if taken == alerts.len() || inner.phase != Phase::Open || inner.stuck {
                return taken;
            }
            if !patience(still()) {
                inner.stuck = true;
                return taken;
            }
            inner = self.wait(inner, GLANCE);
        }
    }

    /// Waits for an order. Copies a run of at most `most` alerts to `run`. The alerts stay in the queue
    /// until they are removed.
    pub fn next(&self, most: usize, run: &mut Vec<Alert>) -> Order {
        run.clear();
        let mut inner = self.lock();
        loop {
            if inner.phase == Phase::Abandoned {
                return Order::Abandon;
            }
            if std::mem::take(&mut inner.reopen) {
                return Order::Reopen;
            }
            let Some(first) = inner.waiting.front() else {
                if inner.phase == Phase::Closing {
                    return Order::Close;
                }
                inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = inner.limits.gather.saturating_sub(inner.progress.elapsed());
            if !left.is_zero() && inner.phase == Phase::Open && inner.bytes < RUN_BYTES {
                inner = self.wait(inner, left);
                continue;
            }
            let mut bytes = first.size();
            run.push(first.clone());
            for alert in inner.waiting.iter().skip(1).take(most.min(RUN_ALERTS).saturating_sub(1)) {
                bytes += alert.size();
                if bytes > RUN_BYTES {
                    break;
                }
                run.push(alert.clone());
            }
            return Order::Deliver;
        }
    }

    /// Removes the first alerts of the queue, which the worker has handled. Returns how many of them were
    /// still in the queue.
    pub fn remove_handled(&self, count: usize, delivered: bool) -> u64 {
        let mut inner = self.lock();
        let mut removed = 0;
        for _ in 0..count {
            let Some(alert) = inner.waiting.pop_front() else { break };
            inner.bytes -= alert.size();
            removed += 1;
        }
        match delivered {
            true => {
                inner.delivered += removed;
                inner.moved();
            }
            false => inner.progress = Instant::now(),
        }
        drop(inner);
        self.changed.notify_all();
        removed
    }

    /// Records that this many alerts, removed as delivered, were in fact not delivered.
    pub fn uncount_delivered(&self, count: u64) {
        let mut inner = self.lock();
        inner.delivered = inner.delivered.saturating_sub(count);
    }

    /// Records that the worker has delivered a part of an alert.
    pub fn progress(&self) {
        self.lock().moved();
    }

    /// Makes the worker reopen the destination, unless the queue is closing.
    pub fn reopen(&self) {
        let mut inner = self.lock();
        inner.reopen = inner.phase == Phase::Open;
        drop(inner);
        self.changed.notify_all();
    }

    /// Whether the worker should check for another order instead of waiting for its destination.
    pub fn interrupts(&self) -> bool {
        let inner = self.lock();
        inner.reopen || inner.phase == Phase::Abandoned
    }

    /// Whether a worker whose output is not open yet should keep trying. A pending order to reopen counts
    /// as done.
    pub fn is_wanted(&self) -> bool {
        let mut inner = self.lock();
        inner.reopen = false;
        match inner.phase {
            Phase::Open => true,
            Phase::Closing => !inner.waiting.is_empty(),
            Phase::Abandoned | Phase::Ended => false,
        }
    }

    /// Waits for this time. Returns whether the worker should check for another order.
    pub fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut inner = self.lock();
        loop {
            if inner.reopen || inner.phase == Phase::Abandoned {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            inner = self.wait(inner, left);
        }
    }

    /// Accepts no more alerts. The worker ends when it has delivered the queued ones.
    pub fn close(&self) {
        let mut inner = self.lock();
        if inner.phase == Phase::Open {
            inner.phase = Phase::Closing;
        }
        drop(inner);
        self.changed.notify_all();
    }

    /// Drops the queued alerts. Returns their number.
    pub fn abandon(&self) -> u64 {
        let mut inner = self.lock();
        if inner.phase != Phase::Ended {
            inner.phase = Phase::Abandoned;
        }
        inner.bytes = 0;
        let left = inner.waiting.len() as u64;
        inner.waiting.clear();
        drop(inner);
        self.changed.notify_all();
        left
    }

    /// The worker ends.
    pub fn end(&self) {
        self.lock().phase = Phase::Ended;
        self.changed.notify_all();
    }

    /// Waits for the end of the worker while `patience` allows it. `patience` gets the time without a
    /// delivery since `began`. Returns whether the worker has ended.
    pub fn wait_for_end(&self, began: Instant, patience: impl Fn(Duration) -> bool) -> bool {
        let mut inner = self.lock();
        while inner.phase != Phase::Ended {
            if !patience(inner.delivery.max(began).elapsed()) {
                return false;
            }
            inner = self.wait(inner, GLANCE);
        }
        true
    }

    /// Contents of the queue.
    pub fn load(&self) -> Load {
        let inner = self.lock();
        let still = (!inner.waiting.is_empty()).then(|| inner.progress.elapsed());
        Load { alerts: inner.waiting.len(), delivered: inner.delivered, still }
    }
}

impl Inner {
    fn has_room(&self, alert: &Alert) -> bool {
        let fits = self.waiting.len() < self.limits.alerts && self.bytes + alert.size() <= self.limits.bytes;
        self.phase == Phase::Open && (fits || self.waiting.is_empty())
    }

    fn moved(&mut self) {
        self.progress = Instant::now();
        self.delivery = self.progress;
        self.stuck = false;
    }
}

#[cfg(test)]
mod tests;
