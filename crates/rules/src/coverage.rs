//! Coverage of rule tests: which conjuncts were seen true, and which false.

use std::fmt;

use eyas_fields::{CodeSet, FieldSource};

use crate::condition::ast::Operand;
use crate::condition::{Filter, Scratch, codes, compile};
use crate::engine::Engine;
use crate::explain::{Part, conjuncts, cut};
use crate::mismatch::SchemaMismatch;
use crate::rule::{Origin, RuleIndex};

/// Collects the results of some rules' conjuncts over many events.
///
/// For each rule, only events of the types that it can match are recorded. Its tests of the type are left
/// out, because they only select these events.
pub struct Coverage<'e> {
    engine: &'e Engine,
    rules: Vec<Watched<'e>>,
}

struct Watched<'e> {
    rule: RuleIndex,
    codes: CodeSet,
    parts: Vec<Seen<'e>>,
}

struct Seen<'e> {
    part: Part<'e>,
    filter: Filter,
    scratch: Scratch,
    /// How often it was false and how often true.
    verdicts: [u64; 2],
}

/// A conjunct that was never true, or never false.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unseen {
    /// The part as a condition.
    pub condition: String,
    /// The result that never occurred; `None` if neither occurred.
    pub never: Option<bool>,
    /// Where it is written.
    pub origin: Option<Origin>,
}

/// Coverage of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleCoverage {
    /// The rule's name.
    pub rule: String,
    /// Number of its conjuncts, without those that only test the event type.
    pub conjuncts: usize,
    /// Conjuncts that were not seen both true and false.
    pub unseen: Vec<Unseen>,
}

/// The conjuncts of a rule, without those that only test the event type.
pub(crate) fn tried_parts(engine: &Engine, rule: RuleIndex) -> impl Iterator<Item = (Part<'_>, Filter)> {
    let schema = engine.schema();
    let of_type = |part: &Part<'_>| {
        part.tests().iter().all(|test| match &test.left {
            Operand::Field(field) => schema
                .resolve(&field.name, field.arg.as_deref())
                .is_ok_and(|field| schema.is_type_field(&field)),
            _ => false,
        })
    };
    let parts = conjuncts(&engine.rule(rule).compiled).into_iter().filter(move |part| !of_type(part));
    // The conditions of an engine compile, so every part does.
    parts.filter_map(|part| Some((part, compile(part.expr, schema).ok()?)))
}

/// Writes one line.
impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {
            Some(verdict) => write!(f, "never {verdict}: ")?,
            None => f.write_str("never reached: ")?,
        }
        f.write_str(&cut(&self.condition))?;
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

impl<'e> Coverage<'e> {
    /// An empty coverage of these rules.
    pub fn new(engine: &'e Engine, rules: impl IntoIterator<Item = RuleIndex>) -> Self {
        let rules = rules.into_iter().map(|rule| {
            let parts = tried_parts(engine, rule).map(|(part, filter)| {
                let scratch = filter.scratch();
                Seen { part, scratch, filter, verdicts: [0, 0] }
            });
            Watched {
                rule,
                codes: codes(&engine.rule(rule).compiled, engine.schema()),
                parts: parts.collect(),
            }
        });
        let rules = rules.collect();
        Self { engine, rules }
    }

    /// Records an event.
    ///
    /// # Errors
    /// The first event is of another schema.
    pub fn record(&mut self, event: &dyn FieldSource) -> Result<(), SchemaMismatch> {
        self.record_each(event, &mut |_, _| Ok(()))
    }

    /// Like [`Coverage::record`]; calls `each` with each rule that can match events of this type, and how many
    /// of its conjuncts were false.
    pub(crate) fn record_each(
        &mut self,
        event: &dyn FieldSource,
        each: &mut dyn FnMut(RuleIndex, usize) -> Result<(), SchemaMismatch>,
    ) -> Result<(), SchemaMismatch> {
        for watched in self.rules.iter_mut().filter(|w| w.codes.contains(event.code())) {
            let mut failed = 0;
            for seen in &mut watched.parts {
                let held = seen.filter.matches_with(event, &mut seen.scratch)? != seen.part.negated;
                seen.verdicts[usize::from(held)] += 1;
                failed += usize::from(!held);
            }
            each(watched.rule, failed)?;
        }
        Ok(())
    }

    /// The coverage of each rule.
    pub fn report(&self) -> Vec<RuleCoverage> {
        let unseen = |seen: &Seen<'e>| {
            let never = match seen.verdicts {
                [0, 0] => None,
                [0, _] => Some(false),
                [_, 0] => Some(true),
                _ => return None,
            };
            let origin = seen.part.origin(self.engine.sources());
            Some(Unseen { condition: seen.part.to_string(), never, origin })
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

impl fmt::Debug for Coverage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coverage").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}
