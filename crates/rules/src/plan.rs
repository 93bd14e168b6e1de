//! The rules of an event code, arranged so that tests that reject many of them come first.
//!
//! A condition is split by the scopes of its parts. Results of parts that depend only on the process and
//! its ancestors, or only on the open file, are cached as bits, one per rule, until the source reports a change. One word of bits
//! rejects 64 rules. Then come tests that several rules share, each once; then the remaining parts, rule by
//! rule.

use eyas_fields::{CodeSet, FieldSource, Scope};
use rustc_hash::FxHashMap;

use crate::condition::{Compiler, Program, Root, Scopes, Scratch};
use crate::rule::{Match, RuleIndex};

/// Maximum number of slots with cached results, to limit memory. For further slots, every event is tested
/// without a cache.
const MAX_SLOTS: usize = 1 << 16;
/// Maximum number of words of results in a layer of a plan: 32 MiB.
const MAX_WORDS: usize = 1 << 22;

/// Parts of conditions whose results are cached beyond an event.
struct Layer {
    /// The parts depend only on fields of these scopes.
    scopes: Scopes,
    /// The scope whose version shows that the results are still valid.
    version: Scope,
    /// Number of events with an equal version after which all parts are tested. Before that, tests of the event itself may make them
    /// unnecessary.
    settled: u64,
}

/// A part belongs to the first layer that has its scopes.
const LAYERS: [Layer; 3] = [
    Layer { scopes: Scopes::of(&[Scope::Host, Scope::Process]), version: Scope::Process, settled: 4 },
    Layer {
        scopes: Scopes::of(&[Scope::Host, Scope::Process, Scope::Ancestors]),
        version: Scope::Ancestors,
        settled: 4,
    },
    Layer { scopes: Scopes::of(&[Scope::Host, Scope::Fd]), version: Scope::Fd, settled: 0 },
];

/// A rule that events of the code may satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Candidate {
    rule: u32,
    root: Root,
}

#[derive(Debug)]
struct Entry {
    rule: u32,
    /// Parts whose results are cached.
    kept: [Option<Root>; LAYERS.len()],
    rest: Root,
}

/// A test that several rules share.
#[derive(Debug)]
struct Guard {
    root: Root,
    /// Rules that require the test.
    of: Box<[u64]>,
}

/// The order of tests for the rules of some event codes.
#[derive(Debug)]
pub(crate) struct Plan {
    entries: Box<[Entry]>,
    /// Entries with a part in the layer.
    having: [Box<[u64]>; LAYERS.len()],
    guards: Box<[Guard]>,
    words: usize,
}

/// The plans of all event codes.
#[derive(Debug)]
pub(crate) struct Plans {
    pub(crate) all: Vec<Plan>,
    of_code: Vec<Option<u32>>,
}

impl Plans {
    /// Makes one plan for all codes that have the same rules with the same conditions. `order` contains the
    /// enabled rules. `conditions` contains the conditions of all rules, each with the codes that it may
    /// match.
    pub(crate) fn new(order: &[usize], conditions: &[(Root, CodeSet)], compiler: &mut Compiler<'_>) -> Self {
        let mut known: FxHashMap<Vec<Candidate>, u32> = FxHashMap::default();
        let (mut all, mut of_code) = (Vec::new(), Vec::new());
        for code in 0..compiler.codes() as u16 {
            let class = compiler.class_of(code);
            let mut candidates = Vec::new();
            for index in order {
                let (root, codes) = &conditions[*index];
                if codes.contains(code) {
                    let root = compiler.specialize(*root, class);
                    if !compiler.is_const(root, false) {
                        candidates.push(Candidate { rule: *index as u32, root });
                    }
                }
            }
            of_code.push((!candidates.is_empty()).then(|| {
                *known.entry(candidates).or_insert_with_key(|candidates| {
                    all.push(Plan::new(candidates, compiler));
                    all.len() as u32 - 1
                })
            }));
        }
        Self { all, of_code }
    }

    /// Index in `all` of the plan for events of a code; `None` if no rule can match.
    #[inline]
    pub(crate) fn of_code(&self, code: u16) -> Option<usize> {
        self.of_code.get(usize::from(code)).copied().flatten().map(|plan| plan as usize)
    }
}

/// Results of a plan that are cached beyond an event.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    layers: [Vec<u64>; LAYERS.len()],
}

/// A record of [`Kept`]: version (2 words), events seen, then a word of rules known and one of rules
/// satisfied for every 64 rules.
const HEAD: usize = 3;
const SEEN: usize = 2;

impl Plan {
    fn new(candidates: &[Candidate], compiler: &mut Compiler<'_>) -> Self {
        let words = candidates.len().div_ceil(64);
        let mut having: [Box<[u64]>; LAYERS.len()] = std::array::from_fn(|_| vec![0; words].into());
        let mut demanded: FxHashMap<Root, Vec<usize>> = FxHashMap::default();
        let mut entries = Vec::with_capacity(candidates.len());
        for (at, candidate) in candidates.iter().enumerate() {
            let (kept, rest) = compiler.split(candidate.root, LAYERS.map(|layer| layer.scopes));
            for (having, _) in having.iter_mut().zip(&kept).filter(|(_, part)| part.is_some()) {
                set(having, at);
            }
            for root in compiler.conjuncts(rest) {
                demanded.entry(root).or_default().push(at);
            }
            entries.push(Entry { rule: candidate.rule, kept, rest });
        }
        let mut shared: Vec<(Root, Vec<usize>)> =
            demanded.into_iter().filter(|(_, of)| of.len() > 1).collect();
        let worth = |(root, of): &(Root, Vec<usize>)| compiler.rank(*root) / of.len() as f32;
        shared.sort_by(|a, b| worth(a).total_cmp(&worth(b)).then(a.0.cmp(&b.0)));
        let guards = shared.into_iter().map(|(root, of)| {
            let mut bits: Box<[u64]> = vec![0; words].into();
            of.into_iter().for_each(|at| set(&mut bits, at));
            Guard { root, of: bits }
        });
        let guards = guards.collect();
        Self { entries: entries.into(), having, guards, words }
    }

