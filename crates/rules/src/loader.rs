//! Rules files become an engine.

use std::collections::HashMap;
use std::sync::Arc;

use eyas_fields::{FieldFlags, Schema};

use crate::condition::ast::{Expr, FieldRef, Op, Operand, Rhs, Test};
use crate::condition::{
    self, CompileError, CompileErrorKind, Compiler, Root, Source, codes, operand_prefix, parse_in,
};
use crate::engine::{Engine, Matching, Priority, Rule};
use crate::output::{Extra, Format};
use crate::plan::Plans;

mod collect;
mod decode;
mod exceptions;
mod lists;
mod result;
mod yaml;

use collect::{RawRule, Tables};
use decode::invalid;
use lists::{ReadyList, substitute};
pub use result::{Context, ErrorCode, LoadError, LoadResult, LoadWarning, Location, Problem, WarningCode};
pub use yaml::Mark;

/// Nodes that a condition may have with its macros.
const MAX_NODES: usize = 200_000;
/// Codes from which on a condition is said to have no event type.
const MANY_CODES: usize = 100;
/// What `required_plugin_versions` may name without a plugin: its fields are built in.
const NATIVE_PLUGINS: [&str; 1] = ["container"];

/// A schema with what the loader asks of it.
pub(crate) struct Described<'a>(&'a dyn Schema);

impl Described<'_> {
    /// Whether the text is a field, or a transformer of fields.
    fn is_operand(&self, text: &str) -> bool {
        operand_prefix(text)
            .is_some_and(|(operand, len)| len == text.len() && Source::resolve(&operand, self.0).is_ok())
    }
}

/// Which rules are on.
#[derive(Clone, Debug)]
pub enum Select {
    /// Those whose names match, `*` standing for anything.
    Rule(String),
    /// Those with a tag.
    Tag(String),
}

/// Reads rules files, in order, into one ruleset.
pub struct Loader {
    schema: Arc<dyn Schema>,
    tables: Tables,
    minimum: Priority,
    matching: Matching,
    selections: Vec<(bool, Select)>,
    extras: Vec<Extra>,
}

impl Loader {
    /// A loader of rules over the schema's fields.
    pub fn new(schema: Arc<dyn Schema>) -> Self {
        Self {
            schema,
            tables: Tables::default(),
            minimum: Priority::Debug,
            matching: Matching::First,
            selections: Vec::new(),
            extras: Vec::new(),
        }
    }

    /// Rules less severe than this are left out.
    pub fn minimum_priority(&mut self, minimum: Priority) -> &mut Self {
        self.minimum = minimum;
        self
    }

    /// Whether an event is matched by the first rule only, or by all.
    pub fn matching(&mut self, matching: Matching) -> &mut Self {
        self.matching = matching;
        self
    }

    /// Switches rules on or off; a later selection wins.
    pub fn select(&mut self, on: bool, which: Select) -> &mut Self {
        self.selections.push((on, which));
        self
    }

    /// Adds to the outputs of rules.
    pub fn append_output(&mut self, extra: Extra) -> &mut Self {
        self.extras.push(extra);
        self
    }

    /// Reads a file; what it defines is kept even if the rules then do not compile.
    pub fn load(&mut self, name: &str, text: &str) -> LoadResult {
        let mut result = LoadResult { name: name.to_owned(), errors: Vec::new(), warnings: Vec::new() };
        let root = Context::root(name);
        if let Err(error) = self.collect(text, &root, &mut result.warnings) {
            result.errors.push(error);
        } else {
            match self.compile(&mut result.warnings) {
                Ok(_) => {}
                Err(error) => result.errors.push(error),
            }
        }
        result.errors.iter_mut().for_each(|e| e.context.draw(text));
        result.warnings.iter_mut().for_each(|w| w.context.draw(text));
        result
    }

