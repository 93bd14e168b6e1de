//! Rules that an earlier rule shadows.

use std::rc::Rc;

use eyas_fields::CodeSet;
use rustc_hash::{FxHashMap, FxHashSet};

use super::context::{Finding, Findings, LintCx, MAX_LEVELS, MAX_TESTS, Part};
use super::facts::{Fact, Kind, Named};
use crate::condition::is_larger;
use crate::diagnostic::{Lint, Note};
use crate::ruleset::compilation::Compiled;

/// Maximum number of search steps for two rules; after that nothing is reported for them.
const MAX_STEPS: usize = 10_000;
/// Maximum number of steps for all rules.
const ALL_STEPS: usize = 2_000_000;
/// Maximum number of compared pairs of rules.
const ALL_PAIRS: usize = 1_000_000;
/// Maximum number of demands by which a rule is indexed.
const MAX_DEMANDS: usize = 16;

/// Conditions with negations pushed to the comparisons. Parts have numbers; equal parts have the same
/// number.
#[derive(Default)]
struct Forest<'r> {
    trees: Vec<Tree<'r>>,
    known: FxHashMap<Made, u32>,
}

enum Tree<'r> {
    Leaf(Leaf<'r>),
    All(Box<[u32]>),
    Any(Box<[u32]>),
}

/// A comparison with its facts.
struct Leaf<'r> {
    /// Number of the left side.
    key: u32,
    fact: Option<Rc<Fact<'r>>>,
}

/// The shape of a tree.
#[derive(PartialEq, Eq, Hash)]
enum Made {
    Test(u32, bool),
    /// Parts, whatever their order.
    All(Box<[u32]>),
    Any(Box<[u32]>),
}

impl<'r> Forest<'r> {
    fn tree(&mut self, cx: &LintCx<'r>, part: Part<'r>) -> u32 {
        if let Some((test, negated)) = part.test() {
            let known = cx.known(test);
            let leaf = || Tree::Leaf(Leaf { key: known.left, fact: known.fact(negated).cloned() });
            return self.of(Made::Test(known.text, negated), leaf);
        }
        let (all, children): (_, Vec<Part<'r>>) = match part.all() {
            Some(children) => (true, children.collect()),
            None => (false, part.any().into_iter().flatten().collect()),
        };
        let mut parts: Vec<u32> = children.into_iter().map(|child| self.tree(cx, child)).collect();
        parts.sort_unstable();
        let (parts, copy): (Box<[u32]>, Box<[u32]>) = (parts.clone().into(), parts.into());
        match all {
            true => self.of(Made::All(parts), || Tree::All(copy)),
            false => self.of(Made::Any(parts), || Tree::Any(copy)),
        }
    }

    fn of(&mut self, made: Made, tree: impl FnOnce() -> Tree<'r>) -> u32 {
        let next = self.trees.len() as u32;
        let id = *self.known.entry(made).or_insert(next);
        if id == next {
            self.trees.push(tree());
        }
        id
    }

