//! YAML as yaml-cpp reads it, which is what Falco reads its rules and its configuration with.
//!
//! Should I use this crate? Yes, to read files exactly as programs with yaml-cpp do, or to know the place of every value. For
//! other YAML take a crate for serde.
//!
//! ```text
//!   bytes ── decode ──> text ── parse ──> documents: Node { kind, mark }
//! ```
//!
//! yaml-cpp accepts more than the YAML specification does (a comment glued to a quoted text, control characters,
//! a first line that is indented further than the rest), and files in use depend on it. This crate reads such
//! files to the same values, and gives every value the line, column and offset that yaml-cpp gives it.
//! What a scalar means (a truth value, a number) is decided by who reads it: see [`truth`], [`unsigned`],
//! [`signed`] and [`float`].
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
