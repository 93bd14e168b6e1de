//! Counts of alerts, and the summary at the end of a run.

use std::fmt::Write;

use eyas::rules::{Match, Priority, Rule};

use crate::log;

/// Alerts counted by rule.
#[derive(Debug, Default)]
pub struct RuleCounts {
    by_rule: Vec<u64>,
    /// Counts of rulesets that were replaced.
    before: Vec<Counted>,
}

/// Alerts of a rule while it had this priority.
#[derive(Debug)]
struct Counted {
    rule: String,
    priority: Priority,
    alerts: u64,
}

impl RuleCounts {
    /// Counts an alert of the match's rule.
    pub fn count(&mut self, found: Match) {
        let index = found.rule.0 as usize;
        if self.by_rule.len() <= index {
            self.by_rule.resize(index + 1, 0);
        }
        self.by_rule[index] += 1;
    }

    /// Closes the counts of these rules, because other rules replace them.
    pub fn close<'r>(&mut self, rules: impl Iterator<Item = &'r Rule>) {
        for (rule, alerts) in rules.zip(self.by_rule.drain(..)) {
            add(&mut self.before, &rule.name, rule.priority, alerts);
        }
    }

    /// Alerts of all rules so far, including removed rules.
    pub fn total(&self) -> u64 {
        self.by_rule.iter().sum::<u64>() + self.before.iter().map(|counted| counted.alerts).sum::<u64>()
    }

    /// Alerts of each rule so far, in the order of the rules.
    pub fn by_rule<'r>(&self, rules: impl Iterator<Item = &'r Rule>) -> Vec<u64> {
        let now = self.by_rule.iter().copied().chain(std::iter::repeat(0));
        let earlier = |name: &str| {
            self.before
                .iter()
                .filter(|counted| counted.rule == name)
                .map(|counted| counted.alerts)
                .sum::<u64>()
        };
        rules.zip(now).map(|(rule, now)| now + earlier(&rule.name)).collect()
    }

    /// The summary at the end of a run, in Falco's format: the rules in the order of the files, then
    /// removed rules.
    pub fn summary<'r>(&self, rules: impl Iterator<Item = &'r Rule>) -> String {
        let mut all = Vec::new();
        let counts = self.by_rule.iter().chain(std::iter::repeat(&0));
        for (rule, alerts) in rules.zip(counts) {
            all.push(Counted { rule: rule.name.clone(), priority: rule.priority, alerts: *alerts });
        }
        for Counted { rule, priority, alerts } in &self.before {
            add(&mut all, rule, *priority, *alerts);
        }
        let sum = |of: &dyn Fn(&Counted) -> bool| all.iter().filter(|c| of(c)).map(|c| c.alerts).sum::<u64>();
        let mut out = format!("Events detected: {}\nRule counts by severity:\n", sum(&|_| true));
        for priority in Priority::ALL {
            let hits = sum(&|counted| counted.priority == priority);
            if hits > 0 {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "   {}: {hits}", priority.short_name().to_uppercase());
            }
        }
        out.push_str("Triggered rules by rule name:\n");
        let mut reported: Vec<&str> = Vec::new();
        for Counted { rule, .. } in &all {
            let hits = sum(&|counted| counted.rule == *rule);
            if hits > 0 && !reported.contains(&&**rule) {
                let _ = writeln!(out, "   {}: {hits}", log::one_line(rule));
                reported.push(rule);
            }
        }
        out
    }
}

fn add(counts: &mut Vec<Counted>, rule: &str, priority: Priority, alerts: u64) {
    if alerts == 0 {
        return;
    }
    match counts.iter_mut().find(|counted| counted.rule == rule && counted.priority == priority) {
        Some(counted) => counted.alerts += alerts,
        None => counts.push(Counted { rule: rule.to_owned(), priority, alerts }),
    }
}
