//! `syscall_event_drops:`

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Float, List, Section};
use super::shape::choice;

choice! {
    /// Actions for dropped events.
    DropAction {
        /// Nothing.
        Ignore = "ignore",
        /// A line in the log.
        Log = "log",
        /// An alert.
        Alert = "alert",
        /// The program ends.
        Exit = "exit",
    }
}

/// `syscall_event_drops:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Drops {
    /// Minimum fraction of dropped events, 0 to 1, that triggers the actions.
    pub threshold: f64,
    /// The actions.
    pub actions: Vec<DropAction>,
    /// Maximum average number of actions per second.
    pub rate: f64,
    /// Actions at once.
    pub max_burst: f64,
    /// Whether to simulate dropped events every second, to test the actions.
    pub simulate_drops: bool,
}

/// Keys of the section.
pub const SHAPE: Shape = Section(&[
    ("threshold", Float),
    ("actions", List(&DropAction::SHAPE)),
    ("rate", Float),
    ("max_burst", Float),
    ("simulate_drops", Bool),
]);

impl Default for Drops {
    fn default() -> Self {
        let actions = vec![DropAction::Log, DropAction::Alert];
        Self { threshold: 0.1, actions, rate: 0.033_33, max_burst: 1.0, simulate_drops: false }
    }
}

impl Drops {
    /// A warning about limits that prevent every action, or all but the first ones.
    pub fn warning(&self) -> Option<String> {
        let acts = self.actions.iter().any(|action| *action != DropAction::Ignore);
        let warning = if !acts {
            return None;
        } else if self.max_burst.is_nan() || self.max_burst < 1.0 {
            format!("max_burst is {}: falco acts upon no loss; the default is 1", self.max_burst)
        } else if self.rate.is_nan() || self.rate <= 0.0 {
            format!("rate is {}: falco acts upon the first losses only; the default is 0.03333", self.rate)
        } else {
            return None;
        };
        Some(format!("syscall_event_drops.{warning}"))
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.threshold) {
            bail!(
                "syscall_event_drops.threshold is {}: syscall event drops threshold must be a double in the range [0, 1]",
                self.threshold
            );
        }
        let mut behind = self.actions.iter().skip_while(|action| **action != DropAction::Ignore);
        if let Some(action) = behind.find(|action| matches!(action, DropAction::Log | DropAction::Alert)) {
            bail!(
                "syscall_event_drops.actions: syscall event drop action \"{action}\" does not make sense with the \
                 \"ignore\" action: leave out one of them"
            );
        }
        Ok(())
    }
}
