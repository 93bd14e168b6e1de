//! Converts values from the file to their types, as tolerantly as Falco does.
//!
//! Falco ignores a key whose value has the wrong type. So does this module, and it adds a warning.

use anyhow::{Result, bail};
use eyas::yaml::{self, Kind, Node};
use serde_json::{Map, Value};

use crate::config::Shape;

/// The path to a value, such as `engine.kind` or `rules[0].enable`.
#[derive(Clone, Debug, Default)]
pub struct Path(String);

impl Path {
    /// Path of a key below this one.
    pub fn key(&self, key: &str) -> Self {
        let key = if key.is_empty() { "\"\"".to_owned() } else { key.replace('.', "\\.") };
        Self(if self.0.is_empty() { key } else { format!("{}.{key}", self.0) })
    }

    /// Whether Falco rejects a text here instead of a section: at the top level, if Falco reads the
    /// section, or in a list.
    fn falco_rejects_text(&self) -> bool {
        self.0.ends_with(']') || !(self.0.contains('.') || self.0 == UNREAD)
    }

    /// Path of a list element below this one.
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "the configuration" } else { &self.0 })
    }
}

/// A section that Falco does not read.
const UNREAD: &str = "container_engines";

/// The beginning of a text, for messages.
fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Kind of a value, for messages.
pub fn kind(node: &Node) -> String {
    match &node.kind {
        Kind::Null => "nothing".to_owned(),
        Kind::Scalar(text) => format!("`{}`", shorten(text)),
        Kind::Seq(_) => "a list".to_owned(),
        Kind::Map(_) => "keys with values".to_owned(),
    }
}

/// Converts a value to the types of its shape. Returns `None` if it is missing or has the wrong type. Adds
/// a warning for each value of a wrong type.
///
/// # Errors
/// Falco rejects the value, too: a text instead of a section, or a collection instead of an element.
pub fn fit(node: &Node, shape: &Shape, path: &Path, warnings: &mut Vec<String>) -> Result<Option<Value>> {
    let scalar = match (&node.kind, shape) {
        (Kind::Null, _) => return Ok(None),
        (Kind::Map(pairs), Shape::Section(_) | Shape::TextOr(_)) => {
            let mut out = Map::new();
            for (key, value) in pairs {
                let Some(name) = key.as_str() else { continue };
                let Some(shape) = shape.key(name).filter(|_| !out.contains_key(name)) else { continue };
                if let Some(value) = fit(value, shape, &path.key(name), warnings)? {
                    out.insert(name.to_owned(), value);
                }
            }
            return Ok(Some(Value::Object(out)));
        }
        (Kind::Map(pairs), Shape::Texts) => return pairs_of(pairs, path).map(Some),
        (Kind::Map(pairs), Shape::TextOrPair) if pairs.len() == 1 => return pairs_of(pairs, path).map(Some),
        (Kind::Seq(items), Shape::List(of)) => {
            let mut out = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let path = path.index(index);
                let is_collection = matches!(item.kind, Kind::Seq(_) | Kind::Map(_));
                if is_collection && matches!(of, Shape::Text) || matches!(item.kind, Kind::Seq(_)) {
                    bail!("{path} is {}: expected {}", kind(item), of.word());
                }
                out.extend(fit(item, of, &path, warnings)?);
            }
            return Ok(Some(Value::Array(out)));
        }
        (Kind::Seq(_), Shape::TextOrAnything) => bail!("{path} is {}: expected {}", kind(node), shape.word()),
        (_, Shape::Anything) | (Kind::Map(_), Shape::TextOrAnything) => return Ok(Some(plain(node))),
        (Kind::Scalar(text), Shape::List(_) | Shape::Section(_) | Shape::Texts) if text.is_empty() => {
            return Ok(None);
        }
        (Kind::Scalar(_), Shape::List(of)) => {
            return Ok(fit(node, of, path, warnings)?.map(|one| Value::Array(vec![one])));
        }
        (Kind::Scalar(_), Shape::Section(_)) if path.falco_rejects_text() => {
            bail!("{path} is {}: expected {}", kind(node), shape.word())
        }
        (Kind::Map(_) | Kind::Seq(_), Shape::TextOrPair) => {
            bail!("{path} is {}: expected {}", kind(node), shape.word())
        }
        (Kind::Scalar(_), Shape::Section(_) | Shape::Texts) => {
            warnings.push(type_warning(node, shape, path));
            return Ok(None);
        }
        (Kind::Scalar(text), _) => text,
        (Kind::Map(_) | Kind::Seq(_), _) => {
            warnings.push(type_warning(node, shape, path));
            return Ok(None);
        }
    };
    let value = scalar_of(scalar, shape, path)?;
    if value.is_none() {
        warnings.push(type_warning(node, shape, path));
    }
    Ok(value)
}

