//! Facts that a comparison implies about a value, so that two comparisons can be compared.

use eyas_fields::{FieldFlags, FieldType, Schema};

use crate::condition::ast::{LiteralRef, Operand, Rhs, Test};
use crate::condition::{Implies, Source, has};

/// Maximum number of values of a comparison; lints conclude nothing from more.
const MAX_VALUES: usize = 128;

/// A value that comparisons name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Named<'r> {
    Text(&'r [u8]),
    Number(i128),
}

/// Values in order, each once.
#[derive(Clone, Debug)]
pub(super) struct NamedSet<'r>(Box<[Named<'r>]>);

impl<'r> NamedSet<'r> {
    fn new(mut values: Vec<Named<'r>>) -> Self {
        values.sort_unstable();
        values.dedup();
        Self(values.into())
    }

    /// All values, in ascending order.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Named<'r>> {
        self.0.iter()
    }

    fn contains(&self, value: &Named<'_>) -> bool {
        self.0.binary_search_by(|known| known.cmp(value)).is_ok()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|value| other.contains(value))
    }

    fn is_disjoint(&self, other: &Self) -> bool {
        !self.iter().any(|value| other.contains(value))
    }
}

#[derive(Clone, Debug)]
pub(super) enum Kind<'r> {
    /// The value is one of these.
    In(NamedSet<'r>),
    /// The value is none of these.
    NotIn(NamedSet<'r>),
    /// The value is within this range.
    Range(i128, i128),
    Prefix(&'r [u8]),
    Suffix(&'r [u8]),
    Contains(&'r [u8]),
    /// There is none.
    Absent,
    /// No further facts.
    Other,
}

/// The facts of a comparison.
#[derive(Clone, Debug)]
pub(super) struct Fact<'r> {
    pub(super) kind: Kind<'r>,
    /// Whether the value must be present.
    pub(super) present: bool,
}

/// Whether the operand has at most one value.
fn is_single(operand: &Operand, schema: &dyn Schema) -> Option<FieldType> {
    let source = Source::resolve(operand, schema).ok()?;
    let mut single = !source.is_list;
    source.fields(&mut |field| {
        single &= !has(schema, field, FieldFlags::ANY) && !has(schema, field, FieldFlags::LIST);
    });
    single.then_some(source.ty)
}

fn named<'r>(ty: FieldType, literal: &LiteralRef<'r>) -> Option<Named<'r>> {
    use FieldType as T;
    match ty {
        T::Str | T::Bytes | T::Bool => Some(Named::Text(literal.text)),
        T::Int { .. } | T::Uint { .. } | T::RelTime | T::AbsTime | T::Port => {
            let number: i128 = std::str::from_utf8(literal.text).ok()?.parse().ok()?;
            // A number that exceeds the type wraps around.
            let limits = match ty {
                T::Int { bits } => -(1 << (bits - 1))..1 << (bits - 1),
                T::Uint { bits } => 0..1 << bits,
                T::Port => 0..1 << 16,
                _ => 0..1 << 64,
            };
            limits.contains(&number).then_some(Named::Number(number))
        }
        _ => None,
    }
}

impl<'r> Fact<'r> {
    /// The facts of the comparison, or of its negation; `None` if nothing can be concluded.
    pub(super) fn of(test: &'r Test, negated: bool, schema: &dyn Schema) -> Option<Self> {
        let ty = is_single(&test.left, schema)?;
        let implies = test.op.def().implies;
        if implies == Some(Implies::Present) {
            let kind = if negated { Kind::Absent } else { Kind::Other };
            return Some(Self { kind, present: !negated });
        }
        let is_large = test.right.len() > MAX_VALUES;
        if test.modifier.is_some() || matches!(test.right, Rhs::Operand(_)) || is_large {
            return Some(Self { kind: Kind::Other, present: !negated });
        }
        let values: Vec<LiteralRef<'r>> = test.right.values().collect();
        let set = || values.iter().map(|v| named(ty, v)).collect::<Option<Vec<_>>>().map(NamedSet::new);
        let number = || match values.as_slice() {
            [one] => match named(ty, one)? {
                Named::Number(n) => Some(n),
                Named::Text(_) => None,
            },
            _ => None,
        };
        let text = || match (ty, values.as_slice()) {
            (FieldType::Str | FieldType::Bytes, [one]) => Some(one.text),
            _ => None,
        };
        let (low, high) = (i128::MIN, i128::MAX);
        let kind = match (implies, negated) {
            (Some(Implies::OneOf), false) | (Some(Implies::NoneOf), true) => set().map(Kind::In),
            (Some(Implies::OneOf), true) | (Some(Implies::NoneOf), false) => set().map(Kind::NotIn),
            (Some(Implies::Below), false) | (Some(Implies::AtLeast), true) => {
                number().map(|n| Kind::Range(low, n - 1))
            }
            (Some(Implies::AtMost), false) | (Some(Implies::Above), true) => {
                number().map(|n| Kind::Range(low, n))
            }
            (Some(Implies::Above), false) | (Some(Implies::AtMost), true) => {
                number().map(|n| Kind::Range(n + 1, high))
            }
            (Some(Implies::AtLeast), false) | (Some(Implies::Below), true) => {
                number().map(|n| Kind::Range(n, high))
            }
            (Some(Implies::Prefix), false) => text().map(Kind::Prefix),
            (Some(Implies::Suffix), false) => text().map(Kind::Suffix),
            (Some(Implies::Substring), false) => text().map(Kind::Contains),
            _ => None,
        };
        // The negation of any comparison is true for an absent value.
        Some(match kind {
            Some(Kind::In(_) | Kind::Range(..)) if negated => Self { kind: Kind::Other, present: false },
            Some(kind) => Self { kind, present: !negated },
            None => Self { kind: Kind::Other, present: !negated },
        })
    }

    /// Whether both cannot be true together.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        let one_way = |a: &Self, b: &Self| match (&a.kind, &b.kind) {
            (Kind::Absent, _) => b.present,
            (Kind::In(a), Kind::In(b)) => a.is_disjoint(b),
            (Kind::In(a), Kind::NotIn(b)) => a.is_subset(b),
            (Kind::In(a), _) => {
                !matches!(b.kind, Kind::Other | Kind::Absent) && !a.iter().any(|v| b.may_be(v))
            }
            (Kind::Range(_, high), Kind::Range(low, _)) => high < low,
            (Kind::Prefix(a), Kind::Prefix(b)) => !a.starts_with(b) && !b.starts_with(a),
            (Kind::Suffix(a), Kind::Suffix(b)) => !a.ends_with(b) && !b.ends_with(a),
            _ => false,
        };
        one_way(self, other) || one_way(other, self)
    }

    /// Whether nothing can ever satisfy it.
    pub(super) fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::In(set) => set.is_empty(),
            Kind::Range(low, high) => low > high,
            _ => false,
        }
    }

    /// Whether the value may satisfy it.
    fn may_be(&self, value: &Named<'_>) -> bool {
        match (&self.kind, value) {
            (Kind::In(set), value) => set.contains(value),
            (Kind::NotIn(set), value) => !set.contains(value),
            (Kind::Range(low, high), Named::Number(n)) => low <= n && n <= high,
            (Kind::Prefix(part), Named::Text(text)) => text.starts_with(part),
            (Kind::Suffix(part), Named::Text(text)) => text.ends_with(part),
            (Kind::Contains(part), Named::Text(text)) => {
                part.is_empty() || memchr::memmem::find(text, part).is_some()
            }
            (Kind::Absent, _) => false,
            _ => true,
        }
    }

    /// Whether every value that satisfies this also satisfies the other.
    pub(super) fn implies(&self, other: &Self) -> bool {
        if other.present && !self.present {
            return false;
        }
        match (&self.kind, &other.kind) {
            (_, Kind::Other) | (Kind::Other, _) => false,
            (Kind::Absent, Kind::Absent) => true,
            // The negation of a comparison is true for an absent value.
            (Kind::Absent, Kind::NotIn(_)) => !other.present,
            (Kind::Absent, _) | (_, Kind::Absent) => false,
            (Kind::In(set), _) => !set.is_empty() && set.iter().all(|v| other.may_be(v)),
            (Kind::NotIn(a), Kind::NotIn(b)) => b.is_subset(a),
            (Kind::Range(a, b), Kind::Range(c, d)) => c <= a && b <= d,
            (Kind::Range(a, b), Kind::NotIn(set)) => set.iter().all(|v| match v {
                Named::Number(n) => n < a || b < n,
                Named::Text(_) => false,
            }),
            (Kind::Prefix(a), Kind::Prefix(b)) => a.starts_with(b),
            (Kind::Suffix(a), Kind::Suffix(b)) => a.ends_with(b),
            (Kind::Prefix(a) | Kind::Suffix(a) | Kind::Contains(a), Kind::Contains(b)) => {
                memchr::memmem::find(a, b).is_some()
            }
            (Kind::Prefix(a), Kind::NotIn(set)) => {
                set.iter().all(|v| matches!(v, Named::Text(text) if !text.starts_with(a)))
            }
            _ => false,
        }
    }
}
