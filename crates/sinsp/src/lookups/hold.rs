//! Events wait a bounded time for what runtimes know of a container that is new.
//!
//! The event at hand waits, and all others behind it, so that their order is kept. None waits longer than until so much
//! time has passed since the first event of its container: however many containers begin, events are never later.

use std::time::{Duration, Instant, SystemTime};

use rustc_hash::FxHashMap;

use crate::state::{Reports, State, Text};

/// Containers whose first event is remembered.
const MAX: usize = 16_384;
/// How old an event may be for its process to be asked about, ns.
const RECENT: u64 = 1_000_000_000;

/// Containers of which nothing is known, and until when their events wait.
#[derive(Default)]
pub(super) struct Hold {
    /// ns; 0 if nothing waits.
    time: u64,
    /// By container, ns since the epoch.
    until: FxHashMap<Text, u64>,
}

impl Hold {
    pub(super) fn new(time: Duration) -> Self {
        Self { time: u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), until: FxHashMap::default() }
    }

    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.time > 0
    }

    /// Waits until something is known of the container, or its time is over.
    #[cold]
    pub(super) fn until_known(
        &mut self,
        mut wait: impl FnMut(Duration) -> Option<serde_json::Value>,
        state: &mut State,
        reports: &mut Reports,
        id: &Text,
    ) {
        let ts = reports.ts;
        if self.until.len() >= MAX {
            self.until.retain(|_, until| *until > ts);
        }
        let deadline = ts.saturating_add(self.time);
        let until = match self.until.len() < MAX {
            true => *self.until.entry(id.clone()).or_insert(deadline),
            false => self.until.get(id).copied().unwrap_or(0),
        };
        // Whatever the machine's clock does.
        let began = Instant::now();
        let longest = Duration::from_nanos(self.time);
        loop {
            let left = Duration::from_nanos(until.saturating_sub(now()));
            let left = left.min(longest.saturating_sub(began.elapsed()));
            if left.is_zero() || state.containers.get(id).is_some() {
                return;
            }
            if let Some(json) = wait(left) {
                state.learn_container(json, reports);
            }
        }
    }
}

/// Whether an event of this time, ns since the epoch, has just happened.
pub(super) fn is_recent(ts: u64) -> bool {
    now().abs_diff(ts) < RECENT
}

/// ns since the epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
