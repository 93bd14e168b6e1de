//! Values as text, the way outputs print them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::{FieldDef, FieldFlags, FieldType, Format, Value};

/// Appends `value`, a value of the field `def`, as outputs print it.
///
/// Texts are appended as [`write_text`] does, so that a line stays one line. The values of a list field are written `(a,b)`, those of a field
/// with [`FieldFlags::ANY`] with blanks between them. Raw bytes that are not printable ASCII become `.`.
pub fn write_value(out: &mut Vec<u8>, value: &Value<'_>, def: &FieldDef) {
    write_value_with(out, value, def, write_text);
}

/// Like [`write_value`], with texts written by `text`.
pub fn write_value_with(
    out: &mut Vec<u8>,
    value: &Value<'_>,
    def: &FieldDef,
    write_text: fn(&mut Vec<u8>, &[u8]),
) {
    match value {
        Value::List(items) => {
            let any = def.flags.contains(FieldFlags::ANY);
            let (open, comma, close): (&[u8], u8, &[u8]) =
                if any { (b"", b' ', b"") } else { (b"(", b',', b")") };
            out.extend_from_slice(open);
            let start = out.len();
            for (i, item) in items.iter().enumerate() {
                // Blanks separate the shown values; leading empty texts have none.
                if if any { out.len() > start } else { i > 0 } {
                    out.push(comma);
                }
                // A list of lists does not exist: the element is a scalar, so this recurses once.
                if !matches!(item, Value::List(_)) {
                    write_value_with(out, item, def, write_text);
                }
            }
            out.extend_from_slice(close);
        }
        Value::Str(text) => write_text(out, text),
        Value::Bytes(bytes) => out.extend(bytes.iter().map(|b| printable(*b))),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Int(n) => write_int(out, *n, def.format, bits(def.ty)),
        Value::Uint(n) => write_uint(out, *n, def.format),
        Value::Double(n) => print(out, format_args!("{n:.1}")),
        Value::Ip(ip) => print(out, format_args!("{ip}")),
        Value::Net(net) => print(out, format_args!("{net}")),
    }
}

