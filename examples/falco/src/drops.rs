//! What is done about lost events.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use eyas::rules::Priority;
use eyas::scap::Stats;
use serde_json::Value;

use crate::config::{DropAction, Drops};
use crate::internal::Internal;
use crate::log::{self, Level};
use crate::losses::{ByKind, KINDS};

/// Looks once a second at what was lost since, and acts at a bounded rate.
pub struct Monitor {
    config: Drops,
    last: Stats,
    last_full: ByKind,
    next: Instant,
    tokens: f64,
    filled: Instant,
    acted: u64,
    /// Looks that found a loss.
    occurrences: u64,
}

impl Monitor {
    /// A monitor that begins now.
    pub fn new(config: Drops) -> Self {
        let now = Instant::now();
        let tokens = config.max_burst;
        Self {
            config,
            last: Stats::default(),
            last_full: ByKind::default(),
            next: now,
            tokens,
            filled: now,
            acted: 0,
            occurrences: 0,
        }
    }

    /// Goes on with another configuration.
    pub fn configure(&mut self, config: Drops) {
        self.tokens = self.tokens.min(config.max_burst);
        self.config = config;
    }

    /// Whether it is time to look.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    /// Looks at the counters.
    ///
    /// # Errors
    /// Events were lost and the configuration says to exit then.
    pub fn check(&mut self, stats: Stats, full: ByKind) -> Result<Option<Internal>> {
        self.next = Instant::now() + Duration::from_secs(1);
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
            return Ok(None);
        }
        self.occurrences += 1;
        let is_below = (lost as f64) < self.config.threshold * produced as f64;
        if is_below && !self.config.simulate_drops {
            return Ok(None);
        }
        if !self.take_token() {
            log::log(Level::Debug, "Syscall event drop but token bucket depleted, skipping actions");
            return Ok(None);
        }
        self.acted += 1;
        let message =
            format!("Falco internal: syscall event drop. {lost} system calls dropped in last second.");
        let has = |action| self.config.actions.contains(&action);
        if has(DropAction::Log) {
            log::warning(&message);
        }
        if has(DropAction::Exit) {
            bail!("{message} Exiting, as syscall_event_drops.actions says");
        }
        // The numbers are texts, as readers of Falco's alert expect.
        let fields = [
            ("ebpf_enabled", 1),
            ("n_drops", lost),
            ("n_drops_buffer_total", since(|s| s.drops_buffer)),
            ("n_drops_bug", since(|s| s.drops_other + s.drops_missed)),
            // The probe leaves a parameter empty then, and loses no event.
            ("n_drops_page_faults", 0),
            ("n_drops_scratch_map", since(|s| s.drops_too_large)),
            ("n_evts", produced),
        ];
        let kinds = KINDS
            .iter()
            .zip(full.iter().zip(last_full))
            .map(|((kind, _), (now, before))| (format!("n_drops_buffer_{kind}"), now.saturating_sub(before)));
        let fields = fields.map(|(key, n)| (key.to_owned(), n)).into_iter().chain(kinds);
        let fields = fields.map(|(key, n)| (key, Value::from(n.to_string()))).collect();
        Ok(has(DropAction::Alert).then_some(Internal {
            rule: "syscall event drop",
            priority: Priority::Debug,
            message,
            fields,
        }))
    }

    fn take_token(&mut self) -> bool {
        let now = Instant::now();
        let earned = now.duration_since(self.filled).as_secs_f64() * self.config.rate;
        self.filled = now;
        self.tokens = (self.tokens + earned).min(self.config.max_burst);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    /// The two lines about it at the end of a run.
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

    #[test]
    fn losses_are_acted_upon_at_a_bounded_rate() {
        let mut monitor = Monitor::new(Drops { rate: 0.0, ..Drops::default() });
        let stats = |produced, drops_buffer| Stats { produced, drops_buffer, ..Stats::default() };
        assert!(monitor.check(stats(1000, 10), ByKind::default()).unwrap().is_none(), "below the threshold");
        let mut full = ByKind::default();
        full[1] = 9;
        let alert = monitor.check(stats(2000, 500), full).unwrap().unwrap();
        assert!(alert.message.contains("490 system calls"));
        assert_eq!((&alert.fields["n_evts"], &alert.fields["n_drops"]), (&"1000".into(), &"490".into()));
        assert_eq!(alert.fields["n_drops_buffer_clone_fork_exit"], "9");
        assert!(monitor.check(stats(3000, 1000), ByKind::default()).unwrap().is_none(), "the burst is spent");
        assert!(monitor.summary().contains("3 occurrences") && monitor.summary().contains("taken: 1"));
    }

    #[test]
    fn losses_are_simulated() {
        let drops = Drops { simulate_drops: true, threshold: 1.0, ..Drops::default() };
        let mut monitor = Monitor::new(drops);
        let alert =
            monitor.check(Stats { produced: 1000, ..Stats::default() }, ByKind::default()).unwrap().unwrap();
        assert_eq!(alert.fields["n_drops"], "1");
        assert!(monitor.check(Stats::default(), ByKind::default()).unwrap().is_none(), "the burst is spent");
        assert!(monitor.summary().contains("2 occurrences"));
    }

    #[test]
    fn exit_means_exit() {
        let mut monitor = Monitor::new(Drops { actions: vec![DropAction::Exit], ..Drops::default() });
        assert!(
            monitor
                .check(Stats { produced: 10, drops_buffer: 10, ..Stats::default() }, ByKind::default())
                .is_err()
        );
    }
}
