//! The graph of all conditions, and its evaluation.

use std::hash::BuildHasher;
use std::sync::Arc;

use eyas_fields::FieldSource;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::predicate::Predicate;

/// A condition in a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Root(pub(super) u32);

/// A node; children come before their parents.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Const(bool),
    Test(u32),
    Not(u32),
    And(Chain),
    Or(Chain),
}

/// Where a node's children are named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    start: u32,
    end: u32,
}

/// Nodes, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    all: Vec<Node>,
    /// Of all chains, one after the other.
    children: Vec<u32>,
    known: HashTable<u32>,
}

/// A node before it is known whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shape<'a> {
    Const(bool),
    Test(u32),
    Not(u32),
    And(&'a [u32]),
    Or(&'a [u32]),
}

impl Nodes {
    #[inline]
    pub(super) fn node(&self, id: u32) -> Node {
        self.all[id as usize]
    }

    #[inline]
    pub(super) fn children(&self, chain: Chain) -> &[u32] {
        &self.children[chain.start as usize..chain.end as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    fn shape(&self, id: u32) -> Shape<'_> {
        match self.node(id) {
            Node::Const(value) => Shape::Const(value),
            Node::Test(test) => Shape::Test(test),
            Node::Not(child) => Shape::Not(child),
            Node::And(chain) => Shape::And(self.children(chain)),
            Node::Or(chain) => Shape::Or(self.children(chain)),
        }
    }

    /// The node of this shape; whether it was made just now.
    pub(super) fn intern(&mut self, shape: Shape<'_>) -> (u32, bool) {
        let hash = FxBuildHasher.hash_one(shape);
        if let Some(id) = self.known.find(hash, |id| self.shape(*id) == shape) {
            return (*id, false);
        }
        let mut chain = |children: &[u32]| {
            let start = self.children.len() as u32;
            self.children.extend_from_slice(children);
            Chain { start, end: self.children.len() as u32 }
        };
        let node = match shape {
            Shape::Const(value) => Node::Const(value),
            Shape::Test(test) => Node::Test(test),
            Shape::Not(child) => Node::Not(child),
            Shape::And(children) => Node::And(chain(children)),
            Shape::Or(children) => Node::Or(chain(children)),
        };
        let id = self.all.len() as u32;
        self.all.push(node);
        let mut known = std::mem::take(&mut self.known);
        known.insert_unique(hash, id, |id| FxBuildHasher.hash_one(self.shape(*id)));
        self.known = known;
        (id, true)
    }
}

/// Conditions compiled into one graph.
#[derive(Debug)]
pub struct Program {
    pub(super) nodes: Nodes,
    pub(super) predicates: Arc<Vec<Predicate>>,
}

/// Verdicts of nodes on the current event, so that each is reached once.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// The event of the verdict, shifted left, and the verdict.
    verdicts: Vec<u32>,
    event: u32,
}

impl Scratch {
    /// Forgets the verdicts: another event comes.
    #[inline]
    pub fn next_event(&mut self) {
        self.event += 1;
        if self.event == 1 << 31 {
            self.verdicts.fill(0);
            self.event = 1;
        }
    }
}

impl Program {
    /// Memory for evaluations.
    pub fn scratch(&self) -> Scratch {
        Scratch { verdicts: vec![0; self.nodes.len()], event: 1 }
    }

    /// Number of distinct nodes, of all kinds.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether it has no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 0
    }

    /// Whether the event satisfies the condition; `scratch` is of this program and event.
    #[inline]
    pub fn eval(&self, root: Root, source: &dyn FieldSource, scratch: &mut Scratch) -> bool {
        self.node(root.0, source, scratch)
    }

    fn node(&self, id: u32, source: &dyn FieldSource, scratch: &mut Scratch) -> bool {
        let index = id as usize;
        let known = scratch.verdicts[index];
        if known >> 1 == scratch.event {
            return known & 1 != 0;
        }
        let mut holds = |child: &u32| self.node(*child, source, scratch);
        let verdict = match self.nodes.node(id) {
            Node::Const(value) => return value,
            Node::Not(child) => return !holds(&child),
            Node::Test(test) => self.predicates[test as usize].eval(source),
            Node::And(chain) => self.nodes.children(chain).iter().all(holds),
            Node::Or(chain) => self.nodes.children(chain).iter().any(holds),
        };
        scratch.verdicts[index] = scratch.event << 1 | u32::from(verdict);
        verdict
    }
}
