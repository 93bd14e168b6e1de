//! Actions for dropped events.

use eyas::rules::Priority;
use eyas::scap::Stats;
use serde_json::Value;

use crate::config::{DropAction, Drops};
use crate::internal::Internal;
use crate::log::{self, Level};
use crate::losses::{ByKind, KINDS};

/// Time between two checks, ns.
const SECOND: u64 = 1_000_000_000;

/// The result of a check for losses.
#[derive(Default)]
pub struct DropCheck {
    /// An alert about the losses.
    pub alert: Option<Internal>,
    /// The program ends, as configured.
    pub ends: bool,
}

/// Checks once a second for new losses, and acts at a bounded rate. Times are those of events, ns since the epoch.
pub struct Monitor {
    config: Drops,
    last: Stats,
    last_full: ByKind,
    /// Time of the next check, set at the first event.
    next: Option<u64>,
    tokens: f64,
    filled: u64,
    acted: u64,
    /// Number of checks that found losses above the threshold.
    occurrences: u64,
}

impl Monitor {
    /// Creates a monitor that begins now.
    pub fn new(config: Drops) -> Self {
        let tokens = config.max_burst;
        Self {
            config,
            last: Stats::default(),
            last_full: ByKind::default(),
            next: None,
            tokens,
            filled: 0,
            acted: 0,
            occurrences: 0,
        }
    }

    /// Applies another configuration.
    pub fn configure(&mut self, config: Drops) {
        self.tokens = self.tokens.min(config.max_burst);
        self.config = config;
    }

    /// Whether losses are simulated, also in replays.
    pub fn simulates(&self) -> bool {
        self.config.simulate_drops
    }

    /// Whether a check is due. The first one is due a second after the first call.
    pub fn is_due(&mut self, now: u64) -> bool {
        *self.next.get_or_insert(now.saturating_add(SECOND)) < now
    }

    /// Looks at the counters.
    pub fn check(&mut self, now: u64, stats: Stats, full: ByKind) -> DropCheck {
        self.next = Some(now.saturating_add(SECOND));
        let last = std::mem::replace(&mut self.last, stats);
        let last_full = std::mem::replace(&mut self.last_full, full);
        let since = |of: fn(&Stats) -> u64| of(&stats).saturating_sub(of(&last));
        let produced = since(|s| s.produced);
        let mut lost = since(Stats::drops);
        if self.config.simulate_drops {
            log::info("Simulating syscall event drop");
            lost += 1;
        }
        if lost == 0 {
            return DropCheck::default();
        }
        let is_above = lost as f64 > self.config.threshold * produced as f64;
        if !is_above && !self.config.simulate_drops {
            return DropCheck::default();
        }
        self.occurrences += 1;
        if !self.take_token(now) {
            log::log(Level::Debug, "Syscall event drop but token bucket depleted, skipping actions");
            return DropCheck::default();
        }
        self.acted += 1;
        let message =
            format!("Falco internal: syscall event drop. {lost} system calls dropped in last second.");
        let has = |action| self.config.actions.contains(&action);
        if has(DropAction::Log) {
            log::warning(&message);
        }
        let ends = has(DropAction::Exit);
        if ends {
            log::log(Level::Error, &message);
            log::log(Level::Error, "Exiting.");
        }
        // The numbers are written as text, as in Falco's alert.
        let fields = [
            ("n_drops", lost),
            ("n_drops_buffer_total", since(|s| s.drops_buffer)),
            ("n_drops_bug", since(|s| s.drops_other + s.drops_missed)),
            // On a page fault, the probe leaves a parameter empty and drops no event.
            ("n_drops_page_faults", 0),
            ("n_drops_scratch_map", since(|s| s.drops_too_large)),
            ("n_evts", produced),
        ];
        let kinds = KINDS
            .iter()
            .zip(full.iter().zip(last_full))
            // Calls have no events where they begin, and Falco's alert no such counters.
            .filter(|((kind, _), _)| !kind.ends_with("_enter"))
            .map(|((kind, _), (now, before))| (format!("n_drops_buffer_{kind}"), now.saturating_sub(before)));
        let fields = fields.map(|(key, n)| (key.to_owned(), n)).into_iter().chain(kinds);
        let fields = fields.map(|(key, n)| (key, Value::from(n.to_string()))).collect();
        let alert = has(DropAction::Alert).then_some(Internal {
            rule: "syscall event drop",
            priority: Priority::Debug,
            message,
            fields,
        });
        DropCheck { alert, ends }
    }

