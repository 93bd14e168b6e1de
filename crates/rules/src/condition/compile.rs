//! Trees become nodes of a graph in which equal parts are one.

use std::collections::BTreeMap;
use std::sync::Arc;

use eyas_fields::{CodeSet, Field, Schema, Scope};
use rustc_hash::FxHashMap;

use super::ast::{Expr, Span, Test};
use super::codes::TypeTest;
use super::graph::{Node, Nodes, Program, Root, Shape};
use super::predicate::Predicate;

/// What kind of mistake a condition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileErrorKind {
    /// No field of that name.
    UnknownField,
    /// The field's argument is wrong.
    BadField,
    /// A constant names no event type.
    UnknownEventType,
    /// The operator does not apply to the field.
    BadOperator,
    /// The right side does not fit.
    BadValue,
    /// A transformer is used wrongly.
    BadTransformer,
    /// A macro was not expanded.
    Macro,
}

/// Why a condition does not compile, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct CompileError {
    /// What kind of mistake.
    pub kind: CompileErrorKind,
    /// The sentence.
    pub message: String,
    /// Where.
    pub span: Span,
    /// The comparison that it is of; [`CompileError::span`] if it is of none.
    pub test: Span,
}

impl CompileError {
    pub(crate) fn new(kind: CompileErrorKind, message: String, span: Span) -> Self {
        Self { kind, message, span, test: span }
    }
}

/// Adds conditions to a graph.
pub struct Compiler<'s> {
    schema: &'s dyn Schema,
    graph: Graph,
    /// By what they say.
    tests: FxHashMap<Box<[u8]>, u32>,
    /// By address, so that a macro's are looked at once; each is kept, so that no other gets its address.
    shared: FxHashMap<usize, (Arc<Test>, u32)>,
    /// What a comparison says, while it is looked for.
    key: Vec<u8>,
    /// Codes that all type tests treat alike.
    classes: Vec<CodeClass>,
}

/// What was compiled so far.
#[derive(Clone, Default)]
pub(crate) struct Graph {
    nodes: Nodes,
    /// By node.
    info: Vec<Info>,
    predicates: Arc<Vec<Predicate>>,
    /// By predicate, in order.
    type_tests: BTreeMap<u32, TypeTest>,
}

/// What is known of a node before any event.
#[derive(Clone, Copy, Debug)]
struct Info {
    /// Expected work of an evaluation, about 5 ns each.
    work: f32,
    /// Guessed share of events of which it holds.
    chance: f32,
    /// The narrowest scope below it.
    scope: Scope,
}

impl Info {
    /// Work per conjunction (or disjunction) that this node decides alone: the least goes first.
    fn rank(self, all: bool) -> f32 {
        const LEAST: f32 = 0.01;
        let decides = if all { 1.0 - self.chance } else { self.chance };
        self.work / decides.max(LEAST)
    }

    fn of_chain(all: bool, parts: impl Iterator<Item = Self>) -> Self {
        let start = Self { work: 0.5, chance: 1.0, scope: Scope::Host };
        let chain = parts.fold(start, |chain, part| Self {
            work: chain.work + chain.chance * part.work,
            chance: chain.chance * if all { part.chance } else { 1.0 - part.chance },
            scope: chain.scope.max(part.scope),
        });
        if all { chain } else { Self { chance: 1.0 - chain.chance, ..chain } }
    }
}

/// Nodes as they are for events of some codes.
struct CodeClass {
    verdicts: Vec<(u32, Option<bool>)>,
    folded: FxHashMap<u32, u32>,
}

impl<'s> Compiler<'s> {
    /// An empty graph over the schema's fields.
    pub fn new(schema: &'s dyn Schema) -> Self {
        Self::resume(schema, Graph::default())
    }

    /// Goes on with the graph of conditions over the same schema.
    pub(crate) fn resume(schema: &'s dyn Schema, graph: Graph) -> Self {
        Self {
            schema,
            graph,
            tests: FxHashMap::default(),
            shared: FxHashMap::default(),
            key: Vec::new(),
            classes: Vec::new(),
        }
    }

    /// The graph so far, for [`Compiler::resume`].
    pub(crate) fn into_graph(self) -> Graph {
        self.graph
    }

    /// Adds a condition without macros.
    ///
    /// # Errors
    /// A field, operator or value that the schema refuses; nothing is added then.
    pub fn add(&mut self, expr: &Expr) -> Result<Root, CompileError> {
        self.node(expr).map(Root)
    }

    /// Number of event codes of the schema.
    pub(crate) fn codes(&self) -> usize {
        self.schema.codes()
    }

    /// The class of an event code: all codes that the tests of the type so far treat alike.
    pub(crate) fn class_of(&mut self, code: u16) -> usize {
        let verdict = |set: &TypeTest| match (set.may.contains(code), set.must.contains(code)) {
            (false, _) => Some(false),
            (_, true) => Some(true),
            _ => None,
        };
        let verdicts: Vec<_> =
            self.graph.type_tests.iter().map(|(test, set)| (*test, verdict(set))).collect();
        self.classes.iter().position(|class| class.verdicts == verdicts).unwrap_or_else(|| {
            self.classes.push(CodeClass { verdicts, folded: FxHashMap::default() });
            self.classes.len() - 1
        })
    }

    /// The condition as it is for events of a class: tests of the type are decided.
    pub(crate) fn specialize(&mut self, root: Root, class: usize) -> Root {
        let verdicts = self.classes[class].verdicts.iter().copied().collect();
        Root(self.fold(root.0, class, &verdicts))
    }

    /// Whether the condition is the constant given: decided without any event.
    pub(crate) fn is_const(&self, root: Root, value: bool) -> bool {
        matches!(self.graph.nodes.node(root.0), Node::Const(v) if v == value)
    }

