//! `privileges:`

use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Section};
use super::shape::choice;

choice! {
    /// Whether a seccomp filter blocks system calls that falco never makes.
    Seccomp {
        /// Unless an output needs more system calls.
        Auto = "auto",
        /// Nowhere.
        Off = "off",
    }
}

/// Privileges to give up after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Privileges {
    /// Whether anything is.
    pub drop: bool,
    /// Whether to install a filter of system calls.
    pub seccomp: Seccomp,
}

/// Keys of the section.
pub const SHAPE: Shape = Section(&[("drop", Bool), ("seccomp", Seccomp::SHAPE)]);

impl Default for Privileges {
    fn default() -> Self {
        Self { drop: true, seccomp: Seccomp::Auto }
    }
}
