//! Warnings about unknown keys.

use eyas::rules::nearest;
use eyas::yaml::{Kind, Node};

use super::fit::Path;
use super::schema::CONFIG;
use crate::config::Shape;

/// YAML's key for merging a mapping into another one.
const MERGE: &str = "<<";

/// Adds a warning for each unknown key below `node`; `origin` is the file.
pub fn keys(node: &Node, shape: &Shape, path: &Path, origin: &str, warnings: &mut Vec<String>) {
    match (&node.kind, shape) {
        (Kind::Map(pairs), _) if shape.knows_its_keys() => {
            for (key, value) in pairs {
                let name = match &key.kind {
                    Kind::Scalar(name) => name.as_str(),
                    Kind::Null => "null",
                    Kind::Seq(_) => "[]",
                    Kind::Map(_) => "{}",
                };
                match shape.key(name) {
                    Some(shape) => keys(value, shape, &path.key(name), origin, warnings),
                    None => {
                        let at = format!(" ({origin}, line {})", key.mark.line + 1);
                        warnings.push(warning(name, shape, path, &at));
                    }
                }
            }
        }
        (Kind::Seq(items), Shape::List(of)) => {
            for (index, item) in items.iter().enumerate() {
                keys(item, of, &path.index(index), origin, warnings);
            }
        }
        _ => {}
    }
}

/// The warning about the key `name`, which `shape` does not have.
pub fn warning(name: &str, shape: &Shape, path: &Path, at: &str) -> String {
    let names = shape.keys().iter().map(|(name, _)| *name);
    let meant = match nearest(name, names) {
        Some(near) => Some(path.key(near).to_string()),
        None => valid_place(name, &CONFIG, &Path::default()),
    };
    let is_glued = name.split_once(':').is_some_and(|(key, _)| shape.key(key).is_some());
    let hint = match meant {
        _ if is_glued => "; write a blank after the `:`".to_owned(),
        _ if name == MERGE => {
            "; neither Falco nor eyas merges mappings: write the keys themselves".to_owned()
        }
        Some(meant) => format!("; did you mean `{meant}`?"),
        None => String::new(),
    };
    format!("configuration key `{}` is unknown and has no effect{at}{hint}", path.key(name))
}

/// The place where a key of this name is valid, if there is exactly one.
fn valid_place(name: &str, shape: &Shape, path: &Path) -> Option<String> {
    let mut found = Vec::new();
    collect(name, shape, path, &mut found);
    match found.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

fn collect(name: &str, shape: &Shape, path: &Path, found: &mut Vec<String>) {
    for (key, inner) in shape.keys() {
        let path = path.key(key);
        if *key == name {
            found.push(path.to_string());
        }
        collect(name, inner, &path, found);
    }
}
