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
    /// How long after the first alert others count as repeated, as `60s`.
    #[serde(deserialize_with = "as_text")]
    pub window: String,
    /// Most different alerts that are remembered at once; further ones are not folded.
    pub max: usize,
}

/// What the section may have.
pub const SHAPE: Shape = Section(&[("by", TEXTS), ("window", Text), ("max", U64)]);

impl Default for Folding {
    fn default() -> Self {
        Self { by: Vec::new(), window: "60s".into(), max: 10_000 }
    }
}

impl Folding {
    /// How long the window is.
    ///
    /// # Errors
    /// It is no time, 0, or too long.
    pub fn window(&self) -> Result<Duration> {
        let text = &self.window;
        match units::milliseconds(text) {
            Some(ms @ 1..=LONGEST) => Ok(Duration::from_millis(ms)),
            _ => bail!(
                "alert_folding.window is `{text}`: expected a number with a unit, as 60s or 5m, from 1ms to 24h; without \
                 alert_folding, alerts are not folded"
            ),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(1..=MOST).contains(&self.max) {
            bail!("alert_folding.max is {}: expected 1 to {MOST}", self.max);
        }
        self.window().map(drop)
    }
}
