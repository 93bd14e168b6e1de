//! Names of lists and macros: those that nothing has, and those that nothing uses.

use super::{Finding, Look};
use crate::condition::ast::{LiteralRef, Operand, Rhs};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Lint, Note};
use crate::loader::collect::Tables;
use crate::loader::ruleset::{Compiled, Ruleset};

/// Reports words in sets that seem to name a list.
pub(super) fn unknown_lists(look: &Look<'_>, rule: &Compiled, tables: &Tables, findings: &mut Vec<Finding>) {
    rule.expr.tests(&mut |test| {
        if !test.op.takes_list() && test.modifier.is_none() {
            return;
        }
        let in_list = matches!(test.right, Rhs::List(_));
        // Values of the event's type are known: a wrong one is an error.
        let typed = match &test.left {
            Operand::Field(field) => look
                .schema
                .resolve(&field.name, field.arg.as_deref())
                .is_ok_and(|field| look.schema.is_type_field(&field)),
            _ => false,
        };
        for value in test.right.values() {
            let alone = test.right.len() == 1;
            if let Some((word, help)) = suspicious(look, tables, &value, in_list, alone, typed) {
                let name = String::from_utf8_lossy(value.text);
                let title = format!("no list is named `{name}`: the word itself is compared");
                let mut notes = look.notes(value.span, rule, word);
                notes.push(Note::new(rule.raw.place, "in this rule"));
                let known = |f: &Finding| f.lint == Lint::UnknownList && f.notes.first() == notes.first();
                if !findings.iter().any(known) {
                    let quotes = format!("if the text is meant, put it in quotes: `\"{name}\"`");
                    findings.push(Finding::new(Lint::UnknownList, title, notes).help(help).help([quotes]));
                }
            }
        }
    });
}

/// Why a value seems to be meant as a list's name.
fn suspicious(
    look: &Look<'_>,
    tables: &Tables,
    value: &LiteralRef<'_>,
    in_list: bool,
    alone: bool,
    typed: bool,
) -> Option<(&'static str, Option<String>)> {
    let written = &*look.sources.shown(value.span);
    let is_name = written.starts_with(|c: char| c.is_ascii_alphabetic())
        && written.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !is_name || !look.sources.is_own(value.span) || typed && in_list {
        return None;
    }
    let near = nearest(written, tables.lists.names());
    let did = near.map(|near| format!("did you mean `{near}`?"));
    if !in_list {
        return Some(("no list has this name", did));
    }
    if tables.macros.position(written).is_some() {
        return Some(("this is a macro's name", Some("a macro stands alone, not in a set".to_owned())));
    }
    let joined = written.contains(['_', '-']);
    if joined && near.is_some() {
        return Some(("no list has this name", did));
    }
    (alone && written.contains('_')).then_some(("looks like the name of a list", None))
}

/// Reports lists and macros that only what is unused itself names; what nothing names Falco reports.
pub(super) fn unused(tables: &Tables, ruleset: &Ruleset, findings: &mut Vec<Finding>) {
    let (macros, lists) = ruleset.needed();
    for (index, m) in tables.macros.iter().enumerate().filter(|(index, _)| !macros[*index]) {
        if ruleset.used_macros[index] {
            let title = format!("the macro `{}` is used by unused macros only", m.name);
            let notes = vec![Note::new(m.place, "no rule needs it")];
            findings.push(Finding::new(Lint::UnusedMacro, title, notes));
        }
    }
    for (index, list) in tables.lists.iter().enumerate().filter(|(index, _)| !lists[*index]) {
        if ruleset.used_lists[index] {
            let title = format!("the list `{}` is used by unused lists and macros only", list.name);
            let notes = vec![Note::new(list.place, "no rule needs it")];
            findings.push(Finding::new(Lint::UnusedList, title, notes));
        }
    }
}
