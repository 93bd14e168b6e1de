//! Texts with fields in braces: `{proc.name}({proc.pid}) {evt.rawarg.res:bytes}`.

use std::hash::Hasher;

use anyhow::{Result, anyhow, bail};
use eyas::fields::{
    BufferFormat, Field, FieldFlags, FieldSource, ResolveError, Schema, Value, write_text, write_value_with,
};
use eyas::rules::nearest;
use rustc_hash::FxHasher;

use super::model::Unit;
use super::units;

/// A compiled template.
#[derive(Clone, Debug)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Field {
        field: Field,
        unit: Unit,
        width: usize,
        /// Text to print if the field has a value.
        present: Option<String>,
        /// Text to print if the field has no value.
        absent: Option<String>,
    },
}

/// Settings for printing a template.
#[derive(Clone, Copy)]
pub struct PrintSettings<'a> {
    pub schema: &'a dyn Schema,
    /// How I/O buffers are printed.
    pub buffers: BufferFormat,
    /// Whether texts go to a terminal, which control characters could manipulate.
    pub is_terminal: bool,
}

impl Template {
    /// Compiles a text with fields in braces, or only the name of a field.
    pub fn parse(text: &str, unit: Unit, schema: &dyn Schema) -> Result<Self> {
        if !text.contains('{') {
            return Ok(Self(vec![part(text, unit, schema)?]));
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let Some((inside, behind)) = after.split_once('}') else {
                bail!("`{text}`: a `{{` has no `}}`");
            };
            parts.push(part(inside, unit, schema)?);
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The field, if the template is only a field.
    pub fn field(&self) -> Option<&Field> {
        match &self.0[..] {
            [Part::Field { field, present: None, .. }] => Some(field),
            _ => None,
        }
    }

    /// Splits the template around a field that it contains once and without a unit: the part before it, the
    /// field, and the part after it.
    pub fn around(&self, name: &str) -> Option<[Self; 3]> {
        let is_it = |part: &Part| {
            matches!(part, Part::Field { field, unit: Unit::Text, width: 0, present: None, absent: None }
                if &*field.text == name)
        };
        let at = self.0.iter().position(is_it)?;
        let (before, rest) = self.0.split_at(at);
        let others = Self([before, &rest[1..]].concat());
        let is_once = others.fields().all(|field| &*field.text != name);
        is_once.then(|| [Self(before.to_vec()), Self(rest[..1].to_vec()), Self(rest[1..].to_vec())])
    }

    /// Its fields.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.0.iter().filter_map(|part| match part {
            Part::Field { field, .. } => Some(field),
            Part::Text(_) => None,
        })
    }

    /// Appends the text of a row. Returns `false` if a field has no value and no replacement.
    pub fn write(&self, out: &mut Vec<u8>, row: &dyn FieldSource, settings: PrintSettings<'_>) -> bool {
        let mut is_whole = true;
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Field { field, unit, width, present, absent } => {
                    let start = out.len();
                    match (row.get(field), present, absent) {
                        (Some(_), Some(text), _) | (None, _, Some(text)) => {
                            out.extend_from_slice(text.as_bytes());
                        }
                        (Some(value), ..) => write(out, &value, field, *unit, settings),
                        (None, ..) => {
                            is_whole = false;
                            out.extend_from_slice(b"<NA>");
                        }
                    }
                    if *width > 0 {
                        fit(out, start, *width);
                    }
                }
            }
        }
        is_whole
    }
}

impl Template {
    /// Hash of the text of a row, computed without writing the text if possible. `None` if
    /// [`Template::write`] would return `false`. `text` is a buffer for values that must be written.
    pub fn hash<R: FieldSource>(
        &self,
        text: &mut Vec<u8>,
        row: &R,
        settings: PrintSettings<'_>,
    ) -> Option<u64> {
        let mut hasher = FxHasher::default();
        for part in &self.0 {
            let Part::Field { field, unit, present: None, absent, .. } = part else {
                if let Part::Field { .. } = part {
                    text.clear();
                    self.write(text, row, settings).then_some(())?;
                    hasher.write(text);
                }
                continue;
            };
            match (row.get(field), absent) {
                (Some(Value::Str(bytes)), _) => hasher.write(bytes),
                (Some(Value::Int(number)), _) => hasher.write_i64(number),
                (Some(Value::Uint(number)), _) => hasher.write_u64(number),
                (Some(value), _) => {
                    text.clear();
                    write(text, &value, field, *unit, settings);
                    hasher.write(text);
                }
                (None, Some(absent)) => hasher.write(absent.as_bytes()),
                (None, None) => return None,
            }
            hasher.write_u8(0);
        }
        Some(hasher.finish())
    }
}

