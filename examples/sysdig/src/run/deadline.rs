//! The end of a capture after a time.

use std::time::{Duration, Instant};

use crate::args::Args;

/// The time limit of `-M`: by the clock in a live capture, and by event time in a replay.
pub(super) struct Deadline {
    limit: Option<Duration>,
    recorded: bool,
    /// Whether the deadline was reached.
    pub is_over: bool,
    /// The time when the first event of a live capture could arrive.
    began: Option<Instant>,
    first: Option<u64>,
}

impl Deadline {
    pub(super) fn new(args: &Args) -> Self {
        let limit = args.duration.map(Duration::from_secs);
        Self { limit, recorded: args.is_replay(), is_over: false, began: None, first: None }
    }

    /// Whether the time of a recorded event is beyond the limit, ns since the epoch.
    pub(super) fn is_past(&mut self, ts: u64) -> bool {
        let Some(limit) = self.limit.filter(|_| self.recorded) else { return false };
        let first = *self.first.get_or_insert(ts);
        self.is_over = u128::from(ts.saturating_sub(first)) >= limit.as_nanos();
        self.is_over
    }

    /// Whether a live capture has taken as long as the limit.
    pub(super) fn is_past_now(&mut self) -> bool {
        let Some(limit) = self.limit.filter(|_| !self.recorded) else { return false };
        self.is_over |= self.began.get_or_insert_with(Instant::now).elapsed() >= limit;
        self.is_over
    }
}
