//! The rules of a ruleset, and what matches of them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::condition::Expr;
use crate::json::escape_written;
use crate::output::Format;

macro_rules! priorities {
    ($($(#[$doc:meta])* $level:ident $short:literal,)*) => {
        /// How grave a rule's alerts are; less is graver.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum Priority { $($(#[$doc])* $level,)* }

        impl Priority {
            /// Every priority, the gravest first.
            pub const ALL: [Self; 8] = [$(Self::$level),*];

            /// Name, as alerts have it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$level => stringify!($level),)* }
            }

            /// Name, as statistics have it.
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
    /// Critical.
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
    /// Which.
    pub rule: RuleIndex,
    /// It is the event's alternate view that satisfies it; see [`FieldSource::alternate`](eyas_fields::FieldSource::alternate).
    pub of_alternate: bool,
}

/// A rule of a ruleset.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Rule {
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Condition as written, with what was appended.
    pub condition: String,
    /// Output with what was appended.
    pub output: String,
    /// How grave its alerts are.
    pub priority: Priority,
    /// Event source.
    pub source: String,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Whether it is on.
    pub enabled: bool,
    /// Whether a match starts a capture.
    pub capture: bool,
    /// How long that capture lasts, ms; 0 for the configured time.
    pub capture_duration_ms: u32,
    /// Condition with lists, macros and exceptions put in.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub compiled: Arc<Expr>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) format: Arc<Format>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) json: OnceLock<RuleJson>,
}

impl Rule {
    /// What all its alerts in JSON have in common.
    pub(crate) fn json(&self) -> &RuleJson {
        self.json.get_or_init(|| RuleJson::new(self))
    }
}

/// What all alerts of a rule in JSON have in common, made when the first is written.
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

/// Where a condition is written.
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
