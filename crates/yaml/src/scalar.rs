//! Reads scalars: undoes escapes, folded lines and indentation, and keeps the position of every byte.

use crate::input::Input;
use crate::problem::{Problem, TAB_HELP};
use crate::token::Run;
use escape::escape;
use text::Text;

mod escape;
mod text;

/// The reason, which yaml-cpp does not report, because it treats the byte as the end of the text.
const NUL: &str = "a NUL in a text without quotes";

/// What to do with a line break inside a scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    /// Keep it.
    Never,
    /// Replace it by a space if both lines have the same indentation.
    Block,
    /// Replace it by a space, and remove the white space around it.
    Flow,
}

/// Handling of line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chomp {
    Strip,
    Clip,
    Keep,
}

/// The end of a scalar, apart from indentation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A quote that is not doubled.
    Single,
    /// A quote.
    Double,
    /// `: ` or ` #`.
    Plain,
    /// The same, or a character of a flow collection.
    PlainInFlow,
    /// The end of the text.
    Text,
}

impl End {
    fn is_here(self, input: &Input<'_>) -> bool {
        match self {
            Self::Single => input.is(b'\'') && input.byte(1) != Some(b'\''),
            Self::Double => input.is(b'"'),
            Self::Plain => plain_ends(input),
            Self::PlainInFlow => {
                input.is_one_of(b",?[]{}")
                    || input.is(b':') && matches!(input.byte(1), Some(b',' | b']' | b'}'))
                    || plain_ends(input)
            }
            Self::Text => input.at_end(),
        }
    }

    /// Whether it is a quote, which is consumed and mandatory.
    fn is_quote(self) -> bool {
        matches!(self, Self::Single | Self::Double)
    }
}

fn plain_ends(input: &Input<'_>) -> bool {
    // yaml-cpp does not treat a `#` after `\r\n` as one after a line break.
    let comment = input.is_blank_or_break(0)
        && match (input.peek(), input.byte(1)) {
            (Some(b'\r'), Some(b'\n')) => input.byte(2) == Some(b'#'),
            (_, next) => next == Some(b'#'),
        };
    input.is(b':') && input.is_edge(1) || comment
}

/// Rules for reading a scalar.
pub(crate) struct Rules {
    pub(crate) end: End,
    pub(crate) fold: Fold,
    pub(crate) chomp: Chomp,
    /// Indentation of each line except the first.
    pub(crate) indent: usize,
    /// Whether the first line with text determines the indentation.
    pub(crate) detect_indent: bool,
}

/// The result of reading a scalar.
pub(crate) struct Read {
    pub(crate) text: String,
    pub(crate) runs: Vec<Run>,
    /// Whether a line with less indentation ended it.
    pub(crate) ended_by_line: bool,
    /// Whether its closing quote is missing. yaml-cpp reports this only if there is no line break before
    /// the end of the file.
    pub(crate) unclosed: bool,
}

/// Reads a scalar. The opening quote, or the header of a block scalar, was already consumed.
pub(crate) fn read(input: &mut Input<'_>, rules: &Rules) -> Result<Read, Box<Problem>> {
    let mut scalar = Scalar {
        indent: rules.indent,
        // The line break after the header is not part of a block scalar.
        begun: rules.fold == Fold::Flow,
        text: Text::default(),
        has_text: false,
        empty: false,
        deeper: false,
        folded: Vec::new(),
        folded_deeper: false,
        escaped: None,
        input,
        rules,
    };
    let ended_by = scalar.lines()?;
    scalar.chomp();
    let unclosed = rules.end.is_quote() && ended_by != EndedBy::Itself;
    let (text, runs) = scalar.text.finish();
    Ok(Read { text, runs, ended_by_line: ended_by == EndedBy::Line, unclosed })
}

/// What ended a scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EndedBy {
    /// Its own end: a quote, or what ends a plain scalar.
    Itself,
    /// A line with less indentation.
    Line,
    /// The end of the document or of the file.
    Document,
}

/// The end of the part of a scalar in one line.
struct LineEnd {
    /// Length of the text without the white space before the line break.
    text: usize,
    /// Whether the line break is escaped.
    is_escaped: bool,
}

/// A scalar that is being read.
struct Scalar<'r, 'i, 't> {
    input: &'i mut Input<'t>,
    rules: &'r Rules,
    text: Text,
    /// Indentation of each line except the first.
    indent: usize,
    has_text: bool,
    /// Whether the next line break is part of the text.
    begun: bool,
    /// Whether the last line was empty.
    empty: bool,
    /// Whether the last line had more indentation than the scalar.
    deeper: bool,
    /// Positions of the line breaks since the last line with text.
    folded: Vec<(usize, usize)>,
    /// Whether the line before these had more indentation than the scalar.
    folded_deeper: bool,
    /// Length of the text after the last escape.
    escaped: Option<usize>,
}

