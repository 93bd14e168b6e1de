//! Rules over anything that has fields: a condition language, rules files, alerts.
//!
//! Should I use this crate? Yes, to test events of any kind against rules in Falco's language. It depends
//! on `eyas-fields` only: an embedder describes the fields of its events ([`eyas_fields::Schema`]) and
//! returns their values ([`eyas_fields::FieldSource`]). For system calls use the crate `eyas`, which
//! provides both.
//!
//! ```text
//! rules files ─> Loader ─> Engine ─> Evaluator ─> Match ─> Alert
//!                  ^                     ^
//!                Schema             FieldSource (an event)
//! ```
//!
//! ```
//! use eyas_rules::Loader;
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
//! let mut loader = Loader::new(std::sync::Arc::new(Requests));
//! let rules = "- {rule: Login, desc: a login, condition: http.path = /login, output: login,
//!     priority: INFO, source: http}";
//! loader.load("rules.yaml", rules).into_result()?;
//! let engine = loader.build()?;
//!
//! let mut found = Vec::new();
//! engine.evaluator().matches(&Request("/login"), &mut found)?;
//! assert_eq!(engine.rule(found[0].rule).name, "Login");
//! # Ok::<(), eyas_rules::Error>(())
//! ```
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
pub use formulas::RuleFormulas;
pub use loader::{
    CONTAINER_VERSION, ConditionDescription, Context, Description, ErrorCode, ListDescription, LoadError,
    LoadResult, LoadWarning, Loader, Location, MacroDescription, Mark, Problem, RuleDescription, Select,
    WarningCode, json_schema,
};
pub use mismatch::SchemaMismatch;
pub use output::{Extra, Format, FormatError};
pub use profile::{ConjunctProfile, Profile, RuleProfile};
pub use rule::{Match, Matching, Origin, Priority, Rule, RuleIndex};
pub use shared::{Follower, SharedEngine};
pub use testing::{Case, Expectation, Failure, Tester, Times};
