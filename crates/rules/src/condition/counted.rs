//! Comparisons that count how many of many constants a value satisfies.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use eyas_fields::Value;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::compare::{Modifier, Quantifier, icontains, number};

/// Distinct constants, and a structure that finds those that a value satisfies.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    find: Find,
    /// How often each constant was given.
    times: Box<[u32]>,
    /// Number of given constants.
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
}

/// Texts that are searched in other texts.
#[derive(Clone, Debug)]
struct Within {
    /// Without the empty one; in lower case if the case does not matter.
    needles: Box<[Box<[u8]>]>,
    any_case: bool,
    /// How often the empty text was given, which every text contains.
    empty: usize,
    /// Built at first use, because most rules never need it. `None` if it would be too large.
    automaton: OnceLock<Option<AhoCorasick>>,
}

/// Texts by their lengths.
#[derive(Clone, Debug)]
struct Ends {
    texts: FxHashMap<Box<[u8]>, u32>,
    /// Lengths of the texts, ascending.
    lengths: Box<[usize]>,
}

/// Kind of comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Equal,
    Contains,
    ContainsAnyCase,
    StartsWith,
    EndsWith,
}

/// Bits of the found constants.
type Found = SmallVec<[u64; 16]>;

/// Removes duplicates; returns how often each constant was given.
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
    /// Makes one from texts, in lower case if the case does not matter.
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

    /// Creates a set of numbers.
    pub(super) fn numbers(numbers: Vec<i128>, shared: Vec<Arc<Self>>) -> Self {
        let all = numbers.len();
        let (known, times) = distinct(numbers);
        Self { find: Find::Numbers(known), times, all, shared: shared.into() }
    }

    /// Creates a set of addresses.
    pub(super) fn addresses(addresses: Vec<IpAddr>, shared: Vec<Arc<Self>>) -> Self {
        let all = addresses.len();
        let (known, times) = distinct(addresses);
        Self { find: Find::Addresses(known), times, all, shared: shared.into() }
    }

    /// Relative cost of an evaluation.
    pub(super) fn cost(&self) -> u32 {
        let own = match &self.find {
            Find::Texts(_) | Find::Numbers(_) | Find::Addresses(_) => 6,
            Find::Within(_) => 30,
            Find::Starts(_) | Find::Ends(_) => 10,
        };
        self.shared.iter().fold(own, |cost, shared| cost.saturating_add(shared.cost()))
    }

    /// Number of constants.
    pub(super) fn all(&self) -> usize {
        self.all + self.shared.iter().map(|shared| shared.all()).sum::<usize>()
    }

    /// Whether the number of satisfied constants meets the modifier; with `differs`, the constants must
    /// differ from the value.
    pub(super) fn holds(
        &self,
        modifier: Modifier,
        differs: bool,
        many: Quantifier,
        value: Value<'_>,
    ) -> bool {
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

    /// Number of constants that the values differ from: every value, or only some value, as the quantifier
    /// requires.
    fn count_different(&self, all: usize, many: Quantifier, values: &[Value<'_>]) -> usize {
        let mut fitting = values.iter().filter(|value| self.fits(**value));
        let Some(first) = fitting.next() else { return 0 };
        if many == Quantifier::Each && !values.iter().all(|value| self.fits(*value)) {
            return 0;
        }
        // If two values differ, at least one of them differs from the constant.
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
            Find::Starts(starts) => text().is_some_and(|text| starts.of(text, prefix).next().is_some()),
            Find::Ends(ends) => text().is_some_and(|text| ends.of(text, suffix).next().is_some()),
        };
        own || self.shared.iter().any(|shared| shared.any(value))
    }

    /// Number of constants that the values satisfy.
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
            Find::Numbers(_) | Find::Addresses(_) => {}
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

    /// Constants that are an end of this text; `end` cuts the text.
    fn of<'a>(&'a self, text: &'a [u8], end: fn(&[u8], usize) -> &[u8]) -> impl Iterator<Item = u32> + 'a {
        let fitting = self.lengths.iter().take_while(move |len| **len <= text.len());
        fitting.filter_map(move |len| self.texts.get(end(text, *len)).copied())
    }
}
