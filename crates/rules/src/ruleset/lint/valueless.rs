//! Fields that never have a value.

use std::collections::BTreeMap;
use std::ops::Range;

use eyas_fields::FieldFlags;

use super::context::{Finding, LintCx};
use crate::condition::ast::{Operand, Rhs};
use crate::diagnostic::{Lint, Note, SourceFile};
use crate::ruleset::compilation::Compiled;

/// Fields without values in this configuration, and the reasons: a name, or the beginning of names that
/// ends with a dot.
#[derive(Clone, Debug, Default)]
pub(in crate::ruleset) struct Unavailable(Vec<(String, String)>);

impl Unavailable {
    pub(in crate::ruleset) fn add(&mut self, names: String, why: String) {
        self.0.push((names, why));
    }

    fn reason(&self, field: &str) -> Option<&str> {
        let covers = |names: &str| names == field || names.ends_with('.') && field.starts_with(names);
        self.0.iter().find(|(names, _)| covers(names)).map(|(_, why)| why.as_str())
    }
}

/// The first use of a field, and the number of rules that use it.
struct Use<'r> {
    why: &'r str,
    notes: Vec<Note>,
    rule: &'r str,
    rules: usize,
}

/// Reports each such field once, at its first use by an enabled rule.
pub(super) fn fields<'r>(
    cx: &LintCx<'r>,
    rules: impl Iterator<Item = &'r Compiled>,
    unavailable: &'r Unavailable,
    files: &[std::sync::Arc<SourceFile>],
) -> Vec<Finding> {
    let mut found: BTreeMap<String, Use<'r>> = BTreeMap::new();
    for rule in rules.filter(|rule| rule.raw.enabled) {
        let name = rule.raw.name.as_str();
        let mut add = |field: &str, notes: &dyn Fn(&str) -> Vec<Note>| {
            let Some(why) = reason(cx, unavailable, field) else { return };
            let entry = found.entry(field.to_owned()).or_insert_with(|| Use {
                why,
                notes: notes("never has a value"),
                rule: "",
                rules: 0,
            });
            if entry.rule != name {
                (entry.rule, entry.rules) = (name, entry.rules + 1);
            }
        };
        rule.expr.tests(&mut |test| {
            let right = match &test.right {
                Rhs::Operand(operand) => Some(operand),
                _ => None,
            };
            for operand in std::iter::once(&test.left).chain(right) {
                Operand::fields(operand, &mut |field| {
                    add(&field.name, &|word| cx.notes(field.span, rule, word));
                });
            }
        });
        rule.format.visit_fields(&mut |field| {
            let name = cx.schema.def(field.id).name;
            if let Some(at) = place_in(rule.raw.output.as_str(), name) {
                add(name, &|word| rule.raw.output.notes(at.clone(), word, files));
            }
        });
    }
    found.into_iter().map(|(field, used)| finding(&field, used)).collect()
}

/// The reason why the field never has a value, if there is one.
fn reason<'r>(cx: &LintCx<'_>, unavailable: &'r Unavailable, field: &str) -> Option<&'r str> {
    let def = cx.schema.fields().iter().find(|def| def.name == field);
    match def.is_some_and(|def| def.flags.contains(FieldFlags::WITHOUT_VALUE)) {
        true => Some("it is kept so that old rules load"),
        false => unavailable.reason(field),
    }
}

/// The place of the field in the rule's own output.
fn place_in(output: &str, field: &str) -> Option<Range<usize>> {
    let at = output.find(&format!("%{field}"))? + 1;
    Some(at..at + field.len())
}

fn finding(field: &str, used: Use<'_>) -> Finding {
    let title = format!("the field `{field}` never has a value: {}", used.why);
    let mut help =
        vec![format!("comparisons with `{field}` are false, negated ones are true, and outputs show `<NA>`")];
    if used.rules > 1 {
        help.push(format!("{} rules use it", used.rules));
    }
    Finding::new(Lint::WithoutValue, title, used.notes).help(help)
}
