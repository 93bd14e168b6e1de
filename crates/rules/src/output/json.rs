//! Outputs in JSON: escaped texts, and fields as values.

use eyas_fields::{
    FieldDef, FieldFlags, FieldSource, Format as Number, Schema, Value, write_int, write_uint,
    write_value_with,
};

use super::{ABSENT, Format, Key, Part, Written, shown, write_made, write_raw};
use crate::json::{escape, escape_tail, escape_written};

impl Format {
    /// Appends the fields of the event's line as a JSON object, sorted by name. Returns `false` and appends
    /// nothing if the event has no line.
    pub fn write_object(&self, out: &mut Vec<u8>, event: &dyn FieldSource, schema: &dyn Schema) -> bool {
        let written = self.values(event, schema);
        if !self.has_line(&written, event) {
            return false;
        }
        out.push(b'{');
        for (index, (key, value)) in self.keys.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.write_key(out, key);
            self.write_json(out, value, &written, event, schema);
        }
        out.push(b'}');
        true
    }

    /// Like [`Format::write`], escaped for a JSON string.
    pub(crate) fn write_escaped(
        &self,
        out: &mut Vec<u8>,
        written: &mut Written<'_>,
        event: &dyn FieldSource,
        schema: &dyn Schema,
    ) {
        if !self.piecewise {
            // The bytes of adjacent values may form one character, so they are escaped together.
            for run in self.parts.chunk_by(|a, b| !a.is_text() && !b.is_text()) {
                let start = out.len();
                match run {
                    [Part::Text { escaped, .. }] => out.extend_from_slice(escaped),
                    values => {
                        self.write_parts(
                            values,
                            out,
                            &|field| written.values[field],
                            event,
                            schema,
                            write_raw,
                        );
                        escape_tail(out, start);
                    }
                }
            }
            return;
        }
        for part in &self.parts {
            let start = out.len();
            match part {
                Part::Text { escaped, .. } => out.extend_from_slice(escaped),
                Part::Field { field, .. } => {
                    match written.values[*field] {
                        Some(Value::Str(text)) => escape(out, text),
                        Some(value) => {
                            self.write_field(out, &value, schema.def(self.fields[*field].id), write_raw);
                            escape_tail(out, start);
                        }
                        None => out.extend_from_slice(ABSENT),
                    }
                    written.texts[*field] = Some((start, out.len()));
                }
                Part::Made { source, .. } => {
                    write_made(out, source, event, write_raw);
                    escape_tail(out, start);
                }
            }
        }
    }

    /// Appends `"key":value` of each key of `output_fields`, and the event's time as `time_key` among them.
    pub(crate) fn write_fields(
        &self,
        out: &mut Vec<u8>,
        written: &Written<'_>,
        event: &dyn FieldSource,
        schema: &dyn Schema,
        time_key: &str,
        write_time: &dyn Fn(&mut Vec<u8>),
    ) {
        let (before, mut after) =
            self.keys.split_at(self.keys.partition_point(|(key, _)| key.as_str() < time_key));
        if let Some(((key, _), rest)) = after.split_first()
            && key == time_key
        {
            after = rest;
        }
        for (key, value) in before {
            self.write_key(out, key);
            self.write_json(out, value, written, event, schema);
            out.push(b',');
        }
        self.write_key(out, time_key);
        write_time(out);
        for (key, value) in after {
            out.push(b',');
            self.write_key(out, key);
            self.write_json(out, value, written, event, schema);
        }
    }

    fn write_key(&self, out: &mut Vec<u8>, key: &str) {
        out.push(b'"');
        escape_written(out, key);
        out.extend_from_slice(b"\":");
    }

    /// Appends a field as [`write_json`] does, reusing its escaped text; appends a formatted value as a
    /// text.
    fn write_json(
        &self,
        out: &mut Vec<u8>,
        key: &Key,
        written: &Written<'_>,
        event: &dyn FieldSource,
        schema: &dyn Schema,
    ) {
        match key {
            Key::Field(field) => {
                let def = schema.def(self.fields[*field].id);
                let quoted = match written.values[*field] {
                    None | Some(Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_)) => None,
                    Some(Value::List(_)) if def.flags.contains(FieldFlags::LIST) => None,
                    Some(_) if def.flags.contains(FieldFlags::EVENT_TIME) => None,
                    Some(_) => written.texts[*field],
                };
                match quoted {
                    Some((start, end)) => {
                        out.push(b'"');
                        out.extend_from_within(start..end);
                        out.push(b'"');
                    }
                    None => match written.values[*field] {
                        Some(Value::Bytes(bytes)) => {
                            out.push(b'"');
                            let start = out.len();
                            self.buffers.write(out, bytes);
                            escape_tail(out, start);
                            out.push(b'"');
                        }
                        value => write_json(out, value.as_ref(), def, event),
                    },
                }
            }
            Key::Formatted(format) => {
                out.push(b'"');
                let start = out.len();
                let value = |field: usize| shown(event, &format.fields[field], schema);
                format.write_parts(&format.parts, out, &value, event, schema, write_raw);
                escape_tail(out, start);
                out.push(b'"');
            }
        }
    }
}

/// Appends decimal numbers and booleans as such, lists as arrays, the event's time as a number, absent
/// values as null, and everything else as text.
fn write_json(out: &mut Vec<u8>, value: Option<&Value<'_>>, def: &FieldDef, event: &dyn FieldSource) {
    let when = if def.flags.contains(FieldFlags::EVENT_TIME) { event.timestamp() } else { None };
    let is_decimal = !matches!(def.format, Number::Hex | Number::Oct);
    match (value, when) {
        (None, _) => out.extend_from_slice(b"null"),
        (_, Some(ts)) => write_uint(out, ts, Number::Dec),
        (Some(Value::Bool(truth)), _) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        (Some(Value::Int(n)), _) if is_decimal => write_int(out, *n, Number::Dec, 64),
        (Some(Value::Uint(n)), _) if is_decimal => write_uint(out, *n, Number::Dec),
        (Some(Value::Double(n)), _) if !n.is_finite() => out.extend_from_slice(b"null"),
        (Some(Value::Double(n)), _) => out.extend_from_slice(format!("{n:?}").as_bytes()),
        (Some(Value::List(items)), _) if def.flags.contains(FieldFlags::LIST) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_json(out, Some(item), def, event);
            }
            out.push(b']');
        }
        (Some(value), _) => {
            out.push(b'"');
            let start = out.len();
            match value {
                Value::Str(text) => escape(out, text),
                value => {
                    write_value_with(out, value, def, write_raw);
                    escape_tail(out, start);
                }
            }
            out.push(b'"');
        }
    }
}
