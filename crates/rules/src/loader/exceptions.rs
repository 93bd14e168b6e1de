//! Exceptions: what a rule shall not match, and the condition text that says so.

use super::Described;
use super::decode::{Decoded, invalid, optional, required};
use super::lists::quoted;
use super::result::{Context, ErrorCode, LoadError, LoadWarning, Problem, WarningCode};
use super::yaml::{Kind, Mark, Node};
use crate::condition::ast::{Modifier, Op};

/// An exception of a rule.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub(super) name: String,
    pub(super) fields: Option<OneOrMany>,
    comps: Option<OneOrMany>,
    values: Vec<Node>,
    mark: Mark,
}

#[derive(Clone, Debug)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn all(&self) -> &[String] {
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
        _ => OneOrMany::One(optional(item, key, context)?.unwrap_or_default()),
    }))
}

/// The exceptions of an item. `None` if it has none.
pub(super) fn decode(
    item: &Node,
    context: &Context,
    warnings: &mut Vec<LoadWarning>,
) -> Decoded<Option<Vec<Exception>>> {
    let Some(node) = item.get("exceptions") else { return Ok(None) };
    let context = context.at("exceptions", "", node.mark);
    let items = match &node.kind {
        Kind::Null => return Ok(Some(Vec::new())),
        Kind::Seq(items) => items,
        _ => return Err(invalid("Rule exceptions must be a sequence", &context)),
    };
    let mut out: Vec<Exception> = Vec::new();
    for item in items {
        let here = context.at("exception", "", item.mark);
        let name = required(item, "name", &here)?;
        let here = context.at("exception", &name, item.mark);
        if out.iter().any(|e| e.name == name) {
            let message = format!("Multiple definitions of exception '{name}' in the same rule");
            warnings.push(Problem::new(WarningCode::ExceptionNameNotUnique, message, &here));
        }
        let values = match item.get("values").map(|n| &n.kind) {
            None | Some(Kind::Null) => Vec::new(),
            Some(Kind::Seq(values)) => values.clone(),
            Some(_) => return Err(invalid("Rule exception values must be a sequence", &here)),
        };
        let (fields, comps) = (one_or_many(item, "fields", &here)?, one_or_many(item, "comps", &here)?);
        out.push(Exception { name, fields, comps, values, mark: item.mark });
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
    let context = rule.at("exception", &exception.name, exception.mark);
    let Some(fields) = &exception.fields else {
        return Err(invalid("Rule exception item must have fields property with a list of fields", &context));
    };
    let comps = exception.comps.get_or_insert_with(|| match fields {
        OneOrMany::One(_) => OneOrMany::One("in".into()),
        OneOrMany::Many(many) => OneOrMany::Many(vec!["=".into(); many.len()]),
    });
    match (fields, &*comps) {
        (OneOrMany::One(_), OneOrMany::One(comp)) => {
            if !matches!(comp.trim(), "in" | "pmatch" | "intersects") && !is_modified(comp) {
                return Err(wrong(
                    "Rule exception item must have a comps of in, pmatch or intersects",
                    &context,
                ));
            }
        }
        (OneOrMany::Many(fields), OneOrMany::Many(comps)) => {
            if fields.len() != comps.len() {
                let message = format!(
                    "Fields and comps lists must have equal length: {} fields, {} comps",
                    fields.len(),
                    comps.len()
                );
                return Err(wrong(message, &context));
            }
            if let Some(comp) = comps.iter().find(|c| op_named(c.trim()).is_none() && !is_modified(c)) {
                return Err(wrong(format!("'{comp}' is not a supported comparison operator"), &context));
            }
        }
        _ => return Err(wrong("Fields and comps must both be single values, or both lists", &context)),
    }
    for field in fields.all() {
        if !described.is_operand(field.trim()) {
            return Err(wrong(format!("'{field}' is not a supported filter field"), &context));
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
        let context = rule.at("exception", &exception.name, exception.mark);
        match to.iter_mut().find(|e| e.name == exception.name) {
            Some(known) => {
                if exception.fields.is_some() || exception.comps.is_some() {
                    return Err(wrong(
                        "Can not append exception fields or comps to existing exception",
                        &context,
                    ));
                }
                if exception.values.is_empty() {
                    let message = "Overriding/appending exception with no values";
                    warnings.push(Problem::new(WarningCode::AppendNoValues, message, &context));
                }
                known.values.append(&mut exception.values);
            }
            None => {
                if exception.fields.is_none() || exception.values.is_empty() {
                    let message = "Rule exception must have fields property with a list of fields and values";
                    return Err(wrong(message, &context));
                }
                define(&mut exception, described, rule)?;
                to.push(exception);
            }
        }
    }
    Ok(())
}

/// The condition with what the exceptions take away.
pub(super) fn apply(condition: &str, exceptions: &[Exception], rule: &Context) -> Decoded<String> {
    let mut out = String::new();
    for exception in exceptions {
        let context = rule.at("exception", &exception.name, exception.mark);
        let (Some(fields), Some(comps)) = (&exception.fields, &exception.comps) else { continue };
        if exception.values.is_empty() {
            continue;
        }
        out.push_str(" and not ");
        match (fields, comps) {
            (OneOrMany::One(field), OneOrMany::One(comp)) => {
                let values =
                    exception.values.iter().map(|v| v.as_str().map(quoted)).collect::<Option<Vec<_>>>();
                let values = values.ok_or_else(|| {
                    wrong("Expected single values for a single field, found a list", &context)
                })?;
                out.push_str(&format!("({} {} ({}))", field.trim(), comp.trim(), values.join(", ")));
            }
            (OneOrMany::Many(fields), OneOrMany::Many(comps)) => {
                let rows = exception
                    .values
                    .iter()
                    .map(|row| tuple(row, fields, comps, &context))
                    .collect::<Decoded<Vec<_>>>()?;
                out.push_str(&format!("({})", rows.join(" or ")));
            }
            _ => {}
        }
    }
    Ok(if out.is_empty() { condition.to_owned() } else { format!("({condition}){out}") })
}

fn tuple(row: &Node, fields: &[String], comps: &[String], context: &Context) -> Decoded<String> {
    let Kind::Seq(values) = &row.kind else {
        return Err(wrong("Rule exception values must be lists, one value for each field", context));
    };
    if values.len() != fields.len() {
        let message = format!(
            "Fields and values lists must have equal length: {} fields, {} values",
            fields.len(),
            values.len()
        );
        return Err(wrong(message, context));
    }
    let mut parts = Vec::new();
    for ((field, comp), value) in fields.iter().zip(comps).zip(values) {
        let takes_list = op_named(comp.trim()).is_some_and(Op::takes_list) || is_modified(comp);
        let text = match &value.kind {
            Kind::Scalar(text) if takes_list && text.starts_with('(') => text.clone(),
            Kind::Scalar(text) if takes_list => format!("({})", quoted(text)),
            Kind::Scalar(text) => quoted(text),
            Kind::Seq(items) => {
                let items = items.iter().map(|i| i.as_str().map(quoted)).collect::<Option<Vec<_>>>();
                let items =
                    items.ok_or_else(|| wrong("A value list holds something that is no text", context))?;
                format!("({})", items.join(", "))
            }
            _ => return Err(wrong("A value is empty", context)),
        };
        parts.push(format!("{} {} {text}", field.trim(), comp.trim()));
    }
    Ok(format!("({})", parts.join(" and ")))
}
