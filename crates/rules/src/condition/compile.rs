//! Trees become nodes of a graph in which equal parts are one.

use eyas_fields::{CodeSet, Field, Schema};
use rustc_hash::FxHashMap;

use super::ast::{Expr, Span};
use super::codes::TypeTest;
use super::graph::{Node, Program, Root};
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
pub struct CompileError {
    /// What kind of mistake.
    pub kind: CompileErrorKind,
    /// The sentence.
    pub message: String,
    /// Where.
    pub span: Span,
}

impl CompileError {
    pub(crate) fn new(kind: CompileErrorKind, message: String, span: Span) -> Self {
        Self { kind, message, span }
    }
}

/// Adds conditions to a graph.
pub struct Compiler<'s> {
    schema: &'s dyn Schema,
    nodes: Vec<Node>,
    known: FxHashMap<Node, u32>,
    tests: FxHashMap<String, u32>,
    predicates: Vec<Predicate>,
    /// By predicate.
    type_tests: FxHashMap<u32, TypeTest>,
    costs: Vec<u32>,
    /// Codes that all type tests treat alike.
    classes: Vec<CodeClass>,
}

/// Nodes as they are for events of some codes.
struct CodeClass {
    verdicts: Vec<Option<bool>>,
    folded: FxHashMap<u32, u32>,
}

impl<'s> Compiler<'s> {
    /// An empty graph over the schema's fields.
    pub fn new(schema: &'s dyn Schema) -> Self {
        Self {
            schema,
            nodes: Vec::new(),
            known: FxHashMap::default(),
            tests: FxHashMap::default(),
            predicates: Vec::new(),
            type_tests: FxHashMap::default(),
            costs: Vec::new(),
            classes: Vec::new(),
        }
    }

    /// Adds a condition without macros.
    ///
    /// # Errors
    /// A field, operator or value that the schema refuses; nothing is added then.
    pub fn add(&mut self, expr: &Expr) -> Result<Root, CompileError> {
        self.node(expr).map(Root)
    }

    /// The condition as it is for events of one code: tests of the type are decided.
    pub fn specialize(&mut self, root: Root, code: u16) -> Root {
        let mut tests: Vec<u32> = self.type_tests.keys().copied().collect();
        tests.sort_unstable();
        let verdict = |set: &TypeTest| match (set.may.contains(code), set.must.contains(code)) {
            (false, _) => Some(false),
            (_, true) => Some(true),
            _ => None,
        };
        let verdicts: Vec<_> = tests.iter().map(|test| verdict(&self.type_tests[test])).collect();
        let class = self.classes.iter().position(|class| class.verdicts == verdicts).unwrap_or_else(|| {
            self.classes.push(CodeClass { verdicts: verdicts.clone(), folded: FxHashMap::default() });
            self.classes.len() - 1
        });
        let verdicts: FxHashMap<u32, Option<bool>> = tests.into_iter().zip(verdicts).collect();
        Root(self.fold(root.0, class, &verdicts))
    }

    /// The graph.
    pub fn finish(self) -> Program {
        Program { nodes: self.nodes, predicates: self.predicates }
    }

    /// Every field that the conditions added so far ask for.
    pub fn fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        self.predicates.iter().for_each(|p| p.fields(&mut |field| fields.push(field)));
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
                let key = test.to_string();
                if let Some(id) = self.tests.get(&key) {
                    return Ok(*id);
                }
                let predicate = Predicate::compile(test, self.schema)?;
                let index = self.predicates.len() as u32;
                let field = match &test.left {
                    super::ast::Operand::Field(f) => self.schema.resolve(&f.name, f.arg.as_deref()).ok(),
                    _ => None,
                };
                if let Some(set) = field.and_then(|field| TypeTest::of(test, &field, self.schema)) {
                    self.type_tests.insert(index, set);
                }
                let cost = predicate.cost();
                self.predicates.push(predicate);
                let id = self.intern(Node::Test(index), cost);
                self.tests.insert(key, id);
                id
            }
        })
    }

    fn intern(&mut self, node: Node, cost: u32) -> u32 {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        let id = self.nodes.len() as u32;
        self.nodes.push(node.clone());
        self.known.insert(node, id);
        self.costs.push(cost);
        id
    }

    fn negate(&mut self, child: u32) -> u32 {
        match self.nodes[child as usize] {
            Node::Const(value) => self.intern(Node::Const(!value), 0),
            Node::Not(inner) => inner,
            _ => {
                let cost = self.costs[child as usize];
                self.intern(Node::Not(child), cost)
            }
        }
    }

    /// All (or any) of the nodes: flat, without doubles, the cheapest first.
    fn chain(&mut self, all: bool, ids: Vec<u32>) -> u32 {
        let mut flat = Vec::with_capacity(ids.len());
        for id in ids {
            match &self.nodes[id as usize] {
                Node::Const(value) if *value == all => {}
                Node::Const(value) => return self.intern(Node::Const(*value), 0),
                Node::And(children) if all => flat.extend_from_slice(children),
                Node::Or(children) if !all => flat.extend_from_slice(children),
                _ => flat.push(id),
            }
        }
        flat.sort_by_key(|id| (self.costs[*id as usize], *id));
        flat.dedup();
        match flat.as_slice() {
            [] => self.intern(Node::Const(all), 0),
            [one] => *one,
            _ => {
                let cost = flat.iter().map(|id| self.costs[*id as usize]).fold(1, u32::saturating_add);
                let children = flat.into_boxed_slice();
                self.intern(if all { Node::And(children) } else { Node::Or(children) }, cost)
            }
        }
    }

    fn fold(&mut self, id: u32, class: usize, verdicts: &FxHashMap<u32, Option<bool>>) -> u32 {
        if let Some(folded) = self.classes[class].folded.get(&id) {
            return *folded;
        }
        let folded = match self.nodes[id as usize].clone() {
            Node::Const(_) => id,
            Node::Test(test) => match verdicts.get(&test).copied().flatten() {
                Some(value) => self.intern(Node::Const(value), 0),
                None => id,
            },
            Node::Not(child) => {
                let child = self.fold(child, class, verdicts);
                self.negate(child)
            }
            node @ (Node::And(_) | Node::Or(_)) => {
                let all = matches!(node, Node::And(_));
                let (Node::And(children) | Node::Or(children)) = node else { return id };
                let children = children.iter().map(|c| self.fold(*c, class, verdicts)).collect();
                self.chain(all, children)
            }
        };
        self.classes[class].folded.insert(id, folded);
        folded
    }
}

impl std::fmt::Debug for Compiler<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}
