//! Warnings beyond Falco's: rules that load and do something else than they seem to.

use std::cell::RefCell;
use std::rc::Rc;

use eyas_fields::Schema;
use rustc_hash::{FxHashMap, FxHashSet};

use facts::Fact;

use super::ruleset::{Compiled, Ruleset};
use super::sources::Sources;
use super::{Loader, MANY_CODES};
use crate::condition::ast::{Expr, Span, Test};
use crate::condition::{codes_without_always, is_larger};
use crate::diagnostic::{Diagnostic, Lint, Note, Place, Severity, labels};
use crate::engine::Matching;

mod absent;
mod facts;
mod names;
mod never;
mod shadow;
mod words;

/// Comparisons that a condition may have to be looked into.
const MAX_TESTS: usize = 5_000;
/// Levels of nesting that it may have.
const MAX_LEVELS: usize = 100;

/// Something to be said about the ruleset.
struct Finding {
    lint: Lint,
    title: String,
    notes: Vec<Note>,
    help: Vec<String>,
}

impl Finding {
    fn new(lint: Lint, title: String, notes: Vec<Note>) -> Self {
        Self { lint, title, notes, help: Vec::new() }
    }

    fn help(mut self, help: impl IntoIterator<Item = String>) -> Self {
        self.help.extend(help);
        self
    }
}

/// What was found, each thing once.
#[derive(Default)]
struct Findings {
    all: Vec<Finding>,
    /// Which lint has pointed where, and said what.
    known: FxHashSet<(Lint, Place, String)>,
}

impl Findings {
    fn push(&mut self, finding: Finding) {
        self.all.push(finding);
    }

    /// Whether the lint has not pointed there yet; from now on it has.
    fn is_new(&mut self, lint: Lint, first: Option<&Note>) -> bool {
        first.is_none_or(|note| self.known.insert((lint, note.place, note.text.clone())))
    }
}

/// What the single lints look at.
struct LintCx<'r> {
    schema: &'r dyn Schema,
    sources: &'r Sources,
    tests: RefCell<Tests<'r>>,
}

/// What is known of comparisons, by their address: macros are put into many rules.
#[derive(Default)]
struct Tests<'r> {
    known: FxHashMap<*const Test, Rc<Known<'r>>>,
    /// Numbers of texts: equal ones have the same.
    numbers: FxHashMap<Box<[u8]>, u32>,
}

impl Tests<'_> {
    fn number(&mut self, text: Vec<u8>) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry(text.into()).or_insert(next)
    }
}

/// What is known of a comparison.
struct Known<'r> {
    /// Number of what is compared.
    left: u32,
    /// Number of what it says.
    text: u32,
    /// What follows from it, and from its negation.
    facts: [Option<Rc<Fact<'r>>>; 2],
}

impl<'r> Known<'r> {
    fn fact(&self, negated: bool) -> Option<&Rc<Fact<'r>>> {
        self.facts[usize::from(negated)].as_ref()
    }
}

impl<'r> LintCx<'r> {
    /// The place of a span in a rule, and how it came there.
    fn notes(&self, span: Span, rule: &Compiled, word: &str) -> Vec<Note> {
        self.sources.notes(span, rule.source, word)
    }

