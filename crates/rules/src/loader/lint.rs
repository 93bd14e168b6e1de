//! Warnings that Falco lacks, about rules that load but do something else than they seem to.

use std::sync::Arc;

use context::{Finding, Findings, LintCx, MAX_LEVELS, MAX_TESTS};
use eyas_fields::Schema;

use super::Loader;
use super::ruleset::{Compiled, Ruleset};
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

impl Loader {
    /// Returns warnings about the rules loaded so far that Falco lacks: see [`Lint`]. Returns nothing if
    /// they do not compile.
    ///
    /// It compares all rules with each other, so it is meant for the development of rules, not for every
    /// start.
    pub fn lint(&self) -> Vec<Diagnostic> {
        self.with_ruleset(|ruleset| self.look_at(ruleset)).unwrap_or_default()
    }

    /// Warnings about rules that no event satisfies, and about fields without values.
    pub(super) fn without_effect(&self, ruleset: &Ruleset, schema: &dyn Schema) -> Vec<Diagnostic> {
        let cx = LintCx::new(schema, ruleset);
        let rules =
            ruleset.rules_of(schema.source()).filter(|rule| !is_larger(&rule.expr, MAX_TESTS, MAX_LEVELS));
        let never = rules.filter_map(|rule| never::matches(&cx, rule));
        never.chain(self.valueless(&cx, ruleset)).map(|found| self.shown(found)).collect()
    }

    fn valueless<'r>(&'r self, cx: &LintCx<'r>, ruleset: &'r Ruleset) -> Vec<Finding> {
        let rules =
            ruleset.rules_of(cx.schema.source()).filter(|rule| !is_larger(&rule.expr, MAX_TESTS, MAX_LEVELS));
        valueless::fields(cx, rules, &self.unavailable, &self.files)
    }

    fn look_at(&self, ruleset: &Ruleset) -> Vec<Diagnostic> {
        let of_source = |schema: &Arc<dyn Schema>| self.look_at_source(ruleset, &**schema);
        let mut all: Vec<Diagnostic> = self.schemas.iter().flat_map(of_source).collect();
        let mut findings = Findings::default();
        self.unused(ruleset, &mut findings);
        all.extend(findings.all.into_iter().map(|found| self.shown(found)));
        all
    }

    fn look_at_source(&self, ruleset: &Ruleset, schema: &dyn Schema) -> Vec<Diagnostic> {
        let cx = LintCx::new(schema, ruleset);
        let mut findings = Findings::default();
        let mut names = names::Names::new(&self.tables);
        let mut absent = absent::Absent::default();
        let mut words = words::Words::default();
        for rule in ruleset.rules_of(schema.source()) {
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
        self.valueless(&cx, ruleset).into_iter().for_each(|found| findings.push(found));
        if self.matching == Matching::First {
            let on = |rule: &&Compiled| rule.raw.enabled && rule.raw.priority <= self.minimum;
            let rules: Vec<&Compiled> = ruleset.rules_of(schema.source()).filter(on).collect();
            shadow::rules(&cx, &rules, &mut findings);
        }
        findings.all.into_iter().map(|found| self.shown(found)).collect()
    }

    fn unused(&self, ruleset: &Ruleset, findings: &mut Findings) {
        // The names in rules of other sources are unknown.
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
