//! What is defined becomes conditions and formats, with Falco's errors and warnings.

use std::sync::Arc;

use eyas_fields::{CodeSet, FieldFlags, Schema};
use rustc_hash::FxHashMap;

use super::collect::RawRule;
use super::lists::{Lists, ReadyList};
use super::macros::{Macros, Resolved};
use super::result::{Context, ErrorCode, LoadError, LoadWarning, Problem, WarningCode};
use super::sources::Sources;
use super::text::Text;
use super::warn::{Look, deprecated};
use super::yaml::Mark;
use super::{Loader, MANY_CODES, MAX_FURTHER, MAX_ITEMS, exceptions, lint};
use crate::condition::ast::{Expr, Span, Test};
use crate::condition::{
    self, Codes, CompileError, CompileErrorKind, Compiler, Graph, ParseErrorKind as Kind, Root, parse_in,
};
use crate::diagnostic::Note;
use crate::diagnostic::condition::{Said, compile_error, field_names, parse_error};
use crate::diagnostic::suggest::did_you_mean;
use crate::output::{Format, FormatError};

impl Loader {
    /// Everything loaded so far. The first rule that does not compile is the error, `further` has those
    /// after it.
    pub(super) fn compile<'a>(
        &'a self,
        compiler: &mut Compiler<'_>,
        warnings: &mut Vec<LoadWarning>,
        further: &mut Vec<LoadError>,
    ) -> Result<Ruleset<'a>, LoadError> {
        let (mut failed, mut reported) = (None, Vec::new());
        let tables = &self.tables;
        let mut sources = Sources::new(tables, &self.files);
        let mut lists = Lists::new(self.ready_lists()?);
        let macros = Macros::resolve(tables, &mut lists, &mut sources, &*self.schema)?;
        let mut known = Known { lists, macros, codes: Codes::default(), quiet: FxHashMap::default() };
        let mut rules = Vec::new();
        let schema = &*self.schema;
        for (position, raw) in tables.rules.iter().enumerate() {
            // Its definition was warned about.
            if raw.source != schema.source() {
                continue;
            }
            match self.compile_rule(raw, &mut known, &mut sources, compiler, warnings) {
                Ok(rule) => rules.push(Compiled { position, ..rule }),
                Err(Failure { error, unknown: true }) if raw.skip_if_unknown => {
                    warnings.push(error.into_warning(WarningCode::UnknownFilter));
                }
                Err(failure) => match &mut failed {
                    None => {
                        // What comes after the first error is not warned about.
                        failed = Some(failure.error);
                        reported = std::mem::take(warnings);
                    }
                    Some(_) if further.len() < MAX_FURTHER => further.push(failure.error),
                    Some(_) => break,
                },
            }
        }
        if let Some(error) = failed {
            *warnings = reported;
            return Err(error);
        }
        for m in tables.macros.iter().zip(&known.macros.resolved).filter(|(_, r)| !r.used).map(|(m, _)| m) {
            let message = "Macro not referred to by any other rule/macro";
            let problem = Problem::new(WarningCode::UnusedMacro, message, &m.context)
                .titled(format!("the macro `{}` is not used", m.name))
                .note(m.place, "");
            warnings.push(problem);
        }
        for list in tables.lists.iter().zip(&known.lists.all).filter(|(_, r)| !r.used).map(|(l, _)| l) {
            let message = "List not referred to by any other rule/macro/list";
            let problem = Problem::new(WarningCode::UnusedList, message, &list.context)
                .titled(format!("the list `{}` is not used", list.name))
                .note(list.place, "");
            warnings.push(problem);
        }
        Ok(Ruleset { rules, sources, macros: known.macros.resolved, lists: known.lists.all })
    }

    /// Lists with the lists that they name put in.
    fn ready_lists(&self) -> Result<Vec<ReadyList>, LoadError> {
        let lists = &self.tables.lists;
        let mut ready: Vec<ReadyList> = Vec::new();
        let mut used = vec![false; lists.len()];
        let mut total = 0;
        for list in lists {
            let mut items = Vec::new();
            for item in &list.items {
                let inner = lists.iter().position(|l| l.name == item.text && l.index < list.visibility);
                let Some(inner) = inner else {
                    items.push(item.to_text());
                    continue;
                };
                used[inner] = true;
                let name = item.to_text();
                let mut put_in = |item: &Text| {
                    let mut out = Text::default();
                    out.push_list(&lists[inner].name.as_str().into(), item, &name, 0);
                    items.push(out);
                };
                match ready.get(inner) {
                    Some(known) => known.items.iter().for_each(put_in),
                    // Defined later, or the list itself: as it is written.
                    None => lists[inner].items.iter().for_each(|item| put_in(&item.to_text())),
                }
            }
            // One that came through several lists takes memory for each.
            total += items.iter().map(|item| 1 + item.lists().count()).sum::<usize>();
            if total > MAX_ITEMS {
                let message = format!("with the lists that they name, lists exceed {MAX_ITEMS} items");
                return Err(LoadError::new(ErrorCode::Validate, message, &list.context)
                    .titled(format!("with this one and what it names, lists exceed {MAX_ITEMS} items"))
                    .note(list.place, "the lists that it names are put in"));
            }
            ready.push(ReadyList::new(&list.name, items, list.place));
        }
        ready.iter_mut().zip(used).for_each(|(list, used)| list.used = used);
        Ok(ready)
    }

    fn compile_rule<'a>(
        &'a self,
        raw: &'a RawRule,
        known: &mut Known,
        sources: &mut Sources<'a>,
        compiler: &mut Compiler<'_>,
        warnings: &mut Vec<LoadWarning>,
    ) -> Result<Compiled<'a>, Failure> {
        let schema = &*self.schema;
        let text = exceptions::apply(&raw.condition, &raw.exceptions, &raw.context)?;
        let (output_text, format) = self.output(raw, sources, warnings)?;
        let written = text.as_str().to_owned();
        let text = known.lists.substitute(text).map_err(|why| {
            LoadError::new(ErrorCode::Validate, why, &raw.condition_context).note(raw.place, "in this rule")
        })?;
        let source = sources.push(text.written_as(&written));
        let expr = parse_condition(sources, source, &raw.condition_context, schema)?;
        let expr = known.macros.expand(expr, raw, &self.tables, sources)?;
        let mut look = Look { schema, raw, root: source, sources, warnings };
        look.for_deprecated(&expr);
        let root = compiler.add(&expr).map_err(|e| Failure {
            unknown: matches!(e.kind, CompileErrorKind::UnknownField | CompileErrorKind::UnknownEventType),
            error: condition_error(&e, sources, source, &raw.condition_context, schema),
        })?;
        look.for_confusions(&expr, &mut known.quiet);
        let set = known.codes.of(&expr, schema);
        if raw.warn_evttypes && schema.codes() > MANY_CODES && (set.count() > MANY_CODES || set.is_empty()) {
            let message =
                "Rule matches too many evt.type values. This has a significant performance penalty.";
            let problem = Problem::new(WarningCode::NoEventType, message, &raw.context);
            let notes = lint::everything(&expr, schema, |span, word| sources.notes(span, source, word));
            warnings.push(no_event_type(problem, raw, set.count()).notes(notes));
        }
        Ok(Compiled { raw, position: 0, expr, root, codes: set, source, output_text, format })
    }

    /// The rule's output with all that is added to it.
    fn output(
        &self,
        raw: &RawRule,
        sources: &Sources<'_>,
        warnings: &mut Vec<LoadWarning>,
    ) -> Result<(String, Format), Failure> {
        let schema = &*self.schema;
        let written = raw.output.as_str();
        let mut text = written.to_owned();
        let place = |word: &str| {
            let at = written.find(word).unwrap_or_default();
            raw.output.notes(at..at + word.len(), "", sources.files)
        };
        if text.contains("%container.info") {
            let message =
                "%container.info is deprecated and no longer useful, and will be dropped in a future release";
            let problem = Problem::new(WarningCode::DeprecatedItem, message, &raw.context)
                .titled("`%container.info` is deprecated: nothing is written for it")
                .notes(place("%container.info"))
                .help(["drop it, or name the fields that you want".to_owned()]);
            warnings.push(problem);
            text = text.replace("%container.info", "");
        }
        let kept = text == written;
        let extras = self.extras.iter().filter(|e| e.applies(&raw.name, &raw.source, &raw.tags));
        let mut fields = Vec::new();
        for extra in extras {
            if !extra.text.is_empty() {
                text.push(' ');
                text.push_str(&extra.text);
            }
            if extra.suggested {
                let suggested = schema.fields().iter().filter(|d| d.flags.contains(FieldFlags::SUGGESTED));
                let constants = self.constants.iter().map(String::as_str);
                for name in constants.chain(suggested.map(|def| def.name)) {
                    text.push_str(&format!(" {}=%{name}", name.replace('.', "_")));
                }
            }
            fields.extend(extra.fields.iter().cloned());
        }
        let failure = |e: &FormatError, unknown| Failure {
            unknown,
            error: output_error(e, raw, if kept { written } else { "" }, sources, schema),
        };
        let format = Format::compile(&text, &[], schema).map_err(|e| failure(&e, e.unknown))?;
        let mut texts = vec![text.as_str()];
        texts.extend(fields.iter().map(|(key, format)| format.as_deref().unwrap_or(key)));
        for (text, def) in texts.iter().flat_map(|text| deprecated(schema).map(move |def| (text, def))) {
            if !text.contains(def.name) {
                continue;
            }
            let message = format!("Usage of deprecated field '{}' has been detected in the output", def.name);
            let problem = Problem::new(WarningCode::DeprecatedItem, message, &raw.output_context)
                .of_field(def.name)
                .titled(format!("the field `{}` is deprecated", def.name));
            let notes = if written.contains(def.name) { place(def.name) } else { Vec::new() };
            warnings.push(problem.notes(notes));
        }
        if fields.is_empty() {
            return Ok((text, format));
        }
        let format = Format::compile(&text, &fields, schema).map_err(|e| failure(&e, false))?;
        Ok((text, format))
    }
}

