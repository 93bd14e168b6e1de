//! Output formats: texts with fields, compiled once.

use std::collections::BTreeSet;

use eyas_fields::{
    BufferFormat, Field, FieldDef, FieldFlags, FieldSource, Format as Number, Schema, Value, write_int,
    write_text, write_uint, write_value_with,
};
use smallvec::SmallVec;

use crate::condition::ast::Operand;
use crate::condition::{CompileError, CompileErrorKind, Source, has, operand_prefix};
use crate::json::{escape, escape_tail, escape_written};

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

impl Key {
    /// The value of an additional key: the format, or without one the field with the key's name.
    fn extra(
        key: &str,
        format: Option<&str>,
        fields: &mut Fields,
        schema: &dyn Schema,
    ) -> Result<Self, FormatError> {
        if let Some(format) = format {
            return Format::parse(format, schema).map(Self::Formatted);
        }
        let unknown = |_| FormatError { message: format!("unknown filter: {key}"), offset: 0, unknown: true };
        let (source, _) = longest(key, schema).map_err(unknown)?;
        match source.field() {
            Some(field) => Ok(Self::Field(fields.position(field))),
            None => Format::parse(&format!("%{key}"), schema).map(Self::Formatted),
        }
    }
}

/// The values of a format's fields in an event, and the positions of their escaped texts in an output.
pub(crate) struct Written<'e> {
    values: SmallVec<[Option<Value<'e>>; 16]>,
    texts: SmallVec<[Option<(usize, usize)>; 16]>,
}

impl Format {
    /// Compiles a text such as `opened %fd.name by %tolower(proc.name)`; `%%` stands for a percent sign.
    ///
    /// # Errors
    /// The text after a `%` is no field of the schema.
    pub fn parse(text: &str, schema: &dyn Schema) -> Result<Self, FormatError> {
        Self::compile(text, &[], schema)
    }

    pub(crate) fn compile(
        text: &str,
        extra: &[(String, Option<String>)],
        schema: &dyn Schema,
    ) -> Result<Self, FormatError> {
        let (text, all_or_nothing) = text.strip_prefix('*').map_or((text, true), |rest| (rest, false));
        let mut parts = Vec::new();
        let mut fields = Fields::default();
        let (mut in_text, mut constants) = (Vec::<Field>::new(), Vec::new());
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            parts.extend(Part::text(&rest[..at]));
            let offset = text.len() - rest.len() + at;
            let token = &rest[at + 1..];
            if let Some(behind) = token.strip_prefix('%') {
                // `%%` is the character.
                parts.extend(Part::text("%"));
                rest = behind;
                continue;
            }
            let fail = |message: String| FormatError { message, offset, unknown: false };
            let (width, token) = width(token).map_err(fail)?;
            let (source, len) = longest(token, schema).map_err(|why| {
                let shown: String = token.chars().take_while(|c| !c.is_whitespace()).take(60).collect();
                let message = match why {
                    Some(why) => format!("invalid formatting token {shown}: {why}"),
                    None => format!("unknown filter: {shown}"),
                };
                FormatError { message, offset, unknown: true }
            })?;
            source.fields(&mut |field| in_text.push(field.clone()));
            if let Some(text) = schema.constant(&token[..len]) {
                constants.push((token[..len].to_owned(), Key::Formatted(Self::constant(text))));
            }
            parts.push(match source.field() {
                Some(field) => Part::Field { field: fields.position(field), width },
                None => Part::Made { source, text: token[..len].into(), width },
            });
            rest = &token[len..];
        }
        parts.extend(Part::text(rest));
        let of_parts = fields.0.len();
        let mut keys: Vec<(String, Key)> = in_text
            .iter()
            .map(|field| (field.text.to_string(), Key::Field(fields.position(field))))
            .collect();
        keys.append(&mut constants);
        for (key, format) in extra {
            keys.push((key.clone(), Key::extra(key, format.as_deref(), &mut fields, schema)?));
        }
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        keys.dedup_by(|a, b| a.0 == b.0);
        let touching =
            parts.windows(2).any(|pair| pair.iter().all(|part| !matches!(part, Part::Text { .. })));
        let piecewise = !touching && parts.iter().all(|part| part.width().is_none());
        let buffers = BufferFormat::Dots;
        Ok(Self { parts, fields: fields.0, of_parts, keys, piecewise, all_or_nothing, buffers })
    }

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

    /// A format without fields.
    fn constant(text: &str) -> Self {
        let parts = Part::text(text).into_iter().collect();
        Self {
            parts,
            fields: Vec::new(),
            of_parts: 0,
            keys: Vec::new(),
            piecewise: true,
            all_or_nothing: false,
            buffers: BufferFormat::Dots,
        }
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

/// Fields without repetition.
#[derive(Default)]
struct Fields(Vec<Field>);

impl Fields {
    fn position(&mut self, field: &Field) -> usize {
        self.0.iter().position(|known| known == field).unwrap_or_else(|| {
            self.0.push(field.clone());
            self.0.len() - 1
        })
    }
}

/// Maximum length of a field's name if other text follows it, bytes.
const MAX_NAME: usize = 256;
/// Maximum width of a field.
const MAX_WIDTH: usize = 4096;
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

/// The width at the beginning of the text after a `%`, and the text after it, which is not empty.
fn width(token: &str) -> Result<(Option<usize>, &str), String> {
    let digits = token.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, field) = token.split_at(digits);
    let width = match digits.parse::<usize>() {
        // No digits, or only zeros: no fixed width.
        _ if digits.bytes().all(|digit| digit == b'0') => None,
        Ok(width) if width <= MAX_WIDTH => Some(width),
        _ => return Err(format!("the width of a field is {digits}, the limit is {MAX_WIDTH}")),
    };
    if field.is_empty() {
        let end = if digits.is_empty() { "%" } else { "number" };
        return Err(format!("invalid formatting syntax: formatting cannot end with a {end}"));
    }
    Ok((width, field))
}

/// The longest prefix of the text that is a field or transformer, and its length.
fn longest(text: &str, schema: &dyn Schema) -> Result<(Source, usize), Option<String>> {
    let mut why: Option<CompileError> = None;
    let mut resolved =
        |operand: &Operand| Source::resolve(operand, schema).map_err(|e| _ = why.get_or_insert(e));
    let len = match operand_prefix(text) {
        Ok((operand, len)) => match resolved(&operand) {
            Ok(source) => return Ok((source, len)),
            Err(()) => len,
        },
        Err(whole) => whole + 1,
    };
    for end in (1..len.min(MAX_NAME)).rev().filter(|end| text.is_char_boundary(*end)) {
        if let Ok((operand, len)) = operand_prefix(&text[..end])
            && len == end
            && let Ok(source) = resolved(&operand)
        {
            return Ok((source, len));
        }
    }
    let unknown = why.as_ref().is_none_or(|e| e.kind == CompileErrorKind::UnknownField);
    Err(if unknown { None } else { why.map(|e| e.message) })
}
