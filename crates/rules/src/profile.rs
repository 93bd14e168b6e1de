//! Cost of rules: how often each conjunct is evaluated, how often it is true, and how long it takes.

use std::fmt;
use std::time::Instant;

use eyas_fields::{CodeSet, FieldSource};
use rustc_hash::FxHashMap;

use crate::condition::{Filter, Scratch, codes};
use crate::coverage::tried_parts;
use crate::engine::Engine;
use crate::explain::{Part, cut};
use crate::mismatch::SchemaMismatch;
use crate::rule::{Match, Origin, RuleIndex};

/// Maximum number of measured conjuncts of a rule.
const MAX_PARTS: usize = 64;
/// Maximum number of recorded combinations of results of a rule.
const MAX_COMBINATIONS: usize = 4096;

/// Measures the rules of an engine on some of the events.
///
/// Every n-th event is tested by each rule that can match it, every conjunct on its own and timed. The
/// measurement excludes what the engine shares between rules, caches between events, or reorders. The costs
/// are those of the rule by itself, as written.
pub struct Profile<'e> {
    engine: &'e Engine,
    every: u64,
    events: u64,
    sampled: u64,
    rules: Vec<Watched<'e>>,
    /// Time of reading the clock, ns.
    clock: u64,
}

struct Watched<'e> {
    rule: RuleIndex,
    codes: CodeSet,
    parts: Vec<Timed<'e>>,
    tried: u64,
    matched: u64,
    /// Samples by verdicts: bit n is conjunct n.
    verdicts: FxHashMap<u64, u64>,
}

struct Timed<'e> {
    part: Part<'e>,
    filter: Filter,
    scratch: Scratch,
    ns: u64,
    held: u64,
}

/// Cost of a conjunct.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConjunctProfile {
    /// The part as a condition.
    pub condition: String,
    /// Where it is written.
    pub origin: Option<Origin>,
    /// Number of events for which all conjuncts before it were true, so that it is evaluated.
    pub evaluated: u64,
    /// Share of the tested events for which it is true, 0 to 1.
    pub holds: f64,
    /// Mean time of an evaluation, ns.
    pub ns: f64,
    /// Time that the rule would save if this conjunct came first, ns over all events; 0 if the rule would
    /// cost more.
    pub saves_ns: f64,
}

/// Cost of a rule.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RuleProfile {
    /// The rule's name.
    pub rule: String,
    /// Events of types that it can match.
    pub tried: u64,
    /// Events that it matches.
    pub matched: u64,
    /// Time of all evaluations in the written order, ns.
    pub ns: f64,
    /// Its conjuncts in the written order, without those that only test the event type.
    pub conjuncts: Vec<ConjunctProfile>,
}

impl<'e> Profile<'e> {
    /// An empty profile of the enabled rules, which measures one event in `every`.
    pub fn new(engine: &'e Engine, every: u64) -> Self {
        let watched = |(index, _): (usize, _)| {
            let rule = RuleIndex(index as u32);
            let timed = |(part, filter): (Part<'e>, Filter)| {
                let scratch = filter.scratch();
                Timed { part, scratch, filter, ns: 0, held: 0 }
            };
            Watched {
                rule,
                codes: codes(&engine.rule(rule).compiled, engine.schema()),
                parts: tried_parts(engine, rule).take(MAX_PARTS).map(timed).collect(),
                tried: 0,
                matched: 0,
                verdicts: FxHashMap::default(),
            }
        };
        let rules = engine.rules().iter().enumerate().filter(|(_, rule)| rule.enabled).map(watched);
        Self {
            engine,
            every: every.max(1),
            events: 0,
            sampled: 0,
            rules: rules.collect(),
            clock: clock_cost(),
        }
    }

    /// Records an event and its matches.
    ///
    /// # Errors
    /// The first event is of another schema.
    pub fn record(&mut self, event: &dyn FieldSource, found: &[Match]) -> Result<(), SchemaMismatch> {
        self.events += 1;
        let sampled = self.events.is_multiple_of(self.every);
        self.sampled += u64::from(sampled);
        for watched in self.rules.iter_mut().filter(|w| w.codes.contains(event.code())) {
            watched.tried += 1;
            watched.matched += u64::from(found.iter().any(|hit| hit.rule == watched.rule));
            if sampled {
                watched.sample(event, self.clock)?;
            }
        }
        Ok(())
    }

    /// The costs of the rules, the most expensive rule first.
    pub fn report(&self) -> Vec<RuleProfile> {
        let mut rules: Vec<_> = self.rules.iter().map(|watched| watched.report(self.engine)).collect();
        rules.sort_by(|a, b| b.ns.total_cmp(&a.ns).then_with(|| a.rule.cmp(&b.rule)));
        rules
    }