    fn get(&self, id: u32) -> &Tree<'r> {
        &self.trees[id as usize]
    }

    /// Collects the comparisons of a tree; `needed` contains those that are true for every event that
    /// satisfies the tree.
    fn leaves(&self, id: u32, is_needed: bool, all: &mut Vec<u32>, needed: &mut Vec<u32>) {
        match self.get(id) {
            Tree::Leaf(_) => {
                all.push(id);
                if is_needed {
                    needed.push(id);
                }
            }
            Tree::All(parts) => parts.iter().for_each(|part| self.leaves(*part, is_needed, all, needed)),
            Tree::Any(parts) => parts.iter().for_each(|part| self.leaves(*part, false, all, needed)),
        }
    }

    fn leaf(&self, id: u32) -> Option<&Leaf<'r>> {
        match self.get(id) {
            Tree::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    /// Collects the parts of a conjunction.
    fn flatten(&self, id: u32, out: &mut Vec<u32>) {
        // The wanted tree may be the whole one.
        out.push(id);
        if let Tree::All(parts) = self.get(id) {
            parts.iter().for_each(|part| self.flatten(*part, out));
        }
    }

    /// Whether every event that satisfies all of `given`, which is flat, satisfies `wanted`.
    fn entail(&self, given: &[u32], wanted: u32, steps: &mut usize) -> bool {
        if *steps == 0 {
            return false;
        }
        *steps = steps.saturating_sub(1 + given.len() / 4);
        if given.contains(&wanted) {
            return true;
        }
        let direct = match self.get(wanted) {
            Tree::All(parts) => return parts.iter().all(|part| self.entail(given, *part, steps)),
            Tree::Any(parts) => parts.iter().any(|part| self.entail(given, *part, steps)),
            Tree::Leaf(wanted) => {
                given.iter().filter_map(|given| self.leaf(*given)).any(|given| implies(given, wanted))
            }
        };
        if direct {
            return true;
        }
        // Each alternative of a disjunction must entail it.
        for at in 0..given.len() {
            let Tree::Any(parts) = self.get(given[at]) else { continue };
            let mut rest = given.to_vec();
            rest.swap_remove(at);
            let len = rest.len();
            let found = parts.iter().all(|part| {
                self.flatten(*part, &mut rest);
                let found = self.entail(&rest, wanted, steps);
                rest.truncate(len);
                found
            });
            if found {
                return true;
            }
        }
        false
    }

    /// The demands of a tree, by which it is found as possibly entailed, and the number of rules with these
    /// demands.
    fn demands(&self, id: u32, counts: &FxHashMap<Demand<'r>, u32>) -> Option<(u32, Vec<Demand<'r>>)> {
        match self.get(id) {
            Tree::Leaf(leaf) => {
                let demands = Demand::of(id, leaf);
                let count = |demand| counts.get(demand).copied().unwrap_or_default();
                let all = demands.iter().map(count).fold(0, u32::saturating_add);
                (demands.len() <= MAX_DEMANDS).then_some((all, demands))
            }
            // One demand of a conjunction is enough to find it.
            Tree::All(parts) => {
                parts.iter().filter_map(|part| self.demands(*part, counts)).min_by_key(|(count, _)| *count)
            }
            Tree::Any(parts) => {
                let (mut all, mut demands) = (0_u32, Vec::new());
                for part in parts {
                    let (count, more) = self.demands(*part, counts)?;
                    all = all.saturating_add(count);
                    demands.extend(more);
                    if demands.len() > MAX_DEMANDS {
                        return None;
                    }
                }
                Some((all, demands))
            }
        }
    }
}

fn implies(given: &Leaf<'_>, wanted: &Leaf<'_>) -> bool {
    let facts = given.fact.as_ref().zip(wanted.fact.as_ref());
    given.key == wanted.key && facts.is_some_and(|(a, b)| a.implies(b))
}

/// A demand of a rule, by which the rule is indexed. A rule that it shadows has the same demand or a
/// stronger one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Demand<'r> {
    /// The comparison itself.
    Leaf(u32),
    /// A value is this one, or another of a few.
    Value(u32, Named<'r>),
    /// A value begins with this prefix.
    Prefix(u32, &'r [u8]),
    /// Any demand on a value.
    Key(u32),
}

impl<'r> Demand<'r> {
    /// The demands of a comparison; it is indexed under all of them.
    fn of(id: u32, leaf: &Leaf<'r>) -> Vec<Self> {
        match leaf.fact.as_deref().map(|fact| &fact.kind) {
            None | Some(Kind::Other) => vec![Self::Leaf(id)],
            Some(Kind::In(values)) if (1..=MAX_DEMANDS).contains(&values.iter().len()) => {
                values.iter().map(|value| Self::Value(leaf.key, *value)).collect()
            }
            Some(Kind::Prefix(prefix)) => vec![Self::Prefix(leaf.key, prefix)],
            Some(_) => vec![Self::Key(leaf.key)],
        }
    }
}

/// Earlier rules by their demands.
#[derive(Default)]
struct Index<'r> {
    rules: FxHashMap<Demand<'r>, Vec<u32>>,
    /// Lengths of the demanded prefixes of a value.
    prefixes: FxHashMap<u32, Vec<usize>>,
    /// Rules without demands.
    others: Vec<u32>,
}

