//! Texts in JSON.

use eyas_fields::{write_escape, write_text};

/// Number of bytes checked in one step; the compiler vectorizes the step.
const STEP: usize = 32;

/// Whether a byte needs no escape in a JSON string.
#[inline]
const fn is_harmless(byte: u8) -> bool {
    (byte.wrapping_sub(0x20) < 0x5f) & (byte != b'"') & (byte != b'\\')
}

/// Length of the longest prefix of the text that needs no escape.
#[inline]
fn harmless(text: &[u8]) -> usize {
    let (steps, _) = text.as_chunks::<STEP>();
    let whole =
        steps.iter().take_while(|step| step.iter().fold(true, |all, b| all & is_harmless(*b))).count();
    let rest = &text[whole * STEP..];
    whole * STEP + rest.iter().position(|b| !is_harmless(*b)).unwrap_or(rest.len())
}

/// Appends text to a JSON string: escapes unprintable characters, and replaces bytes that are not UTF-8 by
/// U+FFFD.
#[inline]
pub(crate) fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let len = harmless(text);
    out.extend_from_slice(&text[..len]);
    if len < text.len() {
        escape_from(out, &text[len..]);
    }
}

/// Escapes the text that was appended since `start` for a JSON string.
pub(crate) fn escape_tail(out: &mut Vec<u8>, start: usize) {
    let harmless = start + harmless(&out[start..]);
    if harmless < out.len() {
        let text = out.split_off(harmless);
        escape_from(out, &text);
    }
}

/// [`escape`] for a text whose first byte needs an escape.
fn escape_from(out: &mut Vec<u8>, mut rest: &[u8]) {
    while let Some(first) = rest.first() {
        match first {
            b'"' | b'\\' | 0..0x20 | 0x7f => {
                write_escape(out, char::from(*first));
                rest = &rest[1..];
            }
            _ => {
                let end = rest.iter().position(u8::is_ascii).unwrap_or(rest.len());
                write_text(out, &rest[..end]);
                rest = &rest[end..];
            }
        }
        let len = harmless(rest);
        out.extend_from_slice(&rest[..len]);
        rest = &rest[len..];
    }
}

/// Appends a text from a file to a JSON string; control characters become escapes.
pub(crate) fn escape_written(out: &mut Vec<u8>, text: &str) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !matches!(byte, b'"' | b'\\' | 0..0x20) {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        write_escape(out, char::from(byte));
        plain = at + 1;
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
}

/// Appends a text from a file as a JSON string, with quotes.
pub(crate) fn quoted(out: &mut String, text: &str) {
    let mut escaped = Vec::with_capacity(text.len());
    escape_written(&mut escaped, text);
    out.push('"');
    out.push_str(&String::from_utf8_lossy(&escaped));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Escapes one character at a time, following JSON's rules.
    fn plainly(text: &[u8]) -> Vec<u8> {
        let mut out = String::new();
        for chunk in text.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => out.extend(['\\', c]),
                    '\n' => out.push_str("\\n"),
                    '\t' => out.push_str("\\t"),
                    '\r' => out.push_str("\\r"),
                    '\u{8}' => out.push_str("\\b"),
                    '\u{c}' => out.push_str("\\f"),
                    c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
                    c => out.push(c),
                }
            }
            if !chunk.invalid().is_empty() {
                out.push('\u{fffd}');
            }
        }
        out.into_bytes()
    }

    #[test]
    fn control_characters_are_escaped_and_other_bytes_replaced() {
        let mut out = Vec::new();
        escape(&mut out, b"a\"b\\c\nd\xffe\xc3\xa9");
        assert_eq!(String::from_utf8(out).unwrap(), "a\\\"b\\\\c\\nd\u{fffd}e\u{e9}");
    }

    #[test]
    fn texts_of_files_keep_characters_that_json_allows() {
        let mut out = String::new();
        quoted(&mut out, "a\t\"b\\\n\u{1}\u{7f}é");
        assert_eq!(out, "\"a\\t\\\"b\\\\\\n\\u0001\u{7f}é\"");
    }

    #[test]
    fn every_byte_is_escaped_at_every_position() {
        for byte in 0..=255u8 {
            for (before, after) in [(0, 0), (5, 40), (31, 1), (32, 32), (63, 64), (100, 3)] {
                for pair in [vec![byte], vec![byte, 0xa9], vec![0xc3, byte], vec![byte, b'"']] {
                    let text = [&vec![b'x'; before][..], &pair, &vec![b'~'; after]].concat();
                    let (mut direct, mut tail) = (b"kept\n".to_vec(), b"kept\n".to_vec());
                    escape(&mut direct, &text);
                    tail.extend_from_slice(&text);
                    escape_tail(&mut tail, 5);
                    assert_eq!(direct, [&b"kept\n"[..], &plainly(&text)].concat(), "{text:?}");
                    assert_eq!(direct, tail, "{text:?}");
                }
            }
        }
    }
}
