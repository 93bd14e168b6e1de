//! The queue of an output: bounded, and nobody who adds to it waits for the output unless they want to.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::alert::Alert;

/// Bytes of a run of alerts.
pub const RUN_BYTES: usize = 64 << 10;
/// Alerts of a run, at most.
const RUN_ALERTS: usize = 1024;
/// How long alerts wait for others where outputs are buffered.
const GATHER: Duration = Duration::from_millis(100);
/// How often those who wait look whether they still should.
const GLANCE: Duration = Duration::from_millis(20);

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Alerts.
    pub alerts: usize,
    /// Bytes of their lines. One alert always finds room.
    pub bytes: usize,
    /// Alerts are gathered for a moment, so that more are written at once.
    pub gather: bool,
}

/// What the worker should do.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Deliver this run of alerts.
    Deliver,
    /// Open the destination again.
    Reopen,
    /// Everything is delivered and nothing more will come: end.
    Close,
    /// End, whatever is left.
    Abandon,
}

/// Alerts that an output has not delivered yet.
pub struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    /// The first of them may be with the worker.
    waiting: VecDeque<Alert>,
    bytes: usize,
    limits: Limits,
    delivered: u64,
    /// When the worker last made progress, or else when the first alert came.
    progress: Instant,
    /// The same, but what was lost is no progress.
    delivery: Instant,
    /// Somebody waited in vain: nobody waits again before something is delivered.
    stuck: bool,
    phase: Phase,
    reopen: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// No more alerts come.
    Closing,
    /// What is left is given up.
    Abandoned,
    /// The worker has ended.
    Ended,
}

/// What a queue holds.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Alerts that wait.
    pub alerts: usize,
    /// Alerts delivered so far.
    pub delivered: u64,
    /// How long nothing has moved while alerts waited; nothing if none wait.
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
        // Nothing is left half done where the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'q>(&self, inner: MutexGuard<'q, Inner>, time: Duration) -> MutexGuard<'q, Inner> {
        self.changed.wait_timeout(inner, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Changes how much may wait from here on.
    pub fn set_limits(&self, limits: Limits) {
        self.lock().limits = limits;
    }

    /// Adds as many alerts as there is room for; returns how many, from the first on. While `patience` allows it, waits
    /// for room; it is given how long nothing was delivered: to lose alerts is no reason to wait for more of it.
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

    /// Waits for something to do. A run of at most `most` alerts is left in `run`; it stays in the queue until it is
    /// settled.
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
            let age = inner.progress.elapsed();
            let gathers = inner.limits.gather && inner.phase == Phase::Open && inner.bytes < RUN_BYTES;
            if gathers && age < GATHER {
                inner = self.wait(inner, GATHER - age);
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

    /// The worker is done with the first alerts of the queue; returns how many were still there.
    pub fn settle(&self, count: usize, delivered: bool) -> u64 {
        let mut inner = self.lock();
        let mut settled = 0;
        for _ in 0..count {
            let Some(alert) = inner.waiting.pop_front() else { break };
            inner.bytes -= alert.size();
            settled += 1;
        }
        match delivered {
            true => {
                inner.delivered += settled;
                inner.moved();
            }
            false => inner.progress = Instant::now(),
        }
        drop(inner);
        self.changed.notify_all();
        settled
    }

    /// Of the alerts that were settled as delivered, so many were not, as it turns out.
    pub fn unsettle(&self, count: u64) {
        let mut inner = self.lock();
        inner.delivered = inner.delivered.saturating_sub(count);
    }

    /// The worker delivers slowly: a part of an alert.
    pub fn progress(&self) {
        self.lock().moved();
    }

    /// Has the destination opened again, unless it is being closed.
    pub fn reopen(&self) {
        let mut inner = self.lock();
        inner.reopen = inner.phase == Phase::Open;
        drop(inner);
        self.changed.notify_all();
    }

    /// Whether the worker should look for another order instead of waiting for its destination.
    pub fn interrupts(&self) -> bool {
        let inner = self.lock();
        inner.reopen || inner.phase == Phase::Abandoned
    }

    /// Whether a worker that is not open yet should go on trying. What was to be opened again is as good as opened.
    pub fn is_wanted(&self) -> bool {
        let mut inner = self.lock();
        inner.reopen = false;
        match inner.phase {
            Phase::Open => true,
            Phase::Closing => !inner.waiting.is_empty(),
            Phase::Abandoned | Phase::Ended => false,
        }
    }

    /// The worker waits; returns whether it should look for another order.
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

    /// Takes no more alerts; the worker ends when it has delivered those that wait.
    pub fn close(&self) {
        let mut inner = self.lock();
        if inner.phase == Phase::Open {
            inner.phase = Phase::Closing;
        }
        drop(inner);
        self.changed.notify_all();
    }

    /// Gives up what waits; returns how many alerts that were.
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

    /// Waits for the worker's end as long as `patience` allows it, which is given how long nothing was delivered
    /// since `began`; returns whether it came.
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

    /// What there is.
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
