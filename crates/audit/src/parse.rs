//! Parses JSON text to a list of spans.

/// Deepest nesting.
const MAX_DEPTH: usize = 128;

/// Kind of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    /// A string, with its quotes.
    Str,
    /// A number, `true`, `false` or `null`.
    Word,
}

/// A value: the range of its text, and the index of the next value after it in the list. The contents of an
/// array or object follow it; for an object as key, value, key, value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) next: u32,
}

/// Parses a whole text into `spans`. Returns whether the text is JSON.
pub(crate) fn parse(text: &[u8], spans: &mut Vec<Span>) -> bool {
    spans.clear();
    if u32::try_from(text.len()).is_err() {
        return false;
    }
    let mut parser = Parser { text, at: 0, spans };
    let is_whole = parser.value(0).is_some() && {
        parser.blanks();
        parser.at == text.len()
    };
    if !is_whole {
        spans.clear();
    }
    is_whole
}

struct Parser<'t, 's> {
    text: &'t [u8],
    at: usize,
    spans: &'s mut Vec<Span>,
}

impl Parser<'_, '_> {
    #[inline]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        self.blanks();
        let (place, start) = (self.spans.len(), self.at);
        let kind = match *self.text.get(self.at)? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::Str,
            _ => Kind::Word,
        };
        self.spans.push(Span { kind, start: start as u32, end: 0, next: 0 });
        match kind {
            Kind::Object => self.object(depth)?,
            Kind::Array => self.array(depth)?,
            Kind::Str => self.string()?,
            Kind::Word => self.word()?,
        }
        let next = self.spans.len() as u32;
        let span = self.spans.get_mut(place)?;
        (span.end, span.next) = (self.at as u32, next);
        Some(())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        self.blanks();
        if depth == MAX_DEPTH || self.take(b'}').is_some() {
            return (depth < MAX_DEPTH).then_some(());
        }
        loop {
            self.blanks();
            (self.text.get(self.at) == Some(&b'"')).then_some(())?;
            self.value(depth)?;
            self.blanks();
            self.take(b':')?;
            self.value(depth + 1)?;
            self.blanks();
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        self.blanks();
        if depth == MAX_DEPTH || self.take(b']').is_some() {
            return (depth < MAX_DEPTH).then_some(());
        }
        loop {
            self.value(depth + 1)?;
            self.blanks();
            if self.take(b',').is_none() {
                return self.take(b']');
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match *self.text.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    let escaped = *self.text.get(self.at + 1)?;
                    self.at += 2;
                    match escaped {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            let digits = self.text.get(self.at..self.at + 4)?;
                            digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                            self.at += 4;
                        }
                        _ => return None,
                    }
                }
                byte if byte < b' ' => return None,
                _ => self.at += 1,
            }
        }
    }

    fn word(&mut self) -> Option<()> {
        for word in [&b"true"[..], b"false", b"null"] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Some(());
            }
        }
        let _ = self.take(b'-');
        match self.text.get(self.at)? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// Skips one or more digits.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}
