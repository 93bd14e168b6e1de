//! Comparisons with many constants, of which it is counted how many a value satisfies.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use eyas_fields::Value;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::ast::{Modifier, Op};
use super::check::{Check, Quantifier, icontains, number};

/// Constants, each once, and what finds those that a value satisfies.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    find: Find,
    /// How often each constant was given.
    times: Box<[u32]>,
    /// How many were given.
    all: usize,
    shared: Box<[Arc<Self>]>,
}

#[derive(Clone, Debug)]
enum Find {
    Texts(FxHashMap<Box<[u8]>, u32>),
    Numbers(FxHashMap<i128, u32>),
    Addresses(FxHashMap<IpAddr, u32>),
    Within(Within),
    Starts(Ends),
    Ends(Ends),
    /// One by one.
    Checks(Box<[Check]>),
}

/// Texts that are looked for in others.
#[derive(Clone, Debug)]
struct Within {
    /// Without the empty one; in lower case if the case does not matter.
    needles: Box<[Box<[u8]>]>,
    any_case: bool,
    /// How often the empty one was given, which is everywhere.
    empty: usize,
    /// Made when it is needed first: most rules never come so far. `None` if there is too much of it.
    automaton: OnceLock<Option<AhoCorasick>>,
}

/// Texts by their lengths.
#[derive(Clone, Debug)]
struct Ends {
    texts: FxHashMap<Box<[u8]>, u32>,
    /// From the shortest.
    lengths: Box<[usize]>,
}

/// What kind of comparison it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Equal,
    Contains,
    ContainsAnyCase,
    StartsWith,
    EndsWith,
}

impl Kind {
    /// That of an operator, if it is one of these.
    pub(super) fn of(op: Op) -> Option<Self> {
        Some(match op {
            Op::Eq | Op::EqEq | Op::Ne => Self::Equal,
            Op::Contains | Op::BContains => Self::Contains,
            Op::IContains => Self::ContainsAnyCase,
            Op::StartsWith | Op::BStartsWith => Self::StartsWith,
            Op::EndsWith => Self::EndsWith,
            _ => return None,
        })
    }
}

/// Which constants were found.
type Found = SmallVec<[u64; 16]>;

/// Equal constants are one; returns how often each was given.
fn distinct<K: std::hash::Hash + Eq>(constants: Vec<K>) -> (FxHashMap<K, u32>, Box<[u32]>) {
    let (mut known, mut times) = (FxHashMap::default(), Vec::new());
    for constant in constants {
        let next = times.len() as u32;
        let index = *known.entry(constant).or_insert(next);
        if index == next {
            times.push(0);
        }
        times[index as usize] += 1;
    }
    (known, times.into())
}

impl Counted {
    /// Of texts, in lower case if the case does not matter.
    pub(super) fn texts(kind: Kind, mut texts: Vec<Box<[u8]>>, shared: Vec<Arc<Self>>) -> Self {
        let all = texts.len();
        if matches!(kind, Kind::Contains | Kind::ContainsAnyCase) {
            texts.retain(|text| !text.is_empty());
        }
        let empty = all - texts.len();
        let (known, times) = distinct(texts);
        let find = match kind {
            Kind::Equal => Find::Texts(known),
            Kind::Contains | Kind::ContainsAnyCase => {
                let mut needles: Vec<(Box<[u8]>, u32)> = known.into_iter().collect();
                needles.sort_unstable_by_key(|(_, index)| *index);
                let needles = needles.into_iter().map(|(text, _)| text).collect();
                let any_case = kind == Kind::ContainsAnyCase;
                Find::Within(Within { needles, any_case, empty, automaton: OnceLock::new() })
            }
            Kind::StartsWith => Find::Starts(Ends::new(known)),
            Kind::EndsWith => Find::Ends(Ends::new(known)),
        };
        Self { find, times, all, shared: shared.into() }
    }

    /// Of numbers.
    pub(super) fn numbers(numbers: Vec<i128>, shared: Vec<Arc<Self>>) -> Self {
        let all = numbers.len();
        let (known, times) = distinct(numbers);
        Self { find: Find::Numbers(known), times, all, shared: shared.into() }
    }

    /// Of addresses.
    pub(super) fn addresses(addresses: Vec<IpAddr>, shared: Vec<Arc<Self>>) -> Self {
        let all = addresses.len();
        let (known, times) = distinct(addresses);
        Self { find: Find::Addresses(known), times, all, shared: shared.into() }
    }

    /// Of constants that are compared one by one.
    pub(super) fn checks(checks: Vec<Check>, shared: Vec<Arc<Self>>) -> Self {
        let all = checks.len();
        Self { find: Find::Checks(checks.into()), times: Box::default(), all, shared: shared.into() }
    }

