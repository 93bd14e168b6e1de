//! Macros: parses them, expands nested macros, and expands macros in rules.

use std::sync::Arc;

use super::conditions::{located, parse_condition};
use super::definitions::{Macro, Tables};
use super::lists::Lists;
use super::result::{Context, ErrorCode, LoadError};
use super::setup::Setup;
use super::sources::Sources;
use super::words::{Unit, Words};
use crate::condition::MAX_DEPTH;
use crate::condition::ast::{Expr, Operand, Rhs, Span, Test};
use crate::diagnostic::Place;
use crate::diagnostic::suggest::did_you_mean;

/// Maximum number of nodes of a condition with its macros.
const MAX_NODES: usize = 200_000;

/// Macros in the order of their table.
#[derive(Default)]
pub(super) struct Macros {
    all: Vec<ReadyMacro>,
    /// Grows with every parse and every resolution.
    clock: u64,
    /// Clock at the last parse of a macro.
    last_parsed: u64,
}

/// A macro with its lists and macros expanded.
pub(super) struct ReadyMacro {
    definition: Arc<Macro>,
    /// Number of its text.
    pub(super) text: u32,
    /// Whether a list that it names has changed.
    is_stale: bool,
    /// Clock when it was parsed; 0 for never.
    parsed_at: u64,
    /// Clock when its macros were expanded; 0 for never.
    resolved_at: u64,
    /// The written condition.
    written: Expr,
    /// The condition with expanded macros.
    pub(super) expr: Expr,
    size: Size,
    /// Positions of the macros that it names.
    names: Vec<u32>,
    /// Whether one of them is defined after it.
    names_later: bool,
    /// Positions of the lists that it names.
    pub(super) lists: Vec<u32>,
}

/// Size of a condition with its macros.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    nodes: usize,
    depth: u32,
}

/// Nesting inside a comparison.
fn depth_of(test: &Test) -> u32 {
    let right = if let Rhs::Operand(right) = &test.right { levels(right) } else { 0 };
    1 + levels(&test.left).max(right)
}

/// Nesting of a part inside these.
fn levels_of(open: &[Open<'_>]) -> u32 {
    open.iter().filter(|open| open.of.is_none()).count() as u32
}

/// Nesting of transformers.
fn levels(operand: &Operand) -> u32 {
    match operand {
        Operand::Field(_) | Operand::Text(_) => 0,
        Operand::Call(call) => 1 + call.args.iter().map(levels).max().unwrap_or(0),
        Operand::List(items, _) => 1 + items.iter().map(levels).max().unwrap_or(0),
    }
}

/// The condition in which macros are expanded.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    /// `macro` or `rule`.
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
    pub(super) context: &'a Context,
    pub(super) place: Place,
}

