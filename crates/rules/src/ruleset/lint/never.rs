//! Conditions that contradict themselves.

use std::rc::Rc;

use eyas_fields::FieldFlags;
use rustc_hash::FxHashMap;

use super::context::{Finding, LintCx, Part};
use super::facts::Fact;
use crate::condition::ast::{Expr, Span, Test};
use crate::condition::{codes_without_always, has};
use crate::diagnostic::{Lint, Note};
use crate::ruleset::compilation::Compiled;

/// Facts about each value, by its number.
type Given<'e> = FxHashMap<u32, Vec<(Rc<Fact<'e>>, &'e Test)>>;

/// Two comparisons that cannot both be true, or one that never is.
struct Conflict<'e> {
    one: &'e Test,
    other: Option<&'e Test>,
}

/// The reason why no event satisfies the rule, if there is one.
pub(super) fn matches<'r>(cx: &LintCx<'r>, rule: &'r Compiled) -> Option<Finding> {
    let title = format!("the rule `{}` never matches", rule.raw.name);
    let mut notes = match conflict(cx, Part::new(&rule.expr), &mut Given::default()) {
        Some(Conflict { one, other: Some(other) }) => {
            let word = format!("never true together with the other test of `{}`", one.left);
            let mut notes = cx.notes(one.span, rule, &word);
            notes.extend(cx.notes(other.span, rule, "the other test"));
            notes
        }
        Some(Conflict { one, other: None }) => cx.notes(one.span, rule, "no value satisfies this"),
        // A placeholder such as `evt.num = 0` disables a rule on purpose.
        None if rule.codes.is_empty() && !has_placeholder(cx, &rule.expr) => {
            cx.notes(type_test(cx, &rule.expr)?, rule, "no type of event satisfies all tests of the type")
        }
        None => return None,
    };
    notes.push(Note::new(rule.raw.place, "in this rule"));
    Some(Finding::new(Lint::NeverMatches, title, notes))
}

fn has_placeholder(cx: &LintCx<'_>, expr: &Expr) -> bool {
    let mut found = false;
    expr.tests(&mut |test| {
        test.left.fields_outside_lists(&mut |field| {
            let resolved = cx.schema.resolve(&field.name, field.arg.as_deref());
            found |= resolved.is_ok_and(|field| has(cx.schema, &field, FieldFlags::POSITIVE));
        });
    });
    found
}

/// The first comparison that restricts the event's type.
fn type_test(cx: &LintCx<'_>, expr: &Expr) -> Option<Span> {
    let mut found = None;
    expr.tests(&mut |test| {
        let alone = Expr::Test(test.clone());
        if found.is_none() && codes_without_always(&alone, cx.schema).count() < cx.schema.codes() {
            found = Some(test.span);
        }
    });
    found
}

fn conflict<'r>(cx: &LintCx<'r>, part: Part<'r>, given: &mut Given<'r>) -> Option<Conflict<'r>> {
    let (tests, others) = part.conjuncts();
    let mut added = Vec::new();
    let mut result = None;
    for (test, negated) in tests {
        let known = cx.known(test);
        let Some(fact) = known.fact(negated) else { continue };
        if fact.is_empty() {
            result = Some(Conflict { one: test, other: None });
            break;
        }
        let facts = given.entry(known.left).or_default();
        if let Some((_, other)) = facts.iter().find(|(other, _)| other.excludes(fact)) {
            result = Some(Conflict { one: test, other: Some(other) });
            break;
        }
        facts.push((fact.clone(), test));
        added.push(known.left);
    }
    if result.is_none() {
        result = others.into_iter().find_map(|other| {
            // It can be true if one of the alternatives can.
            let mut first = None;
            for child in other.any()? {
                let found = conflict(cx, child, given)?;
                first = first.or(Some(found));
            }
            first
        });
    }
    for key in added {
        if let Some(facts) = given.get_mut(&key) {
            facts.pop();
        }
    }
    result
}
