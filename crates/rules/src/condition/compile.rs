//! Compiles trees to nodes of a graph in which equal parts share a node.

use std::collections::BTreeMap;
use std::sync::Arc;

use eyas_fields::{Schema, Scope};
use rustc_hash::FxHashMap;

use super::ast::{Expr, Span, Test};
use super::build::Shelf;
use super::codes::TypeTest;
use super::error::{CompileError, CompileErrorKind};
use super::graph::{Node, Nodes, Program, Root};
use super::parse::MAX_DEPTH;
use super::predicate::Predicate;
use super::walk::{Fold, Shared, fold};

mod nodes;

/// Adds conditions to a graph.
pub(crate) struct Compiler<'s> {
    schema: &'s dyn Schema,
    graph: Graph,
    known: Known,
    /// Buffer for the key of a comparison during a lookup.
    key: Vec<u8>,
    /// Codes that all type tests treat alike.
    classes: Vec<CodeClass>,
}

/// What a compiler remembers about the conditions that it has added.
#[derive(Default)]
struct Known {
    /// Comparisons by key.
    tests: FxHashMap<Box<[u8]>, u32>,
    /// Shared parts by address, so that each is compiled once. The parts are kept alive, so that no other
    /// part gets the address.
    shared: FxHashMap<(usize, u8), (Shared, u32)>,
    /// Compiled lists.
    shelf: Shelf,
    /// Left sides of comparisons, and the left side of each predicate.
    lefts: FxHashMap<Box<[u8]>, u32>,
    left_of: Vec<u32>,
}

/// The state of a compiler, to continue later.
#[derive(Default)]
pub(crate) struct CompilerState {
    graph: Graph,
    known: Known,
}

impl CompilerState {
    /// Returns only the graph: later additions share no nodes with the existing ones.
    pub(crate) fn graph(&self) -> Self {
        Self { graph: self.graph.clone(), known: Known::default() }
    }
}

