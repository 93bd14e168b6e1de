//! Comparisons of a value with constants.

use std::net::IpAddr;
use std::sync::Arc;

use eyas_fields::Value;
use memchr::memmem::Finder;

use super::compare::{Cmp, Modifier, Quantifier, number};
use super::counted::{Counted, Kind};
use super::pattern::{Glob, Paths, Regex};
use super::sets::{Nets, Set};

#[derive(Clone, Debug)]
pub(super) enum Check {
    Exists,
    Num(Cmp, i128),
    Numbers(Set<i128>),
    Double(Cmp, f64),
    /// Floating point numbers, by their bits.
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
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Glob(Glob),
    Regex(Box<Regex>),
    Paths(Paths),
    /// Counts the constants that the value satisfies.
    Counted {
        modifier: Modifier,
        /// Whether the constants must differ from the value.
        differs: bool,
        constants: Box<Counted>,
    },
    /// Compares with several constants, one by one.
    Several {
        modifier: Modifier,
        checks: Box<Checks>,
    },
    /// Calls a function of the operator.
    Text(TextTest),
}

/// A comparison of texts for which [`Check`] has no special variant.
#[derive(Clone, Debug)]
pub(super) struct TextTest {
    /// Returns whether the comparison of the value and the constant is true.
    pub(super) holds: BothTexts,
    pub(super) constant: Box<[u8]>,
    /// The way to compare with many constants in one pass, if there is one.
    pub(super) search: Option<Kind>,
}

/// Returns whether a comparison of two texts is true.
pub(super) type BothTexts = fn(&[u8], &[u8]) -> bool;

/// Comparisons with a constant each.
#[derive(Clone, Debug)]
pub(super) struct Checks {
    own: Box<[Check]>,
    shared: Box<[Arc<Self>]>,
}

impl Checks {
    /// Combines these comparisons with those of lists.
    pub(super) fn new(checks: Vec<Check>, shared: Vec<Arc<Self>>) -> Self {
        Self { own: checks.into(), shared: shared.into() }
    }

    /// How many there are.
    fn len(&self) -> usize {
        self.own.len() + self.shared.iter().map(|shared| shared.len()).sum::<usize>()
    }

    /// Number of checks that are true.
    fn count(&self, many: Quantifier, value: &Value<'_>) -> usize {
        let own = self.own.iter().filter(|check| check.holds_of(many, value)).count();
        own + self.shared.iter().map(|shared| shared.count(many, value)).sum::<usize>()
    }

    /// Relative cost of an evaluation.
    pub(super) fn cost(&self) -> u32 {
        let own = 4 * self.own.len() as u32;
        self.shared.iter().fold(own, |cost, shared| cost.saturating_add(shared.cost()))
    }

    /// Whether the number of true comparisons satisfies the modifier.
    pub(super) fn hold(&self, modifier: Modifier, many: Quantifier, value: &Value<'_>) -> bool {
        modifier.of(self.len(), self.count(many, value))
    }
}

impl Check {
    /// Whether the comparison is true for the value, or for as many values of a list as the quantifier
    /// requires.
    #[inline]
    pub(super) fn holds_of(&self, many: Quantifier, value: &Value<'_>) -> bool {
        match value {
            Value::List(values) => many.of(values, |value| self.holds(value)),
            value => self.holds(value),
        }
    }

    #[inline]
    pub(super) fn holds(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Bytes(..)
            | Self::Texts(_)
            | Self::Contains(_)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Glob(_)
            | Self::Regex(_)
            | Self::Paths(_)
            | Self::Text(_) => value.as_bytes().is_some_and(|text| self.holds_text(text)),
            Self::Num(cmp, to) => number(*value).is_some_and(|n| cmp.holds(&n, to)),
            Self::Numbers(set) => number(*value).is_some_and(|n| set.contains(&n)),
            Self::Double(cmp, to) => match *value {
                Value::Double(n) => cmp.holds(&n, to),
                _ => false,
            },
            Self::Doubles(set) => match *value {
                // NaN equals nothing; adding 0.0 turns -0.0 into 0.0.
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
            Self::Several { modifier, checks } => checks.hold(*modifier, Quantifier::Any, value),
            Self::Exists => true,
        }
    }

    #[inline]
    fn holds_text(&self, text: &[u8]) -> bool {
        match self {
            Self::Bytes(cmp, to) => cmp.holds(text, to),
            Self::Texts(set) => set.contains(text),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::StartsWith(prefix) => text.starts_with(prefix),
            Self::EndsWith(suffix) => text.ends_with(suffix),
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.matches(text),
            Self::Paths(paths) => paths.cover(text),
            Self::Text(test) => (test.holds)(text, &test.constant),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small pseudo-random generator.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % limit as u64) as usize
        }

