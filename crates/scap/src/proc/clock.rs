//! Times in `/proc`, which are ticks since boot.

use rustix::time::{ClockId, clock_gettime};

/// Ticks per second in `/proc`; the kernel uses no other value for user space.
const TICKS: u64 = 100;

/// Time of boot, to convert ticks.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    /// ns since the epoch.
    pub boot_ts: u64,
}

impl Clock {
    pub(super) fn now() -> Self {
        let ns = |id| {
            let time = clock_gettime(id);
            (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
        };
        Self { boot_ts: ns(ClockId::Realtime).saturating_sub(ns(ClockId::Boottime)) }
    }

    pub(super) fn at(self, ticks: u64) -> u64 {
        self.boot_ts.saturating_add(ticks.saturating_mul(1_000_000_000 / TICKS))
    }
}
