//! `syscall_event_timeouts:`

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Section};
use super::shape::U32;

/// `syscall_event_timeouts:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Timeouts {
    /// Number of consecutive timeouts of the event source before an alert.
    pub max_consecutives: u32,
}

/// Keys of the section.
pub const SHAPE: Shape = Section(&[("max_consecutives", U32)]);

impl Default for Timeouts {
    fn default() -> Self {
        Self { max_consecutives: 1000 }
    }
}

impl Timeouts {
    pub(super) fn check(&self) -> Result<()> {
        if self.max_consecutives == 0 {
            bail!(
                "syscall_event_timeouts.max_consecutives is 0: the maximum consecutive timeouts without an event must \
                 be an unsigned integer > 0"
            );
        }
        Ok(())
    }
}