/// Appends a text so that a line stays one line: unprintable characters become escapes ([`write_escape`]),
/// and bytes that are not UTF-8 become U+FFFD.
pub fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    // Most texts are plain, so many bytes are checked at once.
    const STEP: usize = 16;
    let is_plain = |bytes: &[u8]| bytes.iter().fold(true, |all, b| all & (printable(*b) == *b));
    let plain = STEP * text.chunks_exact(STEP).take_while(|step| is_plain(step)).count();
    let (plain, rest) = if is_plain(&text[plain..]) { (text, &[][..]) } else { text.split_at(plain) };
    out.extend_from_slice(plain);
    for chunk in rest.utf8_chunks() {
        for c in chunk.valid().chars() {
            match is_shown(c) {
                true => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                false => write_escape(out, c),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// A path for a message, in one line: characters are escaped as by [`write_text`], and bytes that are not UTF-8 become `\xff`. So two
/// paths with different bytes look different.
pub fn path_text(path: &[u8]) -> String {
    let mut out = Vec::new();
    for part in path.utf8_chunks() {
        write_text(&mut out, part.valid().as_bytes());
        out.extend(part.invalid().escape_ascii());
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends a character as JSON escapes it: `\\n`, `\\t` and the like, else `\\u` and four hexadecimal digits, twice where
/// UTF-16 needs two units.
pub fn write_escape(out: &mut Vec<u8>, c: char) {
    let short = match c {
        '"' => b'"',
        '\\' => b'\\',
        '\u{8}' => b'b',
        '\t' => b't',
        '\n' => b'n',
        '\u{c}' => b'f',
        '\r' => b'r',
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                print(out, format_args!("\\u{unit:04x}"));
            }
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends a signed number; `bits` is the width of a negative number in hexadecimal and octal.
pub fn write_int(out: &mut Vec<u8>, n: i64, format: Format, bits: u8) {
    match format {
        Format::Hex | Format::Oct => {
            let mask = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
            write_uint(out, n as u64 & mask, format);
        }
        Format::PaddedDec => print(out, format_args!("{n:09}")),
        Format::Na | Format::Dec | Format::Id => {
            if n < 0 {
                out.push(b'-');
            }
            push_decimal(out, n.unsigned_abs());
        }
    }
}

/// Appends an unsigned number.
pub fn write_uint(out: &mut Vec<u8>, n: u64, format: Format) {
    match format {
        Format::Hex => print(out, format_args!("{n:X}")),
        Format::Oct if n == 0 => out.push(b'0'),
        Format::Oct => print(out, format_args!("0{n:o}")),
        Format::PaddedDec => print(out, format_args!("{n:09}")),
        Format::Na | Format::Dec | Format::Id => push_decimal(out, n),
    }
}

/// The byte, or `.` if it is not printable ASCII.
pub fn printable(byte: u8) -> u8 {
    if (0x20..0x7f).contains(&byte) { byte } else { b'.' }
}

/// Whether a character is printable: no control character, no character that changes the direction of text,
/// and no noncharacter of Unicode.
pub fn is_shown(c: char) -> bool {
    let code = u32::from(c);
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns && !(0xfdd0..=0xfdef).contains(&code) && code & 0xfffe != 0xfffe
}

fn bits(ty: FieldType) -> u8 {
    match ty {
        FieldType::Int { bits } | FieldType::Uint { bits } => bits,
        _ => 64,
    }
}

fn push_decimal(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

fn print(out: &mut Vec<u8>, args: fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = Out(out).write_fmt(args);
}

/// Appends formatted text to the vector.
pub(crate) struct Out<'a>(pub(crate) &'a mut Vec<u8>);

impl Write for Out<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0.extend_from_slice(s.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArgKind, Scope};

    fn text(value: Value<'_>, ty: FieldType, format: Format, flags: FieldFlags) -> String {
        let def =
            FieldDef { name: "t.t", ty, arg: ArgKind::None, scope: Scope::Event, format, flags, doc: "" };
        let mut out = Vec::new();
        write_value(&mut out, &value, &def);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_have_no_line_breaks() {
        let text = |text: &[u8]| {
            let mut out = Vec::new();
            write_text(&mut out, text);
            String::from_utf8(out).unwrap()
        };
        let plain = "plain, and long enough for more than one step";
        assert_eq!(text(plain.as_bytes()), plain);
        assert_eq!(text("café 🦅".as_bytes()), "café 🦅");
        assert_eq!(text(b"a\nb\tc\x7f"), "a\\nb\\tc\\u007f");
        assert_eq!(text(b"this is more than one step\xff\xc3"), "this is more than one step\u{fffd}\u{fffd}");
        assert_eq!(text("\u{85}\u{fdd0}\u{1ffff}".as_bytes()), "\\u0085\\ufdd0\\ud83f\\udfff");
        assert_eq!(text("a\u{202e}b".as_bytes()), "a\\u202eb");
        assert_eq!(text(b""), "");
    }

    #[test]
    fn messages_show_every_byte_of_a_path() {
        for (path, shown) in [
            (&b"/tmp/a b"[..], "/tmp/a b"),
            ("/tmp/\u{fc}".as_bytes(), "/tmp/\u{fc}"),
            (b"b\xff\xfed", r"b\xff\xfed"),
            (b"two\nlines \x1b[2J", r"two\nlines \u001b[2J"),
        ] {
            assert_eq!(path_text(path), shown);
        }
    }

    #[test]
    fn numbers_follow_their_format() {
        let int = FieldType::Int { bits: 32 };
        let none = FieldFlags::NONE;
        assert_eq!(
            text(Value::Int(i64::MIN), FieldType::Int { bits: 64 }, Format::Dec, none),
            "-9223372036854775808"
        );
        assert_eq!(text(Value::Int(-1), int, Format::Hex, none), "FFFFFFFF");
        assert_eq!(text(Value::Int(0xfe00), int, Format::Hex, none), "FE00");
        assert_eq!(text(Value::Uint(7), FieldType::RelTime, Format::PaddedDec, none), "000000007");
        assert_eq!(text(Value::Uint(0o644), FieldType::Uint { bits: 32 }, Format::Oct, none), "0644");
        assert_eq!(text(Value::Double(12.34), FieldType::Double, Format::Na, none), "12.3");
    }

    #[test]
    fn lists_are_bracketed_and_any_values_are_not() {
        let items = [Value::from("a"), Value::from("b")];
        let list = Value::List(&items);
        assert_eq!(text(list, FieldType::Str, Format::Na, FieldFlags::LIST), "(a,b)");
        assert_eq!(text(list, FieldType::Str, Format::Na, FieldFlags::ANY), "a b");
        assert_eq!(text(Value::Bytes(b"a\n\xff"), FieldType::Bytes, Format::Na, FieldFlags::NONE), "a..");
    }
}
