//! What people get of a match, as Falco writes it.

use std::io::Write;

use eyas_fields::{Field, FieldSource, Schema, Value};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::engine::Rule;

/// How alerts are written.
#[derive(Clone, Debug)]
pub struct AlertOptions {
    /// `hostname` of the JSON.
    pub hostname: String,
    /// Times in UTC and ISO 8601 instead of the local time of day.
    pub time_iso_8601: bool,
    /// `output` in the JSON: the text with time and priority.
    pub json_output: bool,
    /// `message` in the JSON: the text alone.
    pub json_message: bool,
    /// `output_fields` in the JSON.
    pub json_fields: bool,
    /// `tags` in the JSON.
    pub json_tags: bool,
    /// Time zone of local times.
    pub zone: TimeZone,
}

impl Default for AlertOptions {
    fn default() -> Self {
        Self {
            hostname: String::new(),
            time_iso_8601: false,
            json_output: true,
            json_message: false,
            json_fields: true,
            json_tags: true,
            zone: TimeZone::system(),
        }
    }
}

/// A match about to be written.
pub struct Alert<'a> {
    rule: &'a Rule,
    schema: &'a dyn Schema,
    event: &'a dyn FieldSource,
    options: &'a AlertOptions,
    ts: u64,
}

impl std::fmt::Debug for Alert<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alert").field("rule", &self.rule.name).field("ts", &self.ts).finish_non_exhaustive()
    }
}

impl<'a> Alert<'a> {
    pub(crate) fn new(
        rule: &'a Rule,
        schema: &'a dyn Schema,
        event: &'a dyn FieldSource,
        options: &'a AlertOptions,
    ) -> Self {
        let ts = event.timestamp().unwrap_or_else(|| {
            let now = Timestamp::now().as_nanosecond();
            u64::try_from(now).unwrap_or(0)
        });
        Self { rule, schema, event, options, ts }
    }