impl Macros {
    /// Every macro; all are resolved unless an update failed.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ReadyMacro> {
        self.all.iter()
    }

    /// Clock when the macro at a position was resolved.
    pub(super) fn resolved_at(&self, index: u32) -> u64 {
        self.all[index as usize].resolved_at
    }

    /// The time now.
    pub(super) fn now(&self) -> u64 {
        self.clock
    }

    /// Marks the macro as stale, because a list that its text names has changed.
    pub(super) fn invalidate(&mut self, index: u32) {
        if let Some(ready) = self.all.get_mut(index as usize) {
            ready.is_stale = true;
        }
    }

    /// Marks all macros as stale, because any list may have changed.
    pub(super) fn invalidate_all(&mut self) {
        self.all.iter_mut().for_each(|ready| ready.is_stale = true);
    }

    /// Notes the words of all macros.
    pub(super) fn words(&self, sources: &Sources, words: &mut Words) {
        for (index, ready) in (0..).zip(&self.all) {
            words.add(Unit::Macro(index), sources.text(ready.text).names());
        }
    }

    /// Macros that other macros name, by position.
    pub(super) fn named_by_others(&self) -> Vec<bool> {
        let mut named = vec![false; self.all.len()];
        for (index, ready) in (0..).zip(&self.all) {
            let others = ready.names.iter().filter(|name| **name != index);
            others.for_each(|name| named[*name as usize] = true);
        }
        named
    }

    /// Marks these macros, by position, and the macros that they name.
    pub(super) fn mark_needed(&self, from: impl Iterator<Item = u32>) -> Vec<bool> {
        let mut needed = vec![false; self.all.len()];
        let mut open: Vec<u32> = from.collect();
        while let Some(index) = open.pop() {
            if !std::mem::replace(&mut needed[index as usize], true) {
                open.extend(&self.all[index as usize].names);
            }
        }
        needed
    }

    /// Updates the macros from the definitions.
    ///
    /// # Errors
    /// The first macro that is no condition, or that names an invalid macro.
    pub(super) fn update(
        &mut self,
        setup: &Setup<'_>,
        lists: &Lists,
        sources: &mut Sources,
        mut words: Option<&mut Words>,
    ) -> Result<(), LoadError> {
        let tables = setup.tables;
        for (index, m) in tables.macros.iter().enumerate() {
            if let Some(ready) = self.all.get(index)
                && Arc::ptr_eq(&ready.definition, m)
                && !ready.is_stale
            {
                continue;
            }
            let mut named = Vec::new();
            let text = lists.substitute(m.condition.clone(), &tables.lists, &mut named).map_err(|why| {
                LoadError::new(ErrorCode::Validate, why, &m.condition_context).note(m.place, "in this macro")
            })?;
            let text = sources.push(text.written_as(m.condition.as_str()), Some((index, &m.name)));
            let written = parse_condition(sources, text, &m.condition_context, setup.schema)?;
            if let Some(words) = &mut words {
                words.add(Unit::Macro(index as u32), sources.text(text).names());
            }
            self.clock += 1;
            self.last_parsed = self.clock;
            let ready = ReadyMacro {
                definition: m.clone(),
                text,
                is_stale: false,
                parsed_at: self.clock,
                resolved_at: 0,
                expr: written.clone(),
                written,
                size: Size::default(),
                names: Vec::new(),
                names_later: false,
                lists: named,
            };
            match self.all.get_mut(index) {
                Some(known) => *known = ready,
                None => self.all.push(ready),
            }
        }
        for index in 0..self.all.len() {
            let ready = &self.all[index];
            let newer = |at: u64| at > ready.resolved_at;
            let changed = newer(ready.parsed_at)
                || ready.names.iter().any(|name| newer(self.resolved_at(*name)))
                || ready.names_later && newer(self.last_parsed);
            if changed {
                self.resolve(index, tables, sources)?;
            }
        }
        Ok(())
    }

    /// Expands the macros that a macro names.
    fn resolve(&mut self, index: usize, tables: &Tables, sources: &mut Sources) -> Result<(), LoadError> {
        let ready = &self.all[index];
        let m = &*ready.definition;
        let host = Host { kind: "macro", name: &m.name, context: &m.context, place: m.place };
        let filler = Filler {
            macros: self,
            tables,
            sources,
            host,
            visibility: m.visibility,
            first: index,
            of: Some(index),
        };
        let (filled, seen) = filler.fill(&ready.written)?;
        let size = Size { nodes: seen.nodes, depth: filled.depth };
        let expr = filled.expr.unwrap_or_else(|| ready.written.clone());
        sources.set_names(ready.text, seen.named.clone());
        self.clock += 1;
        let clock = self.clock;
        let ready = &mut self.all[index];
        ready.names = seen.named.into_iter().map(|(name, _)| name).collect();
        ready.names.sort_unstable();
        ready.names.dedup();
        ready.names_later = ready.names.last().is_some_and(|last| *last as usize > index);
        (ready.expr, ready.size, ready.resolved_at) = (expr, size, clock);
        Ok(())
    }

    /// A rule's condition with its macros expanded, and the macros that it names.
    pub(super) fn expand(
        &self,
        expr: &Expr,
        rule: Host<'_>,
        tables: &Tables,
        sources: &Sources,
    ) -> Result<(Expr, Vec<(u32, Span)>), LoadError> {
        let (visibility, first) = (usize::MAX, self.all.len());
        let filler = Filler { macros: self, tables, sources, host: rule, visibility, first, of: None };
        let (filled, seen) = filler.fill(expr)?;
        Ok((filled.expr.unwrap_or_else(|| expr.clone()), seen.named))
    }
}

