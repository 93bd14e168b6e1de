//! A parsed JSON text.

use std::borrow::Cow;
use std::cell::RefCell;

use crate::parse::{Kind, Span, parse};

/// A JSON text, parsed once. Its memory is reused for the next text.
#[derive(Debug, Default)]
pub struct Document {
    text: Vec<u8>,
    spans: Vec<Span>,
}

thread_local! {
    /// The document of the last event, shared by plugins that extract fields from the same event.
    static LAST: RefCell<Document> = RefCell::default();
}

impl Document {
    /// Parses a text. If the text is not JSON, the document has no root.
    pub fn parse(text: &[u8]) -> Self {
        let mut document = Self::default();
        document.read(text);
        document
    }

    fn read(&mut self, text: &[u8]) {
        self.text.clear();
        self.text.extend_from_slice(text);
        parse(&self.text, &mut self.spans);
    }

    /// Calls `with` with the root of the text. Parses the text, unless it was the last one of this thread.
    pub(crate) fn with<R>(text: &[u8], with: impl FnOnce(Option<Node<'_>>) -> R) -> R {
        LAST.with(|last| match last.try_borrow_mut() {
            Ok(mut last) => {
                if last.text != text {
                    last.read(text);
                }
                with(last.root())
            }
            Err(_) => with(Self::parse(text).root()),
        })
    }

    /// The whole value.
    pub fn root(&self) -> Option<Node<'_>> {
        (!self.spans.is_empty()).then_some(Node { document: self, at: 0 })
    }
}

/// A value of a [`Document`].
#[derive(Clone, Copy, Debug)]
pub struct Node<'d> {
    document: &'d Document,
    at: u32,
}

impl<'d> Node<'d> {
    fn span(&self) -> Span {
        self.document.spans[self.at as usize]
    }

    fn node(&self, at: u32) -> Self {
        Self { document: self.document, at }
    }

