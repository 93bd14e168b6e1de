//! The graph of all conditions, and its evaluation.

use eyas_fields::FieldSource;

use super::predicate::Predicate;

/// A condition in a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Root(pub(super) u32);

/// A node; children come before their parents.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Const(bool),
    Test(u32),
    Not(u32),
    And(Box<[u32]>),
    Or(Box<[u32]>),
}

/// Conditions compiled into one graph.
#[derive(Debug)]
pub struct Program {
    pub(super) nodes: Vec<Node>,
    pub(super) predicates: Vec<Predicate>,
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
        self.nodes.is_empty()
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
        let verdict = match &self.nodes[index] {
            Node::Const(value) => return *value,
            Node::Not(child) => return !self.node(*child, source, scratch),
            Node::Test(test) => self.predicates[*test as usize].eval(source),
            Node::And(children) => children.iter().all(|child| self.node(*child, source, scratch)),
            Node::Or(children) => children.iter().any(|child| self.node(*child, source, scratch)),
        };
        scratch.verdicts[index] = scratch.event << 1 | u32::from(verdict);
        verdict
    }
}
