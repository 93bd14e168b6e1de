//! Input and findings of the lints.

use std::cell::RefCell;
use std::rc::Rc;

use eyas_fields::Schema;
use rustc_hash::{FxHashMap, FxHashSet};

use super::facts::Fact;
use crate::condition::ast::{Expr, Span, Test};
use crate::diagnostic::{Lint, Note, Place};
use crate::ruleset::compilation::{Compilation, Compiled};
use crate::ruleset::sources::Sources;

/// Maximum number of comparisons of a condition that lints check.
pub(super) const MAX_TESTS: usize = 5_000;
/// Maximum nesting of a condition that lints check.
pub(super) const MAX_LEVELS: usize = 100;

/// A finding about the ruleset.
pub(super) struct Finding {
    pub(super) lint: Lint,
    pub(super) title: String,
    pub(super) notes: Vec<Note>,
    pub(super) help: Vec<String>,
}

impl Finding {
    pub(super) fn new(lint: Lint, title: String, notes: Vec<Note>) -> Self {
        Self { lint, title, notes, help: Vec::new() }
    }

    pub(super) fn help(mut self, help: impl IntoIterator<Item = String>) -> Self {
        self.help.extend(help);
        self
    }
}

/// Findings without duplicates.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) all: Vec<Finding>,
    /// Lint, place and text of each finding.
    known: FxHashSet<(Lint, Place, String)>,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        self.all.push(finding);
    }

    /// Whether the lint has no finding there yet; records the finding.
    pub(super) fn is_new(&mut self, lint: Lint, first: Option<&Note>) -> bool {
        first.is_none_or(|note| self.known.insert((lint, note.place, note.text.clone())))
    }
}

/// Input of the lints.
pub(super) struct LintCx<'r> {
    pub(super) schema: &'r dyn Schema,
    pub(super) sources: &'r Sources,
    tests: RefCell<Tests<'r>>,
}

/// Facts about comparisons, by address, because many rules share a macro.
#[derive(Default)]
pub(super) struct Tests<'r> {
    known: FxHashMap<*const Test, Rc<Known<'r>>>,
    /// Numbers of texts; equal texts have the same number.
    numbers: FxHashMap<Box<[u8]>, u32>,
}

impl Tests<'_> {
    pub(super) fn number(&mut self, text: Vec<u8>) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry(text.into()).or_insert(next)
    }
}

/// Facts about a comparison.
pub(super) struct Known<'r> {
    /// Number of the left side.
    pub(super) left: u32,
    /// Number of the comparison's text.
    pub(super) text: u32,
    /// Facts that follow from it, and from its negation.
    facts: [Option<Rc<Fact<'r>>>; 2],
}

impl<'r> Known<'r> {
    pub(super) fn fact(&self, negated: bool) -> Option<&Rc<Fact<'r>>> {
        self.facts[usize::from(negated)].as_ref()
    }
}

impl<'r> LintCx<'r> {
    pub(super) fn new(schema: &'r dyn Schema, ruleset: &'r Compilation) -> Self {
        Self { schema, sources: &ruleset.sources, tests: RefCell::default() }
    }

    /// The place of a span in a rule, and the lists and macros through which it came there.
    pub(super) fn notes(&self, span: Span, rule: &Compiled, word: &str) -> Vec<Note> {
        self.sources.notes(span, rule.source, word)
    }

    /// The facts about a comparison.
    pub(super) fn known(&self, test: &'r Test) -> Rc<Known<'r>> {
        let mut tests = self.tests.borrow_mut();
        if let Some(known) = tests.known.get(&std::ptr::from_ref(test)) {
            return known.clone();
        }
        let (mut left, mut text) = (Vec::new(), Vec::new());
        test.left.write_key(&mut left);
        test.write_key(&mut text);
        let fact = |negated| Fact::of(test, negated, self.schema).map(Rc::new);
        let facts = [fact(false), fact(true)];
        let known = Rc::new(Known { left: tests.number(left), text: tests.number(text), facts });
        tests.known.insert(test, known.clone());
        known
    }
}

/// A part of a condition, or its negation.
#[derive(Clone, Copy)]
pub(super) struct Part<'e> {
    pub(super) expr: &'e Expr,
    pub(super) negated: bool,
}

impl<'e> Part<'e> {
    pub(super) fn new(expr: &'e Expr) -> Self {
        Self { expr, negated: false }
    }

    /// The part without its negations, which are moved into `negated`.
    pub(super) fn bare(self) -> Self {
        let mut this = self;
        while let Expr::Not(child) = this.expr {
            this = Self { expr: child, negated: !this.negated };
        }
        this
    }

    /// The parts of a conjunction; `None` for others.
    pub(super) fn all(self) -> Option<impl Iterator<Item = Part<'e>>> {
        self.children(true)
    }

    /// The parts of a disjunction; `None` for others.
    pub(super) fn any(self) -> Option<impl Iterator<Item = Part<'e>>> {
        self.children(false)
    }

    pub(super) fn children(self, all: bool) -> Option<impl Iterator<Item = Part<'e>>> {
        let Self { expr, negated } = self.bare();
        let children = match expr {
            Expr::And(children) if all != negated => children,
            Expr::Or(children) if all == negated => children,
            _ => return None,
        };
        Some(children.iter().map(move |expr| Part { expr, negated }.bare()))
    }

    pub(super) fn test(self) -> Option<(&'e Test, bool)> {
        match self.bare() {
            Self { expr: Expr::Test(test), negated } => Some((test, negated)),
            _ => None,
        }
    }

    /// The comparisons that must all be true, and the disjunctions.
    pub(super) fn conjuncts(self) -> (Vec<(&'e Test, bool)>, Vec<Part<'e>>) {
        let (mut tests, mut others) = (Vec::new(), Vec::new());
        let mut open = vec![self];
        while let Some(part) = open.pop() {
            if let Some(children) = part.all() {
                let at = open.len();
                open.extend(children);
                open[at..].reverse();
            } else if let Some(test) = part.test() {
                tests.push(test);
            } else {
                others.push(part.bare());
            }
        }
        (tests, others)
    }
}
