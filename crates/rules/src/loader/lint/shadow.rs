//! Rules that an earlier one leaves nothing for.

use eyas_fields::CodeSet;
use rustc_hash::{FxHashMap, FxHashSet};

use super::facts::Fact;
use super::{Finding, Look, Part};
use crate::condition::ast::Test;
use crate::condition::codes;
use crate::diagnostic::{Lint, Note};
use crate::loader::compile::Compiled;

/// Steps that the search may take for two rules: what is not found by then is not reported.
const MAX_STEPS: usize = 10_000;
/// Steps for all rules.
const ALL_STEPS: usize = 4_000_000;

/// A comparison with what it says.
struct Leaf {
    /// Number of its text.
    id: u32,
    /// Number of what is compared.
    key: u32,
    negated: bool,
    fact: Option<Fact>,
}

/// A condition, negations pushed to the comparisons.
enum Tree {
    Leaf(Leaf),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

struct Numbers {
    ids: FxHashMap<String, u32>,
}

impl Numbers {
    fn of(&mut self, text: String) -> u32 {
        let next = self.ids.len() as u32;
        *self.ids.entry(text).or_insert(next)
    }

    fn leaf(&mut self, look: &Look<'_>, test: &Test, negated: bool) -> Leaf {
        let fact = Fact::of(test, negated, look.schema);
        Leaf { id: self.of(test.to_string()), key: self.of(test.left.to_string()), negated, fact }
    }

    fn tree(&mut self, look: &Look<'_>, part: Part<'_>) -> Tree {
        if let Some((test, negated)) = part.test() {
            return Tree::Leaf(self.leaf(look, test, negated));
        }
        if let Some(children) = part.all() {
            return Tree::All(children.map(|c| self.tree(look, c)).collect());
        }
        Tree::Any(part.any().into_iter().flatten().map(|c| self.tree(look, c)).collect())
    }
}

/// What is compared anywhere in a tree.
fn keys(tree: &Tree, out: &mut FxHashSet<u32>) {
    match tree {
        Tree::Leaf(leaf) => {
            out.insert(leaf.key);
        }
        Tree::All(children) | Tree::Any(children) => children.iter().for_each(|c| keys(c, out)),
    }
}

/// What is compared in every event that satisfies the tree.
fn needed(tree: &Tree, out: &mut Vec<u32>) {
    match tree {
        Tree::Leaf(leaf) => out.push(leaf.key),
        Tree::All(children) => children.iter().for_each(|c| needed(c, out)),
        Tree::Any(_) => {}
    }
}

fn implies(given: &Leaf, wanted: &Leaf) -> bool {
    if given.id == wanted.id && given.negated == wanted.negated {
        return true;
    }
    let same = given.key == wanted.key;
    same && given.fact.as_ref().zip(wanted.fact.as_ref()).is_some_and(|(a, b)| a.implies(b))
}

/// Whether whatever satisfies all of `given` satisfies `wanted`.
fn entails(given: &mut Vec<&Tree>, wanted: &Tree, steps: &mut usize) -> bool {
    if *steps == 0 {
        return false;
    }
    *steps -= 1;
    let direct = match wanted {
        Tree::All(children) => return children.iter().all(|c| entails(given, c, steps)),
        Tree::Any(children) => children.iter().any(|c| entails(given, c, steps)),
        Tree::Leaf(wanted) => given.iter().any(|g| {
            *steps = steps.saturating_sub(1);
            matches!(g, Tree::Leaf(g) if implies(g, wanted))
        }),
    };
    if direct {
        return true;
    }
    for at in 0..given.len() {
        let children = match given[at] {
            Tree::Any(children) | Tree::All(children) => children,
            Tree::Leaf(_) => continue,
        };
        let len = given.len();
        let opened = given.swap_remove(at);
        let found = if matches!(opened, Tree::All(_)) {
            given.extend(children);
            entails(given, wanted, steps)
        } else {
            children.iter().all(|child| {
                given.push(child);
                let found = entails(given, wanted, steps);
                given.truncate(len - 1);
                found
            })
        };
        given.truncate(len - 1);
        given.push(opened);
        let last = given.len() - 1;
        given.swap(at, last);
        if found {
            return true;
        }
    }
    false
}

struct Entry<'r> {
    rule: &'r Compiled<'r>,
    tree: Tree,
    needed: Vec<u32>,
    keys: FxHashSet<u32>,
    codes: CodeSet,
}

/// Reports rules that are satisfied only by what satisfies an earlier one. `rules` are those that are on,
/// in their order.
pub(super) fn rules(look: &Look<'_>, rules: &[&Compiled<'_>], findings: &mut Vec<Finding>) {
    let mut numbers = Numbers { ids: FxHashMap::default() };
    let mut entries: Vec<Entry<'_>> = Vec::with_capacity(rules.len());
    for rule in rules {
        let mut tests = 0;
        rule.expr.tests(&mut |_| tests += 1);
        if tests > super::MAX_TESTS {
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