    /// The engine of everything loaded so far.
    ///
    /// # Errors
    /// The rules do not compile: what [`Loader::load`] said of a file was ignored.
    pub fn build(&self) -> Result<Engine, LoadError> {
        let compiled = self.compile(&mut Vec::new())?;
        let schema = &*self.schema;
        let mut compiler = Compiler::new(schema);
        let mut order: Vec<usize> = Vec::new();
        let mut rules = Vec::new();
        let mut roots: Vec<(Root, eyas_fields::CodeSet)> = Vec::new();
        for rule in compiled {
            let raw = rule.raw;
            let on = raw.enabled && raw.priority <= self.minimum;
            let context = &raw.condition_context;
            let root = compiler.add(&rule.expr).map_err(|e| condition_error(&e, &rule.text, context))?;
            let set = codes(&rule.expr, schema);
            if on {
                order.push(rules.len());
            }
            roots.push((root, set));
            rules.push(Rule {
                name: raw.name.clone(),
                description: raw.desc.clone(),
                condition: raw.condition.clone(),
                output: rule.output_text,
                priority: raw.priority,
                source: raw.source.clone(),
                tags: raw.tags.iter().cloned().collect(),
                enabled: on,
                capture: raw.capture,
                capture_duration_ms: raw.capture_duration,
                compiled: rule.expr,
                format: rule.format,
            });
        }
        for (on, which) in &self.selections {
            for (index, rule) in rules.iter_mut().enumerate() {
                let hit = match which {
                    Select::Rule(pattern) => wildcard(pattern, &rule.name),
                    Select::Tag(tag) => rule.tags.iter().any(|t| t == tag),
                };
                if !hit || rule.priority > self.minimum || rule.enabled == *on {
                    continue;
                }
                rule.enabled = *on;
                order.retain(|i| *i != index);
                if *on {
                    order.push(index);
                }
            }
        }
        let plans = Plans::new(&order, &roots, &mut compiler);
        let codes =
            order.iter().fold(eyas_fields::CodeSet::empty(schema.codes()), |all, i| all.union(&roots[*i].1));
        Ok(Engine::new(self.schema.clone(), compiler.finish(), rules, plans, codes, self.matching))
    }

    fn collect(
        &mut self,
        text: &str,
        root: &Context,
        warnings: &mut Vec<LoadWarning>,
    ) -> Result<(), LoadError> {
        let documents = yaml::parse(text).map_err(|broken| {
            let context = root.at("value for", "", broken.mark);
            LoadError::new(ErrorCode::YamlParse, broken.message, &context)
        })?;
        let described = Described(&*self.schema);
        for document in documents {
            match &document.kind {
                yaml::Kind::Null => {}
                yaml::Kind::Seq(items) => {
                    for item in items {
                        self.tables.item(item, &described, root, warnings)?;
                    }
                }
                yaml::Kind::Map(_) => {
                    let message = "Rules content is yaml but is not a yaml array of associative arrays";
                    return Err(invalid(message, root));
                }
                yaml::Kind::Scalar(_) => {
                    return Err(invalid("Rules content is not a yaml array of objects", root));
                }
            }
        }
        Ok(())
    }

    /// Plugins that some file requires and nothing here stands for: name and version of each choice.
    pub fn missing_plugins(&self) -> Vec<&[(String, String)]> {
        let native = |(name, _): &(String, String)| NATIVE_PLUGINS.contains(&name.as_str());
        self.tables.plugins.iter().filter(|group| !group.iter().any(native)).map(Vec::as_slice).collect()
    }

