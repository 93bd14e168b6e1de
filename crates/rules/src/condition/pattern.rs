//! Patterns: shell patterns, regular expressions, sets of paths.

mod glob;
mod paths;
mod regex;

pub(crate) use glob::Glob;
pub(crate) use paths::Paths;
pub(crate) use regex::{Regex, is_plain as regex_is_plain};
