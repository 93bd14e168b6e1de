//! The bytes of I/O buffers as text.

use alloc::vec::Vec;
use core::fmt::Write;

use crate::text::{Out, printable};

/// Format in which outputs show the bytes of I/O buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BufferFormat {
    /// Printable ASCII; every other byte is a dot.
    #[default]
    Dots,
    /// A line feed, then printable ASCII with its line breaks; other bytes are left out.
    Text,
    /// Base64, with padding.
    Base64,
    /// A dump in hexadecimal: 16 bytes in a line, which begins with their offset.
    Hex,
    /// The same dump with printable ASCII beside it.
    HexText,
}

/// Number of bytes in a line of a dump.
const LINE: usize = 16;
/// Width of 16 bytes in hexadecimal, in groups of two bytes.
const HEX_WIDTH: usize = LINE / 2 * 5;

impl BufferFormat {
    /// Whether the text may have several lines.
    pub const fn is_multiline(self) -> bool {
        matches!(self, Self::Text | Self::Hex | Self::HexText)
    }

    /// Appends `bytes` in this format to `out`.
    pub fn write(self, out: &mut Vec<u8>, bytes: &[u8]) {
        match self {
            Self::Dots => out.extend(bytes.iter().map(|byte| printable(*byte))),
            Self::Text => text(out, bytes),
            Self::Base64 => base64(out, bytes),
            Self::Hex => dump(out, bytes, false),
            Self::HexText => dump(out, bytes, true),
        }
    }
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'\n');
    let mut last = 0;
    for &byte in bytes {
        match byte {
            b'\r' => out.push(b'\n'),
            b'\n' if last == b'\r' => {}
            b'\n' | 0x20..0x7f => out.push(byte),
            _ => {}
        }
        last = byte;
    }
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= group.len() { digit } else { b'=' });
        }
    }
}

fn dump(out: &mut Vec<u8>, bytes: &[u8], with_text: bool) {
    out.push(b'\n');
    for (number, line) in bytes.chunks(LINE).enumerate() {
        // Writing to a vector cannot fail.
        let _ = write!(Out(out), "\t0x{:04x}:", number * LINE);
        let start = out.len();
        for (at, byte) in line.iter().enumerate() {
            let gap = if at % 2 == 0 { " " } else { "" };
            let _ = write!(Out(out), "{gap}{byte:02x}");
        }
        if with_text {
            out.resize(start + HEX_WIDTH, b' ');
            out.extend_from_slice(b"  ");
            out.extend(line.iter().map(|byte| printable(*byte)));
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn written(format: BufferFormat, bytes: &[u8]) -> String {
        let mut out = Vec::new();
        format.write(&mut out, bytes);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn buffers_are_written_as_sysdig_does() {
        let bytes = b"GET / HTTP/1.1\r\n\x00\xffa\n";
        assert_eq!(written(BufferFormat::Dots, bytes), "GET / HTTP/1.1....a.");
        assert_eq!(written(BufferFormat::Text, bytes), "\nGET / HTTP/1.1\na\n");
        assert_eq!(written(BufferFormat::Hex, b"bar"), "\n\t0x0000: 6261 72\n");
        let expected = "\n\t0x0000: 4745 5420 2f20 4854 5450 2f31 2e31 0d0a  GET / HTTP/1.1..\n\
            \t0x0010: 00ff 610a                                ..a.\n";
        assert_eq!(written(BufferFormat::HexText, bytes), expected);
        assert_eq!(written(BufferFormat::Hex, b""), "\n");
    }

    #[test]
    fn base64_is_padded() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"\xff\xfe\xfd\xfc", "//79/A=="),
        ] {
            assert_eq!(written(BufferFormat::Base64, bytes), text);
        }
    }
}
