//! Repeated keys of a mapping. YAML forbids them; Falco uses the first value without a message.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::yaml::{Kind, Node};
use crate::diagnostic::{Diagnostic, Lint, Note, Place, Severity, SourceFile, labels};

/// Maximum number of reports for a file.
const MAX: usize = 50;

/// A repeated key.
pub(super) struct Repeated {
    key: String,
    first: Place,
    again: Place,
}

impl Repeated {
    pub(super) fn diagnostic(self, files: &[Arc<SourceFile>]) -> Diagnostic {
        let Self { key, first, again } = self;
        let notes = [Note::new(again, "this value is lost"), Note::new(first, "this one counts")];
        Diagnostic {
            code: Lint::RepeatedKey.code(),
            severity: Severity::Warning,
            message: format!("the key `{key}` is repeated"),
            labels: labels(&notes, files),
            help: vec!["drop one of the two, or begin the second item with `- `".to_owned()],
        }
    }
}

/// Finds repeated keys in a value and in everything inside it.
pub(super) fn keys(node: &Node, found: &mut Vec<Repeated>) {
    match &node.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::Seq(items) => items.iter().for_each(|item| keys(item, found)),
        Kind::Map(pairs) => {
            let mut seen: FxHashMap<&str, Place> = FxHashMap::default();
            for (key, value) in pairs {
                if let Some(name) = key.as_str() {
                    let first = *seen.entry(name).or_insert(key.at.place);
                    if first != key.at.place && found.len() < MAX {
                        found.push(Repeated { key: name.to_owned(), first, again: key.at.place });
                    }
                }
                keys(value, found);
            }
        }
    }
}
