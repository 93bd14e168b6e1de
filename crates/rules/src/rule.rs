//! The rules of a ruleset, and their matches.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::condition::Expr;
use crate::json::escape_written;
use crate::output::Format;

macro_rules! priorities {
    ($($(#[$doc:meta])* $level:ident $short:literal,)*) => {
        /// Severity of a rule's alerts; a lower value is more severe.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum Priority { $($(#[$doc])* $level,)* }

        impl Priority {
            /// Every priority, the most severe first.
            pub const ALL: [Self; 8] = [$(Self::$level),*];

            /// Name in alerts.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$level => stringify!($level),)* }
            }

            /// Name in statistics.
            pub const fn short_name(self) -> &'static str {
                match self { $(Self::$level => $short,)* }
            }
        }
    };
}

priorities! {
    /// The system is unusable.
    Emergency "Emergency",
    /// Act at once.
    Alert "Alert",
    /// A critical condition.
    Critical "Critical",
    /// An error.
    Error "Error",
    /// A warning.
    Warning "Warning",
    /// Normal but worth a note.
    Notice "Notice",
    /// For information.
    Informational "Info",
    /// For finding mistakes.
    Debug "Debug",
}

impl Priority {
    /// The priority with this name, whatever its case; `info` is short for informational.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|p| text.eq_ignore_ascii_case(p.name()) || text.eq_ignore_ascii_case(p.short_name()))
    }
}

/// How many rules may match one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Matching {
    /// The first in the order of the files.
    #[default]
    First,
    /// All.
    All,
}

/// Position of a rule in [`Engine::rules`](crate::Engine::rules).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub u32);

/// A rule that an event satisfies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// The rule.
    pub rule: RuleIndex,
    /// Whether only the event's alternate view satisfies it; see
    /// [`FieldSource::alternate`](eyas_fields::FieldSource::alternate).
    pub of_alternate: bool,
}

/// A rule of a ruleset.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Rule {
    /// Name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Written condition, including appended parts.
    pub condition: String,
    /// Output, including appended parts.
    pub output: String,
    /// Severity of its alerts.
    pub priority: Priority,
    /// Event source.
    pub source: String,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether a match starts a capture.
    pub capture: bool,
    /// Duration of that capture, ms; 0 for the configured duration.
    pub capture_duration_ms: u32,
    /// Condition with lists, macros and exceptions expanded.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub compiled: Arc<Expr>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) format: Arc<Format>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) json: OnceLock<RuleJson>,
}

impl Rule {
    /// The common parts of its JSON alerts.
    pub(crate) fn json(&self) -> &RuleJson {
        self.json.get_or_init(|| RuleJson::new(self))
    }
}

/// The common parts of a rule's JSON alerts, made for the first alert.
#[derive(Debug)]
pub(crate) struct RuleJson {
    /// Priority, name and source.
    pub(crate) rule: Vec<u8>,
    pub(crate) tags: Vec<u8>,
}

impl RuleJson {
    fn new(rule: &Rule) -> Self {
        let mut out = b",\"priority\":\"".to_vec();
        out.extend_from_slice(rule.priority.name().as_bytes());
        out.extend_from_slice(b"\",\"rule\":\"");
        escape_written(&mut out, &rule.name);
        out.extend_from_slice(b"\",\"source\":\"");
        escape_written(&mut out, &rule.source);
        out.push(b'"');
        let mut tags = b",\"tags\":[".to_vec();
        for (i, tag) in rule.tags.iter().enumerate() {
            tags.extend_from_slice(if i == 0 { b"\"" } else { b",\"" });
            escape_written(&mut tags, tag);
            tags.push(b'"');
        }
        tags.push(b']');
        Self { rule: out, tags }
    }
}

/// Place of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Origin {
    /// Macro, or `None` for the rule itself.
    pub macro_name: Option<String>,
    /// File.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.macro_name {
            write!(f, "macro {name}, ")?;
        }
        write!(f, "{}:{}", self.file, self.line)
    }
}
