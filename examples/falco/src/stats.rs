//! What is printed when the run ends.

use std::fmt::Write;

use eyas::rules::{Engine, Match, Priority};

/// Alerts counted by rule.
#[derive(Debug, Default)]
pub struct RuleCounts {
    by_rule: Vec<u64>,
}

impl RuleCounts {
    /// One more alert of the match's rule.
    pub fn count(&mut self, found: Match) {
        let index = found.rule.0 as usize;
        if self.by_rule.len() <= index {
            self.by_rule.resize(index + 1, 0);
        }
        self.by_rule[index] += 1;
    }

    /// The summary that closes a run, as Falco prints it.
    pub fn summary(&self, engine: &Engine) -> String {
        let rules: Vec<_> =
            engine.rules().iter().zip(self.by_rule.iter().chain(std::iter::repeat(&0))).collect();
        let mut out =
            format!("Events detected: {}\nRule counts by severity:\n", self.by_rule.iter().sum::<u64>());
        for priority in Priority::ALL {
            let hits: u64 =
                rules.iter().filter(|(rule, _)| rule.priority == priority).map(|(_, n)| **n).sum();
            if hits > 0 {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "   {}: {hits}", priority.short_name().to_uppercase());
            }
        }
        out.push_str("Triggered rules by rule name:\n");
        for (rule, hits) in rules {
            if *hits > 0 {
                let _ = writeln!(out, "   {}: {hits}", rule.name);
            }
        }
        out
    }
}
