//! What tests of rules have shown: which conjuncts were seen true, and which false.

use eyas_fields::{CodeSet, FieldSource};

use crate::condition::ast::Operand;
use crate::condition::codes;
use crate::engine::{Engine, RuleIndex};
use crate::explain::{Origin, Part, conjuncts};

/// Collects over many events how the conjuncts of some rules came out.
///
/// Only events of the types that a rule can match count for it, and its tests of the type are left out:
/// they decide which events it is tried on at all.
pub struct Coverage<'e> {
    engine: &'e Engine,
    rules: Vec<Watched<'e>>,
}

struct Watched<'e> {
    rule: RuleIndex,
    codes: CodeSet,
    /// With how often each was false and how often true.
    parts: Vec<(Part<'e>, [u64; 2])>,
}

/// A conjunct that was never seen to come out one way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unseen {
    /// As a condition.
    pub condition: String,
    /// The verdict that never came; `None` if neither did.
    pub never: Option<bool>,
    /// Where it is written.
    pub origin: Option<Origin>,
}

/// How far a rule was tested.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleCoverage {
    /// The rule's name.
    pub rule: String,
    /// Number of its conjuncts, those that only test the event type left out.
    pub conjuncts: usize,
    /// Those that did not come out both ways.
    pub unseen: Vec<Unseen>,
}

impl<'e> Coverage<'e> {
    /// Nothing seen yet of these rules.
    pub fn new(engine: &'e Engine, rules: impl IntoIterator<Item = RuleIndex>) -> Self {
        let schema = engine.schema();
        let of_type = |part: &Part<'_>| {
            part.tests().iter().all(|test| match &test.left {
                Operand::Field(field) => schema
                    .resolve(&field.name, field.arg.as_deref())
                    .is_ok_and(|field| schema.is_type_field(&field)),
                _ => false,
            })
        };
        let rules = rules
            .into_iter()
            .map(|rule| {
                let condition = &engine.rule(rule).compiled;
                let parts = conjuncts(condition).into_iter().filter(|part| !of_type(part));
                Watched {
                    rule,
                    codes: codes(condition, schema),
                    parts: parts.map(|part| (part, [0, 0])).collect(),
                }
            })
            .collect();
        Self { engine, rules }
    }

    /// Takes an event into account.
    pub fn record(&mut self, event: &dyn FieldSource) {
        let schema = self.engine.schema();
        for watched in self.rules.iter_mut().filter(|w| w.codes.contains(event.code())) {
            for (part, seen) in &mut watched.parts {
                seen[usize::from(part.holds(schema, event))] += 1;
            }
        }
    }

    /// What was seen, rule by rule.
    pub fn report(&self) -> Vec<RuleCoverage> {
        let unseen = |(part, [no, yes]): &(Part<'e>, [u64; 2])| {
            let never = match (no, yes) {
                (0, 0) => None,
                (0, _) => Some(false),
                (_, 0) => Some(true),
                _ => return None,
            };
            let origin = part.origin(self.engine);
            Some(Unseen { condition: part.to_string(), never, origin })
        };
        self.rules
            .iter()
            .map(|watched| RuleCoverage {
                rule: self.engine.rule(watched.rule).name.clone(),
                conjuncts: watched.parts.len(),
                unseen: watched.parts.iter().filter_map(unseen).collect(),
            })
            .collect()
    }
}

impl std::fmt::Debug for Coverage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coverage").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}
