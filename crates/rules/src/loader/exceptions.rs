//! Exceptions: what a rule shall not match, and the condition text that says so.

use super::Described;
use super::decode::{Decoded, Scalar, invalid, optional, required_scalar};
use super::lists::push_quoted;
use super::result::{Context, ErrorCode, LoadError, LoadWarning, Problem, WarningCode};
use super::text::Text;
use super::yaml::{At, Kind, Node};
use crate::condition::ast::{Modifier, Op};
use crate::diagnostic::Place;
use crate::diagnostic::suggest::did_you_mean;

/// An exception of a rule.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub(super) name: String,
    pub(super) fields: Option<OneOrMany>,
    comps: Option<OneOrMany>,
    values: Vec<Node>,
    at: At,
    /// Its name.
    place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum OneOrMany {
    One(Scalar),
    Many(Vec<Scalar>),
}

impl OneOrMany {
    pub(super) fn all(&self) -> &[Scalar] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

fn one_or_many(item: &Node, key: &str, context: &Context) -> Decoded<Option<OneOrMany>> {
    let Some(node) = item.get(key) else { return Ok(None) };
    Ok(Some(match &node.kind {
        Kind::Seq(_) => OneOrMany::Many(super::decode::sequence(item, key, context)?.unwrap_or_default()),
        _ => match optional(item, key, context)? {
            Some(one) => OneOrMany::One(one),
            None => return Ok(None),
        },
    }))
}

/// The exceptions of an item. `None` if it has none.
pub(super) fn decode(
    item: &Node,
    context: &Context,
    warnings: &mut Vec<LoadWarning>,
) -> Decoded<Option<Vec<Exception>>> {
    let Some(node) = item.get("exceptions") else { return Ok(None) };
    let context = context.at("exceptions", "", node.at);
    let items = match &node.kind {
        Kind::Null => return Ok(Some(Vec::new())),
        Kind::Seq(items) => items,
        _ => return Err(invalid("Rule exceptions must be a sequence", &context)),
    };
    let mut out: Vec<Exception> = Vec::new();
    for item in items {
        let here = context.at("exception", "", item.at);
        let Scalar { text: name, at: named } = required_scalar(item, "name", &here)?;
        let here = context.at("exception", &name, item.at);
        if let Some(first) = out.iter().find(|e| e.name == name) {
            let message = format!("Multiple definitions of exception '{name}' in the same rule");
            let problem = Problem::new(WarningCode::ExceptionNameNotUnique, message, &here)
                .titled(format!("the exception `{name}` is defined twice in one rule"))
                .note(named.place, "again here")
                .note(first.place, "first here")
                .help(["both hold, and only the first can be appended to: give one another name".to_owned()]);
            warnings.push(problem);
        }
        let values = match item.get("values").map(|n| &n.kind) {
            None | Some(Kind::Null) => Vec::new(),
            Some(Kind::Seq(values)) => values.clone(),
            Some(_) => return Err(invalid("Rule exception values must be a sequence", &here)),
        };
        let (fields, comps) = (one_or_many(item, "fields", &here)?, one_or_many(item, "comps", &here)?);
        out.push(Exception { name, fields, comps, values, at: item.at, place: named.place });
    }
    Ok(Some(out))
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
    modifier
        && words.next().is_none()
        && op.is_some_and(|op| {
            !op.takes_list() && !matches!(op, Op::Exists | Op::Lt | Op::Le | Op::Gt | Op::Ge)
        })
}

fn op_named(word: &str) -> Option<Op> {
    Op::ALL.iter().copied().find(|op| op.word() == word)
}

/// Checks a definition: fields that exist, as many comparisons, which are known.
pub(super) fn define(exception: &mut Exception, described: &Described<'_>, rule: &Context) -> Decoded<()> {
    let context = rule.at("exception", &exception.name, exception.at);
    let name = exception.name.clone();
    let Some(fields) = &exception.fields else {
        let message = "Rule exception item must have fields property with a list of fields";
        return Err(invalid(message, &context)
            .titled(format!("the exception `{name}` has no `fields`"))
            .note(exception.place, ""));
    };
    let comps = exception.comps.get_or_insert_with(|| {
        let made = |field: &Scalar, op: &str| Scalar { text: op.into(), at: field.at };
        match fields {
            OneOrMany::One(field) => OneOrMany::One(made(field, "in")),
            OneOrMany::Many(many) => OneOrMany::Many(many.iter().map(|f| made(f, "=")).collect()),
        }
    });
    match (fields, &*comps) {
        (OneOrMany::One(_), OneOrMany::One(comp)) => {
            if !matches!(comp.text.trim(), "in" | "pmatch" | "intersects") && !is_modified(&comp.text) {
                let error =
                    wrong("Rule exception item must have a comps of in, pmatch or intersects", &context);
                return Err(error
                    .titled(format!("`{}` does not compare a field with several values", comp.text.trim()))
                    .note(comp.at.place, "")
                    .help(["with a single field `comps` is one of `in`, `pmatch`, `intersects`, or an operator with `oneof`, `anyof` or `allof`".to_owned()]));
            }
        }
        (OneOrMany::Many(fields), OneOrMany::Many(comps)) => {
            if fields.len() != comps.len() {
                let (f, c) = (fields.len(), comps.len());
                let message = format!("Fields and comps lists must have equal length: {f} fields, {c} comps");
                let error = wrong(message, &context)
                    .titled(format!("the exception `{name}` has {f} fields and {c} comparisons"))
                    .note(exception.place, "as many `comps` as `fields` are expected");
                return Err(error);
            }
            let known = |c: &Scalar| op_named(c.text.trim()).is_some() || is_modified(&c.text);
            if let Some(comp) = comps.iter().find(|c| !known(c)) {
                let error =
                    wrong(format!("'{}' is not a supported comparison operator", comp.text), &context);
                return Err(error
                    .titled(format!("no operator is named `{}`", comp.text.trim()))
                    .note(comp.at.place, "unknown operator")
                    .help(did_you_mean(comp.text.trim(), Op::ALL.iter().map(|op| op.word()))));
            }
        }
        _ => {
            return Err(wrong("Fields and comps must both be single values, or both lists", &context)
                .titled("`fields` and `comps` must both be single values, or both lists")
                .note(exception.place, ""));
        }
    }
    for field in fields.all() {
        if !described.is_operand(field.text.trim()) {
            let error = wrong(format!("'{}' is not a supported filter field", field.text), &context);
            return Err(error
                .titled(format!("unknown field `{}`", field.text.trim()))
                .note(field.at.place, "no such field")
                .help(did_you_mean(field.text.trim(), described.field_names())));
        }
    }
    Ok(())
}

/// Adds exceptions to those that a rule has.
pub(super) fn append(
    to: &mut Vec<Exception>,
    added: Vec<Exception>,
    described: &Described<'_>,
    rule: &Context,
    warnings: &mut Vec<LoadWarning>,
) -> Decoded<()> {
    for mut exception in added {
        let context = rule.at("exception", &exception.name, exception.at);
        match to.iter_mut().find(|e| e.name == exception.name) {
            Some(known) => {
                if let Some(given) = exception.fields.as_ref().or(exception.comps.as_ref()) {
                    let message = "Can not append exception fields or comps to existing exception";
                    let place = given.all().first().map_or(exception.place, |s| s.at.place);
                    return Err(wrong(message, &context)
                        .titled("`fields` and `comps` of an exception cannot be appended to")
                        .note(place, "only `values` may be given here")
                        .note(known.place, "the exception is defined here"));
                }
                if exception.values.is_empty() {
                    let message = "Overriding/appending exception with no values";
                    warnings.push(
                        Problem::new(WarningCode::AppendNoValues, message, &context)
                            .titled(format!("nothing is appended to the exception `{}`", exception.name))
                            .note(exception.place, "it has no `values`"),
                    );
                }
                known.values.append(&mut exception.values);
            }
            None => {
                if exception.fields.is_none() || exception.values.is_empty() {
                    let message = "Rule exception must have fields property with a list of fields and values";
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

/// The condition with what the exceptions take away.
pub(super) fn apply(condition: &Text, exceptions: &[Exception], rule: &Context) -> Decoded<Text> {
    let mut out = Text::default();
    for exception in exceptions {
        let context = || rule.at("exception", &exception.name, exception.at);
        let (Some(fields), Some(comps)) = (&exception.fields, &exception.comps) else { continue };
        if exception.values.is_empty() {
            continue;
        }
        let place = exception.place;
        if out.len() == 0 {
            out.push("(", place);
            out.append(condition);
            out.push(")", place);
        }
        out.push(" and not ", place);
        match (fields, comps) {
            (OneOrMany::One(field), OneOrMany::One(comp)) => {
                out.push("(", place);
                out.push_trimmed(&field.text, field.at);
                out.push(" ", place);
                out.push_trimmed(&comp.text, comp.at);
                out.push(" (", place);
                for (i, value) in exception.values.iter().enumerate() {
                    let text = value.as_str().ok_or_else(|| {
                        let message = "Expected single values for a single field, found a list";
                        wrong(message, &context())
                            .titled("a single value is expected for a single field")
                            .note(value.at.place, "this is none")
                            .note(field.at.place, "the exception's field")
                    })?;
                    out.push(if i > 0 { ", " } else { "" }, place);
                    push_quoted(&mut out, &Text::scalar(text, value.at), value.at.place);
                }
                out.push("))", place);
            }
            (OneOrMany::Many(fields), OneOrMany::Many(comps)) => {
                out.push("(", place);
                for (i, row) in exception.values.iter().enumerate() {
                    out.push(if i > 0 { " or " } else { "" }, place);
                    push_row(&mut out, row, fields, comps, exception, rule)?;
                }
                out.push(")", place);
            }
            _ => {}
        }
    }
    Ok(if out.len() == 0 { condition.clone() } else { out })
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn push_row(
    out: &mut Text,
    row: &Node,
    fields: &[Scalar],
    comps: &[Scalar],
    exception: &Exception,
    rule: &Context,
) -> Decoded<()> {
    let context = || rule.at("exception", &exception.name, exception.at);
    let place = exception.place;
    let Kind::Seq(values) = &row.kind else {
        let message = "Rule exception values must be lists, one value for each field";
        return Err(wrong(message, &context())
            .titled("a row of values is expected, one for each field")
            .note(row.at.place, "this is a single value")
            .help([format!("write `[…]` with {} values", fields.len())]));
    };
    if values.len() != fields.len() {
        let (f, v) = (fields.len(), values.len());
        let message = format!("Fields and values lists must have equal length: {f} fields, {v} values");
        return Err(wrong(message, &context())
            .titled(format!("this row has {v} value{} for {f} field{}", plural(v), plural(f)))
            .note(row.at.place, "")
            .note(fields.first().map_or(place, |s| s.at.place), "the first of the fields"));
    }
    out.push("(", place);
    for (i, ((field, comp), value)) in fields.iter().zip(comps).zip(values).enumerate() {
        let takes_list = op_named(comp.text.trim()).is_some_and(Op::takes_list) || is_modified(&comp.text);
        out.push(if i > 0 { " and " } else { "" }, place);
        out.push_trimmed(&field.text, field.at);
        out.push(" ", place);
        out.push_trimmed(&comp.text, comp.at);
        out.push(" ", place);
        let here = value.at.place;
        match &value.kind {
            Kind::Scalar(text) if takes_list && text.starts_with('(') => {
                out.push_scalar(text, value.at, 0);
            }
            Kind::Scalar(text) => {
                out.push(if takes_list { "(" } else { "" }, here);
                push_quoted(out, &Text::scalar(text, value.at), here);
                out.push(if takes_list { ")" } else { "" }, here);
            }
            Kind::Seq(items) => {
                out.push("(", here);
                for (i, item) in items.iter().enumerate() {
                    let text = item.as_str().ok_or_else(|| {
                        wrong("A value list holds something that is no text", &context())
                            .titled("a list of values holds something that is no text")
                            .note(item.at.place, "")
                    })?;
                    out.push(if i > 0 { ", " } else { "" }, here);
                    push_quoted(out, &Text::scalar(text, item.at), item.at.place);
                }
                out.push(")", here);
            }
            _ => {
                return Err(wrong("A value is empty", &context())
                    .titled("a value of the exception is empty")
                    .note(here, ""));
            }
        }
    }
    out.push(")", place);
    Ok(())
}
