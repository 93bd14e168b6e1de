//! Errors: a text is no condition, or a condition does not fit a schema.

use super::values::Span;

/// What the parser expected, or why it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The end of the text: more text follows a complete condition.
    Trailing,
    /// A comparison, a macro or a parenthesis.
    Check,
    /// An operator after a field.
    Operator,
    /// A value to compare with.
    Value,
    /// A number to compare with.
    Number,
    /// Values between parentheses.
    List,
    /// A value in a list.
    ListItem,
    /// The end of a list.
    ListEnd,
    /// A closing parenthesis.
    GroupEnd,
    /// Parentheses and `not` are nested too deeply.
    Depth,
    /// Another mistake; the message describes it.
    Other,
}

/// The mistake in a text that is no condition, and its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ParseError {
    /// Kind of the mistake.
    pub kind: ParseErrorKind,
    /// The message.
    pub message: String,
    /// Byte offset of the mistake.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in bytes.
    pub column: usize,
}

/// Kind of a mistake in a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileErrorKind {
    /// No field of that name.
    UnknownField,
    /// The field's argument is wrong.
    BadField,
    /// A constant names no event type.
    UnknownEventType,
    /// The operator does not apply to the field.
    BadOperator,
    /// The value, or the field, on the right side does not fit the left side.
    BadValue,
    /// A transformer is used wrongly.
    BadTransformer,
    /// A macro was not expanded.
    Macro,
    /// The condition is nested too deeply.
    Depth,
    /// The event has another schema.
    Schema,
}

/// The mistake in a condition that does not compile, and its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct CompileError {
    /// Kind of the mistake.
    pub kind: CompileErrorKind,
    /// The message.
    pub message: String,
    /// Position of the error.
    pub span: Span,
    /// The comparison that contains the mistake, otherwise the same as [`CompileError::span`].
    pub test: Span,
    /// What is expected there, if the message does not say it.
    pub(crate) hint: &'static str,
}

impl CompileError {
    pub(crate) fn new(kind: CompileErrorKind, message: String, span: Span) -> Self {
        Self { kind, message, span, test: span, hint: "" }
    }

    /// The error, with places in a text that contains this one.
    pub(super) fn inside(self, at: Span) -> Self {
        Self { span: self.span.inside(at), ..self }
    }
}
