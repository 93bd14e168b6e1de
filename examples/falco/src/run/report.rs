//! What is said when a run is over.

use std::time::Duration;

use eyas::rules::Profile;
use eyas::scap::Stats;

use crate::console::print_error;
use crate::drops::Monitor;
use crate::output::Hub;
use crate::setup::Setup;
use crate::stats::RuleCounts;

/// Logged when an event source fails.
pub(super) const FAILED: &str = "An error occurred in an event source, forcing termination...";

/// What goes to standard error: events lost, alerts lost, and if `verbose`, how many events there were.
pub fn to_log(verbose: bool, monitor: &Monitor, hub: &Hub, stats: &Stats, events: u64, elapsed: Duration) {
    print_error(&format!("{}\n", monitor.summary()));
    let mut lost = String::new();
    for (output, counts) in hub.counts().into_iter().filter(|(_, counts)| counts.lost > 0) {
        let all = counts.lost + counts.delivered;
        lost += &format!("   - {output}: {} of {all}\n", counts.lost);
    }
    if !lost.is_empty() {
        print_error(&format!("Lost by outputs:\n{lost}"));
    }
    if verbose {
        let seconds = elapsed.as_secs_f64();
        print_error(&format!("Driver Events:{}\nDriver Drops:{}\n", stats.produced, stats.drops()));
        if stats.filtered > 0 {
            print_error(&format!("Left out by the source:{}\n", stats.filtered));
        }
        print_error(&format!(
            "Elapsed time: {seconds:.3}, Captured Events: {events}, {:.2} eps\n",
            events as f64 / seconds.max(f64::MIN_POSITIVE)
        ));
    }
}

/// What goes to standard output: alerts by priority and rule, and what rules cost if that was measured.
pub fn statistics(counts: &RuleCounts, setup: &Setup, profile: Option<&Profile<'_>>) -> String {
    let mut text = counts.summary(setup.rules());
    if let Some(profile) = profile {
        let (events, sampled) = profile.events();
        text += &format!(
            "Cost of rules, each by itself and as written ({sampled} of {events} events measured):\n"
        );
        profile.report().iter().for_each(|rule| text += &rule.to_string());
    }
    text
}
