//! `privileges:`

use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Section};
use super::shape::choice;

choice! {
    /// Whether the kernel refuses calls that are never made.
    Seccomp {
        /// Where no output needs more.
        Auto = "auto",
        /// Nowhere.
        Off = "off",
    }
}

/// What is given up after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Privileges {
    /// Whether anything is.
    pub drop: bool,
    /// Whether there is a filter of system calls.
    pub seccomp: Seccomp,
}

/// What the section may have.
pub const SHAPE: Shape = Section(&[("drop", Bool), ("seccomp", Seccomp::SHAPE)]);

impl Default for Privileges {
    fn default() -> Self {
        Self { drop: true, seccomp: Seccomp::Auto }
    }
}
