//! What a value is compared with.

use std::net::IpAddr;

use eyas_fields::Value;
use memchr::memmem::Finder;

use super::ast::{Modifier, Op};
use super::codes::TypeTest;
use super::counted::Counted;
use super::pattern::{Glob, Paths, Regex};
use super::sets::{Nets, Set};
use super::transform::Source;

/// How a comparison applies to several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// Every one: `in` of a list field; true of none.
    All,
    /// At least one.
    Any,
    /// Every one, and there is one: `!=` on the ends of a connection.
    Each,
}

impl Quantifier {
    #[inline]
    pub(super) fn of(self, check: &Check, value: &Value<'_>) -> bool {
        match value {
            Value::List(values) => match self {
                Self::All => values.iter().all(|v| check.holds(v)),
                Self::Any => values.iter().any(|v| check.holds(v)),
                Self::Each => !values.is_empty() && values.iter().all(|v| check.holds(v)),
            },
            value => check.holds(value),
        }
    }
}

impl Modifier {
    /// Whether `held` of `all` comparisons are as many as it wants.
    pub(super) fn of(self, all: usize, held: usize) -> bool {
        match self {
            Self::OneOf => held == 1,
            Self::AnyOf => held > 0,
            Self::AllOf => held == all && held > 0,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Check {
    Exists,
    Num(Cmp, i128),
    Numbers(Set<i128>),
    Double(Cmp, f64),
    /// By the bits of each.
    Doubles(Set<u64>),
    Bool {
        equal: bool,
        to: bool,
    },
    BoolSet([bool; 2]),
    Ip {
        equal: bool,
        to: IpAddr,
    },
    Addresses(Set<IpAddr>),
    Nets {
        inside: bool,
        nets: Box<Nets>,
    },
    Bytes(Cmp, Box<[u8]>),
    Texts(Set<Box<[u8]>>),
    Contains(Box<Finder<'static>>),
    IContains(Box<[u8]>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Glob(Glob),
    Regex(Box<Regex>),
    Paths(Paths),
    /// With several constants, which are counted.
    Counted {
        modifier: Modifier,
        /// Whether they are to differ from the value.
        differs: bool,
        constants: Box<Counted>,
    },
    /// Against another operand's value.
    Operand(Op, Source),
    /// A test of the event's type.
    Type(Box<Typed>),
}

/// A test of the event's type: its code decides, and where it doesn't, the value.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) codes: TypeTest,
    pub(super) value: Check,
}

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
    pub(super) fn of(op: Op) -> Option<Self> {
        Some(match op {
            Op::Lt => Self::Lt,
            Op::Le => Self::Le,
            Op::Gt => Self::Gt,
            Op::Ge => Self::Ge,
            Op::Eq | Op::EqEq => Self::Eq,
            Op::Ne => Self::Ne,
            _ => return None,
        })
    }

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

#[inline]
pub(super) fn number(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Int(n) => Some(i128::from(n)),
        Value::Uint(n) => Some(i128::from(n)),
        _ => None,
    }
}

impl Check {
    #[inline]
    pub(super) fn holds(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Bytes(..)
            | Self::Texts(_)
            | Self::Contains(_)
            | Self::IContains(_)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Glob(_)
            | Self::Regex(_)
            | Self::Paths(_) => value.as_bytes().is_some_and(|text| self.holds_text(text)),
            Self::Num(cmp, to) => number(*value).is_some_and(|n| cmp.holds(&n, to)),
            Self::Numbers(set) => number(*value).is_some_and(|n| set.contains(&n)),
            Self::Double(cmp, to) => match *value {
                Value::Double(n) => cmp.holds(&n, to),
                _ => false,
            },
            Self::Doubles(set) => match *value {
                // What is no number equals nothing, and there is one zero.
                Value::Double(n) => set.contains(&(n + 0.0).to_bits()),
                _ => false,
            },
            Self::Bool { equal, to } => match *value {
                Value::Bool(b) => (b == *to) == *equal,
                _ => false,
            },
            Self::BoolSet(set) => match *value {
                Value::Bool(b) => set[usize::from(b)],
                _ => false,
            },
            Self::Ip { equal, to } => match *value {
                Value::Ip(ip) => (ip == *to) == *equal,
                _ => false,
            },
            Self::Addresses(set) => match *value {
                Value::Ip(ip) => set.contains(&ip),
                _ => false,
            },
            Self::Nets { inside, nets } => match *value {
                Value::Ip(ip) => nets.have(ip) == *inside,
                Value::Net(other) => nets.contains(&other) == *inside,
                _ => false,
            },
            Self::Counted { modifier, differs, constants } => {
                constants.holds(*modifier, *differs, Quantifier::Any, *value)
            }
            Self::Exists => true,
            Self::Operand(..) | Self::Type(_) => false,
        }
    }

    #[inline]
    fn holds_text(&self, text: &[u8]) -> bool {
        match self {
            Self::Bytes(cmp, to) => cmp.holds(text, to),
            Self::Texts(set) => set.contains(text),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::IContains(needle) => icontains(text, needle),
            Self::StartsWith(prefix) => text.starts_with(prefix),
            Self::EndsWith(suffix) => text.ends_with(suffix),
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.matches(text),
            Self::Paths(paths) => paths.cover(text),
            _ => false,
        }
    }
}

/// `needle` is in lower case.
pub(super) fn icontains(text: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || text.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle))
}

