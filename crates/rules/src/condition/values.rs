//! Constants and their places in the text.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

/// A byte range of a condition's text, and the number of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Number of the text, as given to [`parse_in`](super::parse_in).
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The corresponding range of a text that contains this text at `at`.
    pub(crate) fn inside(self, at: Self) -> Self {
        Self { source: at.source, start: at.start + self.start, end: at.start + self.end }
    }
}

/// A constant with its escapes resolved.
#[derive(Clone, Debug)]
pub struct Literal {
    /// Its bytes, which are not always a text because of `\xHH`.
    pub text: Vec<u8>,
    /// Position in the text.
    pub span: Span,
}

impl Literal {
    /// A reference to it, as [`Values`] contains them.
    pub fn borrowed(&self) -> LiteralRef<'_> {
        LiteralRef { text: &self.text, span: self.span }
    }
}

/// The constants of a comparison with a set, in their order.
///
/// The items of a rules file's list are one block, which all conditions with the list share.
#[derive(Clone, Debug, Default)]
pub struct Values {
    parts: Vec<Part>,
    len: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    One(Literal),
    /// The items of a list; their spans begin at the start of this one.
    List(Arc<Values>, Span),
}

/// A constant of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteralRef<'a> {
    /// Its bytes, which are not always a text because of `\xHH`.
    pub text: &'a [u8],
    /// Position in the text.
    pub span: Span,
}

impl Values {
    /// Number of constants.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = LiteralRef<'_>> {
        Iter { open: smallvec![(self.parts.iter(), None)] }
    }

    /// The constants that do not come from a list.
    pub(crate) fn singles(&self) -> impl Iterator<Item = LiteralRef<'_>> {
        self.parts.iter().filter_map(|part| match part {
            Part::One(literal) => Some(literal.borrowed()),
            Part::List(..) => None,
        })
    }

    /// Single constants and whole lists.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(crate) fn push(&mut self, literal: Literal) {
        self.parts.push(Part::One(literal));
        self.len += 1;
    }

    /// Appends the items of a list, which stands at `at`.
    pub(crate) fn push_list(&mut self, list: &Arc<Self>, at: Span) {
        self.len += list.len;
        self.parts.push(Part::List(list.clone(), at));
    }
}

/// From this size on, a list's address is its key.
const LARGE: usize = 64;

impl Values {
    /// Appends a key of the constants, which is valid while the large lists among them are alive.
    pub(super) fn write_key(&self, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::One(literal) => write_part(out, b'n', &literal.text),
                Part::List(list, _) if list.len < LARGE => list.write_key(out),
                Part::List(list, _) => {
                    write_part(out, b'l', &(Arc::as_ptr(list) as usize).to_le_bytes());
                }
            }
        }
    }
}

impl FromIterator<Literal> for Values {
    fn from_iter<I: IntoIterator<Item = Literal>>(literals: I) -> Self {
        let parts: Vec<Part> = literals.into_iter().map(Part::One).collect();
        Self { len: parts.len(), parts }
    }
}

impl From<Vec<Literal>> for Values {
    fn from(literals: Vec<Literal>) -> Self {
        literals.into_iter().collect()
    }
}

/// Iterates over the parts; `open` contains the lists that it is inside, each with its span.
struct Iter<'a> {
    open: SmallVec<[(std::slice::Iter<'a, Part>, Option<Span>); 4]>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = LiteralRef<'a>;

    fn next(&mut self) -> Option<LiteralRef<'a>> {
        loop {
            let (parts, at) = self.open.last_mut()?;
            let at = *at;
            let place = |span: Span| at.map_or(span, |at| span.inside(at));
            match parts.next() {
                Some(Part::One(literal)) => {
                    return Some(LiteralRef { text: &literal.text, span: place(literal.span) });
                }
                Some(Part::List(list, span)) => self.open.push((list.parts.iter(), Some(place(*span)))),
                None => _ = self.open.pop(),
            }
        }
    }
}

/// Appends a part of a key: its kind, its length, and its text.
pub(super) fn write_part(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    out.extend((text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str, start: u32) -> Literal {
        let span = Span { source: 0, start, end: start + text.len() as u32 };
        Literal { text: text.into(), span }
    }

    fn shown(values: &Values) -> Vec<String> {
        let one = |v: LiteralRef<'_>| {
            format!("{}:{}:{}", v.span.source, v.span.start, String::from_utf8_lossy(v.text))
        };
        values.iter().map(one).collect()
    }

    #[test]
    fn spans_of_items_are_inside_the_span_of_their_list() {
        let inner: Values = [literal("x", 0), literal("y", 3)].into_iter().collect();
        let mut outer = Values::default();
        outer.push(literal("a", 0));
        outer.push_list(&Arc::new(inner), Span { source: 0, start: 3, end: 7 });
        let mut all = Values::default();
        all.push_list(&Arc::new(outer), Span { source: 9, start: 100, end: 107 });
        all.push(Literal { span: Span { source: 9, start: 110, end: 111 }, ..literal("z", 0) });
        assert_eq!(shown(&all), ["9:100:a", "9:103:x", "9:106:y", "9:110:z"]);
        assert_eq!(all.len(), 4);
    }
}
