//! The contract between what *has* fields and what *tests* fields.
//!
//! An inspector (or any program) describes its fields with [`FieldDef`] rows in a [`Schema`] and answers
//! them through [`FieldSource`]; the rules engine compiles conditions against the schema and pulls values
//! when a condition asks. Neither side knows the other.
//!
//! ```text
//!   sinsp::EventView ── implements ──> FieldSource <── asks ── rules::Engine
//!   sinsp::SCHEMA    ── implements ──> Schema      <── compiles against ──┘
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod field;
mod schema;
mod text;
mod value;

pub use field::{Arg, ArgKind, Field, FieldDef, FieldFlags, FieldId, FieldType, Format, Scope, ScopeVersion};
pub use schema::{CodeSet, FieldSource, ResolveError, Schema, SchemaId};
pub use text::{
    is_shown, printable, write_escape, write_int, write_text, write_uint, write_value, write_value_with,
};
pub use value::{Net, Value};
