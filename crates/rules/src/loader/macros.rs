//! Macros: parsed, those that they name put in, and put into rules.

use eyas_fields::Schema;
use rustc_hash::FxHashMap;

use super::MAX_NODES;
use super::collect::{Macro, RawRule, Tables};
use super::compile::{located, parse_condition};
use super::lists::Lists;
use super::result::{ErrorCode, LoadError};
use super::sources::Sources;
use crate::condition::ast::{Expr, Span};
use crate::diagnostic::suggest::did_you_mean;

/// Parsed macros, those they name put in.
pub(super) struct Macros {
    pub(super) resolved: Vec<Resolved>,
    by_name: FxHashMap<String, usize>,
}

pub(super) struct Resolved {
    pub(super) expr: Expr,
    nodes: usize,
    pub(super) used: bool,
}

impl Macros {
    pub(super) fn resolve(
        tables: &Tables,
        lists: &mut Lists,
        sources: &mut Sources<'_>,
        schema: &dyn Schema,
    ) -> Result<Self, LoadError> {
        let mut parsed = Vec::new();
        for m in &tables.macros {
            let text = lists.substitute(m.condition.clone()).map_err(|why| {
                LoadError::new(ErrorCode::Validate, why, &m.condition_context).note(m.place, "in this macro")
            })?;
            let id = sources.push(text.written_as(m.condition.as_str()));
            parsed.push(parse_condition(sources, id, &m.condition_context, schema)?);
        }
        let mut this = Self { resolved: Vec::new(), by_name: FxHashMap::default() };
        for (m, expr) in tables.macros.iter().zip(&parsed) {
            let mut used = Vec::new();
            let mut open = vec![m.name.clone()];
            let mut nodes = 0;
            let expr =
                this.macro_body(expr.clone(), m, tables, &parsed, sources, &mut open, &mut used, &mut nodes)?;
            for name in used {
                if let Some(index) = this.by_name.get(&name) {
                    this.resolved[*index].used = true;
                }
            }
            this.by_name.insert(m.name.clone(), this.resolved.len());
            this.resolved.push(Resolved { nodes: count(&expr), expr, used: false });
        }
        // A macro may be named by one before it that was changed after it was defined.
        for (m, expr) in tables.macros.iter().zip(&parsed) {
            mark_used(expr, &mut |name| {
                if name != m.name
                    && let Some(index) = this.by_name.get(name)
                {
                    this.resolved[*index].used = true;
                }
            });
        }
        Ok(this)
    }

    #[expect(clippy::too_many_arguments, reason = "one recursion, no state worth a type")]
    fn macro_body(
        &self,
        expr: Expr,
        of: &Macro,
        tables: &Tables,
        parsed: &[Expr],
        sources: &Sources<'_>,
        open: &mut Vec<String>,
        used: &mut Vec<String>,
        nodes: &mut usize,
    ) -> Result<Expr, LoadError> {
        let context = &of.context;
        expr.expand(&mut |name, span| {
            let fail = |message: String| {
                let text = sources.text(span.source);
                located(ErrorCode::Validate, message, text, span.start as usize, context)
            };
            if open.iter().any(|n| n == name) {
                return Err(fail(format!("reference loop in macro '{name}'"))
                    .titled(format!("the macro `{name}` contains itself"))
                    .notes(sources.notes(span, span.source, "here again"))
                    .note(of.place, "by way of this macro"));
            }
            let known = tables.macros.iter().position(|m| m.name == name && m.index < of.visibility);
            let Some(index) = known else {
                let message = format!("Undefined macro '{name}' used in filter.");
                return Err(undefined(fail(message), name, span, span.source, tables, sources));
            };
            used.push(name.to_owned());
            let expanded = if let Some(ready) = self.by_name.get(name) {
                let ready = &self.resolved[*ready];
                *nodes += ready.nodes;
                ready.expr.clone()
            } else {
                *nodes += count(&parsed[index]);
                if *nodes <= MAX_NODES {
                    open.push(name.to_owned());
                    let body = self.macro_body(
                        parsed[index].clone(),
                        of,
                        tables,
                        parsed,
                        sources,
                        open,
                        used,
                        nodes,
                    )?;
                    open.pop();
                    body
                } else {
                    parsed[index].clone()
                }
            };
            if *nodes > MAX_NODES {
                let message = format!("with its macros the condition exceeds {MAX_NODES} parts");
                return Err(fail(message).note(of.place, "in this macro"));
            }
            Ok(expanded)
        })
    }

    /// A rule's condition with its macros put in.
    pub(super) fn expand(
        &mut self,
        expr: Expr,
        rule: &RawRule,
        tables: &Tables,
        sources: &Sources<'_>,
    ) -> Result<Expr, LoadError> {
        let mut nodes = 0;
        expr.expand(&mut |name, span| {
            let fail = |message| {
                let text = sources.text(span.source);
                located(ErrorCode::Validate, message, text, span.start as usize, &rule.context)
            };
            let Some(index) = self.by_name.get(name) else {
                let message = format!("Undefined macro '{name}' used in filter.");
                return Err(undefined(fail(message), name, span, span.source, tables, sources));
            };
            let found = &mut self.resolved[*index];
            found.used = true;
            nodes += found.nodes;
            if nodes > MAX_NODES {
                let message = format!("with its macros the condition exceeds {MAX_NODES} parts");
                return Err(fail(message).note(rule.place, "in this rule"));
            }
            Ok(found.expr.clone())
        })
    }
}

/// Says that a macro is not there.
fn undefined(
    error: LoadError,
    name: &str,
    span: Span,
    root: u32,
    tables: &Tables,
    sources: &Sources<'_>,
) -> LoadError {
    if let Some(later) = tables.macros.iter().find(|m| m.name == name) {
        return error
            .titled(format!("the macro `{name}` is defined too late"))
            .notes(sources.notes(span, root, "not known here"))
            .note(later.place, "defined here")
            .help(["a macro can name those that stand before it".to_owned()]);
    }
    let is_list = tables.lists.iter().any(|l| l.name == name);
    let list = is_list.then(|| format!("`{name}` is a list: lists stand in `field in ({name})`"));
    error
        .titled(format!("unknown macro `{name}`"))
        .notes(sources.notes(span, root, "no macro has this name"))
        .help(list)
        .help(did_you_mean(name, tables.macros.iter().map(|m| m.name.as_str())))
}

fn count(expr: &Expr) -> usize {
    1 + match expr {
        Expr::And(children) | Expr::Or(children) => children.iter().map(count).sum(),
        Expr::Not(child) => count(child),
        Expr::Macro(..) | Expr::Test(_) => 0,
    }
}

fn mark_used(expr: &Expr, mark: &mut dyn FnMut(&str)) {
    match expr {
        Expr::And(children) | Expr::Or(children) => children.iter().for_each(|c| mark_used(c, mark)),
        Expr::Not(child) => mark_used(child, mark),
        Expr::Macro(name, _) => mark(name),
        Expr::Test(_) => {}
    }
}
