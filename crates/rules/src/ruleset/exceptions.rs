//! Exceptions: events that a rule must not match, and their condition text.

use rustc_hash::FxHashMap;

use super::decode::{Decoded, Scalar, invalid, missing, required_scalar};
use super::definitions::{Entry, EntryKind, Exception};
use super::described::Described;
use super::lists::push_quoted;
use super::result::{Context, ErrorCode, LoadError, LoadWarning, Problem, WarningCode};
use super::text::Text;
use super::yaml::{Kind, Node};
use crate::condition::ast::{Modifier, Op};
use crate::diagnostic::suggest::did_you_mean;

/// Falco's message about a row that lacks values for some fields.
const UNEVEN: &str = "Fields and values lists must have equal length";

/// Reads a text, or a list of entries.
fn entry(node: &Node, key: &str, context: &Context) -> Decoded<Entry> {
    let here = || context.at("value for", key, node.at);
    let kind = match &node.kind {
        Kind::Scalar(text) if text.is_empty() => {
            let error = invalid("Value must be non-empty", &here());
            return Err(error.titled("a text is empty here").note(node.at.place, ""));
        }
        Kind::Scalar(text) => EntryKind::One(text.clone()),
        Kind::Seq(items) => {
            let inner = here();
            let inner_entry = |item: &Node| entry(item, "", &inner.at("exception", "", item.at));
            EntryKind::Many(items.iter().map(inner_entry).collect::<Decoded<_>>()?)
        }
        Kind::Null | Kind::Map(_) => EntryKind::One(String::new()),
    };
    Ok(Entry { kind, at: node.at })
}

/// The exceptions of an item; `None` if it has no such key. An appended exception may lack `fields`.
pub(super) fn decode(
    item: &Node,
    rule: &Context,
    append: bool,
    warnings: &mut Vec<LoadWarning>,
) -> Decoded<Option<Vec<Exception>>> {
    let Some(node) = item.get("exceptions") else { return Ok(None) };
    let all = rule.at("exceptions", "", node.at);
    let items = match &node.kind {
        Kind::Null => return Ok(Some(Vec::new())),
        Kind::Seq(items) => items,
        _ => {
            return Err(invalid("Rule exceptions must be a sequence", &all)
                .titled("`exceptions` must be a sequence")
                .note(node.at.place, "")
                .help(["an exception begins with `- name:`".to_owned()]));
        }
    };
    let mut out: Vec<Exception> = Vec::new();
    // The first exception of each name.
    let mut known: FxHashMap<String, usize> = FxHashMap::default();
    for item in items {
        let unnamed = all.at("exception", "", item.at);
        if !matches!(item.kind, Kind::Map(_)) {
            return Err(invalid("Rule exception must be a mapping", &unnamed)
                .titled("an exception must be a mapping")
                .note(item.at.place, "")
                .help(["an exception begins with `- name:`".to_owned()]));
        }
        let Scalar { text: name, at: named } = required_scalar(item, "name", &unnamed)?;
        let context = rule.at("exception", &name, item.at);
        if let Some(first) = known.get(&name).and_then(|first| out.get(*first)) {
            let message = format!("Multiple definitions of exception '{name}' in the same rule");
            let problem = Problem::new(WarningCode::ExceptionNameNotUnique, message, &context)
                .titled(format!("the exception `{name}` is defined twice in one rule"))
                .note(named.place, "again here")
                .note(first.place, "first here")
                .help(["both are used, and only the first can be appended to: rename one".to_owned()]);
            warnings.push(problem);
        }
        let entry = |key: &str| match item.get(key) {
            Some(node) => entry(node, key, &context),
            None => Ok(Entry::one("", named)),
        };
        if !append && item.get("fields").is_none() {
            return Err(missing(item, "fields", &context)
                .titled(format!("the exception `{name}` has no `fields`"))
                .note(named.place, ""));
        }
        let (fields, comps) = (entry("fields")?, entry("comps")?);
        let values = values(item, &context)?;
        if append && values.is_none() {
            let message = "Overriding/appending exception with no values";
            warnings.push(
                Problem::new(WarningCode::AppendNoValues, message, &context)
                    .titled(format!("nothing is appended to the exception `{name}`"))
                    .note(named.place, "it has no `values`"),
            );
        }
        let values = values.unwrap_or_default();
        known.entry(name.clone()).or_insert(out.len());
        out.push(Exception { name, fields, comps, values, at: item.at, place: named.place });
    }
    Ok(Some(out))
}

fn values(item: &Node, context: &Context) -> Decoded<Option<Vec<Entry>>> {
    let Some(node) = item.get("values") else { return Ok(None) };
    let context = context.at("exception values", "", node.at);
    let Kind::Seq(values) = &node.kind else {
        return Err(invalid("Rule exception values must be a sequence", &context)
            .titled("`values` must be a sequence")
            .note(node.at.place, ""));
    };
    let value = |value: &Node| entry(value, "", &context.at("exception value", "", value.at));
    values.iter().map(value).collect::<Decoded<_>>().map(Some)
}

