//! Comparisons with texts that are never a field's value.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::context::{Finding, Findings, LintCx};
use crate::condition::Part;
use crate::condition::ast::{FieldRef, LiteralRef, Op, Operand, Rhs, Test};
use crate::diagnostic::suggest::did_you_mean;
use crate::diagnostic::{Lint, Note};
use crate::ruleset::compilation::Compiled;

/// Checked comparisons with fields that have a fixed set of texts.
#[derive(Default)]
pub(super) struct Words {
    /// Checked comparisons by address: many rules share a macro.
    tests: FxHashSet<*const Test>,
    /// Checked lists with the name of the field: many comparisons share a list.
    lists: FxHashSet<(usize, String)>,
}

impl Words {
    /// Reports such comparisons, for fields whose texts are known.
    pub(super) fn unknown(&mut self, cx: &LintCx<'_>, rule: &Compiled, findings: &mut Findings) {
        rule.expr.tests(&mut |test| {
            let is_equality = matches!(test.op, Op::Eq | Op::EqEq | Op::Ne | Op::In);
            let Operand::Field(field) = &test.left else { return };
            if !is_equality || test.modifier.is_some() || !self.tests.insert(std::ptr::from_ref(test)) {
                return;
            }
            let Ok(resolved) = cx.schema.resolve(&field.name, field.arg.as_deref()) else { return };
            let Some(words) = cx.schema.words(&resolved) else { return };
            let mut check = |value: LiteralRef<'_>| check(value, field, words, cx, rule, findings);
            match &test.right {
                Rhs::Value(value) => check(value.borrowed()),
                Rhs::List(values) => {
                    for part in values.parts() {
                        match part {
                            Part::One(value) => check(value.borrowed()),
                            Part::List(list, at) => {
                                let key = (Arc::as_ptr(list) as usize, field.to_string());
                                if self.lists.insert(key) {
                                    let place = |value: LiteralRef<'_>| value.span.inside(*at);
                                    list.iter().for_each(|v| check(LiteralRef { span: place(v), ..v }));
                                }
                            }
                        }
                    }
                }
                Rhs::None | Rhs::Operand(_) => {}
            }
        });
    }
}

fn check(
    value: LiteralRef<'_>,
    field: &FieldRef,
    words: &[&str],
    cx: &LintCx<'_>,
    rule: &Compiled,
    findings: &mut Findings,
) {
    let Ok(text) = std::str::from_utf8(value.text) else { return };
    if words.contains(&text) || text.parse::<i64>().is_ok() {
        return;
    }
    let title = format!("`{field}` is never `{text}`");
    let mut notes = cx.notes(value.span, rule, "no event has this value");
    notes.push(Note::new(rule.raw.place, "in this rule"));
    if findings.is_new(Lint::UnknownValue, notes.first()) {
        let help = did_you_mean(text, words.iter().copied());
        findings.push(Finding::new(Lint::UnknownValue, title, notes).help(help));
    }
}