/// Compares two values of one type.
pub(super) fn against(op: Op, many: Quantifier, left: Value<'_>, right: Value<'_>) -> bool {
    let right_items = match right {
        Value::List(items) => items,
        _ => std::slice::from_ref(&right),
    };
    let is_member = |v: &Value<'_>| right_items.iter().any(|r| same(*v, *r));
    match (op, left) {
        (Op::In | Op::Intersects, Value::List(items)) => match many {
            Quantifier::All => items.iter().all(is_member),
            Quantifier::Any | Quantifier::Each => items.iter().any(is_member),
        },
        (Op::In | Op::Intersects, value) => is_member(&value),
        (op, Value::List(items)) => match many {
            Quantifier::Each => !items.is_empty() && items.iter().all(|v| scalar(op, *v, right)),
            Quantifier::All | Quantifier::Any => items.iter().any(|v| scalar(op, *v, right)),
        },
        (op, value) => scalar(op, value, right),
    }
}

fn same(a: Value<'_>, b: Value<'_>) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_bytes().zip(b.as_bytes()).map_or_else(|| a == b, |(a, b)| a == b),
    }
}

fn scalar(op: Op, left: Value<'_>, right: Value<'_>) -> bool {
    if let Some(cmp) = Cmp::of(op) {
        return match (number(left), number(right), left.as_bytes(), right.as_bytes()) {
            (Some(a), Some(b), ..) => cmp.holds(&a, &b),
            (.., Some(a), Some(b)) => cmp.holds(a, b),
            _ => match (left, right) {
                (Value::Double(a), Value::Double(b)) => cmp.holds(&a, &b),
                _ => match cmp {
                    Cmp::Eq => left == right,
                    Cmp::Ne => left != right,
                    _ => false,
                },
            },
        };
    }
    let (Some(text), Some(to)) = (left.as_bytes(), right.as_bytes()) else { return false };
    match op {
        Op::Contains | Op::BContains => memchr::memmem::find(text, to).is_some(),
        Op::IContains => icontains(text, &to.to_ascii_lowercase()),
        Op::StartsWith | Op::BStartsWith => text.starts_with(to),
        Op::EndsWith => text.ends_with(to),
        Op::Glob => Glob::new(to, false).matches(text),
        Op::IGlob => Glob::new(to, true).matches(text),
        _ => false,
    }
}