fn wrong(message: impl Into<String>, context: &Context) -> LoadError {
    Problem::new(ErrorCode::Validate, message, context)
}

fn is_modified(comp: &str) -> bool {
    let mut words = comp.split_ascii_whitespace();
    let op = words.next().and_then(op_named);
    let modifier = words
        .next()
        .is_some_and(|w| [Modifier::OneOf, Modifier::AnyOf, Modifier::AllOf].iter().any(|m| m.word() == w));
    modifier && words.next().is_none() && op.is_some_and(|op| op.def().takes_modifier())
}

fn op_named(word: &str) -> Option<Op> {
    Op::ALL.iter().copied().find(|op| op.word() == word)
}

/// Completes a definition with default comparisons.
pub(super) fn complete(exception: &mut Exception, rule: &Context) -> Decoded<()> {
    let Exception { name, fields, comps, at, place, .. } = exception;
    let context = rule.at("exception", name, *at);
    if comps.is_empty() {
        *comps = match fields.items() {
            None => Entry::one("in", fields.at),
            Some(fields) => {
                let equal = fields.iter().map(|field| Entry::one("=", field.at));
                Entry { kind: EntryKind::Many(equal.collect()), at: comps.at }
            }
        };
    }
    let trim = |entry: &mut Entry| {
        if let EntryKind::One(text) = &mut entry.kind {
            *text = text.trim_matches([' ', '\t', '\r', '\n']).to_owned();
        }
    };
    match &mut comps.kind {
        EntryKind::One(_) => trim(comps),
        EntryKind::Many(items) => items.iter_mut().for_each(trim),
    }
    match (fields.items(), comps.items()) {
        (None, Some(_)) => Err(wrong("Fields and comps must both be strings", &context)
            .titled("`fields` is a single value, so `comps` must be one, too")
            .note(comps.at.place, "this is a list")),
        (Some(fields), comps) if comps.map(<[Entry]>::len) != Some(fields.len()) => {
            let (f, c) = (fields.len(), comps.map_or(0, <[Entry]>::len));
            Err(wrong("Fields and comps lists must have equal length", &context)
                .titled(format!("the exception `{name}` has {f} fields and {c} comparisons"))
                .note(*place, "as many `comps` as `fields` are expected"))
        }
        _ => Ok(()),
    }
}

/// Checks a definition: as many comparisons as fields, known operators, and existing fields if the source
/// is known.
pub(super) fn define(
    exception: &mut Exception,
    described: Option<&Described<'_>>,
    rule: &Context,
) -> Decoded<()> {
    let context = rule.at("exception", &exception.name, exception.at);
    if exception.fields.is_empty() {
        let message = "Rule exception item must have fields property with a list of fields";
        return Err(wrong(message, &context)
            .titled(format!("the exception `{}` has no `fields`", exception.name))
            .note(exception.place, ""));
    }
    complete(exception, rule)?;
    let Exception { fields, comps, .. } = exception;
    match comps.items() {
        None => {
            let comp = comps.text();
            if !matches!(comp, "in" | "pmatch" | "intersects") && !is_modified(comp) {
                let message = "When fields is a single value, comps must be one of (in, pmatch, intersects) \
                               or a modifier operator (e.g. startswith oneof)";
                return Err(wrong(message, &context)
                    .titled(format!("`{comp}` does not compare a field with several values"))
                    .note(comps.at.place, "")
                    .help(["with a single field `comps` is one of `in`, `pmatch`, `intersects`, or an operator with `oneof`, `anyof` or `allof`".to_owned()]));
            }
        }
        Some(comps) => {
            let known = |c: &Entry| op_named(c.text()).is_some() || is_modified(c.text());
            if let Some(comp) = comps.iter().find(|c| !known(c)) {
                let text = comp.text();
                let error = wrong(format!("'{text}' is not a supported comparison operator"), &context);
                return Err(error
                    .titled(format!("no operator is named `{text}`"))
                    .note(comp.at.place, "unknown operator")
                    .help(did_you_mean(text, Op::ALL.iter().map(|op| op.word()))));
            }
        }
    }
    let Some(described) = described else { return Ok(()) };
    for field in fields.all() {
        let text = field.text();
        if !described.is_operand(text) {
            let error = wrong(format!("'{text}' is not a supported filter field"), &context);
            return Err(error
                .titled(format!("unknown field `{text}`"))
                .note(field.at.place, "no such field")
                .help(did_you_mean(text.trim(), described.field_names())));
        }
    }
    Ok(())
}

