//! Comparisons with texts that a field never has.

use super::{Finding, Look};
use crate::condition::ast::{Op, Operand};
use crate::diagnostic::suggest::did_you_mean;
use crate::diagnostic::{Lint, Note};
use crate::loader::ruleset::Compiled;

/// Reports them, for fields whose texts are known.
pub(super) fn unknown(look: &Look<'_>, rule: &Compiled, findings: &mut Vec<Finding>) {
    rule.expr.tests(&mut |test| {
        let is_equality = matches!(test.op, Op::Eq | Op::EqEq | Op::Ne | Op::In);
        let Operand::Field(field) = &test.left else { return };
        if !is_equality || test.modifier.is_some() {
            return;
        }
        let Ok(resolved) = look.schema.resolve(&field.name, field.arg.as_deref()) else { return };
        let Some(words) = look.schema.words(&resolved) else { return };
        for value in test.right.values() {
            let Ok(text) = std::str::from_utf8(value.text) else { continue };
            if words.contains(&text) || text.parse::<i64>().is_ok() {
                continue;
            }
            let title = format!("`{field}` is never `{text}`");
            let mut notes = look.notes(value.span, rule, "no event has this value");
            notes.push(Note::new(rule.raw.place, "in this rule"));
            let is_known = |f: &Finding| f.lint == Lint::UnknownValue && f.notes.first() == notes.first();
            if !findings.iter().any(is_known) {
                let help = did_you_mean(text, words.iter().copied());
                findings.push(Finding::new(Lint::UnknownValue, title, notes).help(help));
            }
        }
    });
}
