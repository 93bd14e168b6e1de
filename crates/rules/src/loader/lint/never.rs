//! Conditions that contradict themselves.

use eyas_fields::FieldFlags;
use rustc_hash::FxHashMap;

use super::facts::Fact;
use super::{Finding, Look, Part};
use crate::condition::ast::{Expr, Span, Test};
use crate::condition::{codes_without_always, has};
use crate::diagnostic::{Lint, Note};
use crate::loader::ruleset::Compiled;

/// What is known of each value, by its text.
type Known<'e> = FxHashMap<String, Vec<(Fact, &'e Test)>>;

/// Two comparisons that cannot both hold, or one that never does.
struct Conflict<'e> {
    one: &'e Test,
    other: Option<&'e Test>,
}

/// Why no event satisfies the rule, if it is so.
pub(super) fn matches(look: &Look<'_>, rule: &Compiled) -> Option<Finding> {
    let title = format!("the rule `{}` never matches", rule.raw.name);
    let mut notes = match conflict(look, Part::new(&rule.expr), &mut Known::default()) {
        Some(Conflict { one, other: Some(other) }) => {
            let word = format!("never true together with the other test of `{}`", one.left);
            let mut notes = look.notes(one.span, rule, &word);
            notes.extend(look.notes(other.span, rule, "the other test"));
            notes
        }
        Some(Conflict { one, other: None }) => look.notes(one.span, rule, "no value satisfies this"),
        // A placeholder such as `evt.num = 0` switches a rule off, and is meant so.
        None if has_placeholder(look, &rule.expr) => return None,
        None if codes_without_always(&rule.expr, look.schema).is_empty() => {
            look.notes(type_test(look, &rule.expr)?, rule, "no type of event satisfies all tests of the type")
        }
        None => return None,
    };
    notes.push(Note::new(rule.raw.place, "in this rule"));
    Some(Finding::new(Lint::NeverMatches, title, notes))
}

fn has_placeholder(look: &Look<'_>, expr: &Expr) -> bool {
    let mut found = false;
    expr.tests(&mut |test| {
        test.left.fields_outside_lists(&mut |field| {
            let resolved = look.schema.resolve(&field.name, field.arg.as_deref());
            found |= resolved.is_ok_and(|field| has(look.schema, &field, FieldFlags::POSITIVE));
        });
    });
    found
}

/// The first comparison that restricts the event's type.
fn type_test(look: &Look<'_>, expr: &Expr) -> Option<Span> {
    let mut found = None;
    expr.tests(&mut |test| {
        let alone = Expr::Test(test.clone());
        if found.is_none() && codes_without_always(&alone, look.schema).count() < look.schema.codes() {
            found = Some(test.span);
        }
    });
    found
}

fn conflict<'e>(look: &Look<'_>, part: Part<'e>, known: &mut Known<'e>) -> Option<Conflict<'e>> {
    let (tests, others) = part.conjuncts();
    let mut added = Vec::new();
    let mut result = None;
    for (test, negated) in tests {
        let Some(fact) = Fact::of(test, negated, look.schema) else { continue };
        if fact.is_empty() {
            result = Some(Conflict { one: test, other: None });
            break;
        }
        let key = test.left.to_string();
        let facts = known.entry(key.clone()).or_default();
        if let Some((_, other)) = facts.iter().find(|(other, _)| other.excludes(&fact)) {
            result = Some(Conflict { one: test, other: Some(other) });
            break;
        }
        facts.push((fact, test));
        added.push(key);
    }
    if result.is_none() {
        result = others.into_iter().find_map(|other| {
            // It can hold if one of the alternatives can.
            let mut first = None;
            for child in other.any()? {
                let found = conflict(look, child, known)?;
                first = first.or(Some(found));
            }
            first
        });
    }
    for key in added {
        if let Some(facts) = known.get_mut(&key) {
            facts.pop();
        }
    }
    result
}
