//! Tests of rules: events, rules that must match some of them, and rules that must match none.

use std::fmt;

use eyas_fields::FieldSource;

use crate::coverage::{Coverage, RuleCoverage};
use crate::engine::{Engine, Evaluator};
use crate::explain::Explanation;
use crate::mismatch::SchemaMismatch;
use crate::rule::{Match, RuleIndex};

/// How often a rule must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Never.
    Never,
    /// At least one match.
    Some,
    /// Exactly this number of matches.
    Exactly(u64),
}

/// What a test expects of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The rule's name.
    pub rule: String,
    /// How often it must match.
    pub times: Times,
}

/// A failed expectation of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// No rule has this name.
    UnknownRule(String),
    /// A rule never matched. With the event that came nearest, by its label, and what it lacked; `None` if
    /// no event was of a type that the rule can match.
    Silent {
        /// The rule.
        rule: String,
        /// The nearest event, and the parts that were false for it.
        nearest: Option<(String, Explanation)>,
    },
    /// A rule matched although it must not. With the first such event, and the reason.
    Fired {
        /// The rule.
        rule: String,
        /// The event.
        event: String,
        /// Why it matched.
        why: Explanation,
    },
    /// A rule did not match as often as it must.
    Count {
        /// The rule.
        rule: String,
        /// How often it must match.
        expected: u64,
        /// How often it did.
        found: u64,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indented = |f: &mut fmt::Formatter<'_>, why: &Explanation| {
            why.to_string().lines().skip(1).try_for_each(|line| writeln!(f, "{line}"))
        };
        match self {
            Self::UnknownRule(rule) => writeln!(f, "there is no rule '{rule}'"),
            Self::Silent { rule, nearest: None } => {
                writeln!(f, "'{rule}' did not match: no event is of a type that it can match")
            }
            Self::Silent { rule, nearest: Some((event, why)) } => {
                writeln!(f, "'{rule}' did not match; nearest was {event}, where")?;
                indented(f, why)
            }
            Self::Fired { rule, event, why } => {
                writeln!(f, "'{rule}' matched {event}, where")?;
                indented(f, why)
            }
            Self::Count { rule, expected, found } => {
                writeln!(f, "'{rule}' matched {found} times, not {expected}")
            }
        }
    }
}

/// Runs tests against an engine, and records their coverage.
///
/// With [`Matching::First`](crate::Matching::First) a rule may not match because an earlier rule matched.
/// Tests of single rules need [`Matching::All`](crate::Matching::All).
#[derive(Debug)]
pub struct Tester<'e> {
    engine: &'e Engine,
    evaluator: Evaluator<'e>,
    coverage: Coverage<'e>,
    found: Vec<Match>,
}

impl<'e> Tester<'e> {
    /// Makes a tester of an engine that records the coverage of the named rules.
    pub fn new<'n>(engine: &'e Engine, watch: impl IntoIterator<Item = &'n str>) -> Self {
        let mut rules: Vec<RuleIndex> = watch.into_iter().filter_map(|name| engine.find(name)).collect();
        rules.sort_unstable();
        rules.dedup();
        Self {
            engine,
            evaluator: engine.evaluator(),
            coverage: Coverage::new(engine, rules),
            found: Vec::new(),
        }
    }

    /// Begins a test.
    pub fn case<'t>(&'t mut self, expectations: &[Expectation]) -> Case<'t, 'e> {
        let wanted = expectations
            .iter()
            .map(|expectation| Wanted {
                expectation: expectation.clone(),
                rule: self.engine.find(&expectation.rule),
                found: 0,
                nearest: None,
                first: None,
            })
            .collect();
        Case { tester: self, wanted }
    }

    /// The coverage of the named rules so far.
    pub fn coverage(&self) -> Vec<RuleCoverage> {
        self.coverage.report()
    }
}

/// A running test.
#[derive(Debug)]
pub struct Case<'t, 'e> {
    tester: &'t mut Tester<'e>,
    wanted: Vec<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    expectation: Expectation,
    rule: Option<RuleIndex>,
    found: u64,
    /// The nearest event: the number of its false conjuncts, its label, and the explanation.
    nearest: Option<(usize, String, Explanation)>,
    /// The first event that matched, and the explanation.
    first: Option<(String, Explanation)>,
}

impl Case<'_, '_> {
    /// Tests an event; `label` names the event in messages.
    ///
    /// # Errors
    /// The tester's first event has another schema.
    pub fn event(
        &mut self,
        event: &dyn FieldSource,
        label: &dyn Fn() -> String,
    ) -> Result<(), SchemaMismatch> {
        let Tester { engine, evaluator, coverage, found } = &mut *self.tester;
        found.clear();
        evaluator.matches(event, found)?;
        for wanted in &mut self.wanted {
            let Some(rule) = wanted.rule else { continue };
            if found.iter().any(|hit| hit.rule == rule) {
                wanted.found += 1;
                if wanted.first.is_none() && wanted.expectation.times == Times::Never {
                    wanted.first = Some((label(), engine.explain(rule, event)?));
                }
            }
        }
        coverage.record_each(event, &mut |rule, failed| {
            for wanted in self.wanted.iter_mut().filter(|w| w.rule == Some(rule) && w.found == 0) {
                if wanted.nearest.as_ref().is_none_or(|(least, ..)| failed < *least) {
                    wanted.nearest = Some((failed, label(), engine.explain(rule, event)?));
                }
            }
            Ok(())
        })
    }

    /// The failed expectations; empty if the test passes.
    pub fn finish(self) -> Vec<Failure> {
        self.wanted.into_iter().filter_map(Wanted::judge).collect()
    }
}

impl Wanted {
    fn judge(self) -> Option<Failure> {
        let rule = self.expectation.rule;
        if self.rule.is_none() {
            return Some(Failure::UnknownRule(rule));
        }
        match (self.expectation.times, self.found) {
            (Times::Never, 0) => None,
            (Times::Never, _) => self.first.map(|(event, why)| Failure::Fired { rule, event, why }),
            (Times::Some | Times::Exactly(1..), 0) => {
                Some(Failure::Silent { rule, nearest: self.nearest.map(|(_, event, why)| (event, why)) })
            }
            (Times::Some, _) => None,
            (Times::Exactly(expected), found) if found == expected => None,
            (Times::Exactly(expected), found) => Some(Failure::Count { rule, expected, found }),
        }
    }
}
