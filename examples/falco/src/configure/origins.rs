//! Remembers which file or option has each value of a tree.

use eyas::yaml::{Kind, Node};

use super::fit::Path;
use crate::config::Places;

/// The files and options of a tree. Each has a range of positions of its own, so the position of a value
/// shows where it is from; the position 0 is in none.
#[derive(Debug)]
pub struct Origins {
    sources: Vec<(usize, Source)>,
    end: usize,
}

#[derive(Debug)]
enum Source {
    File(String),
    Option(String),
}

impl Default for Origins {
    fn default() -> Self {
        Self { sources: Vec::new(), end: 1 }
    }
}

impl Origins {
    /// Adds a file of this length: `tree` was parsed from it.
    pub fn add_file(&mut self, name: &str, bytes: usize, tree: &mut Node) {
        self.add(Source::File(name.to_owned()), bytes, tree);
    }

    /// Adds an option: `value` was parsed from it.
    pub fn add_option(&mut self, option: &str, value: &mut Node) {
        // Without the value, which may be a secret.
        let path = option.split_once('=').map_or(option, |(path, _)| path);
        self.add(Source::Option(shorten(path)), option.len(), value);
    }

    fn add(&mut self, source: Source, bytes: usize, tree: &mut Node) {
        shift(tree, self.end);
        self.sources.push((self.end, source));
        // A value that is missing at the end is after the last byte.
        self.end += bytes + 1;
    }

    /// The places of all values of a tree.
    pub fn places(&self, tree: &Node) -> Places {
        let mut places = Places::default();
        self.collect(tree, &Path::default(), &mut places);
        places
    }

    fn collect(&self, node: &Node, path: &Path, places: &mut Places) {
        match &node.kind {
            Kind::Map(pairs) => {
                for (key, value) in pairs {
                    self.note(key, value, &path.key(key.as_str().unwrap_or_default()), places);
                }
            }
            Kind::Seq(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.note(item, item, &path.index(index), places);
                }
            }
            Kind::Scalar(_) | Kind::Null => {}
        }
    }

    /// Notes the place of a value. The line is that of its key: the value may begin further down.
    fn note(&self, key: &Node, value: &Node, path: &Path, places: &mut Places) {
        let place = self.place(key).filter(|_| self.of(key).map(|at| at.0) == self.of(value).map(|at| at.0));
        if let Some(place) = place.or_else(|| self.place(value)) {
            places.0.insert(path.to_string(), place);
        }
        self.collect(value, path, places);
    }

    fn of(&self, node: &Node) -> Option<&(usize, Source)> {
        let after = self.sources.partition_point(|(begin, _)| *begin <= node.place.start);
        self.sources.get(after.checked_sub(1)?)
    }

    fn place(&self, node: &Node) -> Option<String> {
        self.of(node).map(|(_, source)| match source {
            Source::File(name) => format!("{name}, line {}", node.mark.line + 1),
            Source::Option(path) => format!("option -o {path}"),
        })
    }
}

/// The beginning of an option, for messages.
pub fn shorten(option: &str) -> String {
    option.chars().take(100).collect()
}

fn shift(node: &mut Node, by: usize) {
    node.place = node.place.start + by..node.place.end + by;
    match &mut node.kind {
        Kind::Seq(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Kind::Map(pairs) => {
            for (key, value) in pairs {
                shift(key, by);
                shift(value, by);
            }
        }
        Kind::Scalar(_) | Kind::Null => {}
    }
}
