//! What the language knows of a transformer: each has a file in `transformers/` with its row.

use eyas_fields::FieldType;
use smallvec::SmallVec;

use super::example::Example;
use super::interpret::val::{Misfit, Val};
use super::operand_value::OperandValue;

/// A transformer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Transformer {
    /// Name.
    pub name: &'static str,
    /// Its arguments, for the documentation.
    pub arguments: &'static str,
    /// What it returns, for the documentation.
    pub doc: &'static str,
    /// Conditions with it; the first one is shown in the documentation.
    pub examples: &'static [Example],
    /// Which arguments it takes.
    pub takes: Takes,
    /// Type of what it returns.
    pub returns: Returns,
    /// Whether a letter between brackets may follow it.
    pub takes_letter: bool,
    /// Evaluates it for compiled conditions; `None` where there is no value.
    pub(crate) evaluate: for<'a> fn(Arguments<'a>, Call) -> Option<OperandValue<'a>>,
    /// Evaluates it for the plain interpreter that tests compare with.
    pub(crate) plain: fn(&[Val], Call) -> Result<Option<Val>, Misfit>,
}

/// Which arguments a transformer takes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Takes {
    /// One: of texts, or also of bytes, or also any list. A transformer of texts is applied to each text of a list.
    One {
        /// Whether raw bytes are taken.
        bytes: bool,
        /// Whether lists of anything are taken.
        lists: bool,
    },
    /// At least, and at most, so many.
    Several {
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
        /// Refuses arguments of wrong types, with the reason.
        check: fn(&[Argument]) -> Result<(), String>,
    },
    /// A field, whose value it returns; allowed on the right side only.
    Field,
}

/// Type of what a transformer returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Returns {
    /// That of its argument.
    SameAsArgument,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A text where a letter follows it, else a list of texts.
    TextOrList,
}

impl Returns {
    /// The type, for an argument of this type.
    pub(crate) fn of(self, argument: (FieldType, bool), has_letter: bool) -> (FieldType, bool) {
        match self {
            Self::SameAsArgument => argument,
            Self::Number => (FieldType::Uint { bits: 64 }, false),
            Self::Text => (FieldType::Str, false),
            Self::TextOrList => (FieldType::Str, !has_letter),
        }
    }
}

/// Properties of an argument that do not depend on the event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Argument {
    /// Type of its values.
    pub ty: FieldType,
    /// Whether it is a list.
    pub is_list: bool,
    /// The type in the schema, of a field.
    pub declared: Option<FieldType>,
    /// What it is, for messages.
    pub shown: String,
}

/// Values of the arguments in an event.
pub(crate) type Arguments<'a> = SmallVec<[OperandValue<'a>; 2]>;

/// A use of a transformer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Type of what it returns here.
    pub(crate) ty: FieldType,
    /// The letter between the brackets that follow it.
    pub(crate) letter: Option<u8>,
}

impl Transformer {
    /// Whether it puts several operands together.
    pub fn takes_several(&self) -> bool {
        matches!(self.takes, Takes::Several { .. })
    }
}