/// The compiled graph.
#[derive(Clone, Default)]
struct Graph {
    nodes: Nodes,
    /// Data by node.
    info: Vec<Info>,
    predicates: Arc<Vec<Predicate>>,
    /// By predicate, in order.
    type_tests: BTreeMap<u32, TypeTest>,
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scopes {
    /// The set with these members.
    pub(crate) const fn of(scopes: &[Scope]) -> Self {
        let (mut set, mut at) = (0, 0);
        while at < scopes.len() {
            set |= 1 << scopes[at] as u8;
            at += 1;
        }
        Self(set)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn are_in(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

/// Properties of a node that do not depend on an event.
#[derive(Clone, Copy, Debug)]
struct Info {
    /// Expected work of an evaluation, about 5 ns each.
    work: f32,
    /// Estimated share of events for which it is true.
    chance: f32,
    /// The scopes of the fields below it.
    scopes: Scopes,
}

impl Info {
    /// Work per conjunction (or disjunction) that only this node decides; the smallest goes first.
    fn rank(self, all: bool) -> f32 {
        const LEAST: f32 = 0.01;
        let decides = if all { 1.0 - self.chance } else { self.chance };
        self.work / decides.max(LEAST)
    }

    fn of_chain(all: bool, parts: impl Iterator<Item = Self>) -> Self {
        let start = Self { work: 0.5, chance: 1.0, scopes: Scopes::default() };
        let chain = parts.fold(start, |chain, part| Self {
            work: chain.work + chain.chance * part.work,
            chance: chain.chance * if all { part.chance } else { 1.0 - part.chance },
            scopes: chain.scopes.and(part.scopes),
        });
        if all { chain } else { Self { chance: 1.0 - chain.chance, ..chain } }
    }
}

/// Nodes specialized for events of some codes.
struct CodeClass {
    verdicts: Vec<(u32, Option<bool>)>,
    folded: FxHashMap<u32, u32>,
}

impl<'s> Compiler<'s> {
    /// An empty graph over the schema's fields.
    pub(crate) fn new(schema: &'s dyn Schema) -> Self {
        Self::resume(schema, CompilerState::default())
    }

    /// Continues with a compiler state of the same schema.
    pub(crate) fn resume(schema: &'s dyn Schema, state: CompilerState) -> Self {
        let CompilerState { graph, known } = state;
        Self { schema, graph, known, key: Vec::new(), classes: Vec::new() }
    }

    /// The graph so far, for [`Compiler::resume`].
    pub(crate) fn into_state(self) -> CompilerState {
        CompilerState { graph: self.graph, known: self.known }
    }

    /// Adds a condition without macros.
    ///
    /// # Errors
    /// A field, operator or value that the schema refuses; nothing is added then.
    pub(crate) fn add(&mut self, expr: &Expr) -> Result<Root, CompileError> {
        fold(expr, self).map(Root)
    }

    /// Number of event codes of the schema.
    pub(crate) fn codes(&self) -> usize {
        self.schema.codes()
    }

    /// The class of an event code: all codes for which the type tests so far have the same results.
    pub(crate) fn class_of(&mut self, code: u16) -> usize {
        let verdicts: Vec<_> =
            self.graph.type_tests.iter().map(|(test, set)| (*test, set.verdict(code))).collect();
        self.classes.iter().position(|class| class.verdicts == verdicts).unwrap_or_else(|| {
            self.classes.push(CodeClass { verdicts, folded: FxHashMap::default() });
            self.classes.len() - 1
        })
    }

    /// Specializes the condition for events of a class: replaces type tests by their results.
    pub(crate) fn specialize(&mut self, root: Root, class: usize) -> Root {
        let verdicts = self.classes[class].verdicts.iter().copied().collect();
        Root(self.specialized(root.0, class, &verdicts))
    }

    /// Whether the condition is the constant given: decided without any event.
    pub(crate) fn is_const(&self, root: Root, value: bool) -> bool {
        matches!(self.graph.nodes.node(root.0), Node::Const(v) if v == value)
    }

    /// Splits a conjunction: for each of these sets of scopes, the parts that depend on no other scope, and are in no earlier set;
    /// then the rest.
    pub(crate) fn split<const N: usize>(
        &mut self,
        root: Root,
        scopes: [Scopes; N],
    ) -> ([Option<Root>; N], Root) {
        let mut parts: [Vec<u32>; N] = std::array::from_fn(|_| Vec::new());
        let mut rest = Vec::new();
        for conjunct in self.conjuncts(root) {
            let of = self.graph.info[conjunct.0 as usize].scopes;
            match scopes.iter().position(|scopes| of.are_in(*scopes)) {
                Some(at) => parts[at].push(conjunct.0),
                None => rest.push(conjunct.0),
            }
        }
        let parts = parts.map(|ids| (!ids.is_empty()).then(|| Root(self.chain(true, ids))));
        (parts, Root(self.chain(true, rest)))
    }

    /// The parts that must all be true for the condition to be true.
    pub(crate) fn conjuncts(&self, root: Root) -> Vec<Root> {
        match self.graph.nodes.node(root.0) {
            Node::And(chain) => self.graph.nodes.children(chain).iter().copied().map(Root).collect(),
            Node::Const(true) => Vec::new(),
            _ => vec![root],
        }
    }

    /// Work per event that a false condition spares; less is better to test first.
    pub(crate) fn rank(&self, root: Root) -> f32 {
        self.graph.info[root.0 as usize].rank(true)
    }

    /// The graph.
    pub(crate) fn finish(self) -> Program {
        Program::new(self.graph.nodes, self.graph.predicates, self.schema)
    }

    fn test(&mut self, test: &Test) -> Result<u32, CompileError> {
        self.key.clear();
        test.write_key(&mut self.key);
        if let Some(id) = self.known.tests.get(&*self.key) {
            return Ok(*id);
        }
        let predicate = Predicate::compile(test, self.schema, &mut self.known.shelf)
            .map_err(|error| CompileError { test: test.span, ..error })?;
        let index = self.graph.predicates.len() as u32;
        if let Some(set) = predicate.types() {
            self.graph.type_tests.insert(index, set.clone());
        }
        let mut left = Vec::new();
        test.left.write_key(&mut left);
        let next = self.known.lefts.len() as u32;
        let left = *self.known.lefts.entry(left.into()).or_insert(next);
        let id = self.add_test(predicate, left);
        self.known.shelf.keep(&test.right);
        self.known.tests.insert(self.key.as_slice().into(), id);
        Ok(id)
    }
}

/// Conditions become nodes.
impl Fold for Compiler<'_> {
    type Out = u32;
    type Error = CompileError;

    fn known(&mut self, part: &Expr, _: bool, level: usize) -> Result<Option<u32>, CompileError> {
        let key = Shared::of(part).map(|shared| shared.key());
        if let Some((_, id)) = key.and_then(|key| self.known.shared.get(&key)) {
            return Ok(Some(*id));
        }
        if level >= MAX_DEPTH as usize {
            let message = format!("the condition is nested more than {MAX_DEPTH} levels deep");
            return Err(CompileError::new(CompileErrorKind::Depth, message, Span::default()));
        }
        Ok(None)
    }

    fn make(&mut self, part: &Expr, _: bool, parts: Vec<u32>) -> Result<u32, CompileError> {
        let id = match part {
            Expr::And(_) => self.chain(true, parts),
            Expr::Or(_) => self.chain(false, parts),
            Expr::Not(_) => {
                let [part] = parts[..] else { return Ok(self.constant(false)) };
                self.negate(part)
            }
            Expr::Macro(name, span) => {
                let message = format!("Undefined macro '{name}' used in filter.");
                return Err(CompileError::new(CompileErrorKind::Macro, message, *span));
            }
            Expr::Test(test) => self.test(test)?,
        };
        if let Some(shared) = Shared::of(part) {
            self.known.shared.insert(shared.key(), (shared, id));
        }
        Ok(id)
    }
}

impl std::fmt::Debug for Compiler<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler").field("nodes", &self.graph.nodes.len()).finish_non_exhaustive()
    }
}
