//! Compiles the texts of formats.

use eyas_fields::{BufferFormat, Field, Schema};

use super::{Format, FormatError, Key, Part};
use crate::condition::ast::Operand;
use crate::condition::{CompileError, CompileErrorKind, Source, operand_prefix};

/// Maximum length of a field's name if other text follows it, bytes.
const MAX_NAME: usize = 256;
/// Maximum width of a field.
const MAX_WIDTH: usize = 4096;

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
