//! Rules over anything that has fields: a condition language, rules files, alerts.
//!
//! Should I use this crate? Yes, to test events of any kind against rules in Falco's language. It depends on `eyas-fields`
//! only: an embedder describes the fields of its events ([`eyas_fields::Schema`]) and returns their values
//! ([`eyas_fields::FieldSource`]). For system calls take the crate `eyas`, which has both.
//!
//! ```text
//! rules files ─> Loader ─> Engine ─> Evaluator ─> Match ─> Alert
//!                  ^                     ^
//!                Schema             FieldSource (an event)
//! ```
//! The example `embed_rules` is a whole program that tests lines of JSON.
#![forbid(unsafe_code)]

mod alert;
pub mod condition;
mod coverage;
mod diagnostic;
mod engine;
mod error;
mod explain;
mod json;
mod loader;
mod mismatch;
mod output;
mod plan;
mod profile;
mod rule;
mod shared;
mod testing;

pub use alert::{Alert, AlertOptions, Zone};
pub use coverage::{Coverage, RuleCoverage, Unseen};
pub use diagnostic::suggest::nearest;
pub use diagnostic::{Diagnostic, Label, Lint, Severity, SourceFile, Style, render};
pub use engine::{Engine, Evaluator};
pub use error::Error;
pub use explain::{Conjunct, Explanation};
pub use loader::{
    ConditionDescription, Context, Description, ErrorCode, ListDescription, LoadError, LoadResult,
    LoadWarning, Loader, Location, MacroDescription, Mark, Problem, RuleDescription, Select, WarningCode,
    json_schema,
};
pub use mismatch::SchemaMismatch;
pub use output::{Extra, Format, FormatError};
pub use profile::{ConjunctProfile, Profile, RuleProfile};
pub use rule::{Match, Matching, Origin, Priority, Rule, RuleIndex};
pub use shared::{Follower, SharedEngine};
pub use testing::{Case, Expectation, Failure, Tester, Times};