/// What the loaded files amount to.
pub(super) struct Ruleset<'a> {
    pub(super) rules: Vec<Compiled<'a>>,
    pub(super) sources: Sources<'a>,
    /// By macro.
    pub(super) macros: Vec<Resolved>,
    /// By list.
    pub(super) lists: Vec<ReadyList>,
}

/// What all rules share.
struct Known {
    lists: Lists,
    macros: Macros,
    codes: Codes,
    /// Comparisons that nothing is to be said about, by address.
    quiet: FxHashMap<usize, Arc<Test>>,
}

impl Ruleset<'_> {
    /// `graph` is what the rules were compiled into.
    pub(super) fn into_ready(self, graph: Graph) -> Ready {
        let rules = self.rules.into_iter().map(|rule| ReadyRule {
            position: rule.position,
            expr: rule.expr.into(),
            root: rule.root,
            codes: rule.codes,
            output_text: rule.output_text,
            format: rule.format.into(),
        });
        Ready { rules: rules.collect(), texts: self.sources.into_texts(), graph }
    }
}

/// What compiled, kept until something more is loaded.
pub(super) struct Ready {
    pub(super) rules: Vec<ReadyRule>,
    /// Of all conditions.
    pub(super) texts: Arc<Vec<Text>>,
    pub(super) graph: Graph,
}

