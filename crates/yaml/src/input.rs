//! The input characters and their positions.

/// A position in a file, counted like yaml-cpp, with numbers from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Line.
    pub line: usize,
    /// Column, bytes.
    pub column: usize,
    /// Offset in bytes, without a byte order mark.
    pub offset: usize,
}

/// Reads a text byte by byte. All characters with a meaning in YAML are ASCII, so other bytes pass
/// unchanged.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    column: usize,
    /// Line ending: the one of `\n` and `\r` that ended the first line.
    ending: Option<u8>,
    /// Offsets of characters that are one byte in the file and two bytes here.
    foreign: &'a [u32],
    /// Number of them that were passed.
    passed: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(text: &'a str, foreign: &'a [u32]) -> Self {
        Self { bytes: text.as_bytes(), at: 0, line: 0, column: 0, ending: None, foreign, passed: 0 }
    }

    /// The byte at the distance `ahead` from the next one.
    pub(crate) fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.byte(0)
    }

    pub(crate) fn is(&self, byte: u8) -> bool {
        self.peek() == Some(byte)
    }

    pub(crate) fn is_one_of(&self, set: &[u8]) -> bool {
        self.peek().is_some_and(|byte| set.contains(&byte))
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Offset of the next byte.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// Resets the column, because yaml-cpp counts the end of the text as a new line.
    pub(crate) fn reset_column(&mut self) {
        self.column = 0;
    }

    pub(crate) fn line(&self) -> usize {
        self.line
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { line: self.line, column: self.column, offset: self.at - self.passed }
    }

    /// Whether a tab is in the indentation of this line.
    pub(crate) fn is_indented_by_tab(&self) -> bool {
        let before = &self.bytes[..self.at];
        let line = before.rsplit(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).any(|byte| *byte == b'\t')
    }

    /// Takes a byte.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        if self.foreign.get(self.passed).is_some_and(|at| *at as usize + 2 == self.at) {
            self.passed += 1;
            return Some(byte);
        }
        self.column += 1;
        if matches!(byte, b'\n' | b'\r') {
            let ending = *self.ending.get_or_insert_with(|| match (byte, self.bytes.get(self.at)) {
                (b'\r', Some(b'\n')) => b'\n',
                _ => byte,
            });
            if byte == ending {
                self.line += 1;
                self.column = 0;
            }
        }
        Some(byte)
    }

    pub(crate) fn skip(&mut self, bytes: usize) {
        for _ in 0..bytes {
            self.next();
        }
    }

    /// Skips bytes until `stop` returns true.
    pub(crate) fn skip_until(&mut self, stop: impl Fn(&Self) -> bool) {
        while !self.at_end() && !stop(self) {
            self.next();
        }
    }

    pub(crate) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), Some(b' ' | b'\t'))
    }

    pub(crate) fn is_break(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), Some(b'\n' | b'\r'))
    }

    pub(crate) fn is_blank_or_break(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break(ahead)
    }

    /// Whether a word ends there: at white space, a line break or the end of the text.
    pub(crate) fn is_edge(&self, ahead: usize) -> bool {
        self.byte(ahead).is_none() || self.is_blank_or_break(ahead)
    }

    /// Skips a line break, `\r\n` as one. Returns its length in bytes.
    pub(crate) fn skip_break(&mut self) -> usize {
        let len = match (self.peek(), self.byte(1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            (Some(b'\n' | b'\r'), _) => 1,
            _ => 0,
        };
        self.skip(len);
        len
    }

    /// Whether `---` or `...` stands here by itself.
    pub(crate) fn is_document(&self, sign: u8) -> bool {
        self.column == 0 && (0..3).all(|i| self.byte(i) == Some(sign)) && self.is_edge(3)
    }
}