    /// Its text, unchanged from the document.
    pub fn raw(&self) -> &'d [u8] {
        let Span { start, end, .. } = self.span();
        &self.document.text[start as usize..end as usize]
    }

    fn kind(&self) -> Kind {
        self.span().kind
    }

    /// Whether it is an array.
    pub fn is_array(&self) -> bool {
        self.kind() == Kind::Array
    }

    /// Whether it is `true`.
    pub fn is_true(&self) -> bool {
        self.kind() == Kind::Word && self.raw() == b"true"
    }

    /// Its direct contents; for an object, keys and values alternate.
    fn inner(self) -> impl Iterator<Item = Node<'d>> {
        let Span { kind, next, .. } = self.span();
        let end = if matches!(kind, Kind::Object | Kind::Array) { next } else { self.at };
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let node = (at < end).then(|| self.node(at))?;
            at = node.span().next;
            Some(node)
        })
    }

    /// The items of an array; empty for other values.
    pub fn items(self) -> impl Iterator<Item = Node<'d>> {
        let limit = if self.is_array() { usize::MAX } else { 0 };
        self.inner().take(limit)
    }

    /// Keys and values of an object; empty for other values.
    pub fn entries(self) -> impl Iterator<Item = (Cow<'d, [u8]>, Node<'d>)> {
        let limit = if self.kind() == Kind::Object { usize::MAX } else { 0 };
        let mut inner = self.inner().take(limit);
        std::iter::from_fn(move || Some((inner.next()?.string()?, inner.next()?)))
    }

    /// For an object, the first value of this key. For an array, the item at this position.
    pub fn get(self, key: &[u8]) -> Option<Node<'d>> {
        match self.kind() {
            Kind::Object => {
                let mut inner = self.inner();
                while let (Some(name), Some(value)) = (inner.next(), inner.next()) {
                    let raw = name.raw();
                    let inside = &raw[1..raw.len() - 1];
                    if inside == key || (inside.contains(&b'\\') && *unescaped(inside) == *key) {
                        return Some(value);
                    }
                }
                None
            }
            Kind::Array => {
                let digits = std::str::from_utf8(key).ok()?;
                self.items().nth(digits.parse().ok()?)
            }
            Kind::Str | Kind::Word => None,
        }
    }

    /// The value at a path of several keys.
    pub fn path(self, keys: &[&str]) -> Option<Node<'d>> {
        keys.iter().try_fold(self, |node, key| node.get(key.as_bytes()))
    }

    /// The value of a JSON pointer. The leading slash is optional; an empty pointer has no value.
    pub fn pointer(self, pointer: &str) -> Option<Node<'d>> {
        if pointer.is_empty() {
            return None;
        }
        pointer.strip_prefix('/').unwrap_or(pointer).split('/').try_fold(self, |node, key| {
            match key.contains('~') {
                true => node.get(key.replace("~1", "/").replace("~0", "~").as_bytes()),
                false => node.get(key.as_bytes()),
            }
        })
    }

    /// A string's characters; `None` for other values.
    pub fn string(self) -> Option<Cow<'d, [u8]>> {
        let raw = self.raw();
        (self.kind() == Kind::Str).then(|| unescaped(&raw[1..raw.len() - 1]))
    }

    /// A string's characters, or the text of another value without white space.
    pub fn text(self) -> Cow<'d, [u8]> {
        match self.kind() {
            Kind::Str => self.string().unwrap_or_default(),
            Kind::Word => Cow::Borrowed(self.raw()),
            Kind::Object | Kind::Array => {
                let mut out = Vec::with_capacity(self.raw().len());
                self.write(None, &mut out);
                Cow::Owned(out)
            }
        }
    }

    /// The text on several lines, indented by two spaces.
    pub fn pretty(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(Some(0), &mut out);
        out
    }

    fn write(self, indent: Option<usize>, out: &mut Vec<u8>) {
        let (open, close) = match self.kind() {
            Kind::Object => (b'{', b'}'),
            Kind::Array => (b'[', b']'),
            Kind::Str | Kind::Word => return out.extend_from_slice(self.raw()),
        };
        let line = |level: usize, out: &mut Vec<u8>| {
            out.push(b'\n');
            out.resize(out.len() + 2 * level, b' ');
        };
        out.push(open);
        let is_object = self.kind() == Kind::Object;
        let mut count = 0;
        let mut inner = self.inner();
        while let Some(first) = inner.next() {
            if count > 0 {
                out.push(b',');
            }
            count += 1;
            if let Some(level) = indent {
                line(level + 1, out);
            }
            let below = indent.map(|level| level + 1);
            first.write(below, out);
            if is_object && let Some(value) = inner.next() {
                out.push(b':');
                if indent.is_some() {
                    out.push(b' ');
                }
                value.write(below, out);
            }
        }
        if let Some(level) = indent.filter(|_| count > 0) {
            line(level, out);
        }
        out.push(close);
    }
}

/// Decodes the inside of a string. A lone surrogate becomes U+FFFD.
fn unescaped(inside: &[u8]) -> Cow<'_, [u8]> {
    if !inside.contains(&b'\\') {
        return Cow::Borrowed(inside);
    }
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        let escaped = rest.get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        match escaped {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let first = hex(rest);
                rest = rest.get(4..).unwrap_or_default();
                let second =
                    rest.strip_prefix(b"\\u").map(hex).filter(|second| (0xdc00..0xe000).contains(second));
                let code = match (first, second) {
                    (0xd800..0xdc00, Some(second)) => {
                        rest = &rest[6..];
                        0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                    }
                    _ => first,
                };
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The value of four hexadecimal digits, which the parser has already checked.
fn hex(digits: &[u8]) -> u32 {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0);
    digits.iter().take(4).fold(0, |number, byte| number << 4 | digit(byte))
}

#[cfg(test)]
mod tests;
