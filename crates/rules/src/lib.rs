//! Rules over anything that has fields: a condition language, rules files, alerts.
//!
//! Should I use this crate? Yes, to test events of any kind against rules in Falco's language. It needs
//! neither captures nor the probe: an embedder describes the fields of its events ([`eyas_fields::Schema`]) and
//! returns their values ([`eyas_fields::FieldSource`]). For system calls use the crate `eyas`, which
//! provides both.
//!
//! ```text
//! RuleSource ─> RuleSet ─> Engine ─> Evaluator ─> Match ─> Alert
//!                 ^                      ^
//!               Schema              FieldSource (an event)
//! ```
//!
//! ```
//! use eyas_rules::{RuleSet, RuleSource};
//! # use eyas_fields::{Field, FieldDef, FieldId, FieldSource, FieldType, ResolveError, Schema, SchemaId, Value};
//! #
//! # const ROWS: &[FieldDef] = &[FieldDef::new("http.path", FieldType::Str, "Path of the request.")];
//! # struct Requests;
//! #
//! # impl Schema for Requests {
//! #     fn source(&self) -> &str {
//! #         "http"
//! #     }
//! #     fn fields(&self) -> &[FieldDef] {
//! #         ROWS
//! #     }
//! #     fn resolve(&self, name: &str, _: Option<&str>) -> Result<Field, ResolveError> {
//! #         let at = ROWS.iter().position(|row| row.name == name).ok_or(ResolveError::Unknown)?;
//! #         Ok(Field::new(FieldId(at as u16), &ROWS[at], name))
//! #     }
//! # }
//! #
//! # struct Request(&'static str);
//! #
//! # impl FieldSource for Request {
//! #     fn get(&self, _: &Field) -> Option<Value<'_>> {
//! #         Some(Value::from(self.0))
//! #     }
//! #     fn schema_id(&self) -> SchemaId {
//! #         Requests.id()
//! #     }
//! # }
//!
//! // `Requests` is a schema with the field `http.path`, and `Request` is an event; see the page of `eyas-fields`.
//! let text = "- {rule: Login, desc: a login, condition: http.path = /login, output: login,
//!     priority: INFO, source: http}";
//! let source = RuleSource::new("rules.yaml", text);
//! let rules = RuleSet::new(std::sync::Arc::new(Requests), [source])?;
//! let engine = rules.compile()?;
//!
//! let mut found = Vec::new();
//! engine.evaluator().matches(&Request("/login"), &mut found)?;
//! assert_eq!(engine.rule(found[0].rule).name, "Login");
//! # Ok::<(), eyas_rules::Error>(())
//! ```
//!
//! [`RuleSet::builder`] has the options: several event sources, plugins, additions to outputs. A program that
//! reports every file, as Falco does, loads them one by one with a [`Loader`].
//!
//! The example `embed_rules` is a complete program that tests lines of JSON.
#![forbid(unsafe_code)]

mod alert;
pub mod condition;
mod coverage;
mod diagnostic;
mod engine;
mod error;
mod explain;
mod formulas;
mod json;
mod mismatch;
mod output;
mod plan;
mod profile;
mod rule;
mod rule_source;
mod ruleset;
mod shared;
mod testing;

pub use alert::{Alert, AlertOptions, Zone};
pub use coverage::{Coverage, RuleCoverage, Unseen};
pub use diagnostic::suggest::nearest;
pub use diagnostic::{Diagnostic, Label, Lint, Severity, SourceFile, Style, render};
pub use engine::{Engine, Evaluator};
pub use error::Error;
pub use explain::{Conjunct, Explanation};
pub use formulas::RuleFormulas;
pub use mismatch::SchemaMismatch;
pub use output::{Extra, Format, FormatError};
pub use profile::{ConjunctProfile, Profile, RuleProfile};
pub use rule::{Match, Matching, Origin, Priority, Rule, RuleIndex};
pub use rule_source::RuleSource;
pub use ruleset::{
    CONTAINER_VERSION, ConditionDescription, Context, Description, ErrorCode, ListDescription, LoadError,
    LoadResult, LoadWarning, Loader, Location, MacroDescription, Mark, Problem, RuleDescription, RuleSet,
    RuleSetBuilder, Select, WarningCode, json_schema,
};
pub use shared::{Follower, SharedEngine};
pub use testing::{Case, Expectation, Failure, Tester, Times};