    /// Number of recorded events, and number of measured events.
    pub fn events(&self) -> (u64, u64) {
        (self.events, self.sampled)
    }
}

impl Watched<'_> {
    fn sample(&mut self, event: &dyn FieldSource, clock: u64) -> Result<(), SchemaMismatch> {
        let mut verdicts = 0;
        for (bit, timed) in self.parts.iter_mut().enumerate() {
            let began = Instant::now();
            let held = timed.filter.matches_with(event, &mut timed.scratch)? != timed.part.negated;
            let ns = began.elapsed().as_nanos() as u64;
            timed.ns += ns.saturating_sub(clock);
            timed.held += u64::from(held);
            verdicts |= u64::from(held) << bit;
        }
        if self.verdicts.len() < MAX_COMBINATIONS || self.verdicts.contains_key(&verdicts) {
            *self.verdicts.entry(verdicts).or_default() += 1;
        }
        Ok(())
    }

    fn report(&self, engine: &Engine) -> RuleProfile {
        let samples: u64 = self.verdicts.values().sum();
        let scale = if samples == 0 { 0.0 } else { self.tried as f64 / samples as f64 };
        let means: Vec<f64> = self.parts.iter().map(|t| t.ns as f64 / samples.max(1) as f64).collect();
        let order: Vec<usize> = (0..self.parts.len()).collect();
        let written = self.cost(&order, &means) * scale;
        let conjuncts = order.iter().map(|&at| {
            let before = (1_u64 << at) - 1;
            let reached: u64 =
                self.verdicts.iter().filter(|(v, _)| **v & before == before).map(|(_, n)| *n).sum();
            let first: Vec<usize> =
                std::iter::once(at).chain(order.iter().copied().filter(|o| *o != at)).collect();
            let timed = &self.parts[at];
            ConjunctProfile {
                condition: timed.part.to_string(),
                origin: timed.part.origin(engine.sources()),
                evaluated: (reached as f64 * scale) as u64,
                holds: timed.held as f64 / samples.max(1) as f64,
                ns: means[at],
                saves_ns: (written - self.cost(&first, &means) * scale).max(0.0),
            }
        });
        RuleProfile {
            rule: engine.rule(self.rule).name.clone(),
            tried: self.tried,
            matched: self.matched,
            ns: written,
            conjuncts: conjuncts.collect(),
        }
    }

    /// Time over all samples if conjuncts are evaluated in this order until one is false.
    fn cost(&self, order: &[usize], means: &[f64]) -> f64 {
        let of = |verdicts: &u64| {
            let mut ns = 0.0;
            for at in order {
                ns += means[*at];
                if verdicts >> at & 1 == 0 {
                    break;
                }
            }
            ns
        };
        self.verdicts.iter().map(|(verdicts, n)| of(verdicts) * *n as f64).sum()
    }
}

/// The rule, then a line for each conjunct.
impl fmt::Display for RuleProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, tried, matched, ns, conjuncts } = self;
        writeln!(f, "{:9.3} ms  {rule}: tried on {tried} events, matched {matched}", ns / 1e6)?;
        for part in conjuncts {
            write!(
                f,
                "    {:>10} evaluated, {:>5.1} % hold, {:>6.0} ns: {}",
                part.evaluated,
                part.holds * 100.0,
                part.ns,
                cut(&part.condition)
            )?;
            if let Some(origin) = &part.origin {
                write!(f, " ({origin})")?;
            }
            // Smaller savings are within the clock's error.
            if part.saves_ns > ns / 20.0 {
                write!(f, "; first it would save {:.0} %", part.saves_ns / ns * 100.0)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Profile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

fn clock_cost() -> u64 {
    let look = |_| Instant::now().elapsed().as_nanos() as u64;
    (0..64).map(look).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_follow_the_order() {
        let watched = Watched {
            rule: RuleIndex(0),
            codes: CodeSet::all(1),
            parts: Vec::new(),
            tried: 10,
            matched: 1,
            // The first is true in ten of ten events, the second in one.
            verdicts: [(0b01, 9), (0b11, 1)].into_iter().collect(),
        };
        assert_eq!(watched.cost(&[0, 1], &[100.0, 10.0]), 10.0 * 100.0 + 10.0 * 10.0);
        assert_eq!(watched.cost(&[1, 0], &[100.0, 10.0]), 10.0 * 10.0 + 100.0);
    }
}
