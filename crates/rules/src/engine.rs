//! A ruleset that tests events.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use eyas_fields::{CodeSet, Field, FieldSource, Schema};
use rustc_hash::FxHashSet;

use crate::alert::{Alert, AlertOptions};
use crate::condition::{self, Program, Scratch};
use crate::diagnostic::Diagnostic;
use crate::explain::Explanation;
use crate::mismatch::SchemaMismatch;
use crate::plan::{Event, Kept, Plan, Plans};
use crate::rule::{Match, Matching, Rule, RuleIndex};
use crate::ruleset::Sources;

/// A compiled ruleset. Threads share it; each thread tests events with its own [`Evaluator`].
pub struct Engine {
    schema: Arc<dyn Schema>,
    program: Program,
    rules: Vec<Rule>,
    plans: Plans,
    codes: CodeSet,
    matching: Matching,
    sources: Sources,
    warnings: Vec<Diagnostic>,
    memory: Mutex<Option<Memory>>,
}

impl Engine {
    pub(crate) fn new(
        schema: Arc<dyn Schema>,
        program: Program,
        rules: Vec<Rule>,
        plans: Plans,
        codes: CodeSet,
        matching: Matching,
        sources: Sources,
    ) -> Self {
        let (warnings, memory) = (Vec::new(), Mutex::new(None));
        Self { schema, program, rules, plans, codes, matching, sources, warnings, memory }
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<Diagnostic>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Warnings about rules that can never match, because they are for another source, or because no event
    /// satisfies their condition.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Domain names that rules compare addresses with: see [`condition::domain_names`].
    pub fn domain_names(&self) -> BTreeSet<String> {
        let on = self.rules.iter().filter(|rule| rule.enabled);
        on.flat_map(|rule| condition::domain_names(&rule.compiled, &*self.schema)).collect()
    }

    /// The fields in conditions of enabled rules, and the other fields in their outputs; each once. An
    /// event source can extract each group in one call.
    pub fn fields_by_use(&self) -> [Vec<Field>; 2] {
        let (mut of_conditions, mut of_outputs) = (Vec::new(), Vec::new());
        let (mut found, mut known) = (condition::Fields::default(), FxHashSet::default());
        for rule in self.rules.iter().filter(|rule| rule.enabled) {
            let fields = found.of(&rule.compiled, &*self.schema);
            of_conditions.extend(fields.into_iter().filter(|field| known.insert(field.clone())));
        }
        for rule in self.rules.iter().filter(|rule| rule.enabled) {
            rule.format.visit_fields(&mut |field| {
                if known.insert(field.clone()) {
                    of_outputs.push(field.clone());
                }
            });
        }
        [of_conditions, of_outputs]
    }

    /// Rules in the order of the files.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule.
    pub fn rule(&self, index: RuleIndex) -> &Rule {
        &self.rules[index.0 as usize]
    }

    /// The schema of the rules.
    pub fn schema(&self) -> &dyn Schema {
        &*self.schema
    }

    /// Codes of the events that some rule can match.
    pub fn codes(&self) -> &CodeSet {
        &self.codes
    }

    /// Returns an evaluator, which tests events one after another.
    pub fn evaluator(&self) -> Evaluator<'_> {
        Evaluator { engine: self, memory: self.memory() }
    }

    /// Appends the rules that the event satisfies. Calls reuse one memory; a concurrent call allocates
    /// another. For many events, use [`Engine::evaluator`].
    ///
    /// # Errors
    /// The event is of another schema.
    pub fn matches(&self, event: &dyn FieldSource, out: &mut Vec<Match>) -> Result<(), SchemaMismatch> {
        // A poisoned lock means that a field's extractor panicked; the memory is created again.
        let kept = self.memory.lock().map(|mut kept| kept.take()).unwrap_or_default();
        let mut evaluator = Evaluator { engine: self, memory: kept.unwrap_or_else(|| self.memory()) };
        // Each event may have another schema than the previous one.
        evaluator.memory.scratch.forget_schema();
        let tested = evaluator.matches(event, out);
        if let Ok(mut slot) = self.memory.lock() {
            *slot = Some(evaluator.memory);
        }
        tested
    }

