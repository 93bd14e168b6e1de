//! The tokens of conditions.

use std::borrow::Cow;

use super::text::{is_blank, is_space, unescape};
use super::{Parsed, Parser};

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// The last token; a quoted token without quotes and escapes.
    pub(super) fn last_token(&self) -> Cow<'a, str> {
        let token = &self.text[self.last.clone()];
        let quote = token.bytes().next().filter(|byte| matches!(byte, b'"' | b'\''));
        let inner = quote.filter(|_| token.len() > 1).and_then(|quote| {
            unescape(&token.as_bytes()[1..token.len() - 1], quote)
                .ok()
                .map(|text| Cow::Owned(String::from_utf8_lossy(&text).into_owned()))
        });
        inner.unwrap_or(Cow::Borrowed(token))
    }

    /// Skips a token.
    pub(super) fn take(&mut self, len: usize) {
        self.last = self.at..self.at + len;
        self.at += len;
    }

    pub(super) fn blanks(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
        self.at > start
    }

    pub(super) fn eat(&mut self, word: &str) -> bool {
        let there = self.rest().starts_with(word.as_bytes());
        if there {
            self.take(word.len());
        }
        there
    }

    pub(super) fn identifier(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        if !rest.first()?.is_ascii_alphabetic() {
            return None;
        }
        let len = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(rest.len());
        let name = &self.text[self.at..self.at + len];
        self.take(len);
        Some(name)
    }

    /// A quoted string with its escapes resolved; `None` if there is none or it is not closed.
    pub(super) fn quoted(&mut self) -> Parsed<Option<Vec<u8>>> {
        let rest = self.rest();
        let Some(quote @ (b'"' | b'\'')) = rest.first().copied() else { return Ok(None) };
        let ends = |at: &usize| rest[*at] == quote && rest[*at - 1] != b'\\';
        let Some(end) = (1..rest.len()).take_while(|at| rest[*at] != 0).find(ends) else { return Ok(None) };
        let text = unescape(&rest[1..end], quote).map_err(|message| self.fail(message))?;
        self.take(end + 1);
        Ok(Some(text))
    }

    pub(super) fn bare(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let end = |b: &u8| matches!(b, b'(' | b')' | b'"' | b'\'' | b'=' | b',') || is_space(*b);
        let len = rest.iter().position(end).unwrap_or(rest.len());
        (len > 0).then(|| {
            self.take(len);
            &self.text[self.last.clone()]
        })
    }

    pub(super) fn number(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let digits = |from: usize, hex: bool| {
            let is = |b: &&u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
            rest.get(from..).map_or(0, |r| r.iter().take_while(is).count())
        };
        let mut len;
        if (rest.starts_with(b"0x") || rest.starts_with(b"0X")) && digits(2, true) > 0 {
            len = 2 + digits(2, true);
        } else {
            len = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
            let whole = digits(len, false);
            if whole == 0 {
                return None;
            }
            len += whole;
            if rest.get(len) == Some(&b'.') {
                len += 1 + digits(len + 1, false);
            }
            if matches!(rest.get(len), Some(b'e' | b'E'))
                && matches!(rest.get(len + 1), Some(b'+' | b'-'))
                && digits(len + 2, false) > 0
            {
                len += 2 + digits(len + 2, false);
            }
        }
        self.take(len);
        Some(&self.text[self.last.clone()])
    }
}