    /// The parts of a conjunction: for each scope what depends on no narrower one, and the rest.
    pub(crate) fn split<const N: usize>(
        &mut self,
        root: Root,
        scopes: &[Scope; N],
    ) -> ([Option<Root>; N], Root) {
        let mut parts: [Vec<u32>; N] = std::array::from_fn(|_| Vec::new());
        let mut rest = Vec::new();
        for conjunct in self.conjuncts(root) {
            let scope = self.graph.info[conjunct.0 as usize].scope;
            match scopes.iter().position(|widest| scope <= *widest) {
                Some(at) => parts[at].push(conjunct.0),
                None => rest.push(conjunct.0),
            }
        }
        let parts = parts.map(|ids| (!ids.is_empty()).then(|| Root(self.chain(true, ids))));
        (parts, Root(self.chain(true, rest)))
    }

    /// What must hold all together for the condition to hold.
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
    pub fn finish(self) -> Program {
        Program { nodes: self.graph.nodes, predicates: self.graph.predicates }
    }

    /// Every field that the conditions added so far ask for.
    pub fn fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        self.graph.predicates.iter().for_each(|p| p.fields(&mut |field| fields.push(field)));
        fields
    }

    /// Codes of all events of the schema.
    pub fn all_codes(&self) -> CodeSet {
        CodeSet::all(self.schema.codes())
    }

    fn node(&mut self, expr: &Expr) -> Result<u32, CompileError> {
        Ok(match expr {
            Expr::And(children) | Expr::Or(children) => {
                let ids = children.iter().map(|c| self.node(c)).collect::<Result<Vec<_>, _>>()?;
                self.chain(matches!(expr, Expr::And(_)), ids)
            }
            Expr::Not(child) => {
                let child = self.node(child)?;
                self.negate(child)
            }
            Expr::Macro(name, span) => {
                let message = format!("Undefined macro '{name}' used in filter.");
                return Err(CompileError::new(CompileErrorKind::Macro, message, *span));
            }
            Expr::Test(test) => {
                let address = Arc::as_ptr(test) as usize;
                if let Some((_, id)) = self.shared.get(&address) {
                    return Ok(*id);
                }
                self.key.clear();
                test.write_key(&mut self.key);
                if let Some(id) = self.tests.get(&*self.key) {
                    self.shared.insert(address, (test.clone(), *id));
                    return Ok(*id);
                }
                let predicate = Predicate::compile(test, self.schema)
                    .map_err(|error| CompileError { test: test.span, ..error })?;
                let index = self.graph.predicates.len() as u32;
                let field = match &test.left {
                    super::ast::Operand::Field(f) => self.schema.resolve(&f.name, f.arg.as_deref()).ok(),
                    _ => None,
                };
                if let Some(set) = field.and_then(|field| TypeTest::of(test, &field, self.schema)) {
                    self.graph.type_tests.insert(index, set);
                }
                let info = Info {
                    work: predicate.cost() as f32,
                    chance: predicate.chance(),
                    scope: self.scope(&predicate),
                };
                Arc::make_mut(&mut self.graph.predicates).push(predicate);
                let id = self.intern(Shape::Test(index), info);
                self.tests.insert(self.key.as_slice().into(), id);
                self.shared.insert(address, (test.clone(), id));
                id
            }
        })
    }

    /// The narrowest scope of the fields that a comparison asks for.
    fn scope(&self, predicate: &Predicate) -> Scope {
        let mut scope = Scope::Host;
        predicate.fields(&mut |field| scope = scope.max(self.schema.def(field.id).scope));
        scope
    }

    fn intern(&mut self, shape: Shape<'_>, info: Info) -> u32 {
        let (id, is_new) = self.graph.nodes.intern(shape);
        if is_new {
            self.graph.info.push(info);
        }
        id
    }

    fn constant(&mut self, value: bool) -> u32 {
        let info = Info { work: 0.0, chance: f32::from(u8::from(value)), scope: Scope::Host };
        self.intern(Shape::Const(value), info)
    }

    fn negate(&mut self, child: u32) -> u32 {
        match self.graph.nodes.node(child) {
            Node::Const(value) => self.constant(!value),
            Node::Not(inner) => inner,
            _ => {
                let info = self.graph.info[child as usize];
                self.intern(Shape::Not(child), Info { chance: 1.0 - info.chance, ..info })
            }
        }
    }

    /// All (or any) of the nodes: flat, without doubles, what decides most for its cost first.
    fn chain(&mut self, all: bool, ids: Vec<u32>) -> u32 {
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

    fn fold(&mut self, id: u32, class: usize, verdicts: &FxHashMap<u32, Option<bool>>) -> u32 {
        if let Some(folded) = self.classes[class].folded.get(&id) {
            return *folded;
        }
        let folded = match self.graph.nodes.node(id) {
            Node::Const(_) => id,
            Node::Test(test) => match verdicts.get(&test).copied().flatten() {
                Some(value) => self.constant(value),
                None => id,
            },
            Node::Not(child) => {
                let child = self.fold(child, class, verdicts);
                self.negate(child)
            }
            node @ (Node::And(chain) | Node::Or(chain)) => {
                let mut children = self.graph.nodes.children(chain).to_vec();
                children.iter_mut().for_each(|child| *child = self.fold(*child, class, verdicts));
                self.chain(matches!(node, Node::And(_)), children)
            }
        };
        self.classes[class].folded.insert(id, folded);
        folded
    }
}

impl std::fmt::Debug for Compiler<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler").field("nodes", &self.graph.nodes.len()).finish_non_exhaustive()
    }
}
