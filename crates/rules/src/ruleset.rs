//! The rules, macros, lists and exceptions of sources, and the engines of the rules.

use std::sync::{Arc, OnceLock};

use eyas_fields::CodeSet;

use crate::condition::Root;
use crate::engine::Engine;
use crate::error::Error;
use crate::plan::Plans;
use crate::rule::{Matching, Priority, Rule};

mod builder;
mod collect;
mod compilation;
mod compile;
mod conditions;
mod constants;
mod decode;
mod definitions;
mod describe;
mod described;
mod exceptions;
mod expanded;
mod extras;
mod failure;
mod lint;
mod lists;
mod loaded;
mod loader;
mod macros;
mod outputs;
mod repeated;
mod result;
mod schema;
mod select;
mod setup;
mod sources;
mod table;
mod text;
mod warn;
mod words;
mod yaml;

pub use builder::RuleSetBuilder;
pub use describe::{ConditionDescription, Description, ListDescription, MacroDescription, RuleDescription};
use loaded::Loaded;
pub use loader::Loader;
pub use result::{Context, ErrorCode, LoadError, LoadResult, LoadWarning, Location, Problem, WarningCode};
pub use schema::json_schema;
pub use select::Select;
pub(crate) use sources::Sources;
pub use yaml::Mark;

/// The version of Falco's plugin `container` whose fields the built-in ones implement.
pub const CONTAINER_VERSION: [u32; 3] = [0, 7, 1];

/// The rules, macros, lists and exceptions of all sources. All of them are valid.
///
/// [`RuleSet::compile`] returns the engine of the enabled rules; the methods before it choose these rules. A
/// ruleset can be compiled several times with different choices.
pub struct RuleSet {
    loaded: Loaded,
    minimum: Priority,
    matching: Matching,
    selections: Vec<(bool, Select)>,
}

impl RuleSet {
    fn of(loaded: Loaded) -> Self {
        let (minimum, matching, selections) = (Priority::Debug, Matching::First, Vec::new());
        Self { loaded, minimum, matching, selections }
    }

    /// Disables rules that are less severe than this.
    pub fn minimum_priority(&mut self, minimum: Priority) -> &mut Self {
        self.minimum = minimum;
        self
    }

    /// Whether only the first matching rule is returned for an event, or all. The default is the first.
    pub fn matching(&mut self, matching: Matching) -> &mut Self {
        self.matching = matching;
        self
    }

    /// Enables or disables rules; a later selection wins.
    pub fn select(&mut self, on: bool, which: Select) -> &mut Self {
        self.selections.push((on, which));
        self
    }

    /// Tests every rule by itself: enables all rules, of any priority, and returns all matches.
    pub fn every_rule(&mut self) -> &mut Self {
        self.minimum_priority(Priority::Debug).matching(Matching::All).select(true, Select::Rule("*".into()))
    }

    /// The result of each source, in order: its warnings, for users.
    pub fn results(&self) -> &[LoadResult] {
        &self.loaded.results
    }

    /// Compiles the rules of the first event source. [`Engine::warnings`] lists the rules that no event can
    /// match.
    ///
    /// # Errors
    /// The rules do not compile together.
    pub fn compile(&self) -> Result<Engine, Error> {
        self.engine(0)
    }

    /// Like [`RuleSet::compile`], for the rules of the event source with this name; `None` if no schema is of
    /// this source.
    ///
    /// # Errors
    /// Like [`RuleSet::compile`].
    pub fn compile_for(&self, event_source: &str) -> Result<Option<Engine>, Error> {
        let at = self.loaded.options.schemas.iter().position(|schema| schema.source() == event_source);
        at.map(|at| self.engine(at)).transpose()
    }

    fn engine(&self, at: usize) -> Result<Engine, Error> {
        let compilation = &self.loaded.compilation;
        let schema = &*self.loaded.options.schemas[at];
        let (mut compiler, compiled) = compilation.graph(at, schema)?;
        let mut rules = Vec::new();
        let mut roots: Vec<(Root, CodeSet)> = Vec::new();
        for (rule, root) in compilation.rules_of(schema.source()).zip(compiled) {
            let raw = &rule.raw;
            let on = raw.enabled && raw.priority <= self.minimum;
            let set = rule.codes.clone().union(&schema.always());
            roots.push((root, set));
            rules.push(Rule {
                name: raw.name.clone(),
                description: raw.desc.clone(),
                condition: raw.condition.as_str().to_owned(),
                output: rule.output_text.clone(),
                priority: raw.priority,
                source: raw.source.clone(),
                tags: raw.tags.iter().cloned().collect(),
                enabled: on,
                capture: raw.capture,
                capture_duration_ms: raw.capture_duration,
                compiled: rule.expr.clone(),
                format: rule.format.clone(),
                json: OnceLock::new(),
            });
        }
        let order = select::order(&mut rules, &self.selections, self.minimum);
        let plans = Plans::new(&order, &roots, &mut compiler);
        let codes = order.iter().fold(CodeSet::empty(schema.codes()), |all, i| all.union(&roots[*i].1));
        let sources = compilation.sources.clone();
        // Ignored rules belong to no source, so the first engine reports them.
        let ignored = self.loaded.ignored.iter().filter(|_| at == 0).cloned();
        let warnings = ignored.chain(self.without_effect(schema)).collect();
        let engine = Engine::new(
            Arc::clone(&self.loaded.options.schemas[at]),
            compiler.finish(),
            rules,
            plans,
            codes,
            self.matching,
            sources,
        );
        Ok(engine.with_warnings(warnings))
    }
}

impl std::fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuleSet").field("rules", &self.loaded.tables.rules.len()).finish_non_exhaustive()
    }
}
