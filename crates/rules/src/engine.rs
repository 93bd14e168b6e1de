//! A ruleset that tests events.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use eyas_fields::{CodeSet, FieldSource, Schema};

use crate::alert::{Alert, AlertOptions, KeptEnd};
use crate::condition::{self, Expr, Program, Scratch, Span};
use crate::explain::{Explanation, Origin};
use crate::loader::Sources;
use crate::output::Format;
use crate::plan::{Event, Kept, Plan, Plans};

macro_rules! priorities {
    ($($(#[$doc:meta])* $level:ident $short:literal,)*) => {
        /// How grave a rule's alerts are; less is graver.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Priority { $($(#[$doc])* $level,)* }

        impl Priority {
            /// Every priority, the gravest first.
            pub const ALL: [Self; 8] = [$(Self::$level),*];

            /// Name, as alerts have it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$level => stringify!($level),)* }
            }

            /// Name, as statistics have it.
            pub const fn short_name(self) -> &'static str {
                match self { $(Self::$level => $short,)* }
            }
        }
    };
}

priorities! {
    /// The system is unusable.
    Emergency "Emergency",
    /// Act at once.
    Alert "Alert",
    /// Critical.
    Critical "Critical",
    /// An error.
    Error "Error",
    /// A warning.
    Warning "Warning",
    /// Normal but worth a note.
    Notice "Notice",
    /// For information.
    Informational "Info",
    /// For finding mistakes.
    Debug "Debug",
}

impl Priority {
    /// The priority with this name, whatever its case; `info` is short for informational.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|p| text.eq_ignore_ascii_case(p.name()) || text.eq_ignore_ascii_case(p.short_name()))
    }
}

/// How many rules may match one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Matching {
    /// The first in the order of the files.
    #[default]
    First,
    /// All.
    All,
}

/// Position of a rule in [`Engine::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub u32);

/// A rule that an event satisfies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Which.
    pub rule: RuleIndex,
    /// It is the event's alternate view that satisfies it; see [`FieldSource::alternate`].
    pub of_alternate: bool,
}

/// A rule of a ruleset.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rule {
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Condition as written, with what was appended.
    pub condition: String,
    /// Output with what was appended.
    pub output: String,
    /// How grave its alerts are.
    pub priority: Priority,
    /// Event source.
    pub source: String,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Whether it is on.
    pub enabled: bool,
    /// Whether a match starts a capture.
    pub capture: bool,
    /// How long that capture lasts, ms; 0 for the configured time.
    pub capture_duration_ms: u32,
    /// Condition with lists, macros and exceptions put in.
    pub compiled: Arc<Expr>,
    pub(crate) format: Arc<Format>,
    pub(crate) json_end: KeptEnd,
}

/// A compiled ruleset. Threads share it; each tests events with an [`Evaluator`] of its own.
pub struct Engine {
    schema: Arc<dyn Schema>,
    program: Program,
    rules: Vec<Rule>,
    plans: Plans,
    codes: CodeSet,
    matching: Matching,
    sources: Sources,
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
        Self { schema, program, rules, plans, codes, matching, sources, memory: Mutex::new(None) }
    }

    /// Domain names that rules compare addresses with: see [`condition::domain_names`].
    pub fn domain_names(&self) -> BTreeSet<String> {
        let on = self.rules.iter().filter(|rule| rule.enabled);
        on.flat_map(|rule| condition::domain_names(&rule.compiled, &*self.schema)).collect()
    }

    /// Rules in the order of the files.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule.
    pub fn rule(&self, index: RuleIndex) -> &Rule {
        &self.rules[index.0 as usize]
    }

    /// The fields that the rules are about.
    pub fn schema(&self) -> &dyn Schema {
        &*self.schema
    }

    /// Codes of the events that some rule can match.
    pub fn codes(&self) -> &CodeSet {
        &self.codes
    }

    /// What tests events one after the other.
    pub fn evaluator(&self) -> Evaluator<'_> {
        Evaluator { engine: self, memory: self.memory() }
    }

    /// Appends the rules that the event satisfies. One call at a time; see [`Engine::evaluator`].
    pub fn matches(&self, event: &dyn FieldSource, out: &mut Vec<Match>) {
        // A poisoned lock only means that a field's extractor panicked: the memory is remade.
        let kept = self.memory.lock().map(|mut kept| kept.take()).unwrap_or_default();
        let mut evaluator = Evaluator { engine: self, memory: kept.unwrap_or_else(|| self.memory()) };
        evaluator.matches(event, out);
        if let Ok(mut slot) = self.memory.lock() {
            *slot = Some(evaluator.memory);
        }
    }

    /// Appends the rules that the event satisfies, then those that only its alternate view satisfies; `memory` is of this engine.
    #[inline]
    pub(crate) fn test(&self, memory: &mut Memory, source: &dyn FieldSource, out: &mut Vec<Match>) {
        let Some(plan) = self.plans.of_code(source.code()) else { return };
        let first = out.len();
        self.follow(plan, memory, source, out);
        let Some(alternate) = source.alternate() else { return };
        let alternates = out.len();
        self.follow(plan, memory, alternate, out);
        // What holds of both is told once.
        let mut at = alternates;
        while at < out.len() {
            if out[first..alternates].iter().any(|found| found.rule == out[at].rule) {
                out.remove(at);
            } else {
                out[at].of_alternate = true;
                at += 1;
            }
        }
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
            scratch: self.program.scratch(),
            kept: all.iter().map(|_| Kept::default()).collect(),
            live: vec![0; all.iter().map(Plan::words).max().unwrap_or(0)],
        }
    }

    /// Where a stretch of a condition was written.
    pub(crate) fn origin(&self, span: Span) -> Option<Origin> {
        self.sources.origin(span)
    }

    /// Position of the rule with this name.
    pub fn find(&self, name: &str) -> Option<RuleIndex> {
        self.rules.iter().position(|rule| rule.name == name).map(|index| RuleIndex(index as u32))
    }

    /// Why the rule matches the event, or why not: each part of its condition with the values there were.
    pub fn explain(&self, rule: RuleIndex, event: &dyn FieldSource) -> Explanation {
        Explanation::new(self, rule, event)
    }

    /// What people get of a match.
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

/// What an [`Evaluator`] keeps between events.
#[derive(Debug)]
pub(crate) struct Memory {
    scratch: Scratch,
    /// By plan.
    kept: Vec<Kept>,
    live: Vec<u64>,
}

/// Tests events against a ruleset, with memory of its own.
///
/// Verdicts on what [`FieldSource::scope_version`] says is unchanged are kept between events.
#[derive(Debug)]
pub struct Evaluator<'e> {
    engine: &'e Engine,
    memory: Memory,
}

impl Evaluator<'_> {
    /// Appends the rules that the event satisfies, in the order in which they were enabled; then those that only its
    /// alternate view satisfies.
    #[inline]
    pub fn matches(&mut self, source: &dyn FieldSource, out: &mut Vec<Match>) {
        self.engine.test(&mut self.memory, source, out);
    }
}