    fn compile(&self, warnings: &mut Vec<LoadWarning>) -> Result<Vec<Compiled<'_>>, LoadError> {
        let mut lists = self.ready_lists();
        let mut macros = Macros::resolve(&self.tables, &mut lists)?;
        let mut compiled = Vec::new();
        let schema = &*self.schema;
        let mut compiler = Compiler::new(schema);
        for raw in &self.tables.rules {
            if raw.source != schema.source() {
                let message = format!("Unknown source '{}', the rule is ignored", raw.source);
                warnings.push(Problem::new(WarningCode::UnknownSource, message, &raw.context));
                continue;
            }
            match self.compile_rule(raw, &mut lists, &mut macros, &mut compiler, warnings) {
                Ok(rule) => compiled.push(rule),
                Err(Failure { error, unknown: true }) if raw.skip_if_unknown => {
                    let message = error.message;
                    warnings.push(Problem::new(WarningCode::UnknownFilter, message, &error.context));
                }
                Err(failure) => return Err(failure.error),
            }
        }
        for m in self.tables.macros.iter().zip(&macros.resolved).filter(|(_, r)| !r.used).map(|(m, _)| m) {
            warnings.push(Problem::new(
                WarningCode::UnusedMacro,
                "Macro not referred to by any other rule/macro",
                &m.context,
            ));
        }
        for list in self.tables.lists.iter().zip(&lists).filter(|(_, r)| !r.used).map(|(l, _)| l) {
            warnings.push(Problem::new(
                WarningCode::UnusedList,
                "List not referred to by any other rule/macro/list",
                &list.context,
            ));
        }
        Ok(compiled)
    }

    /// Lists with the lists that they name put in.
    fn ready_lists(&self) -> Vec<ReadyList> {
        let mut ready: Vec<ReadyList> = Vec::new();
        for list in &self.tables.lists {
            let mut items = Vec::new();
            for item in &list.items {
                let inner =
                    self.tables.lists.iter().position(|l| l.name == *item && l.index < list.visibility);
                match inner {
                    Some(inner) if inner < ready.len() => {
                        ready[inner].used = true;
                        items.extend(ready[inner].items.iter().cloned());
                    }
                    _ => items.push(item.clone()),
                }
            }
            ready.push(ReadyList { name: list.name.clone(), items, used: false });
        }
        ready
    }

    fn compile_rule<'a>(
        &'a self,
        raw: &'a RawRule,
        lists: &mut [ReadyList],
        macros: &mut Macros,
        compiler: &mut Compiler<'_>,
        warnings: &mut Vec<LoadWarning>,
    ) -> Result<Compiled<'a>, Failure> {
        let schema = &*self.schema;
        let text = exceptions::apply(&raw.condition, &raw.exceptions, &raw.context)?;
        let text = substitute(text, lists)
            .map_err(|why| LoadError::new(ErrorCode::Validate, why, &raw.condition_context))?;
        let expr = parse_condition(&text, &raw.condition_context)?;
        let expr = macros.expand(expr, &raw.condition_context)?;
        let (output_text, format) = self.output(raw, warnings)?;
        compiler.add(&expr).map_err(|e| Failure {
            unknown: matches!(e.kind, CompileErrorKind::UnknownField | CompileErrorKind::UnknownEventType),
            error: condition_error(&e, &text, &raw.condition_context),
        })?;
        warn_about(&expr, schema, &raw.condition_context, warnings);
        let set = condition::codes_without_always(&expr, schema);
        if raw.warn_evttypes && schema.codes() > MANY_CODES && (set.count() > MANY_CODES || set.is_empty()) {
            let message =
                "Rule matches too many evt.type values. This has a significant performance penalty.";
            warnings.push(Problem::new(WarningCode::NoEventType, message, &raw.context));
        }
        Ok(Compiled { raw, expr, text, output_text, format })
    }

    /// The rule's output with all that is added to it.
    fn output(&self, raw: &RawRule, warnings: &mut Vec<LoadWarning>) -> Result<(String, Format), Failure> {
        let schema = &*self.schema;
        let mut text = raw.output.clone();
        if text.contains("%container.info") {
            let message =
                "%container.info is deprecated and no longer useful, and will be dropped in a future release";
            warnings.push(Problem::new(WarningCode::DeprecatedItem, message, &raw.output_context));
            text = text.replace("%container.info", "");
        }
        let extras = self.extras.iter().filter(|e| e.applies(&raw.name, &raw.source, &raw.tags));
        let mut fields = Vec::new();
        for extra in extras {
            if !extra.text.is_empty() {
                text.push(' ');
                text.push_str(&extra.text);
            }
            if extra.suggested {
                for def in schema.fields().iter().filter(|d| d.flags.contains(FieldFlags::SUGGESTED)) {
                    text.push_str(&format!(" {}=%{}", def.name.replace('.', "_"), def.name));
                }
            }
            fields.extend(extra.fields.iter().cloned());
        }
        for def in schema.fields().iter().filter(|d| d.flags.contains(FieldFlags::DEPRECATED)) {
            if raw.output.contains(&format!("%{}", def.name)) {
                let message = format!("Usage of deprecated field '{}' has been detected", def.name);
                warnings.push(Problem::new(WarningCode::DeprecatedItem, message, &raw.output_context));
            }
        }
        let format = Format::compile(&text, &fields, schema).map_err(|e| Failure {
            unknown: true,
            error: LoadError::new(ErrorCode::CompileOutput, e.to_string(), &raw.output_context),
        })?;
        Ok((text, format))
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("rules", &self.tables.rules.len()).finish_non_exhaustive()
    }
}