/// A rule that only has to be planned.
pub(super) struct ReadyRule {
    /// In the table of rules.
    pub(super) position: usize,
    pub(super) expr: Arc<Expr>,
    /// In the graph.
    pub(super) root: Root,
    /// Codes of the events that it can match.
    pub(super) codes: CodeSet,
    pub(super) output_text: String,
    pub(super) format: Arc<Format>,
}

/// A rule that compiles.
pub(super) struct Compiled<'a> {
    pub(super) raw: &'a RawRule,
    /// In the table of rules.
    pub(super) position: usize,
    pub(super) expr: Expr,
    /// In the graph.
    root: Root,
    /// Codes of the events that it can match.
    pub(super) codes: CodeSet,
    /// Number of its text.
    pub(super) source: u32,
    pub(super) output_text: String,
    pub(super) format: Format,
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

/// Parses the text with this number.
pub(super) fn parse_condition(
    sources: &Sources<'_>,
    source: u32,
    context: &Context,
    schema: &dyn Schema,
) -> Result<Expr, LoadError> {
    let text = sources.text(source);
    parse_in(text.as_str(), source).map_err(|e| {
        // Falco names it by the text with the lists put in, and everywhere else by the text without.
        let context = &in_condition(text.as_str(), text.as_str(), e.offset, context);
        let error = LoadError::new(ErrorCode::CompileCondition, e.message.clone(), context);
        let no_list = matches!(e.kind, Kind::Trailing | Kind::Check | Kind::Operator | Kind::GroupEnd);
        if let Some(list) = text.list_at(e.offset).filter(|_| no_list) {
            // The list's items stand where none are expected.
            let notes = text.notes(e.offset..e.offset + 1, "", sources.files);
            return error
                .titled(format!("the list `{list}` cannot stand here"))
                .notes(notes.into_iter().skip(1).take(1).map(|n| Note::new(n.place, "this is a list")))
                .help([format!("lists stand between parentheses: `field in ({list})`")]);
        }
        say(error, parse_error(text.as_str(), &e, schema), sources, source, source)
    })
}

