//! Helpers for building JSON objects.

use serde_json::{Map, Value};

/// Stores a value at a dotted path, and creates the objects on that path.
pub fn put(object: &mut Map<String, Value>, path: &str, value: impl Into<Value>) {
    match path.split_once('.') {
        None => drop(object.insert(path.to_owned(), value.into())),
        Some((name, rest)) => {
            let inner = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Stores a value, if there is one.
pub fn put_some(object: &mut Map<String, Value>, path: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        put(object, path, value);
    }
}

/// The last name of a path.
pub fn name_of(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("/")
}

/// The directory of a path.
pub fn directory_of(path: &str) -> Option<&str> {
    match path.trim_end_matches('/').rsplit_once('/')? {
        ("", _) => Some("/"),
        (directory, _) => Some(directory),
    }
}
