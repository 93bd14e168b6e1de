//! Tokens of the scanner.

use crate::Mark;

/// Style of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    SingleQuoted,
    /// In double quotes.
    DoubleQuoted,
    /// Block scalar after `|`.
    Literal,
    /// Block scalar after `>`.
    Folded,
}

/// A range of a scalar's value, and the range of the text that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// First byte in the value.
    pub(crate) value: u32,
    /// First byte in the text.
    pub(crate) source: u32,
    /// Bytes in the text.
    pub(crate) width: u32,
    /// Whether the value has the same bytes. Otherwise it has a replacement for them.
    pub(crate) is_copy: bool,
}

/// A scalar's text, and the bytes of the file that it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) style: Style,
    pub(crate) runs: Vec<Run>,
    /// Whether its closing quote is missing.
    pub(crate) unclosed: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Token {
    Directive {
        name: String,
        parameters: Vec<String>,
    },
    DocumentStart,
    DocumentEnd,
    BlockSeqStart,
    BlockSeqEnd,
    BlockMapStart,
    BlockMapEnd,
    BlockEntry,
    FlowSeqStart,
    FlowSeqEnd,
    FlowMapStart,
    FlowMapEnd,
    FlowEntry,
    Key,
    Value,
    Anchor(String),
    Alias(String),
    /// Its contents have no effect, but its presence makes an empty value a text.
    Tag,
    Scalar(Scalar),
}

/// Whether a token is valid. A key is valid only when its `:` has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Valid,
    Invalid,
    Open,
}

/// A token and its position.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) status: Status,
    pub(crate) mark: Mark,
    /// Its first byte in the text.
    pub(crate) start: usize,
    /// The byte after its last one.
    pub(crate) end: usize,
}
