//! Parses the texts of conditions, and maps their errors to places in the files.

use eyas_fields::Schema;

use super::expanded::Expanded;
use super::result::{Context, ErrorCode, LoadError};
use super::sources::Sources;
use super::yaml::Mark;
use crate::condition::ast::{Expr, Span};
use crate::condition::{self, CompileError, ParseErrorKind as Kind, parse_in, parse_with_lists};
use crate::diagnostic::Note;
use crate::diagnostic::condition::{Wording, compile_error, parse_error};

/// Parses the text with this number.
pub(super) fn parse_condition(
    sources: &Sources,
    source: u32,
    context: &Context,
    schema: &dyn Schema,
) -> Result<Expr, LoadError> {
    let text = sources.text(source);
    if let Some(expr) = parse_with_lists(text.own(), source, &text.uses()) {
        return Ok(expr);
    }
    let flat = &*text.flat();
    parse_in(flat, source).map_err(|e| {
        // Falco shows the text with expanded lists here, and the text without them everywhere else.
        let context = &in_condition(flat, flat, e.offset, context);
        let error = LoadError::new(ErrorCode::CompileCondition, e.message.clone(), context);
        let no_list = matches!(e.kind, Kind::Trailing | Kind::Check | Kind::Operator | Kind::GroupEnd);
        if let Some(list) = text.list_at(e.offset).filter(|_| no_list) {
            // A list is used where no items are allowed.
            let notes = text.notes(e.offset..e.offset + 1, "", &sources.files);
            return error
                .titled(format!("the list `{list}` is not allowed here"))
                .notes(notes.into_iter().skip(1).take(1).map(|n| Note::new(n.place, "this is a list")))
                .help([format!("write a list in parentheses: `field in ({list})`")]);
        }
        with_wording(error, parse_error(flat, &e, schema), sources, source, source)
    })
}

/// Adds the wording for users to an error. The places are in the text `source`, in the rule or macro
/// `root`.
fn with_wording(error: LoadError, wording: Wording, sources: &Sources, source: u32, root: u32) -> LoadError {
    let mut notes = Vec::new();
    for (range, word) in wording.places {
        let span = Span { source, start: range.start as u32, end: range.end as u32 };
        notes.extend(sources.notes(span, root, &word));
    }
    // A text that was appended in another file does not show its rule or macro.
    let item = error.context.locations.iter().find(|l| matches!(l.item_type, "rule" | "macro"));
    if let Some(item) = item
        && notes.last().is_some_and(|n: &Note| n.place.file != item.place.file)
    {
        notes.push(Note::new(item.place, format!("in this {}", item.item_type)));
    }
    error.titled(wording.title).help(wording.help).notes(notes)
}

/// An error inside a condition's text, with its place.
pub(super) fn located(
    code: ErrorCode,
    message: String,
    text: &Expanded,
    offset: usize,
    context: &Context,
) -> LoadError {
    LoadError::new(code, message, &in_condition(&text.flat(), text.written(), offset, context))
}

/// The context of a byte in a condition's text; `written` is the text whose beginning names the condition.
pub(super) fn in_condition(text: &str, written: &str, offset: usize, context: &Context) -> Context {
    let (line, column) = condition::position(text, offset);
    let base = context.innermost().map(|l| l.mark).unwrap_or_default();
    let mark = Mark { line: base.line + line, column: base.column + column, offset: base.offset + offset };
    context.in_condition(text, written, offset, mark)
}

pub(super) fn condition_error(
    error: &CompileError,
    sources: &Sources,
    root: u32,
    context: &Context,
    schema: &dyn Schema,
) -> LoadError {
    let at = error.test.start as usize;
    let text = sources.text(root);
    let located = located(ErrorCode::CompileCondition, error.message.clone(), text, at, context);
    let wording = compile_error(&sources.text(error.span.source).flat(), error, schema);
    with_wording(located, wording, sources, error.span.source, root)
}
