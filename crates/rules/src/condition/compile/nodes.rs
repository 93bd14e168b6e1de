//! Makes nodes: equal nodes are shared, and the cheapest test comes first.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::graph::{Node, Shape};
use super::super::predicate::{Alternative, Predicate};
use super::{Compiler, Info, Scopes};

/// A condition with fewer parts is not searched for comparisons to merge.
const FEW: usize = 4;

impl Compiler<'_> {
    /// The scopes of a comparison's fields.
    fn scopes(&self, predicate: &Predicate) -> Scopes {
        let mut scopes = Scopes::default();
        predicate.fields(&mut |field| scopes = scopes.and(Scopes::of(&[self.schema.def(field.id).scope])));
        scopes
    }

    pub(super) fn intern(&mut self, shape: Shape<'_>, info: Info) -> u32 {
        let (id, is_new) = self.graph.nodes.intern(shape);
        if is_new {
            self.graph.info.push(info);
        }
        id
    }

    pub(super) fn constant(&mut self, value: bool) -> u32 {
        let info = Info { work: 0.0, chance: f32::from(u8::from(value)), scopes: Scopes::default() };
        self.intern(Shape::Const(value), info)
    }

    pub(super) fn negate(&mut self, child: u32) -> u32 {
        match self.graph.nodes.node(child) {
            Node::Const(value) => self.constant(!value),
            Node::Not(inner) => inner,
            _ => {
                let info = self.graph.info[child as usize];
                self.intern(Shape::Not(child), Info { chance: 1.0 - info.chance, ..info })
            }
        }
    }

    /// The conjunction (or disjunction) of the nodes: flat, without duplicates, and in the order of benefit
    /// per cost.
    pub(super) fn chain(&mut self, all: bool, ids: Vec<u32>) -> u32 {
        let mut flat = Vec::with_capacity(ids.len());
        for id in ids {
            let nodes = &self.graph.nodes;
            match nodes.node(id) {
                Node::Const(value) if value == all => {}
                Node::Const(value) => return self.constant(value),
                Node::And(chain) if all => flat.extend_from_slice(nodes.children(chain)),
                Node::Or(chain) if !all => flat.extend_from_slice(nodes.children(chain)),
                _ => flat.push(id),
            }
        }
        if flat.len() >= FEW {
            self.merge(all, &mut flat);
        }
        let info = &self.graph.info;
        let rank = |id: &u32| info[*id as usize].rank(all);
        flat.sort_by(|a, b| rank(a).total_cmp(&rank(b)).then(a.cmp(b)));
        flat.dedup();
        match flat.as_slice() {
            [] => self.constant(all),
            [one] => *one,
            _ => {
                let info = Info::of_chain(all, flat.iter().map(|id| info[*id as usize]));
                self.intern(if all { Shape::And(&flat) } else { Shape::Or(&flat) }, info)
            }
        }
    }

    /// Merges many comparisons of one value with a constant each into one: alternatives, or negations that
    /// must all be true.
    fn merge(&mut self, all: bool, ids: &mut Vec<u32>) {
        // Existing nodes are not changed, because other conditions use them.
        if self.known.left_of.len() < self.graph.predicates.len() {
            return;
        }
        /// A node, its test, and what the test compares with.
        type Sibling = (u32, u32, Alternative);
        // By left side and kind, in order.
        let mut groups: BTreeMap<(u32, u8), Vec<Sibling>> = BTreeMap::new();
        for id in ids.iter() {
            let test = match self.graph.nodes.node(*id) {
                Node::Test(test) if !all => test,
                Node::Not(child) if all => match self.graph.nodes.node(child) {
                    Node::Test(test) => test,
                    _ => continue,
                },
                _ => continue,
            };
            if self.graph.type_tests.contains_key(&test) {
                continue;
            }
            if let Some(alternative) = self.graph.predicates[test as usize].alternative() {
                let key = (self.known.left_of[test as usize], alternative.kind().0);
                groups.entry(key).or_default().push((*id, test, alternative));
            }
        }
        for ((left, _), mut group) in groups {
            group.sort_by_key(|(_, test, _)| *test);
            group.dedup_by_key(|(_, test, _)| *test);
            let Some((_, first, alternative)) = group.first() else { continue };
            if group.len() < alternative.kind().1 {
                continue;
            }
            let first = *first;
            let merged: FxHashSet<u32> = group.iter().map(|(id, ..)| *id).collect();
            ids.retain(|id| !merged.contains(id));
            // No key of a comparison begins with this byte.
            let mut key = vec![0xff];
            group.iter().for_each(|(_, test, _)| key.extend(test.to_le_bytes()));
            let test = match self.known.tests.get(&*key) {
                Some(test) => *test,
                None => {
                    let alternatives = group.into_iter().map(|(.., alternative)| alternative).collect();
                    let predicate = self.graph.predicates[first as usize].any_of(alternatives);
                    let test = self.add_test(predicate, left);
                    self.known.tests.insert(key.into(), test);
                    test
                }
            };
            ids.push(if all { self.negate(test) } else { test });
        }
    }

    /// The node of a new predicate.
    pub(super) fn add_test(&mut self, predicate: Predicate, left: u32) -> u32 {
        let index = self.graph.predicates.len() as u32;
        let info = Info {
            work: predicate.cost() as f32,
            chance: predicate.chance(),
            scopes: self.scopes(&predicate),
        };
        Arc::make_mut(&mut self.graph.predicates).push(predicate);
        self.known.left_of.push(left);
        self.intern(Shape::Test(index), info)
    }

    /// Specializes a node for events of a class.
    pub(super) fn specialized(
        &mut self,
        root: u32,
        class: usize,
        verdicts: &FxHashMap<u32, Option<bool>>,
    ) -> u32 {
        // Unknown children come before their parents.
        let mut open = vec![root];
        while let Some(id) = open.last().copied() {
            if self.classes[class].folded.contains_key(&id) {
                open.pop();
                continue;
            }
            let folded = &self.classes[class].folded;
            let of = |id: &u32| folded.get(id).copied();
            let node = self.graph.nodes.node(id);
            let made = match node {
                Node::Const(_) => id,
                Node::Test(test) => match verdicts.get(&test).copied().flatten() {
                    Some(value) => self.constant(value),
                    None => id,
                },
                Node::Not(child) => match of(&child) {
                    Some(child) => self.negate(child),
                    None => {
                        open.push(child);
                        continue;
                    }
                },
                Node::And(chain) | Node::Or(chain) => {
                    let children = self.graph.nodes.children(chain);
                    let before = open.len();
                    open.extend(children.iter().filter(|child| of(child).is_none()));
                    if open.len() > before {
                        continue;
                    }
                    let children = children.iter().filter_map(of).collect();
                    self.chain(matches!(node, Node::And(_)), children)
                }
            };
            self.classes[class].folded.insert(id, made);
            open.pop();
        }
        self.classes[class].folded.get(&root).copied().unwrap_or(root)
    }
}