/// Expands macros in a condition.
struct Filler<'a> {
    macros: &'a Macros,
    tables: &'a Tables,
    sources: &'a Sources,
    host: Host<'a>,
    /// Only macros before this position are visible.
    visibility: usize,
    /// Macros from this position on are not resolved yet.
    first: usize,
    /// Position of the macro that has this condition.
    of: Option<usize>,
}

/// Names and size of a condition.
#[derive(Default)]
struct Seen {
    /// Macros that it names directly, with their places.
    named: Vec<(u32, Span)>,
    /// Number of its parts so far.
    nodes: usize,
}

/// A condition with its macros expanded.
struct Filled {
    /// `None` if it has no macros.
    expr: Option<Expr>,
    depth: u32,
}

/// A part whose macros are being expanded.
struct Open<'a> {
    part: &'a Expr,
    /// The macro whose expansion this part is.
    of: Option<Name<'a>>,
    rest: std::slice::Iter<'a, Expr>,
    filled: Vec<Filled>,
}

/// A macro's name in a condition.
#[derive(Clone, Copy)]
struct Name<'a> {
    name: &'a str,
    span: Span,
    position: usize,
}

impl<'a> Filler<'a> {
    /// Expands the macros of a condition, without recursion, because macros may be nested up to the limit.
    fn fill(&self, root: &'a Expr) -> Result<(Filled, Seen), LoadError> {
        let mut seen = Seen::default();
        let mut open: Vec<Open<'a>> = Vec::new();
        let mut next = root;
        loop {
            let mut filled = self.enter(next, &mut open, &mut seen)?;
            // Continues up to the next part to visit.
            loop {
                match (filled.take(), open.last_mut()) {
                    (Some(filled), None) => return Ok((filled, seen)),
                    (Some(filled), Some(outer)) => outer.filled.push(filled),
                    (None, _) => {}
                }
                if let Some(outer) = open.last_mut()
                    && let Some(part) = outer.rest.next()
                {
                    next = part;
                    break;
                }
                if let Some(whole) = open.pop() {
                    filled = Some(self.leave(whole, &open, &seen)?);
                }
            }
        }
    }

    /// Begins with a part; returns it if it contains no macros.
    fn enter(
        &self,
        part: &'a Expr,
        open: &mut Vec<Open<'a>>,
        seen: &mut Seen,
    ) -> Result<Option<Filled>, LoadError> {
        seen.nodes += usize::from(!matches!(part, Expr::Macro(..)));
        let rest: &[Expr] = match part {
            Expr::Test(test) => return Ok(Some(Filled { expr: None, depth: depth_of(test) })),
            Expr::Not(part) => std::slice::from_ref(&**part),
            Expr::And(parts) | Expr::Or(parts) => parts,
            Expr::Macro(name, span) => {
                let position = self.find(name, *span, open)?;
                let name = Name { name, span: *span, position };
                // A name inside an expanded macro belongs to that macro, not to this condition.
                if open.iter().all(|open| open.of.is_none()) {
                    seen.named.push((position as u32, *span));
                }
                let ready = &self.macros.all[position];
                if position < self.first {
                    seen.nodes = seen.nodes.saturating_add(ready.size.nodes);
                    self.check(seen, levels_of(open) + ready.size.depth, name)?;
                    let expr = Some(ready.expr.clone());
                    return Ok(Some(Filled { expr, depth: ready.size.depth }));
                }
                self.check(seen, open.iter().filter(|open| open.of.is_some()).count() as u32 + 1, name)?;
                let rest = std::slice::from_ref(&ready.written).iter();
                open.push(Open { part, of: Some(name), rest, filled: Vec::with_capacity(1) });
                return Ok(None);
            }
        };
        open.push(Open { part, of: None, rest: rest.iter(), filled: Vec::with_capacity(rest.len()) });
        Ok(None)
    }

