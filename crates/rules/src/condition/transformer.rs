//! The definition of a transformer. Each transformer has a file in `transformers/` with its row.

use eyas_fields::FieldType;
use smallvec::SmallVec;

use super::example::Example;
use super::interpret::val::{BadArguments, Val};
use super::operand_value::OperandValue;

/// A transformer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Transformer {
    /// Name.
    pub name: &'static str,
    /// Its arguments, for the documentation.
    pub arguments: &'static str,
    /// Description of its result, for the documentation.
    pub doc: &'static str,
    /// Example conditions; the documentation shows the first one.
    pub examples: &'static [Example],
    /// The arguments that it accepts.
    pub takes: Takes,
    /// Type of its result.
    pub returns: Returns,
    /// Whether a letter between brackets may follow it.
    pub takes_letter: bool,
    /// Evaluates it for compiled conditions; `None` if there is no value.
    pub(crate) evaluate: for<'a> fn(Arguments<'a>, Call) -> Option<OperandValue<'a>>,
    /// Evaluates it for the plain interpreter that tests compare with.
    pub(crate) plain: fn(&[Val], Call) -> Result<Option<Val>, BadArguments>,
}

/// The arguments that a transformer accepts.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Takes {
    /// One argument: a text, or also bytes, or also any list. A transformer of texts is applied to each
    /// text of a list.
    One {
        /// Whether it accepts raw bytes.
        bytes: bool,
        /// Whether it accepts lists of any type.
        lists: bool,
    },
    /// A number of arguments in this range.
    Several {
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
        /// Returns the reason if the arguments have wrong types.
        check: fn(&[Argument]) -> Result<(), String>,
    },
    /// A field, whose value it returns; allowed on the right side only.
    Field,
}

/// Type of a transformer's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Returns {
    /// The type of its argument.
    SameAsArgument,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A text if a letter follows it, otherwise a list of texts.
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
    /// Its text, for messages.
    pub shown: String,
}

/// Values of the arguments in an event.
pub(crate) type Arguments<'a> = SmallVec<[OperandValue<'a>; 2]>;

/// A use of a transformer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Type of the result of this use.
    pub(crate) ty: FieldType,
    /// The letter between the brackets that follow it.
    pub(crate) letter: Option<u8>,
}

impl Transformer {
    /// Whether it combines several operands.
    pub fn takes_several(&self) -> bool {
        matches!(self.takes, Takes::Several { .. })
    }
}