    /// Relative cost of an evaluation.
    pub(super) fn cost(&self) -> u32 {
        let own = match &self.find {
            Find::Texts(_) | Find::Numbers(_) | Find::Addresses(_) => 6,
            Find::Within(_) => 30,
            Find::Starts(_) | Find::Ends(_) => 10,
            Find::Checks(checks) => 4 * checks.len() as u32,
        };
        self.shared.iter().fold(own, |cost, shared| cost.saturating_add(shared.cost()))
    }

    /// How many constants there are.
    pub(super) fn all(&self) -> usize {
        self.all + self.shared.iter().map(|shared| shared.all()).sum::<usize>()
    }

    /// Whether as many constants are satisfied as the modifier wants; `differs` if they have to differ from the value.
    pub(super) fn holds(
        &self,
        modifier: Modifier,
        differs: bool,
        many: Quantifier,
        value: Value<'_>,
    ) -> bool {
        if let Find::Checks(_) = &self.find {
            return modifier.of(self.all(), self.count_checks(many, value));
        }
        let values = match &value {
            Value::List(values) => values,
            value => std::slice::from_ref(value),
        };
        if !differs && modifier == Modifier::AnyOf {
            return values.iter().any(|value| self.any(*value));
        }
        let all = self.all();
        let count = match differs {
            false => self.count(values),
            true => self.count_different(all, many, values),
        };
        modifier.of(all, count)
    }

    /// How many of the constants that are compared one by one are satisfied.
    fn count_checks(&self, many: Quantifier, value: Value<'_>) -> usize {
        let own = match &self.find {
            Find::Checks(checks) => checks.iter().filter(|check| many.of(check, &value)).count(),
            _ => 0,
        };
        own + self.shared.iter().map(|shared| shared.count_checks(many, value)).sum::<usize>()
    }

