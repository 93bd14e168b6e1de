//! Reads scalars: undoes escapes, folded lines and indentation, and keeps the position of every byte.

use crate::Mark;
use crate::input::Input;
use crate::problem::{Problem, TAB_HELP};
use crate::token::Run;

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

/// The text so far.
#[derive(Default)]
struct Builder {
    text: Vec<u8>,
    runs: Vec<Run>,
}

impl Builder {
    fn len(&self) -> usize {
        self.text.len()
    }

    /// Adds a byte that is unchanged from the file.
    fn copy(&mut self, byte: u8, source: usize) {
        let (value, source) = (self.len() as u32, source as u32);
        match self.runs.last_mut() {
            Some(run)
                if run.is_copy && run.source + run.width == source && run.value + run.width == value =>
            {
                run.width += 1;
            }
            _ => self.runs.push(Run { value, source, width: 1, is_copy: true }),
        }
        self.text.push(byte);
    }

    /// Adds a replacement for a range of the file.
    fn make(&mut self, text: &[u8], source: (usize, usize)) {
        let (value, width) = (self.len() as u32, (source.1 - source.0) as u32);
        self.runs.push(Run { value, source: source.0 as u32, width, is_copy: false });
        self.text.extend_from_slice(text);
    }

    fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
        let kept = self.runs.partition_point(|run| (run.value as usize) < len);
        self.runs.truncate(kept);
        if let Some(run) = self.runs.last_mut().filter(|run| run.is_copy) {
            run.width = run.width.min(len as u32 - run.value);
        }
    }

    /// Length without trailing bytes from `set`.
    fn trimmed(&self, set: &[u8]) -> usize {
        self.text.iter().rposition(|byte| !set.contains(byte)).map_or(0, |at| at + 1)
    }
}