    /// The alert as one line of text, without its end.
    pub fn to_text(&self) -> String {
        let mut out = Vec::new();
        self.write_text(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The alert as one line of JSON, without its end.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.write_json(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends what [`Alert::to_text`] answers.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        let mut plain = Vec::with_capacity(512);
        self.plain(&mut plain);
        escape(out, &plain);
    }

    /// Time, priority and the rule's output.
    fn plain(&self, out: &mut Vec<u8>) {
        self.time(out);
        out.extend_from_slice(if self.options.time_iso_8601 { b"+0000: " } else { b": " });
        out.extend_from_slice(self.rule.priority.name().as_bytes());
        out.push(b' ');
        self.rule.format.write(out, self.event, self.schema);
    }

    fn time(&self, out: &mut Vec<u8>) {
        if self.options.time_iso_8601 {
            write_utc(out, self.ts);
            return;
        }
        let seconds = (self.ts / 1_000_000_000) as i64;
        let offset =
            Timestamp::from_second(seconds).map(|t| self.options.zone.to_offset(t).seconds()).unwrap_or(0);
        let day = (seconds + i64::from(offset)).rem_euclid(86_400) as u64;
        clock(out, day, self.ts % 1_000_000_000);
    }

    /// Appends what [`Alert::to_json`] answers.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let options = self.options;
        out.extend_from_slice(b"{\"hostname\":\"");
        escape(out, options.hostname.as_bytes());
        let mut text = Vec::with_capacity(512);
        if options.json_message {
            self.rule.format.write(&mut text, self.event, self.schema);
            out.extend_from_slice(b"\",\"message\":\"");
            escape(out, &text);
            text.clear();
        }
        if options.json_output {
            self.plain(&mut text);
            out.extend_from_slice(b"\",\"output\":\"");
            escape(out, &text);
        }
        out.push(b'"');
        if options.json_fields {
            out.extend_from_slice(b",\"output_fields\":{");
            self.write_fields(out);
            out.push(b'}');
        }
        out.extend_from_slice(b",\"priority\":\"");
        out.extend_from_slice(self.rule.priority.name().as_bytes());
        out.extend_from_slice(b"\",\"rule\":\"");
        escape(out, self.rule.name.as_bytes());
        out.extend_from_slice(b"\",\"source\":\"");
        escape(out, self.rule.source.as_bytes());
        out.push(b'"');
        if options.json_tags {
            out.extend_from_slice(b",\"tags\":[");
            for (i, tag) in self.rule.tags.iter().enumerate() {
                out.extend_from_slice(if i == 0 { b"\"" } else { b",\"" });
                escape(out, tag.as_bytes());
                out.push(b'"');
            }
            out.push(b']');
        }
        out.extend_from_slice(b",\"time\":\"");
        write_utc(out, self.ts);
        out.extend_from_slice(b"Z\"}");
    }

    /// The fields of the output, and the time among them, sorted by key.
    fn write_fields(&self, out: &mut Vec<u8>) {
        let time_key = if self.options.time_iso_8601 { "evt.time.iso8601" } else { "evt.time" };
        let mut time_written = false;
        let mut first = true;
        let ts = self.ts;
        let mut begin = |out: &mut Vec<u8>, key: &str| {
            out.extend_from_slice(if first { b"\"" } else { b",\"" });
            first = false;
            escape(out, key.as_bytes());
            out.extend_from_slice(b"\":");
        };
        let write_time = |out: &mut Vec<u8>| {
            let _ = write!(out, "{ts}");
        };
        self.rule.format.fields(self.event, self.schema, &mut |key, field, text| {
            if !time_written && key >= time_key {
                begin(out, time_key);
                write_time(out);
                time_written = true;
            }
            if key == time_key {
                return;
            }
            begin(out, key);
            match field {
                Some((field, value)) => write_json_value(out, field, value, self.schema),
                None => {
                    out.push(b'"');
                    escape(out, text);
                    out.push(b'"');
                }
            }
        });
        if !time_written {
            begin(out, time_key);
            write_time(out);
        }
    }
}

/// Numbers and truth values as such, everything else as text, absence as null.
fn write_json_value(out: &mut Vec<u8>, field: &Field, value: Option<Value<'_>>, schema: &dyn Schema) {
    match value {
        None => out.extend_from_slice(b"null"),
        Some(Value::Bool(b)) => out.extend_from_slice(if b { b"true" } else { b"false" }),
        // Writing to a Vec cannot fail.
        Some(Value::Int(n)) => drop(write!(out, "{n}")),
        Some(Value::Uint(n)) => drop(write!(out, "{n}")),
        Some(Value::Str(text)) => {
            out.push(b'"');
            escape(out, text);
            out.push(b'"');
        }
        Some(value) => {
            let mut text = Vec::new();
            eyas_fields::write_value(&mut text, &value, schema.def(field.id));
            out.push(b'"');
            escape(out, &text);
            out.push(b'"');
        }
    }
}

/// `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn` in UTC.
fn write_utc(out: &mut Vec<u8>, ts: u64) {
    let (seconds, nanos) = (ts / 1_000_000_000, ts % 1_000_000_000);
    let (days, day) = ((seconds / 86_400) as i64, seconds % 86_400);
    // Civil date from days since 1970-03-01 in years that begin in March.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    digits(out, year as u64, 4);
    out.push(b'-');
    digits(out, month as u64, 2);
    out.push(b'-');
    digits(out, date as u64, 2);
    out.push(b'T');
    clock(out, day, nanos);
}

/// `HH:MM:SS.nnnnnnnnn`
fn clock(out: &mut Vec<u8>, second_of_day: u64, nanos: u64) {
    digits(out, second_of_day / 3600, 2);
    out.push(b':');
    digits(out, second_of_day / 60 % 60, 2);
    out.push(b':');
    digits(out, second_of_day % 60, 2);
    out.push(b'.');
    digits(out, nanos, 9);
}

fn digits(out: &mut Vec<u8>, mut n: u64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for slot in out[start..].iter_mut().rev() {
        *slot = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

/// Whether the byte stands for itself between the quotes of JSON.
fn is_plain(byte: u8) -> bool {
    (0x20..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\'
}

/// Length of the longest start that needs no escape.
fn plain_len(text: &[u8]) -> usize {
    // Sixteen at a time, without a branch for each: compilers make vector instructions of it.
    let (chunks, _) = text.as_chunks::<16>();
    let all_plain = |chunk: &&[u8; 16]| chunk.iter().fold(true, |all, byte| all & is_plain(*byte));
    let done = 16 * chunks.iter().take_while(all_plain).count();
    done + text[done..].iter().take_while(|byte| is_plain(**byte)).count()
}

/// Appends text for between the quotes of JSON: control characters and what is not UTF-8 become U+FFFD.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    loop {
        let (plain, other) = rest.split_at(plain_len(rest));
        out.extend_from_slice(plain);
        let Some(first) = other.first() else { return };
        rest = match first {
            b'"' | b'\\' => {
                out.extend_from_slice(&[b'\\', *first]);
                &other[1..]
            }
            0..0x20 | 0x7f => {
                out.extend_from_slice("\u{fffd}".as_bytes());
                &other[1..]
            }
            _ => {
                let end = other.iter().position(u8::is_ascii).unwrap_or(other.len());
                for chunk in other[..end].utf8_chunks() {
                    out.extend_from_slice(chunk.valid().as_bytes());
                    if !chunk.invalid().is_empty() {
                        out.extend_from_slice("\u{fffd}".as_bytes());
                    }
                }
                &other[end..]
            }
        };
    }
}

/// Appends a text as JSON, with its quotes; line breaks are kept as escapes.
pub(crate) fn json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ts, want) in [
            (0, "1970-01-01T00:00:00.000000000"),
            (1_795_461_335_267_018_253, "2026-11-23T19:15:35.267018253"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001"),
        ] {
            let mut out = Vec::new();
            write_utc(&mut out, ts);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }

    #[test]
    fn what_json_cannot_hold_is_replaced() {
        let mut out = Vec::new();
        escape(&mut out, b"a\"b\\c\nd\xffe\xc3\xa9");
        assert_eq!(String::from_utf8(out).unwrap(), "a\\\"b\\\\c\u{fffd}d\u{fffd}e\u{e9}");
    }
}