/// Adds exceptions to a rule.
pub(super) fn append(
    to: &mut Vec<Exception>,
    added: Vec<Exception>,
    described: Option<&Described<'_>>,
    rule: &Context,
) -> Decoded<()> {
    for mut exception in added {
        let context = rule.at("exception", &exception.name, exception.at);
        match to.iter_mut().find(|e| e.name == exception.name) {
            Some(known) => {
                let both = [("fields", &exception.fields), ("comps", &exception.comps)];
                if let Some((key, given)) = both.into_iter().find(|(_, entry)| !entry.is_empty()) {
                    let message =
                        format!("Can not append exception {key} to existing exception, only values");
                    return Err(wrong(message, &context)
                        .titled("`fields` and `comps` of an exception cannot be appended to")
                        .note(given.all()[0].at.place, "only `values` may be given here")
                        .note(known.place, "the exception is defined here"));
                }
                known.values.append(&mut exception.values);
            }
            None => {
                if exception.fields.is_empty() || exception.values.is_empty() {
                    let key = if exception.fields.is_empty() { "fields" } else { "values" };
                    let message = format!("Rule exception must have {key} property with a list of {key}");
                    return Err(wrong(message, &context)
                        .titled(format!("the new exception `{}` needs `fields` and `values`", exception.name))
                        .note(exception.place, "")
                        .help(did_you_mean(&exception.name, to.iter().map(|e| e.name.as_str()))));
                }
                define(&mut exception, described, rule)?;
                to.push(exception);
            }
        }
    }
    Ok(())
}

/// The condition with its exceptions.
pub(super) fn apply(condition: &Text, exceptions: &[Exception], rule: &Context) -> Decoded<Text> {
    let Some(first) = exceptions.first() else { return Ok(condition.clone()) };
    let mut out = Text::default();
    out.push("(", first.place);
    out.append(condition);
    out.push(")", first.place);
    for exception in exceptions.iter().filter(|exception| !exception.values.is_empty()) {
        let Exception { name, fields, comps, values, at, place } = exception;
        let place = *place;
        out.push(" and not (", place);
        match (fields.items(), comps.items()) {
            (Some(fields), Some(comps)) => {
                for (i, row) in values.iter().enumerate() {
                    out.push(if i > 0 { " or (" } else { "(" }, place);
                    push_row(&mut out, row, fields, comps, exception, rule)?;
                    out.push(")", place);
                }
                out.push(")", place);
            }
            _ => {
                push_entry(&mut out, fields);
                out.push(" ", place);
                push_entry(&mut out, comps);
                out.push(" (", place);
                for (i, value) in values.iter().enumerate() {
                    if value.items().is_some() {
                        let message = "Expected values array to contain a list of strings";
                        return Err(wrong(message, &rule.at("exception", name, *at))
                            .titled("a single value is expected for a single field")
                            .note(value.at.place, "this is none")
                            .note(fields.at.place, "the exception's field"));
                    }
                    out.push(if i > 0 { ", " } else { "" }, place);
                    push_quoted(&mut out, &value.to_text(), value.at.place);
                }
                out.push("))", place);
            }
        }
    }
    Ok(out)
}

fn push_entry(out: &mut Text, entry: &Entry) {
    out.push_scalar(entry.text(), entry.at, 0);
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn push_row(
    out: &mut Text,
    row: &Entry,
    fields: &[Entry],
    comps: &[Entry],
    exception: &Exception,
    rule: &Context,
) -> Decoded<()> {
    let Exception { name, at, place, .. } = exception;
    let context = || rule.at("exception", name, *at);
    let Some(values) = row.items() else {
        return Err(wrong(UNEVEN, &context())
            .titled("a row of values is expected, one for each field")
            .note(row.at.place, "this is a single value")
            .help([format!("write `[…]` with {} values", fields.len())]));
    };
    if values.len() != fields.len() {
        let (f, v) = (fields.len(), values.len());
        return Err(wrong(UNEVEN, &context())
            .titled(format!("this row has {v} value{} for {f} field{}", plural(v), plural(f)))
            .note(row.at.place, "")
            .note(fields.first().map_or(*place, |s| s.at.place), "the first of the fields"));
    }
    for (i, ((field, comp), value)) in fields.iter().zip(comps).zip(values).enumerate() {
        let takes_list = op_named(comp.text()).is_some_and(Op::takes_list) || is_modified(comp.text());
        out.push(if i > 0 { " and  " } else { " " }, *place);
        push_entry(out, field);
        out.push(" ", *place);
        push_entry(out, comp);
        out.push(" ", *place);
        let here = value.at.place;
        match value.items() {
            Some(items) => {
                out.push("(", here);
                for (i, item) in items.iter().enumerate() {
                    out.push(if i > 0 { ", " } else { "" }, here);
                    push_quoted(out, &item.to_text(), item.at.place);
                }
                out.push(")", here);
            }
            // A text in parentheses is used unchanged.
            None if takes_list => {
                let open = value.text().starts_with('(');
                out.push(if open { "" } else { "(" }, here);
                push_entry(out, value);
                out.push(if open { "" } else { ")" }, here);
            }
            None => push_quoted(out, &value.to_text(), here),
        }
    }
    Ok(())
}
