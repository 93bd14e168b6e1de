//! Recent requests, so that the same request is not made at every event.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::state::Text;

/// Maximum number of remembered containers.
const MAX: usize = 16_384;
/// Longest pause between two requests, ns. Older requests need not be remembered.
const OLD: u64 = 1_000_000_000;

/// Containers that were requested recently, with the time of the request, ns of event time.
#[derive(Default)]
pub(super) struct RecentRequests {
    at: FxHashMap<Text, u64>,
}

impl RecentRequests {
    /// Makes the request if the last one is at least `pause` old, and returns whether it did. A request
    /// that found no room is not recorded.
    pub(super) fn once(&mut self, id: &Text, now: u64, pause: u64, request: impl FnOnce() -> bool) -> bool {
        if self.at.get(id).is_some_and(|ts| now.saturating_sub(*ts) < pause) {
            return false;
        }
        if self.at.len() >= MAX {
            self.at.retain(|_, ts| now.saturating_sub(*ts) < OLD);
        }
        let is_requested = (self.at.len() < MAX || self.at.contains_key(id)) && request();
        if is_requested {
            self.at.insert(id.clone(), now);
        }
        is_requested
    }

    /// When the request may be made again.
    pub(super) fn next(&self, id: &Text, pause: u64) -> u64 {
        self.at.get(id).map_or(0, |ts| ts.saturating_add(pause))
    }
}

/// The first processes of containers.
#[derive(Default)]
pub(super) struct Firsts {
    /// Process ids, with the time when each was seen, ns of event time.
    pids: FxHashMap<Text, (i64, u64)>,
}

impl Firsts {
    /// Whether this is a new start of the container: neither this process, nor another one a moment ago that
    /// still exists, was recorded as its first.
    pub(super) fn is_new(
        &mut self,
        id: &Text,
        pid: i64,
        now: u64,
        is_there: impl FnOnce(i64) -> bool,
    ) -> bool {
        if self.pids.len() >= MAX && !self.pids.contains_key(id) {
            self.pids.retain(|_, (_, ts)| now.saturating_sub(*ts) < OLD);
        }
        if self.pids.len() >= MAX && !self.pids.contains_key(id) {
            return false;
        }
        match self.pids.get(id) {
            Some((known, _)) if *known == pid => false,
            Some((known, ts)) if now.saturating_sub(*ts) < OLD && is_there(*known) => false,
            _ => {
                self.pids.insert(id.clone(), (pid, now));
                true
            }
        }
    }

    /// The recorded first process of the container.
    pub(super) fn pid(&self, id: &Text) -> Option<i64> {
        self.pids.get(id).map(|(pid, _)| *pid)
    }
}

/// Budget of the total time that events may wait.
#[derive(Default)]
pub(super) struct Budget {
    /// Longest time that one event waits, which the budget always contains.
    longest: Duration,
    since: Option<Instant>,
    spent: Duration,
}

impl Budget {
    /// Time budget per second.
    const TIME: Duration = Duration::from_millis(200);

    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, ..Self::default() }
    }

    /// Whether an event may wait.
    pub(super) fn has_time(&mut self) -> bool {
        if self.since.is_none_or(|since| since.elapsed() >= Duration::from_secs(1)) {
            (self.since, self.spent) = (Some(Instant::now()), Duration::ZERO);
        }
        self.spent < Self::TIME.max(self.longest)
    }

    /// Waits.
    pub(super) fn spend(&mut self, wait: impl FnOnce()) {
        let began = Instant::now();
        wait();
        self.spent += began.elapsed();
    }
}