    /// Appends the rules that the event satisfies, then those that only its alternate view satisfies; `memory` is of this engine.
    #[inline]
    pub(crate) fn test(
        &self,
        memory: &mut Memory,
        source: &dyn FieldSource,
        out: &mut Vec<Match>,
    ) -> Result<(), SchemaMismatch> {
        self.program.prepare(source, &mut memory.scratch)?;
        let Some(plan) = self.plans.of_code(source.code()) else { return Ok(()) };
        let first = out.len();
        self.follow(plan, memory, source, out);
        let Some(alternate) = source.alternate() else { return Ok(()) };
        let alternates = out.len();
        self.follow(plan, memory, alternate, out);
        // A rule that matches both views is returned once.
        let mut at = alternates;
        while at < out.len() {
            if out[first..alternates].iter().any(|found| found.rule == out[at].rule) {
                out.remove(at);
            } else {
                out[at].of_alternate = true;
                at += 1;
            }
        }
        Ok(())
    }

    #[inline]
    fn follow(&self, plan: usize, memory: &mut Memory, source: &dyn FieldSource, out: &mut Vec<Match>) {
        let Memory { scratch, kept, live } = memory;
        scratch.next_event();
        let event = Event { program: &self.program, source, scratch, kept: &mut kept[plan], live };
        self.plans.all[plan].matches(event, self.matching == Matching::First, out);
    }

    pub(crate) fn memory(&self) -> Memory {
        let Plans { all, .. } = &self.plans;
        Memory {
            scratch: Scratch::default(),
            kept: all.iter().map(|_| Kept::default()).collect(),
            live: vec![0; all.iter().map(Plan::words).max().unwrap_or(0)],
        }
    }

    /// The texts that the rules' conditions were parsed from.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Position of the rule with this name.
    pub fn find(&self, name: &str) -> Option<RuleIndex> {
        self.rules.iter().position(|rule| rule.name == name).map(|index| RuleIndex(index as u32))
    }

    /// Explains why the rule matches the event, or why not: each part of its condition with the event's
    /// values.
    ///
    /// # Errors
    /// The event is of another schema.
    pub fn explain(&self, rule: RuleIndex, event: &dyn FieldSource) -> Result<Explanation, SchemaMismatch> {
        Explanation::new(self.rule(rule), &*self.schema, &self.sources, event)
    }

    /// The alert for a match.
    pub fn alert<'a>(
        &'a self,
        found: Match,
        event: &'a dyn FieldSource,
        options: &'a AlertOptions,
    ) -> Alert<'a> {
        let event = event.alternate().filter(|_| found.of_alternate).unwrap_or(event);
        Alert::new(self.rule(found.rule), &*self.schema, event, options)
    }
}

// Threads share an engine.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Engine>();
};

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("rules", &self.rules.len())
            .field("nodes", &self.program.len())
            .finish_non_exhaustive()
    }
}

/// Memory of an [`Evaluator`] between events.
#[derive(Debug)]
pub(crate) struct Memory {
    scratch: Scratch,
    /// Cached results by plan.
    kept: Vec<Kept>,
    live: Vec<u64>,
}

/// Tests events against a ruleset, with its own memory.
///
/// All events of an evaluator must come from one source: it checks the schema only at the first event.
///
/// It caches results between events while [`FieldSource::scope_version`] is unchanged.
#[derive(Debug)]
pub struct Evaluator<'e> {
    engine: &'e Engine,
    memory: Memory,
}

impl Evaluator<'_> {
    /// Appends the rules that the event satisfies, in the order in which they were enabled; then those that only its
    /// alternate view satisfies.
    ///
    /// # Errors
    /// The evaluator's first event is of another schema.
    #[inline]
    pub fn matches(&mut self, source: &dyn FieldSource, out: &mut Vec<Match>) -> Result<(), SchemaMismatch> {
        self.engine.test(&mut self.memory, source, out)
    }
}
