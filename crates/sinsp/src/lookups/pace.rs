//! What was asked lately: the same is not asked at every event.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::state::Text;

/// Containers that are remembered.
const MAX: usize = 16_384;
/// Longest pause between two questions, ns: what is older need not be remembered.
const OLD: u64 = 1_000_000_000;

/// Containers that were asked about, and when, ns of event time.
#[derive(Default)]
pub(super) struct Asked {
    at: FxHashMap<Text, u64>,
}

impl Asked {
    /// Asks, if the last question is at least `pause` old, and returns whether it did; a question that found no room does
    /// not count.
    pub(super) fn once(&mut self, id: &Text, now: u64, pause: u64, ask: impl FnOnce() -> bool) -> bool {
        if self.at.get(id).is_some_and(|ts| now.saturating_sub(*ts) < pause) {
            return false;
        }
        if self.at.len() >= MAX {
            self.at.retain(|_, ts| now.saturating_sub(*ts) < OLD);
        }
        let is_asked = (self.at.len() < MAX || self.at.contains_key(id)) && ask();
        if is_asked {
            self.at.insert(id.clone(), now);
        }
        is_asked
    }
}

/// The first processes of containers.
#[derive(Default)]
pub(super) struct Firsts {
    /// With the time when each was seen, ns of event time.
    pids: FxHashMap<Text, (i64, u64)>,
}

impl Firsts {
    /// Whether the container was not seen to begin with this process before, nor with another one a moment ago.
    pub(super) fn is_new(&mut self, id: &Text, pid: i64, now: u64) -> bool {
        if self.pids.len() >= MAX && !self.pids.contains_key(id) {
            self.pids.retain(|_, (_, ts)| now.saturating_sub(*ts) < OLD);
        }
        if self.pids.len() >= MAX && !self.pids.contains_key(id) {
            return false;
        }
        match self.pids.get(id) {
            Some((known, ts)) if *known == pid || now.saturating_sub(*ts) < OLD => false,
            _ => {
                self.pids.insert(id.clone(), (pid, now));
                true
            }
        }
    }

    /// The process that the container began with, as far as that was seen.
    pub(super) fn pid(&self, id: &Text) -> Option<i64> {
        self.pids.get(id).map(|(pid, _)| *pid)
    }
}

/// Time that events may wait in all.
#[derive(Default)]
pub(super) struct Budget {
    since: Option<Instant>,
    spent: Duration,
}

impl Budget {
    /// Of each second.
    const TIME: Duration = Duration::from_millis(200);

    /// Whether an event may wait.
    pub(super) fn has_time(&mut self) -> bool {
        if self.since.is_none_or(|since| since.elapsed() >= Duration::from_secs(1)) {
            (self.since, self.spent) = (Some(Instant::now()), Duration::ZERO);
        }
        self.spent < Self::TIME
    }

    /// Waits.
    pub(super) fn spend(&mut self, wait: impl FnOnce()) {
        let began = Instant::now();
        wait();
        self.spent += began.elapsed();
    }
}
