//! The definition of an operator: the columns of the table in `operators.rs`.

use std::cmp::Ordering;

use eyas_fields::FieldType;

use super::check::{BothTexts, Check};
use super::compare::{Cmp, Quantifier};
use super::counted::Kind;
use super::example::Example;

/// An operator.
#[derive(Debug)]
#[non_exhaustive]
pub struct OpDef {
    /// The word in conditions.
    pub word: &'static str,
    /// When it matches, for the documentation.
    pub doc: &'static str,
    /// Types of the left side.
    pub types: Types,
    /// Kind of right side.
    pub right: Right,
    /// Form of a constant on the right side.
    pub constants: Constants,
    /// Example conditions; the documentation shows the first one.
    pub examples: &'static [Example],
    /// Its evaluation.
    pub(super) evaluation: Evaluation,
    /// What is true of a value that matches.
    pub(crate) implies: Option<Implies>,
}

/// Kinds of types, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    pub(crate) const NUMBERS: Self = Self(1);
    pub(crate) const TEXTS: Self = Self(1 << 1);
    pub(crate) const BYTES: Self = Self(1 << 2);
    /// Booleans, addresses and networks.
    pub(crate) const OTHERS: Self = Self(1 << 3);
    pub(crate) const LISTS: Self = Self(1 << 4);
    /// Fields without a fixed type.
    pub(crate) const UNTYPED: Self = Self(1 << 5);
    pub(crate) const SCALARS: Self = Self::NUMBERS.or(Self::TEXTS).or(Self::BYTES).or(Self::OTHERS);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether a field of this type is of one of the kinds.
    pub fn contains(self, ty: FieldType, is_list: bool) -> bool {
        use FieldType as T;
        if self.has(Self::UNTYPED) {
            return true;
        }
        if is_list {
            let is_known = matches!(
                ty,
                T::Str | T::Uint { bits: 64 } | T::RelTime | T::AbsTime | T::Bool | T::Ip | T::Net
            );
            return is_known && self.has(Self::LISTS);
        }
        self.has(match ty {
            T::Int { .. } | T::Uint { .. } | T::Double | T::RelTime | T::AbsTime | T::Port => Self::NUMBERS,
            T::Bool | T::Ip | T::Net => Self::OTHERS,
            T::Str => Self::TEXTS,
            T::Bytes => Self::BYTES,
            _ => return false,
        })
    }

    /// Their names in the documentation.
    pub fn describe(self) -> String {
        if self.has(Self::OTHERS) {
            return if self.has(Self::LISTS) { "all" } else { "all but lists" }.to_owned();
        }
        let names = [(Self::NUMBERS, "numbers"), (Self::TEXTS, "text"), (Self::BYTES, "bytes")];
        let names: Vec<&str> =
            names.into_iter().filter(|(kind, _)| self.has(*kind)).map(|(_, name)| name).collect();
        names.join(", ")
    }
}

/// The right side of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Right {
    /// Nothing.
    Nothing,
    /// A number.
    Number,
    /// One value, or with a modifier several.
    Value,
    /// Values between parentheses.
    List,
}

/// The form of constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Constants {
    /// A constant of the field's type: any text, for a field of texts.
    Plain,
    /// As hexadecimal digits, two for each byte.
    Hex,
    /// A text with a syntax, which a text may violate: a regular expression.
    Syntax,
}

/// How an operator is evaluated: by the graph of compiled conditions, and by the plain interpreter that tests compare it with.
#[derive(Debug)]
pub(super) enum Evaluation {
    /// Whether there is a value.
    Exists,
    /// Compares the order of two values.
    Order {
        cmp: Cmp,
        /// The interpreter's result for an order; `None` for values without an order.
        plain: fn(Option<Ordering>) -> bool,
    },
    /// Whether a value is one of several, and how many values of a list field must be.
    Member(Quantifier),
    /// Whether a path is one of several, or below it.
    Paths {
        /// The interpreter's comparison with one path: the value, then the constant.
        plain: fn(&[u8], &[u8]) -> Result<bool, String>,
    },
    /// Compares texts or bytes.
    Text {
        /// The comparison with a constant.
        compile: fn(&[u8]) -> Result<Check, String>,
        /// The way to compare with many constants in one pass, if there is one.
        search: Option<Kind>,
        /// The comparison of two values, if the right side may be a field.
        values: Option<BothTexts>,
        /// The interpreter's comparison: the value, then the constant, with hexadecimal digits already
        /// converted to bytes.
        plain: fn(&[u8], &[u8]) -> Result<bool, String>,
    },
}

/// What a comparison implies for a value that satisfies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Implies {
    /// The value exists.
    Present,
    /// The value is one of the constants.
    OneOf,
    /// The value is none of the constants.
    NoneOf,
    /// The value is less than the constant.
    Below,
    AtMost,
    Above,
    AtLeast,
    /// The value begins with the constant.
    Prefix,
    Suffix,
    Substring,
}

impl OpDef {
    /// Whether it compares with a set.
    pub fn takes_list(&self) -> bool {
        self.right == Right::List
    }

    /// Whether a modifier may follow it.
    pub fn takes_modifier(&self) -> bool {
        self.right == Right::Value
    }

    /// Whether a field or a transformer may stand on the right side.
    pub fn takes_operand(&self) -> bool {
        match &self.evaluation {
            Evaluation::Order { .. } | Evaluation::Member(_) => true,
            Evaluation::Text { values, .. } => values.is_some(),
            Evaluation::Exists | Evaluation::Paths { .. } => false,
        }
    }

    pub(super) fn cmp(&self) -> Option<Cmp> {
        match self.evaluation {
            Evaluation::Order { cmp, .. } => Some(cmp),
            _ => None,
        }
    }

    /// Whether it compares a value with each item of a set.
    pub(super) fn is_member(&self) -> bool {
        matches!(self.evaluation, Evaluation::Member(_))
    }

    /// The way to compare with many constants in one pass, if there is one.
    pub(super) fn search(&self) -> Option<Kind> {
        match self.evaluation {
            Evaluation::Order { cmp: Cmp::Eq | Cmp::Ne, .. } => Some(Kind::Equal),
            Evaluation::Text { search, .. } => search,
            _ => None,
        }
    }
}
