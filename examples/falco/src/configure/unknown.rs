//! Keys that nothing reads.

use eyas::rules::nearest;
use eyas::yaml::{Kind, Node};

use super::fit::Path;
use super::schema::CONFIG;
use crate::config::Shape;

/// Says of each key below `node` that nobody knows it; `origin` is the file.
pub fn keys(node: &Node, shape: &Shape, path: &Path, origin: &str, warnings: &mut Vec<String>) {
    match (&node.kind, shape) {
        (Kind::Map(pairs), _) if shape.knows_its_keys() => {
            for (key, value) in pairs {
                let name = key.as_str().unwrap_or("null");
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

/// What is said of the key `name`, which `shape` does not know.
pub fn warning(name: &str, shape: &Shape, path: &Path, at: &str) -> String {
    let names = shape.keys().iter().map(|(name, _)| *name);
    let meant = match nearest(name, names) {
        Some(near) => Some(path.key(near).to_string()),
        None => elsewhere(name, &CONFIG, &Path::default()),
    };
    let hint = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    format!("configuration key `{}` is unknown and has no effect{at}{hint}", path.key(name))
}

/// Where a key of this name is known, if that is in one place.
fn elsewhere(name: &str, shape: &Shape, path: &Path) -> Option<String> {
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
