//! Why a text is no YAML.

use crate::Mark;

/// Why a text is no YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// Where yaml-cpp says so.
    pub mark: Mark,
    /// Where it shows, in bytes of the text.
    pub place: usize,
    /// What to do.
    pub help: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}: {}", self.mark.line + 1, self.mark.column + 1, self.message)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    pub(crate) fn new(message: impl Into<String>, mark: Mark) -> Self {
        Self { message: message.into(), mark, place: mark.offset, help: None }
    }

    /// Shows at another byte.
    pub(crate) fn at(mut self, place: usize) -> Self {
        self.place = place;
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
