//! Validates a file against the schema, with Falco's messages.

use eyas::yaml::{self, Kind, Node};

use super::schema::CONFIG;
use crate::config::Shape;

/// `ok`, or the first violation. This is only advice; the warnings have more details.
pub fn validate(tree: &Node) -> String {
    first_fault(tree, &CONFIG, "<root>").unwrap_or_else(|| "ok".to_owned())
}

fn first_fault(node: &Node, shape: &Shape, path: &str) -> Option<String> {
    let fault = |what: &str| Some(format!("failed for {path}: {what}"));
    let not_of_type = || fault("Value type not permitted by 'type' constraint.");
    match (&node.kind, shape) {
        (Kind::Null, _) | (_, Shape::Anything) => None,
        (Kind::Map(pairs), _) if shape.knows_its_keys() => {
            let known = pairs.iter().find_map(|(key, value)| {
                let name = key.as_str()?;
                first_fault(value, shape.key(name)?, &format!("{path}[{name}]"))
            });
            let name = |key: &Node| key.as_str().unwrap_or_default().to_owned();
            let unknown = pairs.iter().map(|(key, _)| name(key)).find(|name| shape.key(name).is_none());
            known.or_else(|| {
                fault(&format!(
                    "Object contains a property that could not be validated using 'properties' or \
                     'additionalProperties' constraints: '{}'.",
                    unknown?
                ))
            })
        }
        (Kind::Map(_), Shape::Texts | Shape::TextOrPair | Shape::TextOrAnything) => None,
        (Kind::Seq(items), Shape::List(of)) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| first_fault(item, of, &format!("{path}[{index}]")))
        }
        (Kind::Scalar(text), Shape::List(_) | Shape::Section(_) | Shape::Texts) if text.is_empty() => None,
        (Kind::Scalar(_), Shape::List(of)) => first_fault(node, of, path),
        (Kind::Scalar(text), Shape::Bool) if yaml::truth(text).is_some() => None,
        (Kind::Scalar(text), Shape::Number(max)) if yaml::unsigned(text).is_some_and(|n| n <= *max) => None,
        (Kind::Scalar(text), Shape::Float) if yaml::float(text).is_some() => None,
        (Kind::Scalar(_), Shape::Text | Shape::TextOr(_) | Shape::TextOrPair | Shape::TextOrAnything) => None,
        (Kind::Scalar(text), Shape::Choice(names)) => {
            let known = names.iter().any(|name| name.eq_ignore_ascii_case(text));
            if known { None } else { fault("Failed to match against any enum values.") }
        }
        _ => not_of_type(),
    }
}