    /// Finishes a part whose parts are all expanded, inside `open`.
    fn leave(&self, whole: Open<'a>, open: &[Open<'a>], seen: &Seen) -> Result<Filled, LoadError> {
        let Open { part, of, filled, .. } = whole;
        let depth = filled.iter().map(|part| part.depth).max().unwrap_or(0);
        if let Some(name) = of {
            self.check(seen, levels_of(open) + depth, name)?;
            let ready = &self.macros.all[name.position];
            let expr = filled.into_iter().next().and_then(|filled| filled.expr);
            return Ok(Filled { expr: Some(expr.unwrap_or_else(|| ready.written.clone())), depth });
        }
        let is_filled = filled.iter().any(|part| part.expr.is_some());
        let all = |parts: &[Expr]| -> Arc<[Expr]> {
            let filled = filled.iter().zip(parts);
            filled.map(|(filled, part)| filled.expr.as_ref().unwrap_or(part).clone()).collect()
        };
        let expr = is_filled.then(|| match part {
            Expr::And(parts) => Expr::And(all(parts)),
            Expr::Or(parts) => Expr::Or(all(parts)),
            Expr::Not(part) => {
                Expr::Not(filled.iter().find_map(|part| part.expr.clone()).map_or(part.clone(), Arc::new))
            }
            other => other.clone(),
        });
        Ok(Filled { expr, depth: depth + 1 })
    }

    /// The position of a macro whose name is inside `open`.
    fn find(&self, name: &str, span: Span, open: &[Open<'_>]) -> Result<usize, LoadError> {
        let known = self.tables.macros.position(name);
        let is_open = |position: usize| {
            self.of == Some(position)
                || open.iter().any(|open| open.of.is_some_and(|of| of.position == position))
        };
        if known.is_some_and(is_open) {
            return Err(self
                .error(format!("reference loop in macro '{name}'"), span)
                .titled(format!("the macro `{name}` contains itself"))
                .notes(self.sources.notes(span, span.source, "here again"))
                .note(self.host.place, format!("by way of this {}", self.host.kind)));
        }
        known
            .filter(|position| self.tables.macros[*position].index < self.visibility)
            .ok_or_else(|| self.undefined(name, span))
    }

    /// Returns an error if the macro makes the condition too large, or nested too deeply.
    fn check(&self, seen: &Seen, depth: u32, name: Name<'_>) -> Result<(), LoadError> {
        let Name { name, span, .. } = name;
        let (count, what, limit) = if depth > MAX_DEPTH {
            (depth as usize, "levels of nesting", MAX_DEPTH as usize)
        } else if seen.nodes > MAX_NODES {
            (seen.nodes, "parts", MAX_NODES)
        } else {
            return Ok(());
        };
        let Host { kind, name: host, place, .. } = self.host;
        let message = format!(
            "with macro '{name}' the condition of {kind} '{host}' has {count} {what}, which exceeds the limit of {limit}"
        );
        Err(self
            .error(message, span)
            .titled(format!(
                "with the macro `{name}` the condition of the {kind} `{host}` has {count} {what}; the limit is {limit}"
            ))
            .notes(self.sources.notes(span, span.source, "this macro is put in here"))
            .note(place, format!("in this {kind}")))
    }

    fn error(&self, message: String, span: Span) -> LoadError {
        let text = self.sources.text(span.source);
        located(ErrorCode::Validate, message, text, span.start as usize, self.host.context)
    }

    /// The error for an unknown macro.
    fn undefined(&self, name: &str, span: Span) -> LoadError {
        let Tables { macros, lists, .. } = self.tables;
        let error = self.error(format!("Undefined macro '{name}' used in filter."), span);
        let notes = |word| self.sources.notes(span, span.source, word);
        if let Some(later) = macros.position(name) {
            return error
                .titled(format!("the macro `{name}` is defined too late"))
                .notes(notes("not known here"))
                .note(macros[later].place, "defined here")
                .help(["a macro can use only macros that are defined before it".to_owned()]);
        }
        let list = lists.position(name).map(|_| format!("`{name}` is a list: write `field in ({name})`"));
        error
            .titled(format!("unknown macro `{name}`"))
            .notes(notes("no macro has this name"))
            .help(list)
            .help(did_you_mean(name, macros.iter().map(|m| m.name.as_str())))
    }
}