impl<'r> Index<'r> {
    fn add(&mut self, rule: u32, demands: &[Demand<'r>]) {
        if demands.is_empty() {
            self.others.push(rule);
        }
        for demand in demands {
            if let Demand::Prefix(key, prefix) = demand {
                let lengths = self.prefixes.entry(*key).or_default();
                if !lengths.contains(&prefix.len()) {
                    lengths.push(prefix.len());
                }
            }
            self.rules.entry(*demand).or_default().push(rule);
        }
    }

    fn with(&self, demand: &Demand<'_>, out: &mut Vec<u32>) {
        out.extend(self.rules.get(demand).into_iter().flatten());
    }

    /// Adds the rules whose demands the comparison may satisfy.
    fn find(&self, id: u32, leaf: &Leaf<'_>, out: &mut Vec<u32>) {
        self.with(&Demand::Leaf(id), out);
        self.with(&Demand::Key(leaf.key), out);
        let text = match leaf.fact.as_deref().map(|fact| &fact.kind) {
            // All values are indexed, so any of them finds the rule.
            Some(Kind::In(values)) => match values.iter().next() {
                Some(first) => {
                    self.with(&Demand::Value(leaf.key, *first), out);
                    if let Named::Text(text) = first { text } else { return }
                }
                None => return,
            },
            Some(Kind::Prefix(prefix)) => prefix,
            _ => return,
        };
        for len in self.prefixes.get(&leaf.key).into_iter().flatten() {
            if let Some(prefix) = text.get(..*len) {
                self.with(&Demand::Prefix(leaf.key, prefix), out);
            }
        }
    }
}

struct Entry<'r> {
    rule: &'r Compiled,
    tree: u32,
    /// Comparisons that are true for every event that it matches.
    needed: Vec<u32>,
    /// All of its comparisons.
    leaves: Vec<u32>,
    codes: CodeSet,
}

/// Reports rules for which every matching event also matches an earlier rule. `rules` contains the enabled
/// rules, in order.
pub(super) fn rules<'r>(cx: &LintCx<'r>, rules: &[&'r Compiled], findings: &mut Findings) {
    let mut forest = Forest::default();
    let mut entries: Vec<Entry<'r>> = Vec::with_capacity(rules.len());
    let always = cx.schema.always();
    let mut counts: FxHashMap<Demand<'r>, u32> = FxHashMap::default();
    for rule in rules {
        if is_larger(&rule.expr, MAX_TESTS, MAX_LEVELS) {
            continue;
        }
        let tree = forest.tree(cx, Part::new(&rule.expr));
        let (mut leaves, mut needed) = (Vec::new(), Vec::new());
        forest.leaves(tree, true, &mut leaves, &mut needed);
        leaves.sort_unstable();
        leaves.dedup();
        for leaf in &leaves {
            let demands = forest.leaf(*leaf).map(|found| Demand::of(*leaf, found)).unwrap_or_default();
            demands.into_iter().for_each(|demand| *counts.entry(demand).or_default() += 1);
        }
        entries.push(Entry { rule, tree, needed, leaves, codes: rule.codes.clone().union(&always) });
    }
    let mut index = Index::default();
    let (mut pairs, mut left) = (ALL_PAIRS, ALL_STEPS);
    let mut candidates = Vec::new();
    for (number, later) in entries.iter().enumerate() {
        let found = |leaf: &u32| forest.leaf(*leaf).map(|found| (*leaf, found));
        let mut given = Vec::new();
        forest.flatten(later.tree, &mut given);
        candidates.clear();
        candidates.extend(&index.others);
        later.leaves.iter().filter_map(found).for_each(|(id, leaf)| index.find(id, leaf, &mut candidates));
        candidates.sort_unstable();
        candidates.dedup();
        candidates.truncate(pairs);
        pairs -= candidates.len();
        let keys: FxHashSet<u32> = later.leaves.iter().filter_map(found).map(|(_, leaf)| leaf.key).collect();
        let earlier = candidates.iter().map(|earlier| &entries[*earlier as usize]).find(|earlier| {
            let mut needed = earlier.needed.iter().filter_map(found);
            let may =
                later.codes.is_subset(&earlier.codes) && needed.all(|(_, leaf)| keys.contains(&leaf.key));
            let mut steps = left.min(MAX_STEPS);
            let before = steps;
            let entailed = may && forest.entail(&given, earlier.tree, &mut steps);
            left -= before - steps;
            entailed
        });
        if let Some(earlier) = earlier {
            report(later.rule, earlier.rule, findings);
        }
        // The demand that the fewest rules have.
        let demands = forest.demands(later.tree, &counts).map(|(_, demands)| demands);
        index.add(number as u32, &demands.unwrap_or_default());
    }
}

fn report(later: &Compiled, earlier: &Compiled, findings: &mut Findings) {
    let (name, first) = (&later.raw.name, &earlier.raw.name);
    let title = format!("the rule `{name}` is shadowed by the earlier rule `{first}`");
    let notes = vec![
        Note::new(later.raw.place, "never reached: only the first match of an event counts"),
        Note::new(earlier.raw.place, "matches whatever this one does"),
    ];
    let help = [
        "put the more special rule first, or set `rule_matching: all`".to_owned(),
        format!("or leave out of `{first}` what is meant for `{name}`"),
    ];
    findings.push(Finding::new(Lint::Shadowed, title, notes).help(help));
}
