//! Events wait a limited time for the metadata of a new container.
//!
//! The current event waits, and so do all later ones, so that their order is kept. No event waits beyond
//! the limit, which begins at the first event of its container. So events are never later than the limit,
//! however many containers start.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use rustc_hash::FxHashMap;
use rustix::time::{ClockId, clock_gettime};

use crate::state::{Reports, State, Text};

/// Maximum number of containers whose first event is remembered.
const MAX: usize = 16_384;
/// Maximum age of an event for a lookup of its process, unless it may wait longer.
const RECENT: Duration = Duration::from_secs(1);

/// Unknown containers, and the time until which their events wait.
#[derive(Default)]
pub(super) struct Hold {
    /// ns; 0 if nothing waits.
    time: u64,
    /// End of the wait by container, ns since the epoch.
    until: FxHashMap<Text, u64>,
}

impl Hold {
    pub(super) fn new(time: Duration) -> Self {
        // The clock begins with the capture.
        now();
        Self { time: u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), until: FxHashMap::default() }
    }

    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.time > 0
    }

    /// Waits until the container is known, or its time is over.
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
        // A monotonic clock, because the system's clock may change.
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

/// Whether an event of this time, ns since the epoch, which may wait for `wait`, has just happened.
pub(super) fn is_recent(ts: u64, wait: Duration) -> bool {
    Duration::from_nanos(now().abs_diff(ts)) < RECENT.max(wait)
}

/// ns since the epoch on the clock of live events, which does not jump if someone sets the clock of the machine.
fn now() -> u64 {
    static BOOT: OnceLock<Duration> = OnceLock::new();
    let since_boot = Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default();
    let boot = BOOT.get_or_init(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(since_boot)
    });
    u64::try_from((*boot + since_boot).as_nanos()).unwrap_or(u64::MAX)
}
