//! The statistics that `-v` prints at the end.

use std::time::Duration;

use eyas::scap::{EventSource, Stats};
use eyas_console::note;

/// Counters of all sources.
#[derive(Default)]
pub(super) struct Totals(Stats);

impl Totals {
    /// Adds the counters of a source.
    pub(super) fn add(&mut self, source: &mut dyn EventSource) {
        let stats = source.stats();
        self.0.produced += stats.produced;
        self.0.drops_buffer += stats.drops_buffer;
        self.0.drops_too_large += stats.drops_too_large;
        self.0.drops_missed += stats.drops_missed;
        self.0.drops_other += stats.drops_other;
        self.0.filtered += stats.filtered;
    }

    /// Prints them, with the numbers of events that passed the filter and that were filtered out by program name.
    pub(super) fn report(&self, passed: u64, suppressed: u64, elapsed: Duration) {
        let stats = &self.0;
        let seconds = elapsed.as_secs_f64();
        note!("Events produced: {}", stats.produced);
        note!(
            "Dropped: {} (buffer full {}, too large {}, not run by the kernel {}, other {})",
            stats.drops(),
            stats.drops_buffer,
            stats.drops_too_large,
            stats.drops_missed,
            stats.drops_other
        );
        note!("Filtered out by the source: {}", stats.filtered);
        note!("Filtered out by program name: {suppressed}");
        note!("Elapsed time: {seconds:.3}, Captured Events: {passed}, {:.2} eps", passed as f64 / seconds);
    }
}
