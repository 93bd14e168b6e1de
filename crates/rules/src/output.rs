//! Output formats: texts with fields, compiled once.

use std::collections::BTreeSet;

use eyas_fields::{Field, FieldSource, Schema, Value, write_value};

use crate::condition::{CompileError, Source, operand_prefix};

/// What is added to the outputs of rules.
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
    /// For `output_fields` alone: key, and format or (`None`) the field of that name.
    pub fields: Vec<(String, Option<String>)>,
    /// Appends the fields that the schema suggests.
    pub suggested: bool,
}

impl Extra {
    pub(crate) fn applies(&self, rule: &str, source: &str, tags: &BTreeSet<String>) -> bool {
        self.rule.as_deref().is_none_or(|r| r == rule)
            && self.source.as_deref().is_none_or(|s| s == source)
            && self.tags.iter().all(|t| tags.contains(t))
    }
}

/// Why a text is no output format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct FormatError {
    /// What is wrong.
    pub message: String,
    /// Byte of the text where it is.
    pub offset: usize,
}

/// Takes a key of `output_fields`, its field and value, and its text if it is no plain field.
pub(crate) type VisitField<'a> = dyn FnMut(&str, Option<(&Field, Option<Value<'_>>)>, &[u8]) + 'a;

/// A compiled output format.
#[derive(Clone, Debug)]
pub struct Format {
    parts: Vec<Part>,
    /// Keys of `output_fields`, sorted.
    keys: Vec<(String, Key)>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Vec<u8>),
    Value { source: Source, width: Option<usize> },
}

#[derive(Clone, Debug)]
enum Key {
    Field(Field),
    Formatted(Format),
}

impl Format {
    /// Compiles a text such as `opened %fd.name by %tolower(proc.name)`.
    ///
    /// # Errors
    /// A `%` that no field of the schema follows.
    pub fn parse(text: &str, schema: &dyn Schema) -> Result<Self, FormatError> {
        Self::compile(text, &[], schema)
    }

    pub(crate) fn compile(
        text: &str,
        extra: &[(String, Option<String>)],
        schema: &dyn Schema,
    ) -> Result<Self, FormatError> {
        let text = text.strip_prefix('*').unwrap_or(text);
        let mut parts = Vec::new();
        let mut keys: Vec<(String, Key)> = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            if at > 0 {
                parts.push(Part::Text(rest.as_bytes()[..at].to_vec()));
            }
            let offset = text.len() - rest.len() + at;
            let token = &rest[at + 1..];
            let digits = token.bytes().take_while(u8::is_ascii_digit).count();
            let fail = |message: String| FormatError { message, offset };
            let width = match digits {
                0 => None,
                _ => Some(token[..digits].parse().ok().filter(|w| *w <= 4096).ok_or_else(|| {
                    fail(format!("invalid formatting token {}: the width exceeds 4096", &token[..digits]))
                })?),
            };
            let token = &token[digits..];
            if token.is_empty() {
                return Err(fail("invalid formatting token %: nothing follows it".into()));
            }
            let (source, len) = longest(token, schema).map_err(|why| {
                let shown: String = token.chars().take_while(|c| !c.is_whitespace()).take(60).collect();
                fail(match why {
                    Some(why) => format!("invalid formatting token {shown}: {why}"),
                    None => format!("unknown filter: {shown}"),
                })
            })?;
            source.fields(&mut |field| keys.push((field.text.to_string(), Key::Field(field.clone()))));
            if let Some(text) = schema.constant(&token[..len]) {
                let parts = vec![Part::Text(text.into())];
                keys.push((token[..len].to_owned(), Key::Formatted(Self { parts, keys: Vec::new() })));
            }
            parts.push(Part::Value { source, width });
            rest = &token[len..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.as_bytes().to_vec()));
        }
        for (key, format) in extra {
            let value = match format {
                Some(format) => Key::Formatted(Self::parse(format, schema)?),
                None => {
                    let (source, _) = longest(key, schema)
                        .map_err(|_| FormatError { message: format!("unknown filter: {key}"), offset: 0 })?;
                    match source.field() {
                        Some(field) => Key::Field(field.clone()),
                        None => Key::Formatted(Self::parse(&format!("%{key}"), schema)?),
                    }
                }
            };
            keys.push((key.clone(), value));
        }
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        keys.dedup_by(|a, b| a.0 == b.0);
        Ok(Self { parts, keys })
    }

    /// Appends the text of an event; absent values are `<NA>`.
    pub fn write(&self, out: &mut Vec<u8>, event: &dyn FieldSource, schema: &dyn Schema) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Value { source, width } => {
                    let start = out.len();
                    write_source(out, source, event, schema);
                    if let Some(width) = width {
                        out.resize(start + width, b' ');
                    }
                }
            }
        }
    }

    /// Calls `visit` with each key of `output_fields`, its value, and its text if it is no plain field.
    pub(crate) fn fields(&self, event: &dyn FieldSource, schema: &dyn Schema, visit: &mut VisitField<'_>) {
        for (key, value) in &self.keys {
            match value {
                Key::Field(field) => visit(key, Some((field, event.get(field))), &[]),
                Key::Formatted(format) => {
                    let mut text = Vec::new();
                    format.write(&mut text, event, schema);
                    visit(key, None, &text);
                }
            }
        }
    }
}

fn write_source(out: &mut Vec<u8>, source: &Source, event: &dyn FieldSource, schema: &dyn Schema) {
    if let Some(field) = source.field() {
        match event.get(field) {
            Some(value) => write_value(out, &value, schema.def(field.id)),
            None => out.extend_from_slice(b"<NA>"),
        }
        return;
    }
    match source.take(event) {
        None => out.extend_from_slice(b"<NA>"),
        Some(taken) => taken.with(|value| write_plain(out, value)),
    }
}

fn write_plain(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Str(text) | Value::Bytes(text) => out.extend_from_slice(text),
        Value::Uint(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Value::Int(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Value::List(items) => {
            out.push(b'(');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                if !matches!(item, Value::List(_)) {
                    write_plain(out, *item);
                }
            }
            out.push(b')');
        }
        other => out.extend_from_slice(format!("{other:?}").as_bytes()),
    }
}

/// The longest start of the text that is a field or transformer, and its length.
fn longest(text: &str, schema: &dyn Schema) -> Result<(Source, usize), Option<String>> {
    let mut why: Option<CompileError> = None;
    let Some((operand, len)) = operand_prefix(text) else { return Err(None) };
    match Source::resolve(&operand, schema) {
        Ok(source) => return Ok((source, len)),
        Err(error) => why.get_or_insert(error),
    };
    for end in (1..len).rev().filter(|end| text.is_char_boundary(*end)) {
        if let Some((operand, len)) = operand_prefix(&text[..end])
            && len == end
            && let Ok(source) = Source::resolve(&operand, schema)
        {
            return Ok((source, len));
        }
    }
    let unknown = why.as_ref().is_none_or(|e| e.kind == crate::condition::CompileErrorKind::UnknownField);
    Err(if unknown { None } else { why.map(|e| e.message) })
}