/// Puts to an error what is said to people; the places are of the text `source`, in the rule or macro
/// `root`.
fn say(error: LoadError, said: Said, sources: &Sources<'_>, source: u32, root: u32) -> LoadError {
    let mut notes = Vec::new();
    for (range, word) in said.places {
        let span = Span { source, start: range.start as u32, end: range.end as u32 };
        notes.extend(sources.notes(span, root, &word));
    }
    // What was appended in another file does not show what it belongs to.
    let item = error.context.locations.iter().find(|l| matches!(l.item_type, "rule" | "macro"));
    if let Some(item) = item
        && notes.last().is_some_and(|n: &Note| n.place.file != item.place.file)
    {
        notes.push(Note::new(item.place, format!("in this {}", item.item_type)));
    }
    error.titled(said.title).help(said.help).notes(notes)
}

/// An error inside a condition's text, drawn into it.
pub(super) fn located(
    code: ErrorCode,
    message: String,
    text: &Text,
    offset: usize,
    context: &Context,
) -> LoadError {
    LoadError::new(code, message, &in_condition(text.as_str(), text.written(), offset, context))
}

/// A byte of a condition's text, which is called by its beginning as `written`.
pub(super) fn in_condition(text: &str, written: &str, offset: usize, context: &Context) -> Context {
    let (line, column) = condition::position(text, offset);
    let base = context.innermost().map(|l| l.mark).unwrap_or_default();
    let mark = Mark { line: base.line + line, column: base.column + column, offset: base.offset + offset };
    context.in_condition(text, written, offset, mark)
}

fn condition_error(
    error: &CompileError,
    sources: &Sources<'_>,
    root: u32,
    context: &Context,
    schema: &dyn Schema,
) -> LoadError {
    let at = error.test.start as usize;
    let text = sources.text(root);
    let located = located(ErrorCode::CompileCondition, error.message.clone(), text, at, context);
    let said = compile_error(sources.text(error.span.source).as_str(), error, schema);
    say(located, said, sources, error.span.source, root)
}

/// An output that is no format. `written` is the rule's own text, empty where it was changed.
fn output_error(
    error: &FormatError,
    raw: &RawRule,
    written: &str,
    sources: &Sources<'_>,
    schema: &dyn Schema,
) -> LoadError {
    let message = error.to_string();
    let problem = LoadError::new(ErrorCode::CompileOutput, message.clone(), &raw.output_context);
    // A leading star is no part of what was compiled.
    let at = error.offset + usize::from(written.starts_with('*'));
    let Some(token) = written.get(at..).and_then(|rest| rest.strip_prefix('%')) else {
        return problem.note(raw.place, "in the output of this rule, or in what is appended to it");
    };
    let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '[' | ']'));
    let len = token.find(ends).unwrap_or(token.len());
    let name = token[..len].trim_start_matches(|c: char| c.is_ascii_digit());
    let title = match message.starts_with("unknown filter") && !name.is_empty() {
        true => format!("unknown field `{name}` in the output"),
        false => message,
    };
    let plain = name.split('[').next().unwrap_or_default().trim_end_matches('.');
    problem
        .titled(title)
        .notes(raw.output.notes(at..at + 1 + len, "", sources.files))
        .help(did_you_mean(plain, field_names(schema)))
}

fn no_event_type(problem: LoadWarning, raw: &RawRule, codes: usize) -> LoadWarning {
    let title = match codes {
        0 => format!("no event type satisfies the rule `{}`", raw.name),
        _ => format!("the rule `{}` is tested on events of very many types", raw.name),
    };
    problem
        .titled(title)
        .note(raw.place, "")
        .help(["add a test of `evt.type`, or `warn_evttypes: false` if it is meant so".to_owned()])
}
