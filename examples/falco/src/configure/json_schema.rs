//! `--config-schema`: the schema as JSON Schema, for editors and validators.
//!
//! It accepts everything that this program accepts, so also quoted numbers, one value instead of a list,
//! and keys without a value.

use serde_json::{Map, Value, json};

use super::schema::CONFIG;
use crate::config::Shape;

/// Pattern of YAML texts for booleans.
const TRUTH: &str = "^(y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)?$";

/// The schema of falco.yaml.
pub fn json_schema() -> Value {
    let mut schema = of(&CONFIG);
    if let Value::Object(map) = &mut schema {
        map.insert("$schema".into(), "http://json-schema.org/draft-06/schema#".into());
        map.insert("title".into(), "falco.yaml".into());
    }
    schema
}

/// The schema of the container plugin's configuration, all of which `container_engines` also has.
pub fn container_schema() -> Value {
    let Some(Shape::Section(keys)) = CONFIG.key("container_engines") else { return Value::Null };
    let (engines, others): (Vec<_>, Vec<_>) =
        keys.iter().copied().partition(|(_, shape)| matches!(shape, Shape::Section(_)));
    let mut schema = section(&others);
    schema["properties"]["engines"] = section(&engines);
    schema["$schema"] = "http://json-schema.org/draft-06/schema#".into();
    schema["title"] = "container".into();
    schema
}

fn of(shape: &Shape) -> Value {
    let text = json!(["string", "number", "boolean", "null"]);
    match shape {
        Shape::Bool => json!({ "type": ["boolean", "string", "null"], "pattern": TRUTH }),
        Shape::Number(max) => json!({
            "type": ["integer", "string", "null"],
            "minimum": 0,
            "maximum": max,
            "pattern": "^(0[xX][0-9a-fA-F]+|[0-9]*)$",
        }),
        Shape::Float => json!({
            "type": ["number", "string", "null"],
            "pattern": "^([-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?)?$",
        }),
        Shape::Text => json!({ "type": text }),
        Shape::Choice(names) => {
            let capital = |name: &str| {
                let (first, rest) = name.split_at(1);
                first.to_uppercase() + rest
            };
            let forms =
                names.iter().flat_map(|name| [(*name).to_owned(), name.to_uppercase(), capital(name)]);
            let forms = forms.map(Value::from).chain([Value::Null]).collect::<Vec<_>>();
            json!({ "enum": forms })
        }
        Shape::List(element) => {
            let element = of(element);
            json!({ "anyOf": [{ "type": "array", "items": element }, element, { "type": "null" }] })
        }
        Shape::Section(keys) => section(keys),
        Shape::Texts => json!({ "type": ["object", "null"], "additionalProperties": { "type": text } }),
        Shape::TextOr(keys) => json!({ "anyOf": [{ "type": text }, section(keys)] }),
        Shape::TextOrPair => json!({ "anyOf": [
            { "type": text },
            { "type": "object", "additionalProperties": { "type": text }, "minProperties": 1, "maxProperties": 1 },
        ] }),
        Shape::TextOrAnything => json!({ "anyOf": [{ "type": text }, { "type": "object" }] }),
        Shape::Anything => json!({}),
    }
}

fn section(keys: &[(&str, Shape)]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|(key, shape)| ((*key).to_owned(), of(shape))).collect();
    json!({ "type": ["object", "null"], "additionalProperties": false, "properties": properties })
}
