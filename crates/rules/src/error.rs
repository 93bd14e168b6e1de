//! One type for every error of the crate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eyas_fields::path_text;

use crate::condition::{CompileError, ParseError};
use crate::mismatch::SchemaMismatch;
use crate::output::FormatError;
use crate::ruleset::{LoadError, LoadResult};

/// A path for messages.
pub(crate) fn shown(path: &Path) -> String {
    path_text(path.as_os_str().as_encoded_bytes())
}

/// An error about rules. A function with one kind of error returns that type; `?` converts it to this one.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rules file cannot be read.
    #[error("cannot read the rules file {}: {source}", shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Arc<std::io::Error>,
    },
    /// A rules file requires a plugin that is not loaded, or a version of one.
    #[error("{0}")]
    Requirement(String),
    /// A rules file does not load. The message has a line for each error: file, line, column, code.
    #[error("{}", lines(.0))]
    File(Box<LoadResult>),
    /// The rules of all files do not compile together.
    #[error(transparent)]
    Rules(Box<LoadError>),
    /// A text is no condition; the error contains the place.
    #[error("{0}, at line {line}, column {column}", line = .0.line, column = .0.column)]
    Parse(ParseError),
    /// A condition does not compile; the error contains the place.
    #[error("{0}, at byte {at}", at = .0.span.start)]
    Condition(CompileError),
    /// A text is no output format; the error contains the place.
    #[error("{0}, at byte {at}", at = .0.offset)]
    Format(FormatError),
    /// Rules and events have different schemas.
    #[error(transparent)]
    Schema(#[from] SchemaMismatch),
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        Self::Rules(Box::new(error))
    }
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}

impl From<CompileError> for Error {
    fn from(error: CompileError) -> Self {
        Self::Condition(error)
    }
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

fn lines(result: &LoadResult) -> String {
    let errors = result.diagnostics().filter(|found| found.severity == crate::Severity::Error);
    errors.map(|found| found.to_string()).collect::<Vec<_>>().join("\n")
}
