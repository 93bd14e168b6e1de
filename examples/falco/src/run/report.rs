//! The report at the end of a run.

use std::time::Duration;

use eyas::events::EventType;
use eyas::rules::Profile;

use crate::console::print_error;
use crate::drops::Monitor;
use crate::output::Hub;
use crate::pushdown::percent;
use crate::setup::Setup;
use crate::stats::RuleCounts;

use super::judge::Totals;

/// Logged when an event source fails.
pub(super) const FAILED: &str = "An error occurred in an event source, forcing termination...";

/// Logs dropped events, lost alerts and, if `verbose`, the number of events.
pub(super) fn to_log(verbose: bool, monitor: &Monitor, hub: &Hub, totals: &Totals, elapsed: Duration) {
    let Totals { stats, events, .. } = totals;
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
            print_error(&format!("Filtered out by the source:{}\n", stats.filtered));
        }
        print_error(&filtered_out(&totals.filtered, &totals.by_type));
        if let Some([written, left_out]) = totals.verdicts {
            let changes = totals.changes_above;
            print_error(&format!(
                "Verdicts on processes:{written}. They filtered out {left_out} events. {changes} changes concerned processes that may have descendants\n"
            ));
        }
        print_error(&format!(
            "Elapsed time: {seconds:.3}, Captured Events: {events}, {:.2} eps\n",
            *events as f64 / seconds.max(f64::MIN_POSITIVE)
        ));
    }
}

/// Maximum number of listed types.
const NAMED: usize = 12;

/// The fraction of events that the probe's filter rejected, and their types, the most frequent first.
fn filtered_out(filtered: &[(EventType, u64)], delivered: &[u64]) -> String {
    if filtered.is_empty() {
        return String::new();
    }
    let mut types: Vec<(EventType, u64, u64)> = delivered
        .iter()
        .zip(0..)
        .map(|(sent, code)| {
            let out = filtered.iter().find(|(ty, _)| ty.0 == code).map_or(0, |(_, out)| *out);
            (EventType(code), out, out + sent)
        })
        .collect();
    let [out, all] = types.iter().fold([0, 0], |[out, all], (_, of, sum)| [out + of, all + sum]);
    types.sort_by_key(|(_, _, all)| std::cmp::Reverse(*all));
    let mut text = format!("Filtered out in the kernel:{out} of {all} ({} %)\n", percent(out, all));
    for (ty, out, all) in types.into_iter().take(NAMED).filter(|(_, _, all)| *all > 0) {
        text += &format!("   - {}: {out} of {all} ({} %)\n", ty.name(), percent(out, all));
    }
    text
}

/// Text for standard output: alerts by priority and rule, and the costs of rules if they were measured.
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