    /// How many constants none of the values is (all of them where each has to differ, or only some value).
    fn count_different(&self, all: usize, many: Quantifier, values: &[Value<'_>]) -> usize {
        let mut fitting = values.iter().filter(|value| self.fits(**value));
        let Some(first) = fitting.next() else { return 0 };
        if many == Quantifier::Each && !values.iter().all(|value| self.fits(*value)) {
            return 0;
        }
        // Of two values that differ, one differs from whatever the constant is.
        if many != Quantifier::Each && fitting.any(|other| other != first) {
            return all;
        }
        all - self.count(values)
    }

    /// Whether the value is of the constants' type.
    fn fits(&self, value: Value<'_>) -> bool {
        match &self.find {
            Find::Numbers(_) => number(value).is_some(),
            Find::Addresses(_) => matches!(value, Value::Ip(_)),
            _ => value.as_bytes().is_some(),
        }
    }

    /// Whether the value satisfies a constant.
    fn any(&self, value: Value<'_>) -> bool {
        let text = || value.as_bytes();
        let own = match &self.find {
            Find::Texts(texts) => text().is_some_and(|text| texts.contains_key(text)),
            Find::Numbers(numbers) => number(value).is_some_and(|number| numbers.contains_key(&number)),
            Find::Addresses(addresses) => match value {
                Value::Ip(ip) => addresses.contains_key(&ip),
                _ => false,
            },
            Find::Within(within) => text().is_some_and(|text| within.any(text)),
            Find::Checks(checks) => checks.iter().any(|check| check.holds(&value)),
            Find::Starts(starts) => text().is_some_and(|text| starts.of(text, prefix).next().is_some()),
            Find::Ends(ends) => text().is_some_and(|text| ends.of(text, suffix).next().is_some()),
        };
        own || self.shared.iter().any(|shared| shared.any(value))
    }

    /// How many constants the values satisfy.
    fn count(&self, values: &[Value<'_>]) -> usize {
        let mut found = Found::from_elem(0, self.times.len().div_ceil(64));
        let mut count = 0;
        let mut add = |index: u32| {
            let (word, bit) = (index as usize / 64, 1 << (index % 64));
            if found[word] & bit == 0 {
                found[word] |= bit;
                count += self.times[index as usize] as usize;
            }
        };
        for value in values {
            match (&self.find, value) {
                (Find::Numbers(numbers), value) => {
                    number(*value)
                        .and_then(|number| numbers.get(&number))
                        .copied()
                        .into_iter()
                        .for_each(&mut add);
                }
                (Find::Addresses(addresses), Value::Ip(ip)) => {
                    addresses.get(ip).copied().into_iter().for_each(&mut add);
                }
                (Find::Addresses(_), _) => {}
                (_, value) => {
                    if let Some(text) = value.as_bytes() {
                        self.each_of_text(text, &mut add);
                    }
                }
            }
        }
        if let Find::Within(Within { empty, .. }) = &self.find
            && values.iter().any(|value| self.fits(*value))
        {
            count += empty;
        }
        count + self.shared.iter().map(|shared| shared.count(values)).sum::<usize>()
    }

    fn each_of_text(&self, text: &[u8], add: &mut dyn FnMut(u32)) {
        match &self.find {
            Find::Texts(texts) => texts.get(text).copied().into_iter().for_each(add),
            Find::Within(within) => within.each(text, add),
            Find::Starts(starts) => starts.of(text, prefix).for_each(add),
            Find::Ends(ends) => ends.of(text, suffix).for_each(add),
            Find::Numbers(_) | Find::Addresses(_) | Find::Checks(_) => {}
        }
    }
}

impl Within {
    fn automaton(&self) -> Option<&AhoCorasick> {
        let make = || {
            AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .match_kind(MatchKind::Standard)
                .ascii_case_insensitive(self.any_case)
                .build(&self.needles)
                .ok()
        };
        self.automaton.get_or_init(make).as_ref()
    }

    fn any(&self, text: &[u8]) -> bool {
        self.empty > 0
            || match self.automaton() {
                Some(automaton) => automaton.is_match(text),
                None => self.needles.iter().any(|needle| self.is_in(text, needle)),
            }
    }

    fn each(&self, text: &[u8], add: &mut dyn FnMut(u32)) {
        match self.automaton() {
            Some(automaton) => {
                automaton.find_overlapping_iter(text).for_each(|found| add(found.pattern().as_u32()));
            }
            None => {
                let found = (0..).zip(&self.needles).filter(|(_, needle)| self.is_in(text, needle));
                found.for_each(|(index, _)| add(index));
            }
        }
    }

    fn is_in(&self, text: &[u8], needle: &[u8]) -> bool {
        match self.any_case {
            true => icontains(text, needle),
            false => memchr::memmem::find(text, needle).is_some(),
        }
    }
}

fn prefix(text: &[u8], len: usize) -> &[u8] {
    &text[..len]
}

fn suffix(text: &[u8], len: usize) -> &[u8] {
    &text[text.len() - len..]
}

impl Ends {
    fn new(texts: FxHashMap<Box<[u8]>, u32>) -> Self {
        let mut lengths: Vec<usize> = texts.keys().map(|text| text.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Self { texts, lengths: lengths.into() }
    }

    /// Texts that are an end of this one; `end` cuts it.
    fn of<'a>(&'a self, text: &'a [u8], end: fn(&[u8], usize) -> &[u8]) -> impl Iterator<Item = u32> + 'a {
        let fitting = self.lengths.iter().take_while(move |len| **len <= text.len());
        fitting.filter_map(move |len| self.texts.get(end(text, *len)).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::check::Cmp;

    /// A small generator of numbers.
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

    /// The comparison of one constant by itself.
    fn check(kind: Kind, differs: bool, text: &str) -> Check {
        let bytes = || text.as_bytes().into();
        match kind {
            Kind::Equal => Check::Bytes(if differs { Cmp::Ne } else { Cmp::Eq }, bytes()),
            Kind::Contains => Check::Contains(Box::new(memchr::memmem::Finder::new(text).into_owned())),
            Kind::ContainsAnyCase => Check::IContains(text.to_ascii_lowercase().into_bytes().into()),
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
    fn counting_says_what_each_constant_by_itself_says() {
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
            let plain = Counted::checks(checks(&[&own[..], &of_list[..]].concat()), Vec::new());
            let values: Vec<Value<'_>> = numbers.some(3, |n| match n.below(12) {
                0 => Value::Bool(true),
                n => Value::from(TEXTS[n % TEXTS.len()]),
            });
            let mut given = vec![Value::List(&values)];
            given.extend(values.first());
            for value in given {
                each_modifier(
                    |modifier| counted.holds(modifier, differs, many, value),
                    |modifier| plain.holds(modifier, false, many, value),
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
            let plain = Counted::checks(plain, Vec::new());
            let of_numbers = Counted::numbers(constants.clone(), Vec::new());
            let of_addresses = Counted::addresses(constants.iter().map(|n| ip(*n)).collect(), Vec::new());
            let wanted = |modifier| plain.holds(modifier, false, many, Value::List(&as_numbers));
            let what = format!("{differs} {many:?} {constants:?} {values:?}");
            let list = Value::List(&as_numbers);
            each_modifier(|modifier| of_numbers.holds(modifier, differs, many, list), wanted, &what);
            let list = Value::List(&as_addresses);
            each_modifier(|modifier| of_addresses.holds(modifier, differs, many, list), wanted, &what);
        }
    }
}