/// Cuts or pads the text since `start` to a width in characters.
pub fn fit(out: &mut Vec<u8>, start: usize, width: usize) {
    let text = String::from_utf8_lossy(&out[start..]).into_owned();
    let cut: String = text.chars().take(width).collect();
    let missing = width - cut.chars().count();
    out.truncate(start);
    out.extend_from_slice(cut.as_bytes());
    out.extend(std::iter::repeat_n(b' ', missing));
}

/// Pads the text since `start` to a width in characters.
pub fn pad(out: &mut Vec<u8>, start: usize, width: usize) {
    let missing = width.saturating_sub(String::from_utf8_lossy(&out[start..]).chars().count());
    out.extend(std::iter::repeat_n(b' ', missing));
}

/// Parses `field`, `field:unit` or `field:unit:width`, optionally followed by `?present` or `|absent`.
fn part(text: &str, unit: Unit, schema: &dyn Schema) -> Result<Part> {
    let (text, absent) = text.split_once('|').map_or((text, None), |(text, absent)| (text, Some(absent)));
    let (text, present) = text.split_once('?').map_or((text, None), |(text, present)| (text, Some(present)));
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let unit = match parts.next() {
        None | Some("") => unit,
        Some(word) => units::by_name(word).ok_or_else(|| anyhow!("`{text}`: `{word}` is not a unit"))?,
    };
    let width = match parts.next() {
        None => 0,
        Some(digits) => digits.parse().map_err(|_| anyhow!("`{text}`: `{digits}` is not a width"))?,
    };
    let field = resolve(name, schema)?;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(Part::Field { field, unit, width, present: owned(present), absent: owned(absent) })
}

/// The field with this name, with its argument in brackets.
pub fn resolve(name: &str, schema: &dyn Schema) -> Result<Field> {
    let (base, arg) = match name.split_once('[') {
        Some((base, arg)) => (base, Some(arg.strip_suffix(']').unwrap_or(arg))),
        None => (name, None),
    };
    schema.resolve(base, arg).map_err(|error| {
        let near = nearest(base, schema.fields().iter().map(|def| def.name));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        match error {
            ResolveError::Unknown => {
                anyhow!("no field is named `{name}`{hint}; `sysdig -l` lists the fields")
            }
            error => anyhow!("`{name}`: {error}{hint}"),
        }
    })
}

fn write(out: &mut Vec<u8>, value: &Value<'_>, field: &Field, unit: Unit, settings: PrintSettings<'_>) {
    let def = settings.schema.def(field.id);
    let has_breaks = settings.buffers.is_multiline() && def.flags.contains(FieldFlags::BUFFERS);
    match (unit, value) {
        (Unit::Raw, Value::Str(text) | Value::Bytes(text)) => raw(out, text, settings.is_terminal),
        (Unit::Text, Value::Bytes(bytes)) => settings.buffers.write(out, bytes),
        (Unit::Text, Value::Str(text)) if has_breaks => out.extend_from_slice(text),
        (Unit::Text | Unit::Raw, value) => write_value_with(out, value, def, write_text),
        (unit, value) => {
            if !units::write_value(out, unit, value) {
                write_value_with(out, value, def, write_text);
            }
        }
    }
}

/// Writes a text with its line breaks. A terminal gets no other control characters.
fn raw(out: &mut Vec<u8>, text: &[u8], is_terminal: bool) {
    if !is_terminal {
        return out.extend_from_slice(text);
    }
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (line, end) = line.strip_suffix(b"\n").map_or((line, &b""[..]), |line| (line, b"\n"));
        let mut columns = line.strip_suffix(b"\r").unwrap_or(line).split(|byte| *byte == b'\t');
        if let Some(first) = columns.next() {
            write_text(out, first);
        }
        for column in columns {
            out.push(b'\t');
            write_text(out, column);
        }
        out.extend_from_slice(end);
    }
}
