//! Output formats: texts with fields, compiled once.

use std::collections::BTreeSet;

use eyas_fields::{
    BufferFormat, Field, FieldDef, FieldFlags, FieldSource, Schema, Value, write_text, write_value_with,
};
use smallvec::SmallVec;

use crate::condition::{Source, has};
use crate::json::escape_written;

mod json;
mod parse;

/// An addition to the outputs of rules.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// Only to the rule with this name.
    pub rule: Option<String>,
    /// Only to rules of this source.
    pub source: Option<String>,
    /// Only to rules with all of these tags.
    pub tags: Vec<String>,
    /// Appended to the output.
    pub text: String,
    /// Only for `output_fields`: a key, and a format or (`None`) the field of that name.
    pub fields: Vec<(String, Option<String>)>,
    /// Appends the fields that the schema suggests.
    pub suggested: bool,
    /// The option that has the addition, such as `append_output[0]`: errors about it begin with this.
    pub origin: String,
}

impl Extra {
    pub(crate) fn applies(&self, rule: &str, source: &str, tags: &BTreeSet<String>) -> bool {
        self.rule.as_deref().is_none_or(|r| r == rule)
            && self.source.as_deref().is_none_or(|s| s == source)
            && self.tags.iter().all(|t| tags.contains(t))
    }
}

/// The reason why a text is no output format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct FormatError {
    /// The message.
    pub message: String,
    /// Byte offset of the mistake.
    pub offset: usize,
    /// Whether the text after a `%` is no field of the schema.
    pub unknown: bool,
}

impl FormatError {
    /// The reference's message, which does not name the unknown field.
    pub(crate) fn reference(&self) -> String {
        match self.unknown {
            true => "unknown filter: unexpected token after '".to_owned(),
            false => self.message.clone(),
        }
    }
}

/// A compiled output format.
#[derive(Clone, Debug)]
pub struct Format {
    parts: Vec<Part>,
    /// The fields of the parts and keys, each once; first those of the parts.
    fields: Vec<Field>,
    /// Number of fields of the parts.
    of_parts: usize,
    /// Keys of `output_fields`, sorted.
    keys: Vec<(String, Key)>,
    /// Whether the parts can be escaped separately, because no character can span two parts.
    piecewise: bool,
    /// Whether a line is left out if one of its values is absent.
    all_or_nothing: bool,
    /// Format of raw bytes.
    buffers: BufferFormat,
}

#[derive(Clone, Debug)]
enum Part {
    Text {
        text: Vec<u8>,
        /// The text escaped for a JSON string.
        escaped: Vec<u8>,
    },
    /// A field, by its position.
    Field { field: usize, width: Option<usize> },
    Made {
        source: Source,
        /// The text, not escaped.
        text: Box<str>,
        width: Option<usize>,
    },
}

#[derive(Clone, Debug)]
enum Key {
    Field(usize),
    Formatted(Format),
}

/// The values of a format's fields in an event, and the positions of their escaped texts in an output.
pub(crate) struct Written<'e> {
    values: SmallVec<[Option<Value<'e>>; 16]>,
    texts: SmallVec<[Option<(usize, usize)>; 16]>,
}

impl Format {
    /// Calls `visit` for every field of the format.
    pub(crate) fn visit_fields<'f>(&'f self, visit: &mut dyn FnMut(&'f Field)) {
        self.fields.iter().for_each(&mut *visit);
        for part in &self.parts {
            if let Part::Made { source, .. } = part {
                source.fields(visit);
            }
        }
        for (_, key) in &self.keys {
            if let Key::Formatted(format) = key {
                format.visit_fields(visit);
            }
        }
    }

