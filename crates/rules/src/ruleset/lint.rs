//! Warnings that Falco lacks: about rules that load, but do something else than their authors probably meant.

use std::sync::Arc;

use context::{Finding, Findings, LintCx, MAX_LEVELS, MAX_TESTS};
use eyas_fields::Schema;

use super::RuleSet;
use super::compilation::Compiled;
use super::setup::MANY_CODES;
use crate::condition::ast::{Expr, Span};
use crate::condition::{codes_without_always, is_larger};
use crate::diagnostic::{Diagnostic, Lint, Note, Severity, labels};
use crate::rule::Matching;

mod absent;
mod context;
mod facts;
mod names;
mod never;
mod shadow;
mod valueless;
mod words;

pub(super) use valueless::Unavailable;

impl RuleSet {
    /// Returns the warnings that Falco lacks: see [`Lint`].
    ///
    /// It compares all rules with each other, so it is meant for the development of rules, not for every
    /// start.
    pub fn lint(&self) -> Vec<Diagnostic> {
        let of_source = |schema: &Arc<dyn Schema>| self.lint_source(&**schema);
        let mut all: Vec<Diagnostic> = self.loaded.options.schemas.iter().flat_map(of_source).collect();
        let mut findings = Findings::default();
        self.unused(&mut findings);
        all.extend(findings.all.into_iter().map(|found| self.shown(found)));
        all
    }

    /// Warnings about rules that no event satisfies, and about fields without values.
    pub(super) fn without_effect(&self, schema: &dyn Schema) -> Vec<Diagnostic> {
        let compilation = &self.loaded.compilation;
        let cx = LintCx::new(schema, compilation);
        let rules = compilation
            .rules_of(schema.source())
            .filter(|rule| !is_larger(&rule.expr, MAX_TESTS, MAX_LEVELS));
        let never = rules.filter_map(|rule| never::matches(&cx, rule));
        never.chain(self.valueless(&cx)).map(|found| self.shown(found)).collect()
    }

    fn valueless<'r>(&'r self, cx: &LintCx<'r>) -> Vec<Finding> {
        let compilation = &self.loaded.compilation;
        let rules = compilation
            .rules_of(cx.schema.source())
            .filter(|rule| !is_larger(&rule.expr, MAX_TESTS, MAX_LEVELS));
        valueless::fields(cx, rules, &self.loaded.options.unavailable, &self.loaded.files)
    }

    fn lint_source(&self, schema: &dyn Schema) -> Vec<Diagnostic> {
        let compilation = &self.loaded.compilation;
        let cx = LintCx::new(schema, compilation);
        let mut findings = Findings::default();
        let mut names = names::Names::new(&self.loaded.tables);
        let mut absent = absent::Absent::default();
        let mut words = words::Words::default();
        for rule in compilation.rules_of(schema.source()) {
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
        self.valueless(&cx).into_iter().for_each(|found| findings.push(found));
        if self.matching == Matching::First {
            let on = |rule: &&Compiled| rule.raw.enabled && rule.raw.priority <= self.minimum;
            let rules: Vec<&Compiled> = compilation.rules_of(schema.source()).filter(on).collect();
            shadow::rules(&cx, &rules, &mut findings);
        }
        findings.all.into_iter().map(|found| self.shown(found)).collect()
    }

    fn unused(&self, findings: &mut Findings) {
        let (tables, compilation) = (&self.loaded.tables, &self.loaded.compilation);
        // The names in rules of other sources are unknown.
        if compilation.rules().count() == tables.rules.len() {
            names::unused(tables, compilation, findings);
        }
    }

    fn shown(&self, found: Finding) -> Diagnostic {
        Diagnostic {
            code: found.lint.code(),
            severity: Severity::Warning,
            message: found.title,
            labels: labels(&found.notes, &self.loaded.files),
            help: found.help,
        }
    }
}

/// The range from the first to the last comparison in the same text.
fn span_of(expr: &Expr) -> Span {
    let mut span: Option<Span> = None;
    expr.tests(&mut |test| match &mut span {
        None => span = Some(test.span),
        Some(span) if span.source == test.span.source => span.end = span.end.max(test.span.end),
        Some(_) => {}
    });
    span.unwrap_or_default()
}

/// The part of a condition that makes it match events of every type, if it is not the whole condition.
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

/// Reports a rule that is tested on every event if Falco does not, because the schema has few types.
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