impl Scalar<'_, '_, '_> {
    fn is_plain(&self) -> bool {
        matches!(self.rules.end, End::Plain | End::PlainInFlow)
    }

    fn is_here(&self) -> bool {
        self.rules.end.is_here(self.input)
    }

    fn at_document(&self) -> bool {
        self.input.is_document(b'-') || self.input.is_document(b'.')
    }

    fn lines(&mut self) -> Result<EndedBy, Box<Problem>> {
        let is_quoted = self.rules.end.is_quote();
        while !self.input.at_end() {
            let line_end = self.line()?;
            if self.input.at_end() {
                if is_quoted {
                    let cpp = "illegal EOF in scalar";
                    return Err(Problem::new(cpp, "a quoted text does not end", self.input.mark()));
                }
                break;
            }
            if self.is_plain() && self.at_document() {
                break;
            }
            if self.is_here() {
                self.input.skip(usize::from(is_quoted));
                return Ok(EndedBy::Itself);
            }
            if self.rules.fold == Fold::Flow {
                self.text.truncate(line_end.text);
            }
            if self.line_break(&line_end)? {
                return Ok(EndedBy::Line);
            }
        }
        Ok(EndedBy::Document)
    }

    /// Reads up to the end of the line or of the scalar.
    fn line(&mut self) -> Result<LineEnd, Box<Problem>> {
        let end = self.rules.end;
        let mut text = self.text.len();
        while !self.input.at_end() && !self.is_here() && !self.input.is_break(0) {
            if end != End::Text && self.at_document() {
                if end.is_quote() {
                    let cpp = "illegal document indicator in scalar";
                    return Err(Problem::new(cpp, "a document ends inside a quoted text", self.input.mark()));
                }
                break;
            }
            (self.has_text, self.begun) = (true, true);
            let start = self.input.at();
            if end == End::Double && self.input.is(b'\\') && self.input.is_break(1) {
                self.input.next();
                text = self.text.len();
                self.escaped = Some(text);
                return Ok(LineEnd { text, is_escaped: true });
            }
            if end == End::Double && self.input.is(b'\\') || end == End::Single && self.input.is(b'\'') {
                let c = escape(self.input)?;
                self.text.make(c.encode_utf8(&mut [0; 4]).as_bytes(), (start, self.input.at()));
                text = self.text.len();
                self.escaped = Some(text);
                continue;
            }
            let mark = self.input.mark();
            let Some(byte) = self.input.next() else { break };
            if byte == 0 && !end.is_quote() {
                return Err(Problem::new(NUL, NUL, mark));
            }
            self.text.copy(byte, start);
            if !matches!(byte, b' ' | b'\t') {
                text = self.text.len();
            }
        }
        Ok(LineEnd { text, is_escaped: false })
    }

    /// Reads a line break and the indentation after it. Returns whether the next line ends the scalar.
    fn line_break(&mut self, line_end: &LineEnd) -> Result<bool, Box<Problem>> {
        let start = self.input.at();
        self.input.skip_break();
        let at = (start, self.input.at());
        self.indentation()?;
        let (next_empty, next_deeper) = (self.input.is_break(0), self.input.is_blank(0));
        if self.rules.fold == Fold::Block && self.folded.is_empty() && next_empty {
            self.folded_deeper = self.deeper;
        }
        if self.begun {
            match self.rules.fold {
                Fold::Never => self.text.make(b"\n", at),
                Fold::Block => self.fold(at, next_empty, next_deeper),
                Fold::Flow if next_empty => self.text.make(b"\n", at),
                Fold::Flow if !self.empty && !line_end.is_escaped => self.text.make(b" ", at),
                Fold::Flow => {}
            }
        }
        let ends = !next_empty && self.input.column() < self.indent;
        (self.empty, self.deeper, self.begun) = (next_empty, next_deeper, true);
        Ok(ends)
    }

    fn indentation(&mut self) -> Result<(), Box<Problem>> {
        let detects = self.rules.detect_indent && !self.has_text;
        while self.input.is(b' ') && (self.input.column() < self.indent || detects) && !self.is_here() {
            self.input.next();
        }
        if detects {
            self.indent = self.indent.max(self.input.column());
        }
        while self.input.is_blank(0) {
            if self.input.is(b'\t') && self.input.column() < self.indent && !self.rules.end.is_quote() {
                let cpp = "illegal tab when looking for indentation";
                let problem = Problem::new(cpp, "a tab indents a line", self.input.mark());
                return Err(problem.help(TAB_HELP));
            }
            if self.rules.end == End::Text || self.is_here() {
                break;
            }
            self.input.next();
        }
        Ok(())
    }

    /// Adds the line break at `at` of a folded block scalar.
    fn fold(&mut self, at: (usize, usize), next_empty: bool, next_deeper: bool) {
        let joins = !self.empty && !next_empty && !self.deeper && !next_deeper;
        if joins && self.input.column() >= self.indent {
            self.text.make(b" ", at);
        } else if next_empty {
            self.folded.push(at);
        } else {
            self.text.make(b"\n", at);
        }
        if !next_empty && let Some((_, others)) = self.folded.split_last() {
            others.iter().for_each(|at| self.text.make(b"\n", *at));
            if self.folded_deeper || next_deeper || !self.has_text {
                self.text.make(b"\n", at);
            }
            self.folded.clear();
        }
    }

    /// Removes white space and line breaks at the end.
    fn chomp(&mut self) {
        if self.is_plain() {
            self.text.truncate(self.text.trimmed(b" \t"));
        }
        let kept = self.text.trimmed(b"\n");
        let kept = match self.escaped {
            // An escaped line break and the text after it are kept.
            Some(at) if kept <= at => at + 1,
            _ => kept,
        };
        match self.rules.chomp {
            Chomp::Keep => {}
            Chomp::Strip => self.text.truncate(kept),
            Chomp::Clip if kept == 0 => self.text.truncate(0),
            Chomp::Clip => self.text.truncate(kept + 1),
        }
    }
}
