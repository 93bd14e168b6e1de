//! Decodes values of a rules file.

use super::result::{Context, ErrorCode, LoadError};
use super::text::Text;
use super::yaml::{At, Kind, Node};
use crate::diagnostic::suggest::{did_you_mean, nearest};

pub(super) type Decoded<T> = Result<T, LoadError>;

/// Falco's message about a scalar of another type.
const UNDECODABLE: &str = "Can't decode YAML scalar value";

/// A text and its place.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) at: At,
}

impl Scalar {
    pub(super) fn to_text(&self) -> Text {
        Text::scalar(&self.text, self.at)
    }
}

pub(super) fn invalid(message: impl Into<String>, context: &Context) -> LoadError {
    LoadError::new(ErrorCode::YamlValidate, message, context)
}

/// Returns a required text that is not empty.
pub(super) fn required_scalar(item: &Node, key: &str, context: &Context) -> Decoded<Scalar> {
    match item.get(key) {
        None => Err(missing(item, key, context)),
        Some(node) => scalar(node, key, context),
    }
}

pub(super) fn required(item: &Node, key: &str, context: &Context) -> Decoded<String> {
    required_scalar(item, key, context).map(|scalar| scalar.text)
}

/// The error for a missing key of an item.
pub(super) fn missing(item: &Node, key: &str, context: &Context) -> LoadError {
    let error = invalid(format!("Item has no mapping for key '{key}'"), context)
        .titled(format!("`{key}` is missing"))
        .note(context.place(), format!("`{key}` is required here"));
    let Kind::Map(pairs) = &item.kind else { return error };
    let near = pairs.iter().find(|(k, _)| k.as_str().is_some_and(|k| nearest(k, [key]).is_some()));
    match near {
        Some((near, _)) => error.note(near.at.place, format!("did you mean `{key}`?")),
        None => error,
    }
}

fn scalar(node: &Node, key: &str, context: &Context) -> Decoded<Scalar> {
    let inner = || context.at("value for", key, node.at);
    let fail = |message: &str, title: String, context: &Context| {
        let label = match &node.kind {
            Kind::Seq(_) => "this is a sequence",
            Kind::Map(_) => "this is a mapping",
            _ => "",
        };
        Err(invalid(message, context).titled(title).note(node.at.place, label))
    };
    match &node.kind {
        Kind::Scalar(text) if !text.is_empty() => Ok(Scalar { text: text.clone(), at: node.at }),
        // A missing item has no place of its own.
        Kind::Null => {
            fail(&format!("Mapping for key '{key}' is empty"), format!("`{key}` is empty"), context)
        }
        Kind::Scalar(_) => fail("Value must be non-empty", format!("`{key}` is empty"), &inner()),
        _ => fail("Value is not a scalar value", format!("`{key}` must be a text"), &inner()),
    }
}

/// Like [`optional`], with an empty text if the value is empty.
pub(super) fn optional_or_empty(item: &Node, key: &str, context: &Context) -> Decoded<Option<String>> {
    match item.get(key).map(|node| &node.kind) {
        None | Some(Kind::Null) => Ok(None),
        Some(Kind::Scalar(text)) if text.is_empty() => Ok(None),
        Some(_) => required(item, key, context).map(Some),
    }
}

pub(super) fn optional(item: &Node, key: &str, context: &Context) -> Decoded<Option<Scalar>> {
    item.get(key).map(|node| scalar(node, key, context)).transpose()
}

pub(super) fn boolean(item: &Node, key: &str, context: &Context) -> Decoded<Option<bool>> {
    let Some(Scalar { text, at }) = optional(item, key, context)? else { return Ok(None) };
    match eyas_yaml::truth(&text) {
        Some(truth) => Ok(Some(truth)),
        None => Err(invalid(UNDECODABLE, &context.at("value for", key, at))
            .titled(format!("`{key}` must be true or false"))
            .note(at.place, "neither")
            .help(did_you_mean(&text, ["true", "false", "yes", "no", "on", "off"]))),
    }
}

pub(super) fn number(item: &Node, key: &str, context: &Context) -> Decoded<Option<u32>> {
    let Some(Scalar { text, at }) = optional(item, key, context)? else { return Ok(None) };
    integer(&text).map(Some).ok_or_else(|| {
        invalid(UNDECODABLE, &context.at("value for", key, at))
            .titled(format!("`{key}` must be a number from 0 to {}", u32::MAX))
            .note(at.place, "")
    })
}

/// A number of 32 bits.
pub(super) fn integer(text: &str) -> Option<u32> {
    eyas_yaml::unsigned(text)?.try_into().ok()
}

/// A list of texts; `None` if the key is missing.
pub(super) fn sequence(item: &Node, key: &str, context: &Context) -> Decoded<Option<Vec<Scalar>>> {
    let Some(node) = item.get(key) else { return Ok(None) };
    let inner = || context.at("value for", key, node.at);
    let Kind::Seq(items) = &node.kind else {
        let error = invalid("Value is not a sequence", &inner());
        return Err(error
            .titled(format!("`{key}` must be a sequence"))
            .note(node.at.place, "")
            .help([format!("write `{key}: [a, b]`, or a line `- a` for each")]));
    };
    let text = |node: &Node| match &node.kind {
        Kind::Scalar(text) => Ok(Scalar { text: text.clone(), at: node.at }),
        kind => {
            let title = if matches!(kind, Kind::Null) { "is empty" } else { "must be a text" };
            let context = inner().at("list item", "", node.at);
            Err(invalid("sequence value is not scalar", &context)
                .titled(format!("an element of `{key}` {title}"))
                .note(node.at.place, ""))
        }
    };
    items.iter().map(text).collect::<Decoded<Vec<_>>>().map(Some)
}
