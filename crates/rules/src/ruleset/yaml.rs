//! The values of a rules file with their places. Their meaning is decided later.

use eyas_yaml::{Decoded, Parsed};

use crate::diagnostic::{Place, SourceFile};

pub use eyas_yaml::Mark;
pub(crate) use eyas_yaml::{Problem, Style};

/// The place of a value: as Falco counts it, and in the decoded text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct At {
    pub(crate) mark: Mark,
    pub(crate) place: Place,
    /// The style of a scalar.
    pub(crate) style: Option<Style>,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) at: At,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Scalar(String),
    Seq(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The value of a key; the first one if the key is repeated.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(pairs) => pairs.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The value with its place in a file.
    fn of(node: eyas_yaml::Node, file: u32) -> Self {
        let eyas_yaml::Node { kind, mark, place, style } = node;
        let place = Place { file, start: place.start as u32, end: place.end as u32 };
        let kind = match kind {
            eyas_yaml::Kind::Null => Kind::Null,
            eyas_yaml::Kind::Scalar(text) => Kind::Scalar(text),
            eyas_yaml::Kind::Seq(items) => Kind::Seq(items.into_iter().map(|i| Self::of(i, file)).collect()),
            eyas_yaml::Kind::Map(pairs) => {
                let pairs = pairs.into_iter().map(|(k, v)| (Self::of(k, file), Self::of(v, file)));
                Kind::Map(pairs.collect())
            }
        };
        Self { kind, at: At { mark, place, style } }
    }
}

/// A file's values.
pub(crate) struct Values {
    pub(crate) documents: Vec<Node>,
    /// A quote that is never closed.
    pub(crate) unclosed: Option<Place>,
}

/// Parses a file; returns it, and its values or an error. `file` is its position in the order of loading.
pub(crate) fn parse(name: &str, text: &[u8], file: u32) -> (SourceFile, Result<Values, Problem>) {
    let decoded = eyas_yaml::decode(text);
    let parsed = eyas_yaml::parse(&decoded);
    let Decoded { text, .. } = decoded;
    match parsed {
        Ok(Parsed { documents, sources, unclosed }) => {
            let unclosed = unclosed.map(|at| Place { file, start: at as u32, end: at as u32 + 1 });
            let documents = documents.into_iter().map(|node| Node::of(node, file)).collect();
            (SourceFile::with_scalars(name, text, sources), Ok(Values { documents, unclosed }))
        }
        Err(problem) => (SourceFile::new(name, text), Err(problem)),
    }
}
