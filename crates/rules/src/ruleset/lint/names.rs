//! Names of lists and macros: unknown ones and unused ones.

use rustc_hash::FxHashSet;

use super::context::{Finding, Findings, LintCx};
use crate::condition::ast::{LiteralRef, Operand, Rhs, Test};
use crate::diagnostic::suggest::Similar;
use crate::diagnostic::{Lint, Note};
use crate::ruleset::compilation::{Compilation, Compiled};
use crate::ruleset::definitions::Tables;

/// Words that are compared with names.
pub(super) struct Names<'r> {
    tables: &'r Tables,
    lists: Similar<'r>,
    /// Checked comparisons, by address, because many rules share a macro.
    seen: FxHashSet<*const Test>,
}

impl<'r> Names<'r> {
    pub(super) fn new(tables: &'r Tables) -> Self {
        Self { tables, lists: Similar::new(tables.lists.names()), seen: FxHashSet::default() }
    }

    /// Reports words in sets that seem to name a list.
    pub(super) fn unknown_lists(&mut self, cx: &LintCx<'_>, rule: &Compiled, findings: &mut Findings) {
        rule.expr.tests(&mut |test| {
            let takes_several = test.op.takes_list() || test.modifier.is_some();
            if !takes_several || !self.seen.insert(std::ptr::from_ref(test)) {
                return;
            }
            let (own, in_list): (Vec<LiteralRef<'_>>, _) = match &test.right {
                Rhs::Value(value) => (vec![value.borrowed()], false),
                // Items of a list are no names of lists.
                Rhs::List(values) => (values.singles().collect(), true),
                Rhs::None | Rhs::Operand(_) => return,
            };
            // The values of the event's type are known, so a wrong value is an error.
            let typed = || match &test.left {
                Operand::Field(field) => cx
                    .schema
                    .resolve(&field.name, field.arg.as_deref())
                    .is_ok_and(|field| cx.schema.is_type_field(&field)),
                _ => false,
            };
            if in_list && typed() {
                return;
            }
            let alone = test.right.len() == 1;
            for value in own {
                let Some((word, help)) = self.suspicious(cx, value, in_list, alone) else { continue };
                let name = String::from_utf8_lossy(value.text);
                let title = format!("no list is named `{name}`: the word itself is compared");
                let mut notes = cx.notes(value.span, rule, word);
                notes.push(Note::new(rule.raw.place, "in this rule"));
                if findings.is_new(Lint::UnknownList, notes.first()) {
                    let quotes = format!("if the text is meant, put it in quotes: `\"{name}\"`");
                    findings.push(Finding::new(Lint::UnknownList, title, notes).help(help).help([quotes]));
                }
            }
        });
    }

    /// The reason why a value seems to be meant as a list's name.
    fn suspicious(
        &mut self,
        cx: &LintCx<'_>,
        value: LiteralRef<'_>,
        in_list: bool,
        alone: bool,
    ) -> Option<(&'static str, Option<String>)> {
        let written = &*cx.sources.shown(value.span);
        let is_name = written.starts_with(|c: char| c.is_ascii_alphabetic())
            && written.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if !is_name || !cx.sources.is_own(value.span) {
            return None;
        }
        if in_list && self.tables.macros.position(written).is_some() {
            return Some((
                "this is a macro's name",
                Some("use a macro without a field and an operator".to_owned()),
            ));
        }
        let joined = written.contains(['_', '-']);
        let near = if joined || !in_list { self.lists.nearest(written) } else { None };
        let did = near.map(|near| format!("did you mean `{near}`?"));
        if !in_list || joined && near.is_some() {
            return Some(("no list has this name", did));
        }
        (alone && written.contains('_')).then_some(("looks like the name of a list", None))
    }
}

/// Reports lists and macros that only unused items use. Falco reports those that nothing uses.
pub(super) fn unused(tables: &Tables, ruleset: &Compilation, findings: &mut Findings) {
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
