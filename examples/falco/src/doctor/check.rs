//! One check of the machine.

use std::fmt;

use serde_json::{Value, json};

/// Result of a check.
#[cfg_attr(
    not(feature = "live"),
    allow(dead_code, reason = "a build without live capture reports only that")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Everything is fine.
    Ok,
    /// A live capture works, but with a limitation.
    Warning,
    /// A live capture is impossible.
    Missing,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Missing => "missing",
        }
    }
}

/// The subject of the check, the result, and advice.
#[derive(Debug)]
pub struct Check {
    pub name: &'static str,
    pub status: Status,
    pub found: String,
    /// Empty if no action is needed.
    pub advice: String,
}

#[cfg_attr(
    not(feature = "live"),
    allow(dead_code, reason = "a build without live capture reports only that")
)]
impl Check {
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, found: found.into(), advice: String::new() }
    }

    pub fn warning(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, status: Status::Warning, found: found.into(), advice: advice.into() }
    }

    pub fn missing(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, status: Status::Missing, found: found.into(), advice: advice.into() }
    }

    pub fn as_json(&self) -> Value {
        json!({
            "name": self.name,
            "status": self.status.word(),
            "found": self.found,
            "advice": self.advice,
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<8} {:<19} {}", self.status.word(), self.name, self.found)?;
        if self.advice.is_empty() { Ok(()) } else { writeln!(f, "{:28} -> {}", "", self.advice) }
    }
}
