use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::{Field, Value};

/// A condition without negations: each negation is part of a test.
///
/// A filter before the rules uses formulas. If the filter cannot decide a test, it replaces the test by
/// `Formula::Const(true)`. Because there is no negation, the weakened formula is true whenever the
/// condition is true.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula<T> {
    /// True for every event, or for none.
    Const(bool),
    /// A test.
    Test(T),
    /// All of them; at least two.
    All(Vec<Self>),
    /// Any of them; at least two.
    Any(Vec<Self>),
}

impl<T> Formula<T> {
    /// Returns the conjunction of these formulas.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::chain(parts, false)
    }

    /// Returns the disjunction of these formulas.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::chain(parts, true)
    }

    /// `decides` is the constant that decides the whole.
    fn chain(parts: impl IntoIterator<Item = Self>, decides: bool) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Const(value) if value == decides => return Self::Const(decides),
                Self::Const(_) => {}
                Self::All(inner) if !decides => kept.extend(inner),
                Self::Any(inner) if decides => kept.extend(inner),
                part => kept.push(part),
            }
        }
        match kept.len() {
            0 => Self::Const(!decides),
            1 => kept.remove(0),
            _ if decides => Self::Any(kept),
            _ => Self::All(kept),
        }
    }

    /// Returns the formula with each test replaced by the result of `with`. Does not call `with` for tests after a constant that
    /// decides a part.
    pub fn replace<'f, U>(&'f self, with: &mut dyn FnMut(&'f T) -> Formula<U>) -> Formula<U> {
        match self {
            Self::Const(value) => Formula::Const(*value),
            Self::Test(test) => with(test),
            Self::All(parts) => Formula::all(parts.iter().map(|part| part.replace(with))),
            Self::Any(parts) => Formula::any(parts.iter().map(|part| part.replace(with))),
        }
    }

    /// Whether the formula is true; `test` returns whether a test is true.
    pub fn holds(&self, test: &mut dyn FnMut(&T) -> bool) -> bool {
        match self {
            Self::Const(value) => *value,
            Self::Test(one) => test(one),
            Self::All(parts) => parts.iter().all(|part| part.holds(test)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(test)),
        }
    }

    /// Calls `visit` for each test.
    pub fn tests<'f>(&'f self, visit: &mut dyn FnMut(&'f T)) {
        match self {
            Self::Const(_) => {}
            Self::Test(test) => visit(test),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.tests(visit)),
        }
    }
}

/// The formula of a condition, for events of one or of several types. Conditions share their comparisons.
pub type ConditionFormula = Formula<Arc<FieldTest>>;

/// A comparison of a condition, or its negation.
#[derive(Clone, Debug)]
pub struct FieldTest {
    /// Its text, as in the condition.
    pub text: Arc<str>,
    /// Whether the negation has to be true.
    pub negated: bool,
    /// The field and the comparison. The error is the reason why this is not a plain comparison of a field with constants.
    pub of: Result<(Field, Arc<dyn Compare>), &'static str>,
}

impl FieldTest {
    /// Returns the text as in a condition.
    pub fn condition(&self) -> String {
        let not = if self.negated { "not " } else { "" };
        [not, &self.text].concat()
    }
}

/// A comparison of a field's values with constants.
pub trait Compare: Send + Sync + core::fmt::Debug {
    /// Whether a present value satisfies the comparison.
    fn holds(&self, value: &Value<'_>) -> bool;

    /// Exactly the values that satisfy the comparison, if [`Shape`] can express them.
    fn shape(&self) -> Shape<'_>;

    /// An upper bound: every value that satisfies the comparison has this shape, but other values may have it, too. For a
    /// pattern, this is its longest text, at its place.
    fn bound(&self) -> Shape<'_> {
        self.shape()
    }
}

/// The values that satisfy a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape<'c> {
    /// Every value.
    Any,
    /// Numbers in one of these ranges.
    Numbers(Vec<RangeInclusive<i128>>),
    /// Texts that contain one of these texts at this place.
    Texts(TextPlace, Vec<&'c [u8]>),
    /// Another kind: use [`Compare::holds`].
    Other,
}

/// The place in a text where a constant has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextPlace {
    /// The constant is the whole text.
    Whole,
    /// The constant is at the beginning.
    Start,
    /// The constant is at the end.
    End,
    /// The constant is anywhere in the text.
    Within,
}

impl TextPlace {
    /// Whether the text has the constant at this place.
    #[inline]
    pub fn has(self, text: &[u8], constant: &[u8]) -> bool {
        match self {
            Self::Whole => text == constant,
            Self::Start => text.starts_with(constant),
            Self::End => text.ends_with(constant),
            Self::Within => within(text, constant),
        }
    }
}

/// Whether the text contains the constant.
fn within(text: &[u8], constant: &[u8]) -> bool {
    let Some((first, rest)) = constant.split_first() else { return true };
    let mut text = text;
    while let Some(at) = text.iter().position(|byte| byte == first) {
        text = &text[at + 1..];
        if text.starts_with(rest) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_decide_or_vanish() {
        type F = Formula<u8>;
        let test = |n| F::Test(n);
        assert_eq!(F::all([]), F::Const(true));
        assert_eq!(F::any([]), F::Const(false));
        assert_eq!(F::all([test(1), F::Const(true)]), test(1));
        assert_eq!(F::all([test(1), F::Const(false)]), F::Const(false));
        assert_eq!(F::any([test(1), F::Const(true)]), F::Const(true));
        assert_eq!(F::any([F::any([test(1), test(2)]), test(3)]), F::Any([1, 2, 3].map(test).into()));
    }

    #[test]
    fn a_weakened_formula_is_true_if_the_condition_is() {
        type F = Formula<u8>;
        let condition = F::all([
            F::any([F::Test(0), F::Test(1)]),
            F::any([F::Test(2), F::all([F::Test(3), F::Test(0)])]),
        ]);
        for weak in 0..16_u8 {
            let weakened =
                condition.replace(&mut |n| if weak >> n & 1 != 0 { F::Const(true) } else { F::Test(*n) });
            for values in 0..16_u8 {
                let mut test = |n: &u8| values >> n & 1 != 0;
                assert!(!condition.holds(&mut test) || weakened.holds(&mut test), "{weak:04b} {values:04b}");
            }
        }
    }
}
