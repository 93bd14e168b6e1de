//! Decodes the bytes of a file: the encodings that yaml-cpp supports, and invalid bytes.

use std::borrow::Cow;

/// A file's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text, without a byte order mark.
    pub text: Cow<'a, str>,
    /// Offsets in `text` of bytes that were not UTF-8, ascending. Such a byte was read as Latin-1, so it
    /// takes one more byte in `text`.
    pub foreign: Vec<u32>,
}

impl<'a> From<&'a str> for Decoded<'a> {
    fn from(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text: Cow::Borrowed(text), foreign: Vec::new() }
    }
}

/// Decodes UTF-8, UTF-16 or UTF-32 of either byte order. Detects the encoding from the byte order mark or
/// the first characters.
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    match bytes {
        [0, 0, 0xfe, 0xff, rest @ ..] => utf32(rest, u32::from_be_bytes),
        [0xff, 0xfe, 0, 0, rest @ ..] => utf32(rest, u32::from_le_bytes),
        [0, 0, 0, ..] => utf32(bytes, u32::from_be_bytes),
        [1..0x80, 0, 0, 0, ..] => utf32(bytes, u32::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0, 1..0x80, ..] => utf16(bytes, u16::from_be_bytes),
        [1..0x80, 0, ..] => utf16(bytes, u16::from_le_bytes),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => mixed(bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes)),
        },
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Decoded<'_> {
    let (units, _) = bytes.as_chunks();
    let text = char::decode_utf16(units.iter().map(|bytes| unit(*bytes)));
    owned(text.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> Decoded<'_> {
    let (units, _) = bytes.as_chunks();
    let text = units.iter().map(|bytes| char::from_u32(unit(*bytes)));
    owned(text.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

fn owned<'a>(text: String) -> Decoded<'a> {
    Decoded { text: Cow::Owned(text), foreign: Vec::new() }
}

fn mixed<'a>(bytes: &[u8]) -> Decoded<'a> {
    let (mut text, mut foreign) = (String::with_capacity(bytes.len() + 64), Vec::new());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            foreign.push(text.len() as u32);
            text.push(char::from(*byte));
        }
    }
    Decoded { text: Cow::Owned(text), foreign }
}