/// Reads a scalar. The opening quote, or the header of a block scalar, was already consumed.
pub(crate) fn read(input: &mut Input<'_>, rules: &Rules) -> Result<Read, Box<Problem>> {
    let &Rules { end, fold, chomp, mut indent, detect_indent } = rules;
    let plain = matches!(end, End::Plain | End::PlainInFlow);
    let block = end == End::Text;
    let mut out = Builder::default();
    let mut has_text = false;
    // The line break after the header is not part of a block scalar.
    let mut begun = fold == Fold::Flow;
    let (mut empty, mut deeper) = (false, false);
    let mut folded: Vec<(usize, usize)> = Vec::new();
    let mut folded_deeper = false;
    let mut escaped: Option<usize> = None;
    let mut ended_by_line = false;
    let mut unclosed = end.is_quote();
    while !input.at_end() {
        let mut text_end = out.len();
        let mut escaped_break = false;
        while !input.at_end() && !end.is_here(input) && !input.is_break(0) {
            if !block && (input.is_document(b'-') || input.is_document(b'.')) {
                if end.is_quote() {
                    let cpp = "illegal document indicator in scalar";
                    return Err(Problem::new(cpp, "a document ends inside a quoted text", input.mark()));
                }
                break;
            }
            (has_text, begun) = (true, true);
            let start = input.at();
            if end == End::Double && input.is(b'\\') && input.is_break(1) {
                input.next();
                text_end = out.len();
                escaped = Some(out.len());
                escaped_break = true;
                break;
            }
            if end == End::Double && input.is(b'\\') || end == End::Single && input.is(b'\'') {
                let c = escape(input)?;
                out.make(c.encode_utf8(&mut [0; 4]).as_bytes(), (start, input.at()));
                text_end = out.len();
                escaped = Some(out.len());
                continue;
            }
            let mark = input.mark();
            let Some(byte) = input.next() else { break };
            if byte == 0 && !end.is_quote() {
                return Err(Problem::new(NUL, NUL, mark));
            }
            out.copy(byte, start);
            if !matches!(byte, b' ' | b'\t') {
                text_end = out.len();
            }
        }
        if input.at_end() {
            if end.is_quote() {
                return Err(Problem::new(
                    "illegal EOF in scalar",
                    "a quoted text does not end",
                    input.mark(),
                ));
            }
            break;
        }
        if plain && (input.is_document(b'-') || input.is_document(b'.')) {
            break;
        }
        if end.is_here(input) {
            input.skip(usize::from(end.is_quote()));
            unclosed = false;
            break;
        }
        if fold == Fold::Flow {
            out.truncate(text_end);
        }

        let start = input.at();
        input.skip_break();
        let line_break = (start, input.at());

        while input.is(b' ') && (input.column() < indent || detect_indent && !has_text) && !end.is_here(input)
        {
            input.next();
        }
        if detect_indent && !has_text {
            indent = indent.max(input.column());
        }
        while input.is_blank(0) {
            if input.is(b'\t') && input.column() < indent && !end.is_quote() {
                let cpp = "illegal tab when looking for indentation";
                let problem = Problem::new(cpp, "a tab indents a line", input.mark());
                return Err(problem.help(TAB_HELP));
            }
            if block || end.is_here(input) {
                break;
            }
            input.next();
        }

        let next_empty = input.is_break(0);
        let next_deeper = input.is_blank(0);
        if fold == Fold::Block && folded.is_empty() && next_empty {
            folded_deeper = deeper;
        }
        if begun {
            match fold {
                Fold::Never => out.make(b"\n", line_break),
                Fold::Block => {
                    let joins = !empty && !next_empty && !deeper && !next_deeper;
                    if joins && input.column() >= indent {
                        out.make(b" ", line_break);
                    } else if next_empty {
                        folded.push(line_break);
                    } else {
                        out.make(b"\n", line_break);
                    }
                    if !next_empty && let Some((_, others)) = folded.split_last() {
                        others.iter().for_each(|at| out.make(b"\n", *at));
                        if folded_deeper || next_deeper || !has_text {
                            out.make(b"\n", line_break);
                        }
                        folded.clear();
                    }
                }
                Fold::Flow if next_empty => out.make(b"\n", line_break),
                Fold::Flow if !empty && !escaped_break => out.make(b" ", line_break),
                Fold::Flow => {}
            }
        }
        (empty, deeper, begun) = (next_empty, next_deeper, true);
        if !empty && input.column() < indent {
            ended_by_line = true;
            break;
        }
    }

    if plain {
        out.truncate(out.trimmed(b" \t"));
    }
    let kept = out.trimmed(b"\n");
    let kept = match escaped {
        // An escaped line break and the text after it are kept.
        Some(at) if kept <= at => at + 1,
        _ => kept,
    };
    match chomp {
        Chomp::Keep => {}
        Chomp::Strip => out.truncate(kept),
        Chomp::Clip if kept == 0 => out.truncate(0),
        Chomp::Clip => out.truncate(kept + 1),
    }
    let text = String::from_utf8(out.text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(Read { text, runs: out.runs, ended_by_line, unclosed })
}

/// Decodes an escape.
fn escape(input: &mut Input<'_>) -> Result<char, Box<Problem>> {
    let start = input.at();
    let quote = input.next();
    let Some(byte) = input.next() else {
        // yaml-cpp counts the end of the file as a byte here.
        let mark = input.mark();
        let mark = Mark { column: mark.column + 1, offset: mark.offset + 1, ..mark };
        let cpp = "unknown escape character: \u{4}";
        return Err(Problem::new(cpp, "a quoted text does not end", mark).at(start));
    };
    if quote == Some(b'\'') {
        return Ok('\'');
    }
    Ok(match byte {
        b'0' => '\0',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\u{b}',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'e' => '\u{1b}',
        b' ' | b'"' | b'\'' | b'\\' | b'/' => char::from(byte),
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        b'x' => code(input, 2)?,
        b'u' => code(input, 4)?,
        b'U' => code(input, 8)?,
        _ => {
            let cpp = format!("unknown escape character: {}", char::from(byte));
            let message = "a `\\` is followed by a character that is not part of an escape";
            let problem = Problem::new(cpp, message, input.mark());
            return Err(problem
                .at(start)
                .help("write `\\\\` for a backslash, or put the text between single quotes"));
        }
    })
}

/// Reads a character code with this many digits.
fn code(input: &mut Input<'_>, digits: usize) -> Result<char, Box<Problem>> {
    let start = input.at();
    let mut value = Some(0_u32);
    for _ in 0..digits {
        let digit = input.next().and_then(|byte| char::from(byte).to_digit(16));
        value = value.zip(digit).map(|(value, digit)| value << 4 | digit);
    }
    let problem = |cpp: String, message: &str| Problem::new(cpp, message, input.mark()).at(start);
    let value = value.ok_or_else(|| {
        let cpp = "bad character found while scanning hex number".to_owned();
        problem(cpp, &format!("this escape needs {digits} hexadecimal digits"))
    })?;
    char::from_u32(value)
        .ok_or_else(|| problem(format!("invalid unicode: {value}"), "there is no character with this code"))
}
