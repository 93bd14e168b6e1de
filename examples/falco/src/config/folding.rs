//! `alert_folding:`

use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Section, Text};
use super::shape::{TEXTS, U64};
use super::units::{self, as_text};

/// Maximum length of the window, during which an alert is remembered.
const MAX_WINDOW_MS: u64 = 24 * 3600 * 1000;
/// Maximum number of remembered alerts.
const MAX_ALERTS: usize = 1_000_000;

/// Folding of repeated alerts into one alert and a summary.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Folding {
    /// Fields that are equal in repeated alerts of a rule; if empty, the whole output must be equal.
    pub by: Vec<String>,
    /// Time after the first alert during which falco treats equal alerts as repeated, such as `60s`; `0s` disables
    /// folding.
    #[serde(deserialize_with = "as_text")]
    pub window: String,
    /// Maximum number of different alerts that are remembered; further ones are not folded.
    pub max: usize,
}

/// Keys of the section.
pub const SHAPE: Shape = Section(&[("by", TEXTS), ("window", Text), ("max", U64)]);

impl Default for Folding {
    fn default() -> Self {
        Self { by: Vec::new(), window: "0s".into(), max: 10_000 }
    }
}

impl Folding {
    /// Length of the window; `None` if alerts are not folded.
    ///
    /// # Errors
    /// The text is not a duration, or is too long.
    pub fn window(&self) -> Result<Option<Duration>> {
        let text = &self.window;
        match units::milliseconds(text) {
            Some(0) => Ok(None),
            Some(ms @ 1..=MAX_WINDOW_MS) => Ok(Some(Duration::from_millis(ms))),
            _ => bail!(
                "alert_folding.window is `{text}`: expected a number with a unit, as 60s or 5m, up to 24h; 0s turns folding \
                 off"
            ),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(1..=MAX_ALERTS).contains(&self.max) {
            bail!("alert_folding.max is {}: expected 1 to {MAX_ALERTS}", self.max);
        }
        if self.window()?.is_none() && !self.by.is_empty() {
            bail!(
                "alert_folding.by has no effect without a window: set alert_folding.window, for example to 60s"
            );
        }
        Ok(())
    }
}