    /// Number of words with a bit for every rule.
    pub(crate) fn words(&self) -> usize {
        self.words
    }

    /// Appends the rules that the event satisfies, in order; with `first`, only the first one.
    #[inline]
    pub(crate) fn matches(&self, event: Event<'_>, first: bool, out: &mut Vec<Match>) {
        let Event { program, source, scratch, kept, live } = event;
        let live = &mut live[..self.words];
        live.fill(!0);
        if let Some(last) = live.last_mut() {
            *last >>= self.words * 64 - self.entries.len();
        }
        let mut records = [None; LAYERS.len()];
        for (layer, record) in records.iter_mut().enumerate() {
            *record = self.reject(layer, &mut kept.layers[layer], live, program, source, scratch);
            if live.iter().all(|word| *word == 0) {
                return;
            }
        }
        for guard in &self.guards {
            if has_several(live, &guard.of) && !program.eval(guard.root, source, scratch) {
                live.iter_mut().zip(&guard.of).for_each(|(live, of)| *live &= !of);
                if live.iter().all(|word| *word == 0) {
                    return;
                }
            }
        }
        for (word, live) in live.iter().enumerate() {
            for bit in ones(*live) {
                let entry = &self.entries[word * 64 + bit];
                let found = program.eval(entry.rest, source, scratch)
                    && entry.kept.iter().enumerate().all(|(layer, part)| {
                        let Some(part) = part else { return true };
                        let Some(record) = records[layer] else {
                            return program.eval(*part, source, scratch);
                        };
                        let at = (record + HEAD + word, record + HEAD + self.words + word);
                        known(&mut kept.layers[layer], at, bit, || program.eval(*part, source, scratch))
                    });
                if found {
                    out.push(Match { rule: RuleIndex(entry.rule), of_alternate: false });
                    if first {
                        return;
                    }
                }
            }
        }
    }

    /// Removes from `live` the rules that are known to be false for the event's process or file; returns the index
    /// of its cached results, if there are any.
    #[inline]
    fn reject(
        &self,
        layer: usize,
        table: &mut Vec<u64>,
        live: &mut [u64],
        program: &Program,
        source: &dyn FieldSource,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let having = &self.having[layer];
        if !live.iter().zip(having).any(|(live, having)| live & having != 0) {
            return None;
        }
        let version = source.scope_version(LAYERS[layer].version)?;
        let size = HEAD + 2 * self.words;
        let slot = version.slot as usize;
        let record = slot * size;
        if record + size > table.len() {
            if slot >= MAX_SLOTS.min(MAX_WORDS / size) {
                return None;
            }
            table.resize((slot + 1).next_power_of_two() * size, 0);
        }
        let kept = &mut table[record..record + size];
        if kept[..SEEN] != version.versions {
            kept.fill(0);
            kept[..SEEN].copy_from_slice(&version.versions);
        }
        kept[SEEN] += 1;
        let settled = kept[SEEN] > LAYERS[layer].settled;
        let (known, held) = kept[HEAD..].split_at_mut(self.words);
        for (word, live) in live.iter_mut().enumerate() {
            if settled {
                for bit in ones(*live & having[word] & !known[word]) {
                    let part = self.entries[word * 64 + bit].kept[layer];
                    let verdict = part.is_none_or(|part| program.eval(part, source, scratch));
                    known[word] |= 1 << bit;
                    held[word] |= u64::from(verdict) << bit;
                }
            }
            *live &= !(known[word] & !held[word]);
        }
        Some(record)
    }
}

/// An event, and the memory for its evaluation.
pub(crate) struct Event<'a> {
    pub(crate) program: &'a Program,
    pub(crate) source: &'a dyn FieldSource,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) kept: &'a mut Kept,
    /// A bit for every rule that may still match.
    pub(crate) live: &'a mut [u64],
}

/// The cached result in a bit of the words `known` and `held`; computes it if it is unknown.
fn known(table: &mut [u64], (known, held): (usize, usize), bit: usize, find: impl FnOnce() -> bool) -> bool {
    if table[known] >> bit & 1 == 0 {
        table[known] |= 1 << bit;
        table[held] |= u64::from(find()) << bit;
    }
    table[held] >> bit & 1 != 0
}

fn set(bits: &mut [u64], at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}

/// Whether the sets have more than one common member.
fn has_several(a: &[u64], b: &[u64]) -> bool {
    let mut has_one = false;
    a.iter().zip(b).map(|(a, b)| a & b).any(|both| {
        let is_second = both != 0 && has_one || both & both.wrapping_sub(1) != 0;
        has_one |= both != 0;
        is_second
    })
}

/// Positions of the ones, from the lowest.
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = word.trailing_zeros() as usize;
        (word != 0).then(|| {
            word &= word - 1;
            at
        })
    })
}
