//! `alert_folding:`

use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Section, Text};
use super::shape::{TEXTS, U64};
use super::units::{self, as_text};

/// The longest window: what is remembered of an alert stays that long.
const LONGEST: u64 = 24 * 3600 * 1000;
/// Most alerts that can be remembered at once.
const MOST: usize = 1_000_000;

/// Repeated alerts become one, and a summary.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Folding {
    /// Fields that repeated alerts of a rule have in common; without any, all of the output.
    pub by: Vec<String>,
    /// How long after the first alert others count as repeated, as `60s`; `0s` turns folding off.
    #[serde(deserialize_with = "as_text")]
    pub window: String,
    /// Most different alerts that are remembered at once; further ones are not folded.
    pub max: usize,
}

/// What the section may have.
pub const SHAPE: Shape = Section(&[("by", TEXTS), ("window", Text), ("max", U64)]);

impl Default for Folding {
    fn default() -> Self {
        Self { by: Vec::new(), window: "0s".into(), max: 10_000 }
    }
}

impl Folding {
    /// How long the window is; `None` if alerts are not folded.
    ///
    /// # Errors
    /// It is no time, or too long.
    pub fn window(&self) -> Result<Option<Duration>> {
        let text = &self.window;
        match units::milliseconds(text) {
            Some(0) => Ok(None),
            Some(ms @ 1..=LONGEST) => Ok(Some(Duration::from_millis(ms))),
            _ => bail!(
                "alert_folding.window is `{text}`: expected a number with a unit, as 60s or 5m, up to 24h; 0s turns folding \
                 off"
            ),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(1..=MOST).contains(&self.max) {
            bail!("alert_folding.max is {}: expected 1 to {MOST}", self.max);
        }
        if self.window()?.is_none() && !self.by.is_empty() {
            bail!("alert_folding.by has no effect without a time: set alert_folding.window, as 60s");
        }
        Ok(())
    }
}
