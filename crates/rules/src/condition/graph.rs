//! The graph of all conditions, and its evaluation.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eyas_fields::{FieldSource, Schema, SchemaId};
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::predicate::Predicate;
use crate::mismatch::SchemaMismatch;

/// A condition in a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Root(pub(super) u32);

/// A node; children come before their parents.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Const(bool),
    Test(u32),
    Not(u32),
    And(Chain),
    Or(Chain),
}

/// The range of a node's children.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    start: u32,
    end: u32,
}

/// Nodes, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    all: Vec<Node>,
    /// The children of all chains, one chain after another.
    children: Vec<u32>,
    known: HashTable<u32>,
}

/// A node that may exist already.
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

    /// Returns the node of this shape, and whether it is new.
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
pub(crate) struct Program {
    nodes: Nodes,
    predicates: Arc<Vec<Predicate>>,
    /// The schema for which it is compiled, and the source's name.
    schema: SchemaId,
    source: Box<str>,
    /// A number that no other program has.
    number: u64,
}

/// The number of the next program; no program has 0.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Results of conditions for the current event, so that each is computed once.
///
/// It can be used for any condition. It belongs to the condition that used it last; another condition must
/// clear it first.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// The number of the event, shifted left, and the result.
    verdicts: Vec<u32>,
    event: u32,
    /// The program to whose nodes the results belong, if the events have its schema.
    program: u64,
}

impl Scratch {
    /// Discards the results for the next event.
    #[inline]
    pub(crate) fn next_event(&mut self) {
        self.event += 1;
        if self.event == 1 << 31 {
            self.verdicts.fill(0);
            self.event = 1;
        }
    }

    /// Requires a check of the next event's schema.
    pub(crate) fn forget_schema(&mut self) {
        self.program = 0;
    }
}

impl Program {
    pub(super) fn new(nodes: Nodes, predicates: Arc<Vec<Predicate>>, schema: &dyn Schema) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { nodes, predicates, schema: schema.id(), source: schema.source().into(), number }
    }

    /// Number of distinct nodes, of all kinds.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Prepares the memory for this program. Only the first event of a source needs more than a comparison.
    ///
    /// # Errors
    /// The event is of another schema.
    #[inline]
    pub(crate) fn prepare(
        &self,
        source: &dyn FieldSource,
        scratch: &mut Scratch,
    ) -> Result<(), SchemaMismatch> {
        if scratch.program == self.number { Ok(()) } else { self.adopt(source, scratch) }
    }

    #[cold]
    fn adopt(&self, source: &dyn FieldSource, scratch: &mut Scratch) -> Result<(), SchemaMismatch> {
        let given_id = source.schema_id();
        if given_id != self.schema {
            let expected = self.source.to_string();
            return Err(SchemaMismatch { expected, expected_id: self.schema, given: None, given_id });
        }
        scratch.verdicts.clear();
        scratch.verdicts.resize(self.nodes.len(), 0);
        scratch.event = 0;
        scratch.program = self.number;
        Ok(())
    }

    /// Whether the event satisfies the condition; `scratch` must be prepared for this program.
    #[inline]
    pub(crate) fn eval(&self, root: Root, source: &dyn FieldSource, scratch: &mut Scratch) -> bool {
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