/// A rule that compiles.
struct Compiled<'a> {
    raw: &'a RawRule,
    expr: Expr,
    text: String,
    output_text: String,
    format: Format,
}

/// Why a rule does not compile, and whether that is for a name that is not known here.
struct Failure {
    error: LoadError,
    unknown: bool,
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self { error, unknown: false }
    }
}

fn parse_condition(text: &str, context: &Context) -> Result<Expr, LoadError> {
    parse_in(text, 0).map_err(|e| located(ErrorCode::CompileCondition, e.message, text, e.offset, context))
}

/// An error inside a condition's text, drawn into it.
fn located(code: ErrorCode, message: String, text: &str, offset: usize, context: &Context) -> LoadError {
    let (line, column) = condition::position(text, offset);
    let mut name: String = text.chars().take(17).collect();
    if text.len() > 20 {
        name.push_str("...");
    } else {
        name = text.to_owned();
    }
    let base = context.innermost().map(|l| l.mark).unwrap_or_default();
    let mark = Mark { line: base.line + line, column: base.column + column, offset: base.offset + offset };
    let mut context = context.at("condition expression", &format!("\"{name}\""), mark);
    let shown = text.lines().nth(line - 1).unwrap_or_default();
    let from = column.saturating_sub(80);
    let shown: String = shown.chars().skip(from).take(160).collect();
    context.snippet = format!("{shown}\n{}^\n", " ".repeat(column.saturating_sub(1 + from)));
    LoadError::new(code, message, &context)
}

fn condition_error(error: &CompileError, text: &str, context: &Context) -> LoadError {
    located(ErrorCode::CompileCondition, error.message.clone(), text, error.span.start as usize, context)
}

/// Parsed macros, those they name put in.
struct Macros {
    resolved: Vec<Resolved>,
    by_name: HashMap<String, usize>,
}

struct Resolved {
    expr: Expr,
    nodes: usize,
    used: bool,
}

impl Macros {
    fn resolve(tables: &Tables, lists: &mut [ReadyList]) -> Result<Self, LoadError> {
        let mut parsed = Vec::new();
        for m in &tables.macros {
            let text = substitute(m.condition.clone(), lists)
                .map_err(|why| LoadError::new(ErrorCode::Validate, why, &m.condition_context))?;
            parsed.push(parse_condition(&text, &m.condition_context)?);
        }
        let mut this = Self { resolved: Vec::new(), by_name: HashMap::new() };
        for (m, expr) in tables.macros.iter().zip(&parsed) {
            let mut used = Vec::new();
            let mut open = vec![m.name.clone()];
            let mut nodes = 0;
            let expr = this.macro_body(expr.clone(), m, tables, &parsed, &mut open, &mut used, &mut nodes)?;
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
        of: &collect::Macro,
        tables: &Tables,
        parsed: &[Expr],
        open: &mut Vec<String>,
        used: &mut Vec<String>,
        nodes: &mut usize,
    ) -> Result<Expr, LoadError> {
        let context = &of.condition_context;
        expr.expand(&mut |name, _| {
            let fail = |message: String| Err(LoadError::new(ErrorCode::Validate, message, context));
            if open.iter().any(|n| n == name) {
                return fail(format!("reference loop in macro '{name}'"));
            }
            let known = tables.macros.iter().position(|m| m.name == name && m.index < of.visibility);
            let Some(index) = known else {
                return fail(format!("Undefined macro '{name}' used in filter."));
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
                    let body =
                        self.macro_body(parsed[index].clone(), of, tables, parsed, open, used, nodes)?;
                    open.pop();
                    body
                } else {
                    parsed[index].clone()
                }
            };
            if *nodes > MAX_NODES {
                return fail(format!("with its macros the condition exceeds {MAX_NODES} parts"));
            }
            Ok(expanded)
        })
    }

