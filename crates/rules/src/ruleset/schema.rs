//! Validation of a file with Falco's JSON schema of rules files; the result has no effect.

use std::fmt;

use super::yaml::{Kind, Node};

/// Result for a document that matches the schema.
pub(super) const OK: &str = "ok";
/// Maximum number of lines for a document.
const MAX_LINES: usize = 200;

/// The required shape of a value. Scalars are texts here; the schema's types are weak.
enum Shape {
    Any,
    Text,
    /// Text or number; a scalar matches both.
    TextOrNumber,
    Bool,
    Integer,
    OneOf(&'static [&'static str]),
    List(&'static Shape),
    Map {
        keys: &'static [(&'static str, &'static Shape)],
        required: &'static [&'static str],
        not_empty: bool,
    },
}

const OPERATION: Shape = Shape::OneOf(&["append", "replace"]);
const EXCEPTION: Shape = Shape::Map {
    keys: &[("name", &Shape::Text), ("fields", &Shape::Any), ("comps", &Shape::Any), ("values", &Shape::Any)],
    required: &["name"],
    not_empty: false,
};
const ALTERNATIVE: Shape = Shape::Map {
    keys: &[("name", &Shape::Text), ("version", &Shape::Text)],
    required: &["name", "version"],
    not_empty: false,
};
const PLUGIN: Shape = Shape::Map {
    keys: &[("name", &Shape::Text), ("version", &Shape::Text), ("alternatives", &Shape::List(&ALTERNATIVE))],
    required: &["name", "version"],
    not_empty: false,
};
const OVERRIDE: Shape = Shape::Map {
    keys: &[
        ("items", &OPERATION),
        ("desc", &OPERATION),
        ("condition", &OPERATION),
        ("output", &OPERATION),
        ("priority", &OPERATION),
        ("enabled", &OPERATION),
        ("exceptions", &OPERATION),
        ("capture", &OPERATION),
        ("capture_duration", &OPERATION),
        ("tags", &OPERATION),
        ("warn_evttypes", &OPERATION),
        ("skip-if-unknown-filter", &OPERATION),
    ],
    required: &[],
    not_empty: true,
};
const PRIORITY: Shape = Shape::OneOf(&[
    "EMERGENCY",
    "ALERT",
    "CRITICAL",
    "ERROR",
    "WARNING",
    "NOTICE",
    "INFO",
    "INFORMATIONAL",
    "DEBUG",
]);
/// Every key of every kind of item.
const ITEM: Shape = Shape::Map {
    keys: &[
        ("required_engine_version", &Shape::Text),
        ("required_plugin_versions", &Shape::List(&PLUGIN)),
        ("macro", &Shape::Text),
        ("condition", &Shape::Text),
        ("list", &Shape::Text),
        ("items", &Shape::List(&Shape::TextOrNumber)),
        ("items_file", &Shape::Text),
        ("rule", &Shape::Text),
        ("desc", &Shape::Text),
        ("enabled", &Shape::Bool),
        ("output", &Shape::Text),
        ("append", &Shape::Bool),
        ("priority", &PRIORITY),
        ("capture", &Shape::Bool),
        ("capture_duration", &Shape::Integer),
        ("source", &Shape::Text),
        ("exceptions", &Shape::List(&EXCEPTION)),
        ("override", &OVERRIDE),
        ("tags", &Shape::List(&Shape::Text)),
        ("warn_evttypes", &Shape::Bool),
        ("skip-if-unknown-filter", &Shape::Bool),
    ],
    required: &[],
    not_empty: false,
};
const DOCUMENT: Shape = Shape::List(&ITEM);

/// Validates the documents of a file.
pub(super) fn validate(documents: &[Node]) -> Vec<String> {
    let mut lines = Vec::new();
    for document in documents {
        let before = lines.len();
        if check(document, &DOCUMENT, &Path::Root, &mut lines) {
            lines.push(OK.to_owned());
        }
        lines.truncate(before + MAX_LINES);
    }
    lines
}

/// The JSON schema of rules files that load without a warning.
pub fn json_schema() -> String {
    let items = to_json(&ITEM);
    format!(
        r#"{{"$schema":"http://json-schema.org/draft-06/schema#","title":"Rules","type":"array","items":{items}}}"#
    )
}

