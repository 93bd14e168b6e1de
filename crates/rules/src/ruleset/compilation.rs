//! The compiled definitions, updated after each file: only changed definitions, and those that use them,
//! are compiled again.

use std::sync::Arc;

use eyas_fields::{CodeSet, Schema};

use super::conditions::condition_error;
use super::definitions::{RawRule, Tables};
use super::extras::Faults;
use super::failure::Failure;
use super::lists::{Changed, Lists};
use super::macros::Macros;
use super::result::{LoadError, LoadWarning, Problem, WarningCode};
use super::setup::{MAX_FURTHER, Setup};
use super::sources::Sources;
use super::warn::Quiet;
use super::words::{Unit, Words};
use crate::condition::ast::Expr;
use crate::condition::{Codes, Compiler, CompilerState, Root};
use crate::output::Format;

/// The compiled definitions.
#[derive(Default)]
pub(super) struct Compilation {
    pub(super) lists: Lists,
    pub(super) macros: Macros,
    pub(super) sources: Sources,
    rules: Vec<RuleState>,
    /// Words of all definitions; from the second file on.
    words: Option<Words>,
    /// Compiled rules by source.
    compiled: Vec<OfSource>,
    /// Whether the graph contains conditions that no rule has any more.
    has_remains: bool,
    is_begun: bool,
    /// Which macros and lists are used, by position.
    pub(super) used_macros: Vec<bool>,
    pub(super) used_lists: Vec<bool>,
}

/// The compiled rules of a source.
#[derive(Default)]
struct OfSource {
    known: Known,
    compiler: CompilerState,
}

/// Data that all rules of a source share.
#[derive(Default)]
pub(super) struct Known {
    pub(super) codes: Codes,
    pub(super) quiet: Quiet,
}

/// A rule with its compiled form.
struct RuleState {
    definition: Arc<RawRule>,
    /// Whether it must be compiled again, because it failed or because a list that it names has changed.
    is_stale: bool,
    /// The time on the clock of macros.
    made_at: u64,
    /// `None` if the rule is skipped.
    compiled: Option<Compiled>,
    /// Its warnings.
    warnings: Vec<LoadWarning>,
    seen: Seen,
}

/// The names that a rule uses, as far as it was compiled.
#[derive(Default)]
pub(super) struct Seen {
    /// Number of its text.
    pub(super) text: Option<u32>,
    /// Positions of macros.
    pub(super) macros: Vec<u32>,
    /// Positions of lists.
    pub(super) lists: Vec<u32>,
}

/// A rule that compiles.
pub(super) struct Compiled {
    pub(super) raw: Arc<RawRule>,
    pub(super) expr: Arc<Expr>,
    /// Root of the condition in the graph.
    pub(super) root: Root,
    /// Codes of the events that it can match.
    pub(super) codes: CodeSet,
    /// Number of its text.
    pub(super) source: u32,
    pub(super) output_text: String,
    pub(super) format: Arc<Format>,
}

