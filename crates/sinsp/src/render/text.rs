//! A text under construction, in the arena of the event.

use core::fmt::{self, Write};

use bumpalo::Bump;
use bumpalo::collections::Vec;

/// Bytes that live as long as the event.
pub(crate) struct Text<'b>(Vec<'b, u8>);

impl<'b> Text<'b> {
    pub(crate) fn new(bump: &'b Bump) -> Self {
        Self(Vec::new_in(bump))
    }

    pub(crate) fn with_capacity(capacity: usize, bump: &'b Bump) -> Self {
        Self(Vec::with_capacity_in(capacity, bump))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice_copy(bytes);
    }

    /// Appends the bytes with everything but printable ASCII as `.`.
    pub(crate) fn push_printable(&mut self, bytes: &[u8]) {
        let start = self.0.len();
        self.push(bytes);
        for byte in &mut self.0[start..] {
            *byte = eyas_fields::printable(*byte);
        }
    }

    /// Appends a text; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn push_text(&mut self, text: &[u8]) {
        const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
        // Most texts are ASCII, and checking that is fast.
        if text.is_ascii() {
            return self.push(text);
        }
        for chunk in text.utf8_chunks() {
            self.push(chunk.valid().as_bytes());
            if !chunk.invalid().is_empty() {
                self.push(REPLACEMENT);
            }
        }
    }

    /// Appends a number in decimal.
    pub(crate) fn int(&mut self, n: impl itoa::Integer) {
        self.push(itoa::Buffer::new().format(n).as_bytes());
    }

    /// Appends a number in octal, with a leading zero.
    pub(crate) fn octal(&mut self, n: u64) {
        self.push(b"0");
        let digits = n.checked_ilog2().map_or(0, |log| log / 3 + 1);
        for digit in (0..digits).rev().map(|at| (n >> (3 * at)) as u8 & 7) {
            self.push(&[b'0' + digit]);
        }
    }

    /// Appends the last `WIDTH` decimal digits of a number, with leading zeros.
    pub(crate) fn digits<const WIDTH: usize>(&mut self, mut n: u32) {
        let mut text = [b'0'; WIDTH];
        for slot in text.iter_mut().rev() {
            *slot = b'0' + (n % 10) as u8;
            n /= 10;
        }
        self.push(&text);
    }

    /// Appends formatted text.
    pub(crate) fn print(&mut self, args: fmt::Arguments<'_>) {
        // Writing to memory cannot fail.
        let _ = self.write_fmt(args);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Escapes the characters from `start` on that would break a line.
    pub(crate) fn escape_from(&mut self, start: usize) {
        let mut escaped = std::vec::Vec::new();
        eyas_fields::write_text(&mut escaped, &self.0[start..]);
        self.0.truncate(start);
        self.push(&escaped);
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn finish(self) -> &'b [u8] {
        self.0.into_bump_slice()
    }
}

impl Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_characters_of_texts_are_kept() {
        let bump = Bump::new();
        for (text, want) in [
            (&b"/tmp/a b"[..], "/tmp/a b"),
            ("/tmp/Grüße/日本".as_bytes(), "/tmp/Grüße/日本"),
            (b"a\x01\x7fb\n", "a\x01\x7fb\n"),
            (b"a\xff\xc3", "a\u{fffd}\u{fffd}"),
            ("a\u{85}b\u{fdd0}\u{1ffff}".as_bytes(), "a\u{85}b\u{fdd0}\u{1ffff}"),
        ] {
            let mut out = Text::new(&bump);
            out.push_text(text);
            assert_eq!(std::str::from_utf8(out.as_bytes()), Ok(want));
        }
    }

    #[test]
    fn numbers_are_written_as_the_formatter_writes_them() {
        let bump = Bump::new();
        for n in (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1, u64::MAX >> bit]) {
            let mut out = Text::new(&bump);
            out.octal(n);
            out.push(b" ");
            out.int(n as i64);
            out.push(b" ");
            out.digits::<3>((n % 1000) as u32);
            let octal = if n == 0 { String::new() } else { format!("{n:o}") };
            let want = format!("0{octal} {} {:03}", n as i64, n % 1000);
            assert_eq!(std::str::from_utf8(out.as_bytes()), Ok(&*want));
        }
    }
}