    /// A rule's condition with its macros put in.
    fn expand(&mut self, expr: Expr, context: &Context) -> Result<Expr, LoadError> {
        let mut nodes = 0;
        expr.expand(&mut |name, _| {
            let fail = |message: String| Err(LoadError::new(ErrorCode::Validate, message, context));
            let Some(index) = self.by_name.get(name) else {
                return fail(format!("Undefined macro '{name}' used in filter."));
            };
            let found = &mut self.resolved[*index];
            found.used = true;
            nodes += found.nodes;
            if nodes > MAX_NODES {
                return fail(format!("with its macros the condition exceeds {MAX_NODES} parts"));
            }
            Ok(found.expr.clone())
        })
    }
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

/// Warnings about comparisons that load but may not be meant.
fn warn_about(expr: &Expr, schema: &dyn Schema, context: &Context, warnings: &mut Vec<LoadWarning>) {
    expr.tests(&mut |test: &Test| {
        let mut add = |code, message: String| {
            let problem = Problem::new(code, message, context);
            if !warnings.contains(&problem) {
                warnings.push(problem);
            }
        };
        operand_fields(&test.left, &mut |field| {
            if let Ok(resolved) = schema.resolve(&field.name, field.arg.as_deref())
                && schema.def(resolved.id).flags.contains(FieldFlags::DEPRECATED)
            {
                let message = format!("Usage of deprecated field '{}' has been detected", field.name);
                add(WarningCode::DeprecatedItem, message);
            }
        });
        let values: &[_] = match &test.right {
            Rhs::Value(value) => std::slice::from_ref(value),
            Rhs::List(values) => values,
            Rhs::None | Rhs::Operand(_) => &[],
        };
        for value in values {
            let text = String::from_utf8_lossy(&value.text);
            let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            if Described(schema).is_operand(&bare) && !bare.contains('(') {
                let message = format!("'{text}' may be a valid field misused as a const string value");
                add(WarningCode::CompileCondition, message);
            }
            let call = condition::TRANSFORMERS.iter().chain(&["val"]).any(|t| {
                bare.strip_prefix(t).is_some_and(|rest| rest.starts_with('(') && rest.ends_with(')'))
            });
            if call {
                let message =
                    format!("'{text}' may be a valid field transformer misused as a const string value");
                add(WarningCode::CompileCondition, message);
            }
            if test.op == Op::Regex && condition::regex_is_plain(&value.text) {
                let message =
                    format!("'regex' operator with plain text '{text}': another operator costs less");
                add(WarningCode::CompileCondition, message);
            }
        }
    });
}

fn operand_fields(operand: &Operand, visit: &mut dyn FnMut(&FieldRef)) {
    match operand {
        Operand::Field(field) => visit(field),
        Operand::Call(call) => call.args.iter().for_each(|a| operand_fields(a, visit)),
        Operand::List(items, _) => items.iter().for_each(|i| operand_fields(i, visit)),
        Operand::Text(_) => {}
    }
}

/// Whether the name matches a pattern in which `*` stands for anything: pieces are found from the left,
/// greedily.
fn wildcard(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, want) in [
            ("Read*", "Read it", true),
            ("*it", "Read it", true),
            ("R*d*t", "Read it", true),
            ("Read", "Read it", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(wildcard(pattern, name), want, "{pattern} {name}");
        }
    }
}
