//! `b64`.

use eyas_fields::{FieldType, Value};

use super::super::example::{example, text};
use super::super::interpret::val::each as plain_each;
use super::super::operand_value::each;
use super::super::transformer::{Returns, Takes, Transformer};

pub(super) static ROW: Transformer = Transformer {
    name: "b64",
    arguments: "text",
    doc: "the decoded base64; no value if the text is not base64",
    examples: &[
        example("b64(proc.name) = bash", &[("proc.name", text("YmFzaA=="))], true),
        example("b64(proc.name) = bash", &[("proc.name", text("bash!"))], false),
        example("b64(evt.buffer) = \"a\\x00b\"", &[("evt.buffer", Some(Value::Bytes(b"YQBi")))], true),
    ],
    takes: Takes::One { bytes: true, lists: false },
    returns: Returns::SameAsArgument,
    takes_letter: false,
    evaluate: |mut arguments, call| {
        let is_text = call.ty == FieldType::Str;
        each(arguments.pop()?, &|text| {
            let mut text = decode(text)?;
            // A text ends at its first NUL, even if more bytes follow.
            if is_text {
                text.truncate(text.iter().position(|b| *b == 0).unwrap_or(text.len()));
            }
            Some(text)
        })
    },
    plain: |arguments, call| {
        plain_each(arguments, &|text| {
            let bytes = plain_base64(text)?.into_iter();
            Some(bytes.take_while(|b| call.ty != FieldType::Str || *b != 0).collect())
        })
    },
};

/// Decodes base64 with or without padding. The remaining bits must be zeros, as an encoder writes them.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut bits = 0_u32;
        for i in 0..4 {
            let digit = match chunk.get(i) {
                Some(b @ b'A'..=b'Z') => b - b'A',
                Some(b @ b'a'..=b'z') => b - b'a' + 26,
                Some(b @ b'0'..=b'9') => b - b'0' + 52,
                Some(b'+') => 62,
                Some(b'/') => 63,
                None => 0,
                Some(_) => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        let bytes = bits.to_be_bytes();
        if chunk.len() < 4 && bytes[chunk.len()] != 0 {
            return None;
        }
        out.extend_from_slice(&bytes[1..chunk.len()]);
    }
    Some(out)
}

/// Six bits a letter, the bits that fill no byte dropped.
fn plain_base64(text: &[u8]) -> Option<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padding = text.iter().rev().take(2).take_while(|b| **b == b'=').count();
    let letters = &text[..text.len() - padding];
    if letters.len() % 4 == 1 {
        return None;
    }
    let mut bits = String::new();
    for letter in letters {
        let six = LETTERS.iter().position(|l| l == letter)?;
        bits.push_str(&format!("{six:06b}"));
    }
    if bits[bits.len() / 8 * 8..].contains('1') {
        return None;
    }
    (0..bits.len() / 8).map(|i| u8::from_str_radix(&bits[8 * i..8 * i + 8], 2).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_needs_no_padding() {
        assert_eq!(decode(b"aGVsbG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode(b"aGVsbG8").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode(b"a"), None);
        assert_eq!(decode(b"a!b="), None);
        assert_eq!(decode(b"aGVsbG9"), None);
        assert_eq!(decode(b"aG"), None);
    }
}