    /// The fields and transformers of the text, and those that are only for `output_fields`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let made = self.parts.iter().filter_map(|part| match part {
            Part::Made { text, .. } => Some(&**text),
            Part::Text { .. } | Part::Field { .. } => None,
        });
        self.fields.iter().map(|field| &*field.text).chain(made)
    }

    /// The fields that it writes.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Sets the format of raw bytes, such as those of `evt.buffer`. The default is [`BufferFormat::Dots`].
    ///
    /// With a format of several lines, the texts of fields with [`FieldFlags::BUFFERS`] are written
    /// unchanged.
    #[must_use]
    pub fn with_buffers(mut self, buffers: BufferFormat) -> Self {
        self.buffers = buffers;
        for (_, key) in &mut self.keys {
            if let Key::Formatted(format) = key {
                format.buffers = buffers;
            }
        }
        self
    }

    fn write_field(
        &self,
        out: &mut Vec<u8>,
        value: &Value<'_>,
        def: &FieldDef,
        write_str: fn(&mut Vec<u8>, &[u8]),
    ) {
        match value {
            Value::Bytes(bytes) => self.buffers.write(out, bytes),
            Value::Str(text) if self.buffers.is_multiline() && def.flags.contains(FieldFlags::BUFFERS) => {
                out.extend_from_slice(text);
            }
            value => write_value_with(out, value, def, write_str),
        }
    }

    /// Appends the text of an event; absent values are `<NA>`.
    pub fn write(&self, out: &mut Vec<u8>, event: &dyn FieldSource, schema: &dyn Schema) {
        self.write_with(out, &|field| shown(event, &self.fields[field], schema), event, schema);
    }

    /// Like [`Format::write`], but returns `false` and appends nothing if a value is absent, unless the
    /// format begins with `*`.
    pub fn write_line(&self, out: &mut Vec<u8>, event: &dyn FieldSource, schema: &dyn Schema) -> bool {
        let written = self.text_values(event, schema);
        let has_line = self.has_line(&written, event);
        if has_line {
            self.write_with(out, &|field| written.values[field], event, schema);
        }
        has_line
    }

    fn has_line(&self, written: &Written<'_>, event: &dyn FieldSource) -> bool {
        let is_absent = |part: &Part| match part {
            Part::Text { .. } => false,
            Part::Field { field, .. } => written.values[*field].is_none(),
            Part::Made { source, .. } => source.take(event).is_none(),
        };
        !self.all_or_nothing || !self.parts.iter().any(is_absent)
    }

    fn write_with<'e>(
        &self,
        out: &mut Vec<u8>,
        value: &dyn Fn(usize) -> Option<Value<'e>>,
        event: &dyn FieldSource,
        schema: &dyn Schema,
    ) {
        self.write_parts(&self.parts, out, value, event, schema, write_text);
    }

    fn write_parts<'e>(
        &self,
        parts: &[Part],
        out: &mut Vec<u8>,
        value: &dyn Fn(usize) -> Option<Value<'e>>,
        event: &dyn FieldSource,
        schema: &dyn Schema,
        write_str: fn(&mut Vec<u8>, &[u8]),
    ) {
        for part in parts {
            let start = out.len();
            match part {
                Part::Text { text, .. } => out.extend_from_slice(text),
                Part::Field { field, .. } => match value(*field) {
                    Some(value) => {
                        self.write_field(out, &value, schema.def(self.fields[*field].id), write_str)
                    }
                    None => out.extend_from_slice(ABSENT),
                },
                Part::Made { source, .. } => write_made(out, source, event, write_str),
            }
            if let Some(width) = part.width() {
                out.resize(start + width, b' ');
            }
        }
    }

    /// The values of all fields in an event.
    pub(crate) fn values<'e>(&self, event: &'e dyn FieldSource, schema: &dyn Schema) -> Written<'e> {
        Written::of(&self.fields, event, schema)
    }

    /// The values of the fields in the text.
    pub(crate) fn text_values<'e>(&self, event: &'e dyn FieldSource, schema: &dyn Schema) -> Written<'e> {
        Written::of(&self.fields[..self.of_parts], event, schema)
    }
}

/// The value to show; an address without a name has no value.
fn shown<'e>(event: &'e dyn FieldSource, field: &Field, schema: &dyn Schema) -> Option<Value<'e>> {
    let value = event.get(field)?;
    let is_absent = matches!(value, Value::Str(b"")) && has(schema, field, FieldFlags::DOMAIN);
    (!is_absent).then_some(value)
}

impl<'e> Written<'e> {
    fn of(fields: &[Field], event: &'e dyn FieldSource, schema: &dyn Schema) -> Self {
        let values: SmallVec<_> = fields.iter().map(|field| shown(event, field, schema)).collect();
        let texts = SmallVec::from_elem(None, values.len());
        Self { values, texts }
    }
}

impl Part {
    fn text(text: &str) -> Option<Self> {
        let mut escaped = Vec::new();
        escape_written(&mut escaped, text);
        (!text.is_empty()).then(|| Self::Text { text: text.as_bytes().to_vec(), escaped })
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. })
    }

    fn width(&self) -> Option<usize> {
        match self {
            Self::Text { .. } => None,
            Self::Field { width, .. } | Self::Made { width, .. } => *width,
        }
    }
}

/// Text for an absent value.
const ABSENT: &[u8] = b"<NA>";

fn write_raw(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
}

fn write_made(
    out: &mut Vec<u8>,
    source: &Source,
    event: &dyn FieldSource,
    write_str: fn(&mut Vec<u8>, &[u8]),
) {
    match source.take(event) {
        None => out.extend_from_slice(ABSENT),
        Some(taken) => taken.with(|value| write_plain(out, value, write_str)),
    }
}

fn write_plain(out: &mut Vec<u8>, value: Value<'_>, write_str: fn(&mut Vec<u8>, &[u8])) {
    match value {
        Value::Str(text) | Value::Bytes(text) => write_str(out, text),
        Value::Uint(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Value::Int(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Value::List(items) => {
            out.push(b'(');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                if !matches!(item, Value::List(_)) {
                    write_plain(out, *item, write_str);
                }
            }
            out.push(b')');
        }
        other => out.extend_from_slice(format!("{other:?}").as_bytes()),
    }
}
