//! Error of a text that is not valid YAML.

use std::borrow::Cow;

use crate::Mark;

/// Advice about a tab in the indentation.
pub(crate) const TAB_HELP: &str = "indent with blanks: YAML does not know how wide a tab is";

/// Error of a text that is not valid YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The message.
    pub message: String,
    /// The message of yaml-cpp, without the place.
    cpp: Cow<'static, str>,
    /// The place that yaml-cpp reports.
    pub mark: Mark,
    /// Byte offset of the cause in the text. It may differ from [`Problem::mark`], which is where yaml-cpp notices the mistake.
    pub place: usize,
    /// What to do about it, if that is known.
    pub help: Option<String>,
}

/// The message of yaml-cpp's exceptions, with a place.
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
    /// `cpp` is yaml-cpp's message. In a box, so that the results of recursive functions take little room on the stack.
    pub(crate) fn new(
        cpp: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        mark: Mark,
    ) -> Box<Self> {
        Box::new(Self { message: message.into(), cpp: cpp.into(), mark, place: mark.offset, help: None })
    }

    /// The message of yaml-cpp.
    pub fn cpp_message(&self) -> String {
        cpp_message(&self.cpp, self.mark)
    }

    /// Moves the cause to another byte.
    pub(crate) fn at(mut self: Box<Self>, place: usize) -> Box<Self> {
        self.place = place;
        self
    }

    pub(crate) fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help = Some(help.into());
        self
    }
}