        fn some<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
            (0..self.below(most + 1)).map(|_| one(self)).collect()
        }
    }

    const TEXTS: [&str; 8] = ["", "a", "b", "A", "ab", "ba", "aba", "Ab"];

    /// The comparison with one constant.
    fn check(kind: Kind, differs: bool, text: &str) -> Check {
        let bytes = || text.as_bytes().into();
        match kind {
            Kind::Equal => Check::Bytes(if differs { Cmp::Ne } else { Cmp::Eq }, bytes()),
            Kind::Contains => Check::Contains(Box::new(memchr::memmem::Finder::new(text).into_owned())),
            Kind::ContainsAnyCase => Check::Text(TextTest {
                holds: crate::condition::compare::icontains,
                constant: text.to_ascii_lowercase().into_bytes().into(),
                search: Some(kind),
            }),
            Kind::StartsWith => Check::StartsWith(bytes()),
            Kind::EndsWith => Check::EndsWith(bytes()),
        }
    }

    fn each_modifier(given: impl Fn(Modifier) -> bool, wanted: impl Fn(Modifier) -> bool, what: &str) {
        for modifier in [Modifier::OneOf, Modifier::AnyOf, Modifier::AllOf] {
            assert_eq!(given(modifier), wanted(modifier), "{modifier:?} {what}");
        }
    }

    #[test]
    fn counting_has_the_results_of_comparing_one_by_one() {
        let mut numbers = Numbers(0x5eed);
        let kinds = [Kind::Equal, Kind::Contains, Kind::ContainsAnyCase, Kind::StartsWith, Kind::EndsWith];
        for _ in 0..4_000 {
            let kind = kinds[numbers.below(kinds.len())];
            let differs = kind == Kind::Equal && numbers.below(2) == 0;
            let many = [Quantifier::Any, Quantifier::Each][if differs { numbers.below(2) } else { 0 }];
            let (own, of_list) = (
                numbers.some(4, |n| TEXTS[n.below(TEXTS.len())]),
                numbers.some(4, |n| TEXTS[n.below(TEXTS.len())]),
            );
            let of = |texts: &[&str], shared| {
                let fold = |text: &&str| match kind {
                    Kind::ContainsAnyCase => text.to_ascii_lowercase(),
                    _ => (*text).to_owned(),
                };
                Counted::texts(kind, texts.iter().map(|t| fold(t).into_bytes().into()).collect(), shared)
            };
            let counted = of(&own, vec![Arc::new(of(&of_list, Vec::new()))]);
            let checks = |texts: &[&str]| texts.iter().map(|text| check(kind, differs, text)).collect();
            let plain = Checks::new(checks(&[&own[..], &of_list[..]].concat()), Vec::new());
            let values: Vec<Value<'_>> = numbers.some(3, |n| match n.below(12) {
                0 => Value::Bool(true),
                n => Value::from(TEXTS[n % TEXTS.len()]),
            });
            let mut given = vec![Value::List(&values)];
            given.extend(values.first());
            for value in given {
                each_modifier(
                    |modifier| counted.holds(modifier, differs, many, value),
                    |modifier| plain.hold(modifier, many, &value),
                    &format!("{kind:?} {differs} {many:?} {own:?} {of_list:?} {value:?}"),
                );
            }
        }
    }

    #[test]
    fn numbers_and_addresses_are_counted_as_texts_are() {
        let mut numbers = Numbers(0x5eed);
        for _ in 0..2_000 {
            let differs = numbers.below(2) == 0;
            let many = [Quantifier::Any, Quantifier::Each][if differs { numbers.below(2) } else { 0 }];
            let constants: Vec<i128> = numbers.some(5, |n| n.below(4) as i128);
            let cmp = if differs { Cmp::Ne } else { Cmp::Eq };
            let values = numbers.some(3, |n| n.below(4) as i64);
            let ip = |n: i128| IpAddr::from([10, 0, 0, n as u8]);
            let as_numbers: Vec<Value<'_>> = values.iter().map(|n| Value::Int(*n)).collect();
            let as_addresses: Vec<Value<'_>> = values.iter().map(|n| Value::Ip(ip((*n).into()))).collect();
            let plain = constants.iter().map(|n| Check::Num(cmp, *n)).collect();
            let plain = Checks::new(plain, Vec::new());
            let of_numbers = Counted::numbers(constants.clone(), Vec::new());
            let of_addresses = Counted::addresses(constants.iter().map(|n| ip(*n)).collect(), Vec::new());
            let wanted = |modifier| plain.hold(modifier, many, &Value::List(&as_numbers));
            let what = format!("{differs} {many:?} {constants:?} {values:?}");
            let list = Value::List(&as_numbers);
            each_modifier(|modifier| of_numbers.holds(modifier, differs, many, list), wanted, &what);
            let list = Value::List(&as_addresses);
            each_modifier(|modifier| of_addresses.holds(modifier, differs, many, list), wanted, &what);
        }
    }
}
