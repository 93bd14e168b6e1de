//! A YAML reader that is compatible with yaml-cpp, the library with which Falco reads its rules and its
//! configuration.
//!
//! Should I use this crate? Yes, to read files exactly like programs with yaml-cpp, or to know the position
//! of every value. For other YAML, use a serde crate.
//!
//! ```text
//!   bytes ── decode ──> text ── parse ──> documents: Node { kind, mark }
//! ```
//!
//! yaml-cpp accepts more than the YAML specification: for example a comment directly after a quoted text,
//! control characters, or a first line with more indentation than the rest. Existing files depend on it.
//! This crate reads such files to the same values, and assigns the same line, column and offset to every
//! value as yaml-cpp. The caller decides the meaning of a scalar (boolean, number): see [`truth`],
//! [`unsigned`], [`signed`] and [`float`].
//!
//! ```
//! let text = eyas_yaml::decode(b"- list: shells\n  items: [sh, bash]# both\n");
//! let documents = eyas_yaml::parse(&text).unwrap().documents;
//! let list = &documents[0].as_seq().unwrap()[0];
//! assert_eq!(list.get("list").unwrap().as_str(), Some("shells"));
//! assert_eq!(list.get("items").unwrap().mark.line, 1);
//! ```
#![forbid(unsafe_code)]

mod convert;
mod decode;
mod input;
mod problem;
mod scalar;
mod scanner;
mod token;
mod tree;

pub use convert::{float, is_null, signed, truth, unsigned};
pub use decode::{Decoded, decode};
pub use input::Mark;
pub use problem::{Problem, cpp_message};
pub use token::Style;
pub use tree::{Kind, Node, Parsed, Sources, parse};

#[cfg(test)]
mod tests;
