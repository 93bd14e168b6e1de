//! Numbers with units.

use std::io::Write;

use eyas::fields::{Value, write_text};

use serde_json::Value as Json;

use super::model::Unit;

/// The unit with this name in templates.
pub fn by_name(name: &str) -> Option<Unit> {
    Some(match name {
        "text" => Unit::Text,
        "bytes" => Unit::Bytes,
        "kib" => Unit::Kib,
        "time" => Unit::Time,
        "ms" => Unit::Ms,
        "seconds" => Unit::Seconds,
        "raw" => Unit::Raw,
        "letter" => Unit::Letter,
        "verb" => Unit::Verb,
        "way" => Unit::Way,
        "stack" => Unit::Stack,
        "indent" => Unit::Indent,
        _ => return None,
    })
}

/// Converts a value to a number.
pub fn number(value: &Value<'_>) -> Option<f64> {
    match *value {
        Value::Int(n) => Some(n as f64),
        Value::Uint(n) => Some(n as f64),
        Value::Double(n) => Some(n),
        Value::Bool(truth) => Some(f64::from(u8::from(truth))),
        _ => None,
    }
}

/// Converts a value to JSON: numbers and booleans as such, others as text.
pub fn json(value: &Value<'_>) -> Json {
    match value {
        Value::Bool(truth) => (*truth).into(),
        Value::Int(n) => (*n).into(),
        Value::Uint(n) => (*n).into(),
        Value::Double(n) => (*n).into(),
        Value::Str(text) | Value::Bytes(text) => String::from_utf8_lossy(text).into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Ip(ip) => ip.to_string().into(),
        Value::Net(net) => net.to_string().into(),
    }
}

/// Prints JSON on one line. Characters that are not printable are escaped, as in the lines of events: some terminals obey C1
/// controls, and some characters change the direction of text.
pub fn print_json(out: &mut dyn Write, json: &Json) -> std::io::Result<()> {
    let mut line = Vec::new();
    write_text(&mut line, json.to_string().as_bytes());
    line.push(b'\n');
    out.write_all(&line)
}

/// Appends a value in this unit. Returns `false` if the value does not support the unit.
pub fn write_value(out: &mut Vec<u8>, unit: Unit, value: &Value<'_>) -> bool {
    match (unit, value) {
        (Unit::Letter | Unit::Verb | Unit::Way, Value::Str(direction)) => {
            let words: [&[u8]; 2] = match unit {
                Unit::Letter => [b"R", b"W"],
                Unit::Verb => [b"Read", b"Write"],
                _ => [b"from", b"to"],
            };
            out.extend_from_slice(words[usize::from(*direction != b"read")]);
        }
        (Unit::Stack, Value::List(items)) => {
            for (at, item) in items.iter().rev().enumerate() {
                if at > 0 {
                    out.push(b';');
                }
                let name = item.as_bytes().unwrap_or_default();
                out.extend(name.iter().map(|byte| if *byte == b';' { b':' } else { *byte }));
            }
        }
        (Unit::Stack, Value::Str(name)) => out.extend_from_slice(name),
        (unit, value) => match number(value) {
            Some(n) => write_number(out, unit, n, 0),
            None => return false,
        },
    }
    true
}

/// Appends a number in this unit. `elapsed` is the duration of the interval, ns.
pub fn write_number(out: &mut Vec<u8>, unit: Unit, n: f64, elapsed: u64) {
    // Writing to a vector cannot fail.
    let _ = match unit {
        Unit::Bytes => bytes(out, n),
        Unit::Kib => bytes(out, n * 1024.0),
        Unit::Time => time(out, n.max(0.0) as u64),
        Unit::Ms => write!(out, "{}", n / 1e6),
        Unit::Seconds => write!(out, "{}.{:09}", n as u64 / 1_000_000_000, n as u64 % 1_000_000_000),
        Unit::Share => write!(out, "{:.2}%", if elapsed == 0 { 0.0 } else { n / elapsed as f64 * 100.0 }),
        Unit::Indent => {
            out.extend(std::iter::repeat_n(b' ', 3 * (n.clamp(1.0, 40.0) as usize - 1)));
            Ok(())
        }
        _ if n.fract() == 0.0 => write!(out, "{}", n as i128),
        _ => write!(out, "{n:.2}"),
    };
}

fn bytes(out: &mut Vec<u8>, n: f64) -> std::io::Result<()> {
    const UNITS: [(&str, u32); 5] = [("P", 50), ("T", 40), ("G", 30), ("M", 20), ("KB", 10)];
    for (name, power) in UNITS {
        let unit = (1_u64 << power) as f64;
        if n > unit {
            return write!(out, "{:.2}{name}", n / unit);
        }
    }
    write!(out, "{}B", n as i64)
}

/// For ns: three digits, or two decimals.
fn time(out: &mut Vec<u8>, ns: u64) -> std::io::Result<()> {
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")] {
        let (whole, hundredths) = (ns / unit, ns % unit * 100 / unit);
        match whole {
            0 => continue,
            10.. if unit < 1_000_000_000 => return write!(out, "{whole}{name}"),
            _ => return write!(out, "{whole}.{hundredths:02}{name}"),
        }
    }
    write!(out, "{ns}ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(unit: Unit, n: f64) -> String {
        let mut out = Vec::new();
        write_number(&mut out, unit, n, 200);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_a_line_of_printable_characters() {
        let name = "a\u{202e}\u{7f}\u{9b}\n\"\\é\u{1b}";
        let mut out = Vec::new();
        print_json(&mut out, &serde_json::json!({ "fd.name": name })).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "{\"fd.name\":\"a\\u202e\\u007f\\u009b\\n\\\"\\\\é\\u001b\"}\n");
        let read: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(read["fd.name"], name);
    }

    #[test]
    fn numbers_have_the_forms_of_sysdig() {
        for (unit, n, want) in [
            (Unit::Bytes, 1024.0, "1024B"),
            (Unit::Bytes, 72_294.4, "70.60KB"),
            (Unit::Bytes, 4.3e6, "4.10M"),
            (Unit::Kib, 740.0, "740.00KB"),
            (Unit::Time, 22.03e9, "22.03s"),
            (Unit::Time, 696.9e6, "696ms"),
            (Unit::Time, 1.5e3, "1.50us"),
            (Unit::Time, 7.0, "7ns"),
            (Unit::Ms, 1_000_150_885.0, "1000.150885"),
            (Unit::Seconds, 5_003_713_179.0, "5.003713179"),
            (Unit::Share, 50.0, "25.00%"),
            (Unit::Text, 12_881.0, "12881"),
            (Unit::Text, 2.5, "2.50"),
            (Unit::Indent, 3.0, "      "),
        ] {
            assert_eq!(text(unit, n), want, "{n}");
        }
    }
}
