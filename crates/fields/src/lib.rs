//! Traits between events with fields and the engines that test them: [`Schema`] describes fields, [`FieldSource`] returns values.
//!
//! Should I use this crate? Yes, to make your own events testable by `eyas-rules`: describe your fields and return their
//! values. The fields of system calls are in `eyas-sinsp`.
//!
//! ```text
//!   sinsp::EventView ── implements ──> FieldSource <── reads values ────── rules::Engine
//!   sinsp::schema()  ── implements ──> Schema      <── compiles against ──┘
//! ```
//!
//! A program describes its fields by [`FieldDef`] rows in a [`Schema`], and returns their values through
//! [`FieldSource`]. The engine compiles conditions against the schema, and reads a value when a condition
//! needs it. Neither side depends on the other.
//!
//! ```
//! use eyas_fields::{Field, FieldDef, FieldId, FieldSource, FieldType, ResolveError, Schema, SchemaId, Value};
//!
//! const ROWS: &[FieldDef] = &[FieldDef::new("http.path", FieldType::Str, "Path of the request.")];
//! struct Requests;
//!
//! impl Schema for Requests {
//!     fn source(&self) -> &str {
//!         "http"
//!     }
//!     fn fields(&self) -> &[FieldDef] {
//!         ROWS
//!     }
//!     fn resolve(&self, name: &str, _: Option<&str>) -> Result<Field, ResolveError> {
//!         let at = ROWS.iter().position(|row| row.name == name).ok_or(ResolveError::Unknown)?;
//!         Ok(Field::new(FieldId(at as u16), &ROWS[at], name))
//!     }
//! }
//!
//! struct Request(&'static str);
//!
//! impl FieldSource for Request {
//!     fn get(&self, _: &Field) -> Option<Value<'_>> {
//!         Some(Value::from(self.0))
//!     }
//!     fn schema_id(&self) -> SchemaId {
//!         Requests.id()
//!     }
//! }
//!
//! let field = Requests.resolve("http.path", None)?;
//! assert_eq!(Request("/login").get(&field), Some(Value::Str(b"/login")));
//! # Ok::<(), ResolveError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod buffer;
mod field;
mod formula;
mod schema;
mod text;
mod value;

pub use buffer::BufferFormat;
pub use field::{Arg, ArgKind, Field, FieldDef, FieldFlags, FieldId, FieldType, Format, Scope, ScopeVersion};
pub use formula::{Compare, ConditionFormula, FieldTest, Formula, Shape, TextPlace};
pub use schema::{CodeSet, FieldSource, ResolveError, Schema, SchemaId};
pub use text::{
    is_shown, path_text, printable, write_escape, write_int, write_text, write_uint, write_value,
    write_value_with,
};
pub use value::{Net, Value};
