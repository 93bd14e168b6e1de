//! Rules that an earlier one leaves nothing for.

use eyas_fields::CodeSet;
use rustc_hash::{FxHashMap, FxHashSet};

use super::facts::Fact;
use super::{Finding, Look, Part};
use crate::condition::{codes, is_larger};
use crate::diagnostic::{Lint, Note};
use crate::loader::ruleset::Compiled;

/// Steps that the search may take for two rules: what is not found by then is not reported.
const MAX_STEPS: usize = 10_000;
/// Steps for all rules.
const ALL_STEPS: usize = 4_000_000;

/// A comparison with what it says.
struct Leaf {
    /// Number of what is compared.
    key: u32,
    fact: Option<Fact>,
}

/// A condition, negations pushed to the comparisons.
struct Tree {
    /// Number of what it is: equal trees have the same.
    id: u32,
    kind: Kind,
}

enum Kind {
    Leaf(Leaf),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

/// What a tree is made of.
#[derive(PartialEq, Eq, Hash)]
enum Made {
    Key(String),
    Test(String, bool),
    All(Vec<u32>),
    Any(Vec<u32>),
}

/// Equal things have equal numbers.
#[derive(Default)]
struct Numbers(FxHashMap<Made, u32>);

impl Numbers {
    fn of(&mut self, made: Made) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(made).or_insert(next)
    }

    fn tree(&mut self, look: &Look<'_>, part: Part<'_>) -> Tree {
        if let Some((test, negated)) = part.test() {
            let key = self.of(Made::Key(test.left.to_string()));
            let leaf = Leaf { key, fact: Fact::of(test, negated, look.schema) };
            return Tree { id: self.of(Made::Test(test.to_string(), negated)), kind: Kind::Leaf(leaf) };
        }
        if let Some(children) = part.all() {
            let children: Vec<Tree> = children.map(|c| self.tree(look, c)).collect();
            return Tree { id: self.of(Made::All(ids(&children))), kind: Kind::All(children) };
        }
        let children: Vec<Tree> = part.any().into_iter().flatten().map(|c| self.tree(look, c)).collect();
        Tree { id: self.of(Made::Any(ids(&children))), kind: Kind::Any(children) }
    }
}

/// Numbers of the parts, whatever their order.
fn ids(trees: &[Tree]) -> Vec<u32> {
    let mut ids: Vec<u32> = trees.iter().map(|tree| tree.id).collect();
    ids.sort_unstable();
    ids
}

/// What is compared anywhere in a tree.
fn keys(tree: &Tree, out: &mut FxHashSet<u32>) {
    match &tree.kind {
        Kind::Leaf(leaf) => {
            out.insert(leaf.key);
        }
        Kind::All(children) | Kind::Any(children) => children.iter().for_each(|c| keys(c, out)),
    }
}

/// What is compared in every event that satisfies the tree.
fn needed(tree: &Tree, out: &mut Vec<u32>) {
    match &tree.kind {
        Kind::Leaf(leaf) => out.push(leaf.key),
        Kind::All(children) => children.iter().for_each(|c| needed(c, out)),
        Kind::Any(_) => {}
    }
}

fn implies(given: &Leaf, wanted: &Leaf) -> bool {
    let facts = given.fact.as_ref().zip(wanted.fact.as_ref());
    given.key == wanted.key && facts.is_some_and(|(a, b)| a.implies(b))
}

/// Whether whatever satisfies all of `given` satisfies `wanted`.
fn entails(given: &mut Vec<&Tree>, wanted: &Tree, steps: &mut usize) -> bool {
    if *steps == 0 {
        return false;
    }
    *steps = steps.saturating_sub(1 + given.len() / 4);
    if given.iter().any(|g| g.id == wanted.id) {
        return true;
    }
    // What must all hold is given one by one.
    if let Some(at) = given.iter().position(|g| matches!(g.kind, Kind::All(_))) {
        let mut flat = given.clone();
        if let Kind::All(children) = &flat.swap_remove(at).kind {
            flat.extend(children);
        }
        return entails(&mut flat, wanted, steps);
    }
    let direct = match &wanted.kind {
        Kind::All(children) => return children.iter().all(|c| entails(given, c, steps)),
        Kind::Any(children) => children.iter().any(|c| entails(given, c, steps)),
        Kind::Leaf(wanted) => given.iter().any(|g| matches!(&g.kind, Kind::Leaf(g) if implies(g, wanted))),
    };
    if direct {
        return true;
    }
    // Each of several alternatives may do.
    for at in 0..given.len() {
        let Kind::Any(children) = &given[at].kind else { continue };
        let mut rest = given.clone();
        rest.swap_remove(at);
        let found = children.iter().all(|child| {
            rest.push(child);
            let found = entails(&mut rest, wanted, steps);
            rest.pop();
            found
        });
        if found {
            return true;
        }
    }
    false
}

struct Entry<'r> {
    rule: &'r Compiled,
    tree: Tree,
    needed: Vec<u32>,
    keys: FxHashSet<u32>,
    codes: CodeSet,
}

/// Reports rules that are satisfied only by what satisfies an earlier one. `rules` are those that are on,
/// in their order.
pub(super) fn rules(look: &Look<'_>, rules: &[&Compiled], findings: &mut Vec<Finding>) {
    let mut numbers = Numbers::default();
    let mut entries: Vec<Entry<'_>> = Vec::with_capacity(rules.len());
    for rule in rules {
        if is_larger(&rule.expr, super::MAX_TESTS, super::MAX_LEVELS) {
            continue;
        }
        let tree = numbers.tree(look, Part::new(&rule.expr));
        let (mut all, mut must) = (FxHashSet::default(), Vec::new());
        keys(&tree, &mut all);
        needed(&tree, &mut must);
        entries.push(Entry { rule, tree, needed: must, keys: all, codes: codes(&rule.expr, look.schema) });
    }
    let mut left = ALL_STEPS;
    for (index, later) in entries.iter().enumerate() {
        let earlier = entries[..index].iter().find(|earlier| {
            let may = earlier.needed.iter().all(|key| later.keys.contains(key))
                && later.codes.clone().union(&earlier.codes) == earlier.codes;
            let mut steps = left.min(MAX_STEPS);
            let before = steps;
            let found = may && entails(&mut vec![&later.tree], &earlier.tree, &mut steps);
            left -= before - steps;
            found
        });
        let Some(earlier) = earlier else { continue };
        let (name, first) = (&later.rule.raw.name, &earlier.rule.raw.name);
        let title = format!("the rule `{name}` is shadowed by the earlier rule `{first}`");
        let notes = vec![
            Note::new(later.rule.raw.place, "never reached: only the first match of an event counts"),
            Note::new(earlier.rule.raw.place, "matches whatever this one does"),
        ];
        let help = [
            "put the more special rule first, or set `rule_matching: all`".to_owned(),
            format!("or leave out of `{first}` what is meant for `{name}`"),
        ];
        findings.push(Finding::new(Lint::Shadowed, title, notes).help(help));
    }
}
