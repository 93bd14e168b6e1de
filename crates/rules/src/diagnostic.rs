//! Diagnostics about rules and conditions, with their places.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use eyas_yaml::{Sources, Style as ScalarStyle};

pub(crate) mod condition;
mod render;
pub(crate) mod suggest;

pub use render::{Style, render};

/// Severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Severity {
    /// The item does not load.
    Error,
    /// The item loads, but probably does not do what its author meant.
    Warning,
}

/// A text that diagnostics point into.
#[derive(Debug)]
pub struct SourceFile {
    name: String,
    text: String,
    /// The source bytes of its scalars, if it is YAML.
    scalars: Sources,
    /// First byte of each line.
    lines: OnceLock<Vec<usize>>,
}

impl SourceFile {
    /// A text with a name for users.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::with_scalars(name, text, Sources::default())
    }

    pub(crate) fn with_scalars(name: impl Into<String>, text: impl Into<String>, scalars: Sources) -> Self {
        Self { name: name.into(), text: text.into(), scalars, lines: OnceLock::new() }
    }

    /// The range of the text from which the bytes `wanted` of a scalar's value come. The scalar is at
    /// `start`.
    pub(crate) fn locate(&self, start: usize, style: ScalarStyle, wanted: Range<usize>) -> Range<usize> {
        self.scalars.locate(start, style, wanted)
    }

    /// Name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', self.text.as_bytes()).map(|at| at + 1);
            std::iter::once(0).chain(ends).collect()
        })
    }

    /// Line and column of a byte, both from 1, the column in characters; those of the last byte if it is
    /// past the end.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let byte = floor(&self.text, byte);
        let line = self.lines().partition_point(|start| *start <= byte).max(1);
        let start = self.lines()[line - 1];
        (line, 1 + self.text[start..byte].chars().count())
    }
}

/// The start of the character that `byte` is in.
pub(crate) fn floor(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl PartialEq for SourceFile {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Eq for SourceFile {}

/// A range of a text with a note.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// The text.
    pub file: Arc<SourceFile>,
    /// Its byte range, on character boundaries.
    pub span: Range<usize>,
    /// The note; may be empty.
    pub text: String,
    /// Whether this is the place of the problem; the other labels explain how it came about.
    pub is_primary: bool,
}

impl Label {
    /// Line and column where it begins, as [`SourceFile::position`].
    pub fn position(&self) -> (usize, usize) {
        self.file.position(self.span.start)
    }
}

/// An error or a warning for the person who wrote the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Diagnostic {
    /// Falco's code `LOAD_…`, or `EYAS_…`; docs/diagnostics.md explains each. Empty for a condition that is
    /// in no rules file.
    pub code: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// The sentence.
    pub message: String,
    /// Places, the primary one first.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Vec<String>,
}

/// The places as a file's name, line and column, instead of its text.
#[cfg(feature = "serde")]
impl serde::Serialize for Label {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let (line, column) = self.position();
        let mut fields = serializer.serialize_struct("Label", 5)?;
        fields.serialize_field("file", self.file.name())?;
        fields.serialize_field("line", &line)?;
        fields.serialize_field("column", &column)?;
        fields.serialize_field("text", &self.text)?;
        fields.serialize_field("is_primary", &self.is_primary)?;
        fields.end()
    }
}

/// `file:line:column: error[CODE]: message`, without the text around it; see [`render`].
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = self.labels.first() {
            let (line, column) = label.position();
            write!(f, "{}:{line}:{column}: ", label.file.name())?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        match self.code {
            "" => write!(f, "{severity}: {}", self.message),
            code => write!(f, "{severity}[{code}]: {}", self.message),
        }
    }
}

macro_rules! lints {
    ($($(#[$doc:meta])* $lint:ident $code:literal,)*) => {
        /// Warnings that Falco lacks: about rules that load, but do something else than their authors
        /// probably meant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Lint { $($(#[$doc])* $lint,)* }

        impl Lint {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$lint),*];

            /// Code, such as `EYAS_NEVER_MATCHES`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$lint => $code,)* }
            }
        }
    };
}

lints! {
    /// A name in a set is no list's name, so it is compared as a text.
    UnknownList "EYAS_UNKNOWN_LIST",
    /// No event satisfies the condition.
    NeverMatches "EYAS_NEVER_MATCHES",
    /// An earlier rule matches every event that this rule matches.
    Shadowed "EYAS_SHADOWED",
    /// Only unused items use the list.
    UnusedList "EYAS_UNUSED_LIST",
    /// Only unused items use the macro.
    UnusedMacro "EYAS_UNUSED_MACRO",
    /// A negative comparison with a value that many events do not have.
    AbsentValue "EYAS_ABSENT_VALUE",
    /// A comparison with a text that the field never has.
    UnknownValue "EYAS_UNKNOWN_VALUE",
    /// A key is repeated in a mapping; its first value is used.
    RepeatedKey "EYAS_REPEATED_KEY",
    /// A field that a rule uses never has a value.
    WithoutValue "EYAS_WITHOUT_VALUE",
    /// The rule is tested on events of every type, of a schema with too few for `LOAD_NO_EVTTYPE`.
    EveryEvent "EYAS_EVERY_EVENT",
}

/// A range of a loaded file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Position of the file in the order of loading.
    pub(crate) file: u32,
    pub(crate) start: u32,
    /// The same as `start` for a place that extends to the end of its line.
    pub(crate) end: u32,
}

/// A place with a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl Note {
    pub(crate) fn new(place: Place, text: impl Into<String>) -> Self {
        Self { place, text: text.into() }
    }
}

/// Notes as labels, the first one primary.
pub(crate) fn labels(notes: &[Note], files: &[Arc<SourceFile>]) -> Vec<Label> {
    let mut out: Vec<Label> = Vec::new();
    for note in notes {
        let Some(file) = files.get(note.place.file as usize) else { continue };
        let text = file.text();
        let start = floor(text, note.place.start as usize);
        let end = match note.place.end as usize {
            end if end > start => floor(text, end),
            _ => {
                let line = text[start..].split('\n').next().unwrap_or_default();
                start + line.trim_end().len()
            }
        };
        let span = start..end.max(start);
        if out.iter().any(|l| l.span == span && Arc::ptr_eq(&l.file, file) && l.text == note.text) {
            continue;
        }
        out.push(Label { file: file.clone(), span, text: note.text.clone(), is_primary: out.is_empty() });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_carriage_returns_end_no_line() {
        let file = SourceFile::new("f", "aé\r\n\tü b");
        assert_eq!(file.position(0), (1, 1));
        assert_eq!(file.position(3), (1, 3));
        assert_eq!(file.position(5), (2, 1));
        assert_eq!(file.position(8), (2, 3));
        assert_eq!(file.position(7), (2, 2), "inside a character: its start");
        assert_eq!(file.position(1000), (2, 5));
    }
}
