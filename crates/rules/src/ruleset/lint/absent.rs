//! Negative comparisons with values that many events do not have.

use std::collections::BTreeSet;

use eyas_fields::{ArgKind, FieldDef, Schema, Scope};
use rustc_hash::FxHashMap;

use super::context::{Finding, Findings, LintCx, Part};
use crate::condition::ast::{FieldRef, Op, Operand, Rhs, Test};
use crate::diagnostic::{Lint, Note};
use crate::ruleset::compilation::Compiled;

/// Comparisons of values that may be absent.
#[derive(Default)]
pub(super) struct Absent {
    /// Results by address, because many rules share a macro.
    known: FxHashMap<*const Test, bool>,
}

impl Absent {
    /// Reports negative comparisons if no other test requires the value.
    pub(super) fn values(&mut self, cx: &LintCx<'_>, rule: &Compiled, findings: &mut Findings) {
        let mut any = false;
        rule.expr.tests(&mut |test| any |= self.is_candidate(cx, test));
        if any {
            self.walk(cx, rule, Part::new(&rule.expr), &mut Vec::new(), findings);
        }
    }

    /// Whether the comparison may be reported somewhere.
    fn is_candidate(&mut self, cx: &LintCx<'_>, test: &Test) -> bool {
        *self.known.entry(test).or_insert_with(|| {
            let equality = matches!(test.op, Op::Ne | Op::Eq | Op::EqEq);
            equality
                && matches!(test.right, Rhs::Value(_))
                && matches!(&test.left, Operand::Field(field) if may_be_absent(field, cx.schema))
        })
    }

    /// `given` contains the fields that must be present for the part to matter.
    fn walk<'e>(
        &mut self,
        cx: &LintCx<'_>,
        rule: &Compiled,
        part: Part<'e>,
        given: &mut Vec<&'e str>,
        findings: &mut Findings,
    ) {
        let (tests, others) = part.conjuncts();
        let before = given.len();
        given.extend(given_by(part));
        for (test, negated) in tests {
            if self.is_candidate(cx, test)
                && let Operand::Field(field) = &test.left
                && !given.contains(&class(&field.name))
            {
                report(cx, rule, test, negated, field, findings);
            }
        }
        for other in others {
            for child in other.any().into_iter().flatten() {
                self.walk(cx, rule, child, given, findings);
            }
        }
        given.truncate(before);
    }
}

/// Fields that must be present for the part to be true, besides negative comparisons.
fn given_by(part: Part<'_>) -> BTreeSet<&str> {
    if let Some((test, negated)) = part.test() {
        let mut out = BTreeSet::new();
        if !negated && test.op != Op::Ne {
            fields(&test.left, &mut |field| {
                out.insert(class(&field.name));
            });
        }
        return out;
    }
    if let Some(children) = part.all() {
        return children.flat_map(given_by).collect();
    }
    let alternatives = part.any().into_iter().flatten().map(given_by);
    alternatives.reduce(|a, b| a.intersection(&b).copied().collect()).unwrap_or_default()
}

fn fields<'e>(operand: &'e Operand, visit: &mut dyn FnMut(&'e FieldRef)) {
    match operand {
        Operand::Field(field) => visit(field),
        Operand::Call(call) => call.args.iter().for_each(|a| fields(a, visit)),
        Operand::List(items, _) => items.iter().for_each(|a| fields(a, visit)),
        Operand::Text(_) => {}
    }
}

/// The class of a field; all fields of a class are present together. It is the name before the first dot;
/// each parameter is a class of its own.
fn class(name: &str) -> &str {
    match name.starts_with("evt.") {
        true => name,
        false => name.split('.').next().unwrap_or(name),
    }
}

fn may_be_absent(field: &FieldRef, schema: &dyn Schema) -> bool {
    let Ok(resolved) = schema.resolve(&field.name, field.arg.as_deref()) else { return false };
    let def: &FieldDef = schema.def(resolved.id);
    matches!(def.scope, Scope::Fd | Scope::Ancestors) || def.arg == ArgKind::Suffix
}

/// Whether the comparison itself is negated, not a macro or a parenthesis around it.
fn is_negated_itself(cx: &LintCx<'_>, test: &Test) -> bool {
    let (text, start) = (cx.sources.text(test.span.source), test.span.start as usize);
    // Longer runs of blanks are ignored.
    let before = text.slice(start.saturating_sub(16)..start);
    before.trim_end().ends_with("not")
}

fn report(
    cx: &LintCx<'_>,
    rule: &Compiled,
    test: &Test,
    negated: bool,
    field: &FieldRef,
    findings: &mut Findings,
) {
    let value = match &test.right {
        Rhs::Value(value) => cx.sources.shown(value.span),
        _ => return,
    };
    let (word, help) = match (test.op, negated) {
        (Op::Ne, false) => (
            "false where there is no such value",
            format!("for these events to match too write `not {field} = {value}`"),
        ),
        (Op::Eq | Op::EqEq, true) if is_negated_itself(cx, test) => (
            "negated, this is true where there is no such value",
            format!("for these events not to match write `{field} != {value}`"),
        ),
        _ => return,
    };
    let title = match negated {
        true => format!("events without `{field}` satisfy this"),
        false => format!("events without `{field}` do not satisfy this"),
    };
    let mut notes = cx.notes(test.span, rule, word);
    notes.push(Note::new(rule.raw.place, "in this rule"));
    if findings.is_new(Lint::AbsentValue, notes.first()) {
        findings.push(Finding::new(Lint::AbsentValue, title, notes).help([help]));
    }
}
