//! YAML as a tree of texts with their places: what a rules file means by a value is decided later.

use std::collections::HashMap;

use granit_parser::{Event, Parser, Span};

use crate::diagnostic::Place;

pub(crate) use granit_parser::ScalarStyle;

/// Nodes that a file may have, those that aliases repeat included.
const MAX_NODES: usize = 1 << 20;
/// Nesting that a file may have.
const MAX_DEPTH: usize = 64;

/// A place in a file, each number from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Line.
    pub line: usize,
    /// Column, characters.
    pub column: usize,
    /// Offset, characters.
    pub offset: usize,
}

/// Where a value is: as Falco counts, and in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct At {
    pub(crate) mark: Mark,
    pub(crate) place: Place,
    /// How a scalar is written.
    pub(crate) style: Option<ScalarStyle>,
}

/// A value and its place.
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

    /// The value of a key; the first one where it stands twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(pairs) => pairs.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v),
            _ => None,
        }
    }

    fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::Null | Kind::Scalar(_) => 0,
            Kind::Seq(items) => items.iter().map(Node::count).sum(),
            Kind::Map(pairs) => pairs.iter().map(|(k, v)| k.count() + v.count()).sum(),
        }
    }
}

/// Why a text is no YAML.
pub(crate) struct Broken {
    pub(crate) message: String,
    pub(crate) at: At,
}

fn mark(span: &Span) -> Mark {
    Mark { line: span.start.line().saturating_sub(1), column: span.start.col(), offset: span.start.index() }
}

/// The place of a scalar, or of where a collection begins.
fn at(span: &Span, file: u32, style: Option<ScalarStyle>) -> At {
    let bytes = span.byte_range().unwrap_or_default();
    let (start, end) = (bytes.start as u32, bytes.end as u32);
    let end = if style.is_some() { end } else { start };
    At { mark: mark(span), place: Place { file, start, end }, style }
}

/// A value that is not there, marked where the next token is.
fn at_next(text: &str, at: At) -> At {
    let mut mark = at.mark;
    let mut rest = text[at.place.start as usize..].chars().peekable();
    // The parser marks it where its key or its entry ends.
    if rest.next_if(|c| matches!(c, ':' | '-' | '?')).is_some() {
        mark = Mark { column: mark.column + 1, offset: mark.offset + 1, ..mark };
    }
    while let Some(c) = rest.next_if(|c| matches!(c, ' ' | '\t' | '\r' | '\n' | '#')) {
        let mut pass = |c: char| {
            let ends = c == '\n';
            mark = Mark {
                line: mark.line + usize::from(ends),
                column: if ends { 0 } else { mark.column + 1 },
                offset: mark.offset + 1,
            };
        };
        pass(c);
        if c == '#' {
            while let Some(c) = rest.next_if(|c| *c != '\n') {
                pass(c);
            }
        }
    }
    At { mark, ..at }
}

/// A block scalar, marked where its `>` or `|` is.
fn at_header(text: &str, at: At) -> At {
    let before = text[..at.place.start as usize].trim_end_matches([' ', '\t', '\r', '\n']);
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let header = before[line..].find(" #").map_or(before, |comment| &before[..line + comment]);
    let header = header.trim_end().trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    let Some(start) = header.strip_suffix(['>', '|']).map(str::len) else { return at };
    let skipped = &text[start..at.place.start as usize];
    let mark = Mark {
        line: at.mark.line - skipped.matches('\n').count(),
        column: text[line..start].chars().count(),
        offset: at.mark.offset - skipped.chars().count(),
    };
    At { mark, ..at }
}

/// The place of a sequence: where its first `-` is, not what follows it.
fn at_dash(text: &str, at: At) -> At {
    let start = at.place.start as usize;
    if text[start..].starts_with(['-', '[']) {
        return at;
    }
    let before = &text[..start];
    let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    match line.trim_end_matches([' ', '\t']).strip_suffix('-') {
        None => at,
        Some(indent) => {
            let back = line.len() - indent.len();
            let mark = Mark {
                column: at.mark.column.saturating_sub(back),
                offset: at.mark.offset.saturating_sub(back),
                ..at.mark
            };
            let place =
                Place { start: at.place.start - back as u32, end: at.place.end - back as u32, ..at.place };
            At { mark, place, ..at }
        }
    }
}

enum Open {
    Seq(Vec<Node>),
    Map(Vec<(Node, Node)>, Option<Node>),
}

/// The documents of a file, whose place in the order of loading is `file`.
pub(crate) fn parse(text: &str, file: u32) -> Result<Vec<Node>, Broken> {
    let mut documents = Vec::new();
    let mut open: Vec<(Open, At, usize)> = Vec::new();
    let mut anchors: HashMap<usize, Node> = HashMap::new();
    let mut nodes = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| Broken {
            message: e.info().to_owned(),
            at: at(&Span::empty(*e.marker()), file, None),
        })?;
        let style = match &event {
            Event::Scalar(_, style, ..) => Some(*style),
            _ => None,
        };
        let at = match style {
            Some(ScalarStyle::Literal | ScalarStyle::Folded) => at_header(text, at(&span, file, style)),
            _ => at(&span, file, style),
        };
        let limit = |what: &str, limit: usize| Broken { message: format!("more than {limit} {what}"), at };
        let (node, anchor) = match event {
            Event::Scalar(value, style, anchor, _) => {
                let null =
                    style == ScalarStyle::Plain && matches!(&*value, "" | "~" | "null" | "Null" | "NULL");
                let written = text[at.place.start as usize..].starts_with(['~', 'n', 'N']);
                let at = if null && !written { at_next(text, at) } else { at };
                let kind = if null { Kind::Null } else { Kind::Scalar(value.into_owned()) };
                (Node { kind, at }, anchor)
            }
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some(node) => {
                    nodes += node.count();
                    if nodes > MAX_NODES {
                        return Err(limit("values, with those that aliases repeat", MAX_NODES));
                    }
                    (node.clone(), 0)
                }
                None => return Err(Broken { message: "an alias inside its own anchor".into(), at }),
            },
            Event::SequenceStart(_, anchor, _) => {
                open.push((Open::Seq(Vec::new()), at_dash(text, at), anchor));
                if open.len() > MAX_DEPTH {
                    return Err(limit("levels of nesting", MAX_DEPTH));
                }
                continue;
            }
            Event::MappingStart(_, anchor, _) => {
                open.push((Open::Map(Vec::new(), None), at, anchor));
                if open.len() > MAX_DEPTH {
                    return Err(limit("levels of nesting", MAX_DEPTH));
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some((Open::Seq(items), at, anchor)) => (Node { kind: Kind::Seq(items), at }, anchor),
                Some((Open::Map(pairs, _), at, anchor)) => (Node { kind: Kind::Map(pairs), at }, anchor),
                None => continue,
            },
            _ => continue,
        };
        nodes += 1;
        if nodes > MAX_NODES {
            return Err(limit("values", MAX_NODES));
        }
        if anchor != 0 {
            anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            None => documents.push(node),
            Some((Open::Seq(items), ..)) => items.push(node),
            Some((Open::Map(pairs, key), ..)) => match key.take() {
                None => *key = Some(node),
                Some(key) => pairs.push((key, node)),
            },
        }
    }
    Ok(documents)
}
