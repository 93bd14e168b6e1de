//! Values of a rules file by their type.

use super::result::{Context, ErrorCode, LoadError};
use super::yaml::{Kind, Node};

pub(super) type Decoded<T> = Result<T, LoadError>;

pub(super) fn invalid(message: impl Into<String>, context: &Context) -> LoadError {
    LoadError::new(ErrorCode::YamlValidate, message, context)
}

/// A value that must be there and be a text that is not empty.
pub(super) fn required(item: &Node, key: &str, context: &Context) -> Decoded<String> {
    match item.get(key) {
        None => Err(invalid(format!("Item has no mapping for key '{key}'"), context)),
        Some(node) => scalar(node, key, &context.at("value for", key, node.mark)),
    }
}

fn scalar(node: &Node, key: &str, context: &Context) -> Decoded<String> {
    match &node.kind {
        Kind::Scalar(text) if !text.is_empty() => Ok(text.clone()),
        Kind::Null => Err(invalid(format!("Value of '{key}' is empty"), context)),
        Kind::Scalar(_) => Err(invalid(format!("Value of '{key}' is empty"), context)),
        _ => Err(invalid(format!("Value of '{key}' is not a scalar value"), context)),
    }
}

pub(super) fn optional(item: &Node, key: &str, context: &Context) -> Decoded<Option<String>> {
    item.get(key).map(|node| scalar(node, key, &context.at("value for", key, node.mark))).transpose()
}

pub(super) fn boolean(item: &Node, key: &str, context: &Context) -> Decoded<Option<bool>> {
    let Some(text) = optional(item, key, context)? else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Ok(Some(true)),
        "false" | "no" | "off" | "n" => Ok(Some(false)),
        _ => {
            let mark = item.get(key).map(|n| n.mark).unwrap_or_default();
            let message = format!("Can't decode '{text}' of '{key}' as true or false");
            Err(invalid(message, &context.at("value for", key, mark)))
        }
    }
}

pub(super) fn number(item: &Node, key: &str, context: &Context) -> Decoded<Option<u32>> {
    let Some(text) = optional(item, key, context)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let mark = item.get(key).map(|n| n.mark).unwrap_or_default();
        let message = format!("Can't decode '{text}' of '{key}': expected a number from 0 to {}", u32::MAX);
        invalid(message, &context.at("value for", key, mark))
    })
}

/// A list of texts; `None` if the key is not there.
pub(super) fn sequence(item: &Node, key: &str, context: &Context) -> Decoded<Option<Vec<String>>> {
    let Some(node) = item.get(key) else { return Ok(None) };
    let context = context.at("value for", key, node.mark);
    let Kind::Seq(items) = &node.kind else {
        return Err(invalid(format!("Value of '{key}' is not a sequence"), &context));
    };
    let text = |node: &Node| match &node.kind {
        Kind::Scalar(text) => Ok(text.clone()),
        Kind::Null => Err(invalid(format!("An element of '{key}' is empty"), &context)),
        _ => Err(invalid(format!("An element of '{key}' is not a scalar value"), &context)),
    };
    items.iter().map(text).collect::<Decoded<Vec<_>>>().map(Some)
}
