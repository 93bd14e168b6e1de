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
pub(crate) struct Program {
    nodes: Nodes,
    predicates: Arc<Vec<Predicate>>,
    /// The schema that it is compiled for, and the source's name.
    schema: SchemaId,
    source: Box<str>,
    /// No other program has it.
    number: u64,
}

/// The number of the next program; no program has 0.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Verdicts of conditions on the current event, so that each is found once.
///
/// One serves any condition; it belongs to the condition that used it last, and has to be checked and cleared for another.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// The event of the verdict, shifted left, and the verdict.
    verdicts: Vec<u32>,
    event: u32,
    /// The program whose nodes the verdicts are of, if the events were found to be of its schema.
    program: u64,
}

impl Scratch {
    /// Forgets the verdicts: another event comes.
    #[inline]
    pub(crate) fn next_event(&mut self) {
        self.event += 1;
        if self.event == 1 << 31 {
            self.verdicts.fill(0);
            self.event = 1;
        }
    }

    /// Has the schema of the next event checked again.
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

    /// Makes the memory this program's, which it is already for all events of a source but the first.
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

    /// Whether the event satisfies the condition; `scratch` was prepared for it.
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
