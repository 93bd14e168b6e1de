//! Comparisons of values, and combinations of several comparisons.

use eyas_fields::Value;

/// How an operator is applied to several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Modifier {
    /// Exactly one satisfies it.
    OneOf,
    /// At least one does.
    AnyOf,
    /// All do.
    AllOf,
}

impl Modifier {
    /// The word in conditions.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OneOf => "oneof",
            Self::AnyOf => "anyof",
            Self::AllOf => "allof",
        }
    }

    /// Whether `held` true comparisons of `all` satisfy the modifier.
    pub(super) fn of(self, all: usize, held: usize) -> bool {
        match self {
            Self::OneOf => held == 1,
            Self::AnyOf => held > 0,
            Self::AllOf => held == all && held > 0,
        }
    }
}

/// How a comparison applies to several values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// Every value: `in` of a list field; true for no values.
    All,
    /// At least one.
    Any,
    /// Every value, and at least one: `!=` on the ends of a connection.
    Each,
}

impl Quantifier {
    /// Whether as many of the values satisfy `holds` as the quantifier requires.
    pub(super) fn of(self, values: &[Value<'_>], holds: impl Fn(&Value<'_>) -> bool) -> bool {
        match self {
            Self::All => values.iter().all(holds),
            Self::Any => values.iter().any(holds),
            Self::Each => !values.is_empty() && values.iter().all(holds),
        }
    }
}

/// A comparison of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cmp {
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
}

impl Cmp {
    #[inline]
    pub(super) fn holds<T: PartialOrd + ?Sized>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Lt => a < b,
            Self::Le => a <= b,
            Self::Gt => a > b,
            Self::Ge => a >= b,
            Self::Eq => a == b,
            Self::Ne => a != b,
        }
    }
}

/// The value as a number of any width.
#[inline]
pub(super) fn number(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Int(n) => Some(i128::from(n)),
        Value::Uint(n) => Some(i128::from(n)),
        _ => None,
    }
}

/// Whether the text contains `needle`, ignoring case; `needle` is in lower case.
pub(super) fn icontains(text: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || text.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle))
}