/// The warning about a value of another type.
fn type_warning(node: &Node, shape: &Shape, path: &Path) -> String {
    let range = match (&node.kind, shape) {
        (Kind::Scalar(_), Shape::Number(max)) => format!(" from 0 to {max}"),
        _ => String::new(),
    };
    format!("{path} is {}, which has no effect: expected {}{range}", kind(node), shape.word())
}

/// Converts a text to its type. Returns `None` if it is of another type.
fn scalar_of(scalar: &str, shape: &Shape, path: &Path) -> Result<Option<Value>> {
    Ok(match shape {
        Shape::Bool => yaml::truth(scalar).map(Value::Bool),
        Shape::Number(max) => yaml::unsigned(scalar).filter(|n| n <= max).map(Value::from),
        Shape::Float => yaml::float(scalar).and_then(serde_json::Number::from_f64).map(Value::Number),
        Shape::Choice(names) => {
            let chosen = names.iter().find(|name| name.eq_ignore_ascii_case(scalar));
            let Some(name) = chosen else {
                bail!("{path} is `{}`: {}", shorten(scalar), refusal(&path.0, scalar, names));
            };
            Some(Value::String((*name).to_owned()))
        }
        _ => Some(Value::String(scalar.to_owned())),
    })
}

/// Error message for a text that is not one of `names`, with Falco's text where Falco has one.
fn refusal(key: &str, value: &str, names: &[&str]) -> String {
    let names = names.join(", ");
    match key {
        "engine.kind" => format!("engine.kind '{value}' is not a valid kind. Expected one of {names}"),
        "capture.mode" => format!("capture.mode '{value}' is not a valid mode. Expected one of {names}"),
        // Falco also accepts `info`.
        "priority" => format!("Unknown priority \"{value}\"--must be one of {}", names.replace(" info,", "")),
        "log_level" => format!("Unknown log level {value}: expected one of {names}"),
        "libs_logger.severity" => format!("Unknown sinsp log severity {value}: expected one of {names}"),
        "rule_matching" => format!("Unknown rule matching strategy \"{value}\"--must be one of {names}"),
        _ if key.starts_with("syscall_event_drops.actions") => {
            let names = "\"ignore\", \"log\", \"alert\", and \"exit\"";
            format!("available actions for syscall event drops are {names}")
        }
        _ => format!("expected one of {names}"),
    }
}

fn pairs_of(pairs: &[(Node, Node)], path: &Path) -> Result<Value> {
    let mut out = Map::new();
    for (key, value) in pairs {
        let name = key.as_str().unwrap_or_default();
        let text = match &value.kind {
            Kind::Null => "",
            Kind::Scalar(text) => text,
            _ => bail!("{} is {}: expected a text", path.key(name), kind(value)),
        };
        out.entry(name).or_insert_with(|| Value::String(text.to_owned()));
    }
    Ok(Value::Object(out))
}

/// The value as written in the file.
fn plain(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Scalar(text) => Value::String(text.clone()),
        Kind::Seq(items) => Value::Array(items.iter().map(plain).collect()),
        Kind::Map(pairs) => {
            let pair = |(key, value): &(Node, Node)| Some((key.as_str()?.to_owned(), plain(value)));
            Value::Object(pairs.iter().filter_map(pair).collect())
        }
    }
}