fn to_json(shape: &Shape) -> String {
    const TEXT: &str = r#"{"type":["string","number","boolean"]}"#;
    match shape {
        Shape::Any => "{}".to_owned(),
        Shape::Text | Shape::TextOrNumber => TEXT.to_owned(),
        Shape::Bool => r#"{"type":["boolean","string"],"pattern":"^(true|false)$"}"#.to_owned(),
        Shape::Integer => r#"{"type":["integer","string"],"pattern":"^[0-9]+$"}"#.to_owned(),
        Shape::OneOf(words) => {
            // Priorities, which are words in capitals, are also accepted in lower case and capitalized.
            let is_priority = |word: &str| word.chars().all(char::is_uppercase);
            let capital = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
            let forms = words.iter().flat_map(|word| match is_priority(word) {
                true => vec![(*word).to_owned(), word.to_lowercase(), capital(word)],
                false => vec![(*word).to_owned()],
            });
            let forms: Vec<String> = forms.map(|form| format!("\"{form}\"")).collect();
            format!(r#"{{"enum":[{}]}}"#, forms.join(","))
        }
        Shape::List(of) => format!(r#"{{"type":["array","null"],"items":{}}}"#, to_json(of)),
        Shape::Map { keys, required, not_empty } => {
            let keys: Vec<String> =
                keys.iter().map(|(key, shape)| format!("\"{key}\":{}", to_json(shape))).collect();
            let required: Vec<String> = required.iter().map(|key| format!("\"{key}\"")).collect();
            let required = match required.is_empty() {
                true => String::new(),
                false => format!(r#","required":[{}]"#, required.join(",")),
            };
            let least = if *not_empty { r#","minProperties":1"# } else { "" };
            format!(
                r#"{{"type":"object","additionalProperties":false,"properties":{{{}}}{required}{least}}}"#,
                keys.join(",")
            )
        }
    }
}

/// The way to a value.
enum Path<'a> {
    Root,
    Item(&'a Path<'a>, usize),
    Key(&'a Path<'a>, &'a str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("<root>"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) => write!(f, "{parent}[{key}]"),
        }
    }
}

/// Whether the value has the shape; appends mismatches from the inside outwards.
fn check(node: &Node, shape: &Shape, path: &Path<'_>, lines: &mut Vec<String>) -> bool {
    let start = lines.len();
    let fail = |lines: &mut Vec<String>, why: &str| {
        if lines.len() < MAX_LINES * 2 {
            lines.push(format!("failed for {path}: {why}"));
        }
    };
    const TYPE: &str = "Value type not permitted by 'type' constraint.";
    match (shape, &node.kind) {
        (Shape::Any, _) | (Shape::Text | Shape::TextOrNumber, Kind::Scalar(_)) => {}
        (Shape::Bool, Kind::Scalar(text)) if matches!(text.as_str(), "true" | "false") => {}
        (Shape::Integer, Kind::Scalar(text)) if text.parse::<i64>().is_ok() => {}
        (Shape::OneOf(words), kind) => {
            let text = if let Kind::Scalar(text) = kind { Some(text.as_str()) } else { None };
            if text.is_none() {
                fail(lines, TYPE);
            }
            if !text.is_some_and(|text| words.contains(&text)) {
                fail(lines, "Failed to match against any enum values.");
            }
        }
        (Shape::List(of), Kind::Seq(items)) => {
            for (i, item) in items.iter().enumerate() {
                if !check(item, of, &Path::Item(path, i), lines) {
                    fail(lines, &format!("Failed to validate item #{i} in array."));
                }
            }
        }
        (Shape::Map { keys, required, not_empty }, Kind::Map(pairs)) => {
            if *not_empty && pairs.is_empty() {
                fail(lines, "Object should have no fewer than 1 properties.");
            }
            let mut sorted: Vec<_> = keys.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (name, shape) in sorted {
                if let Some(value) = node.get(name)
                    && !check(value, shape, &Path::Key(path, name), lines)
                {
                    let why =
                        format!("Failed to validate against schema associated with property name '{name}'.");
                    fail(lines, &why);
                }
            }
            let names = pairs.iter().map(|(key, _)| key.as_str().unwrap_or_default());
            if let Some(unknown) = names.into_iter().find(|name| keys.iter().all(|(known, _)| known != name))
            {
                let why = format!(
                    "Object contains a property that could not be validated using 'properties' or 'additionalProperties' constraints: '{unknown}'."
                );
                fail(lines, &why);
            }
            for name in required.iter().filter(|name| node.get(name).is_none()) {
                fail(lines, &format!("Missing required property '{name}'."));
            }
        }
        (Shape::TextOrNumber, _) => {
            for schema in 0..2 {
                fail(lines, TYPE);
                fail(lines, &format!("Failed to validate against child schema #{schema}."));
            }
            fail(lines, "Failed to validate against any schemas allowed by anyOf constraint.");
        }
        _ => fail(lines, TYPE),
    }
    lines.len() == start
}