    fn take_token(&mut self, now: u64) -> bool {
        let earned = now.saturating_sub(self.filled) as f64 / SECOND as f64 * self.config.rate;
        self.filled = now;
        self.tokens = (self.tokens + earned).min(self.config.max_burst);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    /// The two summary lines at the end of a run.
    pub fn summary(&self) -> String {
        format!(
            "Syscall event drop monitoring:\n   - event drop detected: {} occurrences\n   - num times actions taken: {}",
            self.occurrences, self.acted
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(produced: u64, drops_buffer: u64) -> Stats {
        Stats { produced, drops_buffer, ..Stats::default() }
    }

    #[test]
    fn actions_on_losses_have_a_limited_rate() {
        let mut monitor = Monitor::new(Drops { rate: 0.25, ..Drops::default() });
        let mut seconds = 1000;
        let mut look = |stats: Stats, full: ByKind| {
            seconds += 1;
            monitor.check(seconds * SECOND, stats, full)
        };
        assert!(look(stats(1000, 10), ByKind::default()).alert.is_none(), "below the threshold");
        assert!(look(stats(2000, 110), ByKind::default()).alert.is_none(), "not above it");
        let mut full = ByKind::default();
        full[1] = 9;
        let alert = look(stats(3000, 600), full).alert.unwrap();
        assert!(alert.message.contains("490 system calls"));
        assert_eq!((&alert.fields["n_evts"], &alert.fields["n_drops"]), (&"1000".into(), &"490".into()));
        assert_eq!(alert.fields["n_drops_buffer_clone_fork_exit"], "9");
        assert!(look(stats(4000, 1100), ByKind::default()).alert.is_none(), "the burst is spent");
        let later = (0..9).filter_map(|n| look(stats(5000 + n * 9, 2000 + n * 9), full).alert).count();
        assert_eq!(later, 2, "four seconds are worth one more");
        let summary = monitor.summary();
        assert!(summary.contains("detected: 11 occurrences") && summary.contains("taken: 3"), "{summary}");
    }

    #[test]
    fn losses_are_simulated() {
        let drops = Drops { simulate_drops: true, threshold: 1.0, ..Drops::default() };
        let mut monitor = Monitor::new(drops);
        assert!(!monitor.is_due(5), "the first event");
        assert!(!monitor.is_due(5 + SECOND) && monitor.is_due(6 + SECOND));
        let alert = monitor.check(6 + SECOND, stats(1000, 0), ByKind::default()).alert.unwrap();
        assert_eq!(alert.fields["n_drops"], "1");
        assert!(!monitor.is_due(6 + 2 * SECOND) && monitor.is_due(7 + 2 * SECOND));
        let look = monitor.check(7 + 2 * SECOND, Stats::default(), ByKind::default());
        assert!(look.alert.is_none(), "the burst is spent");
        assert!(monitor.summary().contains("2 occurrences"));
    }

    #[test]
    fn the_action_exit_ends_the_program() {
        for actions in [vec![DropAction::Exit], vec![DropAction::Exit, DropAction::Alert]] {
            let mut monitor = Monitor::new(Drops { actions: actions.clone(), ..Drops::default() });
            let look = monitor.check(SECOND, stats(10, 10), ByKind::default());
            assert!(look.ends);
            assert_eq!(look.alert.is_some(), actions.contains(&DropAction::Alert), "the alert is not lost");
        }
    }
}
