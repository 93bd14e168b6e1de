//! `verdict_coverage:`

use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Section, Text};
use super::units::{self, as_text};

/// `verdict_coverage:`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct VerdictCoverage {
    /// Whether to track which rules may have missed dropped events.
    pub enabled: bool,
    /// Minimum time between two alerts about possible misses of a rule, such as `60s`.
    #[serde(deserialize_with = "as_text")]
    pub alert_interval: String,
}

/// Keys of the section.
pub const SHAPE: Shape = Section(&[("enabled", Bool), ("alert_interval", Text)]);

impl Default for VerdictCoverage {
    fn default() -> Self {
        Self { enabled: false, alert_interval: "60s".into() }
    }
}

impl VerdictCoverage {
    /// Minimum time between two alerts of a rule.
    ///
    /// # Errors
    /// The text is not a duration.
    pub fn interval(&self) -> Result<Duration> {
        match units::milliseconds(&self.alert_interval) {
            Some(ms) => Ok(Duration::from_millis(ms)),
            None => bail!(
                "verdict_coverage.alert_interval is `{}`: expected a number with a unit, as 60s or 5m",
                self.alert_interval
            ),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        self.interval().map(drop)
    }
}
