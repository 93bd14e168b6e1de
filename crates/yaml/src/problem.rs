//! Error of a text that is not valid YAML.

use std::borrow::Cow;

use crate::Mark;

/// Error of a text that is not valid YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The message.
    pub message: String,
    /// The same in yaml-cpp's words, without the place.
    cpp: Cow<'static, str>,
    /// Where yaml-cpp says so.
    pub mark: Mark,
    /// Position of the cause, as a byte offset in the text.
    pub place: usize,
    /// Advice.
    pub help: Option<String>,
}

/// What the exceptions of yaml-cpp say about a place.
pub fn cpp_message(what: &str, at: Mark) -> String {
    format!("yaml-cpp: error at line {}, column {}: {what}", at.line + 1, at.column + 1)
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}: {}", self.mark.line + 1, self.mark.column + 1, self.message)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    /// `cpp` is what yaml-cpp says.
    pub(crate) fn new(cpp: impl Into<Cow<'static, str>>, message: impl Into<String>, mark: Mark) -> Self {
        Self { message: message.into(), cpp: cpp.into(), mark, place: mark.offset, help: None }
    }

    /// As yaml-cpp says it.
    pub fn cpp_message(&self) -> String {
        cpp_message(&self.cpp, self.mark)
    }

    /// Moves the cause to another byte.
    pub(crate) fn at(mut self, place: usize) -> Self {
        self.place = place;
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