impl Compilation {
    /// Rules that compile, in the order of their definition.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Compiled> {
        self.rules.iter().filter_map(|rule| rule.compiled.as_ref())
    }

    /// The rules of one source.
    pub(super) fn rules_of<'r>(&'r self, source: &'r str) -> impl Iterator<Item = &'r Compiled> {
        self.rules().filter(move |rule| rule.raw.source == source)
    }

    /// The graph of the rules of the source at a position, which has this schema, and the condition of each of
    /// [`Compilation::rules_of`] in it.
    pub(super) fn graph<'s>(
        &self,
        at: usize,
        schema: &'s dyn Schema,
    ) -> Result<(Compiler<'s>, Vec<Root>), LoadError> {
        let rules = || self.rules_of(schema.source());
        if !self.has_remains {
            let roots = rules().map(|rule| rule.root).collect();
            let graph = self.compiled.get(at).map(|of_source| of_source.compiler.graph()).unwrap_or_default();
            return Ok((Compiler::resume(schema, graph), roots));
        }
        let mut compiler = Compiler::new(schema);
        let add = |rule: &Compiled| {
            let context = &rule.raw.condition_context;
            compiler
                .add(&rule.expr)
                .map_err(|error| condition_error(&error, &self.sources, rule.source, context, schema))
        };
        let roots = rules().map(add).collect::<Result<_, _>>()?;
        Ok((compiler, roots))
    }

    /// Updates everything from the definitions.
    ///
    /// # Errors
    /// The first definition that does not compile; `further` contains the errors of later rules.
    pub(super) fn update(
        &mut self,
        setup: &Setup<'_>,
        warnings: &mut Vec<LoadWarning>,
        further: &mut Vec<LoadError>,
    ) -> Result<(), LoadError> {
        self.sources.files = setup.files.to_vec();
        if self.is_begun && self.words.is_none() {
            self.words = Some(self.all_words());
        }
        let changed = self.lists.update(&setup.tables.lists, self.words.as_mut());
        match changed {
            Err(error) => {
                // The compiled forms contain other lists.
                *self = Self::default();
                return Err(error);
            }
            Ok(Changed::All) => {
                self.macros.invalidate_all();
                self.rules.iter_mut().for_each(|rule| rule.is_stale = true);
            }
            Ok(Changed::Some(units)) => units.into_iter().for_each(|unit| self.invalidate(unit)),
        }
        self.is_begun = true;
        self.macros.update(setup, &self.lists, &mut self.sources, self.words.as_mut())?;
        self.update_rules(setup, warnings, further)?;
        setup.warn_of_extras(warnings);
        self.find_used();
        self.warn_of_unused(setup.tables, warnings);
        Ok(())
    }

    fn invalidate(&mut self, unit: Unit) {
        match unit {
            Unit::List(_) => {}
            Unit::Macro(index) => self.macros.invalidate(index),
            Unit::Rule(index) => {
                if let Some(rule) = self.rules.get_mut(index as usize) {
                    rule.is_stale = true;
                }
            }
        }
    }

    /// The words of everything so far.
    fn all_words(&self) -> Words {
        let mut words = Words::default();
        self.lists.words(&mut words);
        self.macros.words(&self.sources, &mut words);
        for (index, rule) in (0..).zip(&self.rules) {
            if let Some(text) = rule.seen.text {
                words.add(Unit::Rule(index), self.sources.text(text).names());
            }
        }
        words
    }

    fn update_rules(
        &mut self,
        setup: &Setup<'_>,
        warnings: &mut Vec<LoadWarning>,
        further: &mut Vec<LoadError>,
    ) -> Result<(), LoadError> {
        let mut of_sources = std::mem::take(&mut self.compiled);
        of_sources.resize_with(setup.schemas.len(), OfSource::default);
        let mut of_sources: Vec<(Compiler<'_>, Known)> = std::iter::zip(setup.schemas, of_sources)
            .map(|(schema, OfSource { known, compiler })| (Compiler::resume(&**schema, compiler), known))
            .collect();
        let (mut failed, mut faults) = (None, Faults::default());
        for (position, raw) in setup.tables.rules.iter().enumerate() {
            // Collecting its definition has raised the warning already.
            let Some(source) = setup.source(&raw.source) else {
                self.leave_out(position, raw);
                continue;
            };
            if self.is_current(position, raw) {
                if failed.is_none() {
                    warnings.extend(self.rules[position].warnings.iter().cloned());
                }
                continue;
            }
            let of_source = &mut of_sources[source];
            let result = self.compile_anew(position, raw, &setup.for_source(source), of_source, &mut faults);
            if failed.is_none() {
                warnings.extend(self.rules[position].warnings.iter().cloned());
            }
            let Err(error) = result else { continue };
            match &mut failed {
                // There are no warnings after the first error.
                None => failed = Some(error),
                Some(_) if further.len() < MAX_FURTHER => further.push(error),
                Some(_) => break,
            }
        }
        let mut of_extras = Vec::new();
        setup.report_faults(faults, warnings, &mut of_extras);
        let mut of_extras = of_extras.into_iter();
        failed = failed.or_else(|| of_extras.next());
        further.extend(of_extras);
        let kept =
            |(compiler, known): (Compiler<'_>, Known)| OfSource { known, compiler: compiler.into_state() };
        self.compiled = of_sources.into_iter().map(kept).collect();
        failed.map_or(Ok(()), Err)
    }

    fn is_current(&self, position: usize, raw: &Arc<RawRule>) -> bool {
        self.rules.get(position).is_some_and(|rule| {
            Arc::ptr_eq(&rule.definition, raw)
                && !rule.is_stale
                && rule.seen.macros.iter().all(|name| self.macros.resolved_at(*name) <= rule.made_at)
        })
    }

    fn set(&mut self, position: usize, rule: RuleState) {
        match self.rules.get_mut(position) {
            Some(known) => {
                self.has_remains |= known.compiled.is_some();
                *known = rule;
            }
            None => self.rules.push(rule),
        }
    }

    fn leave_out(&mut self, position: usize, raw: &Arc<RawRule>) {
        let rule = RuleState {
            definition: raw.clone(),
            is_stale: false,
            made_at: 0,
            compiled: None,
            warnings: Vec::new(),
            seen: Seen::default(),
        };
        self.set(position, rule);
    }

    fn compile_anew(
        &mut self,
        position: usize,
        raw: &Arc<RawRule>,
        setup: &Setup<'_>,
        of_source: &mut (Compiler<'_>, Known),
        faults: &mut Faults,
    ) -> Result<(), LoadError> {
        let (mut warnings, mut seen) = (Vec::new(), Seen::default());
        let result = self.compile_rule(raw, setup, of_source, &mut warnings, &mut seen);
        if let (Some(words), Some(text)) = (&mut self.words, seen.text) {
            words.add(Unit::Rule(position as u32), self.sources.text(text).names());
        }
        let mut is_faulty = false;
        let (compiled, error) = match result {
            Ok(compiled) => (Some(compiled), None),
            Err(Failure { error, unknown, extra: Some(extra) }) => {
                faults.add(extra, error, raw, unknown && raw.skip_if_unknown);
                is_faulty = true;
                (None, None)
            }
            Err(Failure { error, unknown: true, .. }) if raw.skip_if_unknown => {
                warnings.push(error.into_warning(WarningCode::UnknownFilter));
                (None, None)
            }
            Err(failure) => (None, Some(failure.error)),
        };
        let made_at = self.macros.now();
        let is_stale = error.is_some() || is_faulty;
        self.set(
            position,
            RuleState { definition: raw.clone(), is_stale, made_at, compiled, warnings, seen },
        );
        error.map_or(Ok(()), Err)
    }

    fn find_used(&mut self) {
        let in_rules = self.rules.iter().flat_map(|rule| &rule.seen.lists);
        let in_macros = self.macros.iter().flat_map(|m| &m.lists);
        self.used_lists = self.lists.mark_used(in_rules.chain(in_macros).copied());
        self.used_macros = self.macros.named_by_others();
        for index in self.rules.iter().flat_map(|rule| &rule.seen.macros) {
            self.used_macros[*index as usize] = true;
        }
    }

    /// Macros and lists that rules need, by position.
    pub(super) fn needed(&self) -> (Vec<bool>, Vec<bool>) {
        let seen = || self.rules.iter().filter(|rule| rule.compiled.is_some()).map(|rule| &rule.seen);
        let macros = self.macros.mark_needed(seen().flat_map(|seen| &seen.macros).copied());
        let needed = self.macros.iter().zip(&macros).filter(|(_, needed)| **needed);
        let in_macros = needed.flat_map(|(m, _)| &m.lists);
        let lists = self.lists.mark_needed(seen().flat_map(|seen| &seen.lists).chain(in_macros).copied());
        (macros, lists)
    }

    fn warn_of_unused(&self, tables: &Tables, warnings: &mut Vec<LoadWarning>) {
        for (m, _) in tables.macros.iter().zip(&self.used_macros).filter(|(_, used)| !**used) {
            let message = "Macro not referred to by any other rule/macro";
            let problem = Problem::new(WarningCode::UnusedMacro, message, &m.context)
                .titled(format!("the macro `{}` is not used", m.name))
                .note(m.place, "");
            warnings.push(problem);
        }
        for (list, _) in tables.lists.iter().zip(&self.used_lists).filter(|(_, used)| !**used) {
            let message = "List not referred to by any other rule/macro/list";
            let problem = Problem::new(WarningCode::UnusedList, message, &list.context)
                .titled(format!("the list `{}` is not used", list.name))
                .note(list.place, "");
            warnings.push(problem);
        }
    }
}