    /// What is known of a comparison.
    fn known(&self, test: &'r Test) -> Rc<Known<'r>> {
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

impl Loader {
    /// What is odd about the rules loaded so far, beyond what Falco warns about: see [`Lint`]. Nothing
    /// if they do not compile.
    ///
    /// Looks at all rules together; meant for people at work on rules, not for every start.
    pub fn lint(&self) -> Vec<Diagnostic> {
        self.with_ruleset(|ruleset| self.look_at(ruleset)).unwrap_or_default()
    }

    fn look_at(&self, ruleset: &Ruleset) -> Vec<Diagnostic> {
        let cx = LintCx { schema: &*self.schema, sources: &ruleset.sources, tests: RefCell::default() };
        let mut findings = Findings::default();
        let mut names = names::Names::new(&self.tables);
        let mut absent = absent::Absent::default();
        let mut words = words::Words::default();
        for rule in ruleset.rules() {
            if is_larger(&rule.expr, MAX_TESTS, MAX_LEVELS) {
                continue;
            }
            names.unknown_lists(&cx, rule, &mut findings);
            absent.values(&cx, rule, &mut findings);
            words.unknown(&cx, rule, &mut findings);
            match never::matches(&cx, rule) {
                Some(finding) => findings.push(finding),
                None => every_event(&cx, rule, &mut findings),
            }
        }
        if self.matching == Matching::First {
            let on = |rule: &&Compiled| rule.raw.enabled && rule.raw.priority <= self.minimum;
            let rules: Vec<&Compiled> = ruleset.rules().filter(on).collect();
            shadow::rules(&cx, &rules, &mut findings);
        }
        self.unused(ruleset, &mut findings);
        findings.all.into_iter().map(|found| self.shown(found)).collect()
    }

    fn unused(&self, ruleset: &Ruleset, findings: &mut Findings) {
        // What rules of other sources name is not known.
        if ruleset.rules().count() == self.tables.rules.len() {
            names::unused(&self.tables, ruleset, findings);
        }
    }

    fn shown(&self, found: Finding) -> Diagnostic {
        Diagnostic {
            code: found.lint.code(),
            severity: Severity::Warning,
            message: found.title,
            labels: labels(&found.notes, &self.files),
            help: found.help,
        }
    }
}

/// A part of a condition, or its negation.
#[derive(Clone, Copy)]
struct Part<'e> {
    expr: &'e Expr,
    negated: bool,
}

impl<'e> Part<'e> {
    fn new(expr: &'e Expr) -> Self {
        Self { expr, negated: false }
    }

    /// Negations moved into `negated`.
    fn bare(self) -> Self {
        let mut this = self;
        while let Expr::Not(child) = this.expr {
            this = Self { expr: child, negated: !this.negated };
        }
        this
    }

    /// The parts that must all hold, if it is made of such.
    fn all(self) -> Option<impl Iterator<Item = Part<'e>>> {
        self.children(true)
    }

    /// The parts of which one must hold, if it is made of such.
    fn any(self) -> Option<impl Iterator<Item = Part<'e>>> {
        self.children(false)
    }

    fn children(self, all: bool) -> Option<impl Iterator<Item = Part<'e>>> {
        let Self { expr, negated } = self.bare();
        let children = match expr {
            Expr::And(children) if all != negated => children,
            Expr::Or(children) if all == negated => children,
            _ => return None,
        };
        Some(children.iter().map(move |expr| Part { expr, negated }.bare()))
    }

    fn test(self) -> Option<(&'e Test, bool)> {
        match self.bare() {
            Self { expr: Expr::Test(test), negated } => Some((test, negated)),
            _ => None,
        }
    }

    /// Comparisons that must all hold, and what is made of alternatives.
    fn conjuncts(self) -> (Vec<(&'e Test, bool)>, Vec<Part<'e>>) {
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

/// The stretch from the first to the last comparison, as far as they stand in one text.
fn span_of(expr: &Expr) -> Span {
    let mut span: Option<Span> = None;
    expr.tests(&mut |test| match &mut span {
        None => span = Some(test.span),
        Some(span) if span.source == test.span.source => span.end = span.end.max(test.span.end),
        Some(_) => {}
    });
    span.unwrap_or_default()
}

/// What part of a condition makes it hold for events of every type, if that is only a part.
pub(super) fn everything(
    expr: &Expr,
    schema: &dyn Schema,
    notes: impl Fn(Span, &str) -> Vec<Note>,
) -> Vec<Note> {
    let is_all = |expr: &Expr| codes_without_always(expr, schema).count() == schema.codes();
    let mut part = expr;
    while let Expr::Or(children) = part {
        let Some(child) = children.iter().find(|c| is_all(c)) else { break };
        part = child;
    }
    match std::ptr::eq(part, expr) {
        true => Vec::new(),
        false => notes(span_of(part), "this alternative holds for events of every type"),
    }
}

/// Reports a rule that is tested on every event, where Falco does not: it counts types, and there are
/// few.
fn every_event(cx: &LintCx<'_>, rule: &Compiled, findings: &mut Findings) {
    let codes = cx.schema.codes();
    let few = (2..=MANY_CODES).contains(&codes);
    if !few || !rule.raw.warn_evttypes || rule.codes.count() < codes {
        return;
    }
    let title = format!("the rule `{}` is tested on every event", rule.raw.name);
    let mut notes = vec![Note::new(rule.raw.place, "")];
    notes.extend(everything(&rule.expr, cx.schema, |span, word| cx.notes(span, rule, word)));
    let help = "add a test of the event's type, or `warn_evttypes: false` if it is meant so".to_owned();
    findings.push(Finding::new(Lint::EveryEvent, title, notes).help([help]));
}
