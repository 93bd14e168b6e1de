//! Operands resolved against a schema: fields, constants and transformers.

use std::borrow::Cow;

use eyas_fields::{Field, FieldFlags, FieldSource, FieldType, ResolveError, Schema, Value};

use super::ast::{Call, Operand};
use super::compile::{CompileError, CompileErrorKind};

/// What yields values, with its type.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    kind: Kind,
    pub(crate) ty: FieldType,
    pub(crate) is_list: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Field(Field),
    Text(Vec<u8>),
    List(Vec<Source>),
    Map(Map, Box<Source>),
    Join(Box<Source>, Box<Source>),
    Concat(Vec<Source>),
    GetOpt { argv: Box<Source>, options: Box<Source>, select: Option<u8> },
}

/// Transformers of one text.
#[derive(Clone, Copy, Debug)]
enum Map {
    ToLower,
    ToUpper,
    B64,
    Basename,
    Len,
}

/// A value, borrowed from the event or made by a transformer.
#[derive(Clone, Debug)]
pub(crate) enum OperandValue<'a> {
    Plain(Value<'a>),
    Text(Cow<'a, [u8]>),
    List(Vec<OperandValue<'a>>),
}

impl<'a> OperandValue<'a> {
    /// The value as fields yield it; `items` holds the values of a list.
    pub(crate) fn with<R>(&'a self, use_it: impl FnOnce(Value<'_>) -> R) -> R {
        match self {
            Self::Plain(value) => use_it(*value),
            Self::Text(text) => use_it(Value::Str(text)),
            Self::List(items) => {
                let values: Vec<Value<'_>> = items.iter().filter_map(Self::scalar).collect();
                use_it(Value::List(&values))
            }
        }
    }

    fn scalar(&self) -> Option<Value<'_>> {
        match self {
            Self::Plain(value) => Some(*value),
            Self::Text(text) => Some(Value::Str(text)),
            Self::List(_) => None,
        }
    }
}

impl Source {
    pub(crate) fn resolve(operand: &Operand, schema: &dyn Schema) -> Result<Self, CompileError> {
        match operand {
            Operand::Field(field) => {
                if let (None, Some(text)) = (&field.arg, schema.constant(&field.name)) {
                    return Ok(Self { kind: Kind::Text(text.into()), ty: FieldType::Str, is_list: false });
                }
                let resolved = schema.resolve(&field.name, field.arg.as_deref()).map_err(|why| {
                    let shown = field.to_string();
                    let (kind, message) = match why {
                        ResolveError::Unknown => (
                            CompileErrorKind::UnknownField,
                            format!("filter_check called with nonexistent field {shown}"),
                        ),
                        other => (CompileErrorKind::BadField, format!("field {shown}: {other}")),
                    };
                    CompileError::new(kind, message, field.span)
                })?;
                Ok(Self { ty: resolved.ty, is_list: resolved.is_list, kind: Kind::Field(resolved) })
            }
            Operand::Text(text) => {
                Ok(Self { kind: Kind::Text(text.text.clone()), ty: FieldType::Str, is_list: false })
            }
            Operand::List(items, _) => {
                let items = items.iter().map(|i| Self::resolve(i, schema)).collect::<Result<Vec<_>, _>>()?;
                Ok(Self { kind: Kind::List(items), ty: FieldType::Str, is_list: true })
            }
            Operand::Call(call) => Self::call(call, schema),
        }
    }

    fn call(call: &Call, schema: &dyn Schema) -> Result<Self, CompileError> {
        let fail =
            |message: String| Err(CompileError::new(CompileErrorKind::BadTransformer, message, call.span));
        let mut args = call.args.iter().map(|a| Self::resolve(a, schema)).collect::<Result<Vec<_>, _>>()?;
        let takes_several = matches!(call.name.as_str(), "join" | "concat" | "getopt");
        if call.name != "val" && !takes_several {
            let refuses = |a: &Self| a.field().is_some_and(|f| has(schema, f, FieldFlags::NO_TRANSFORMER));
            if let Some(arg) = args.iter().find(|a| refuses(a)) {
                let field = arg.field().map_or("", |f| &f.text);
                return fail(format!("field '{field}' does not support transformer '{}'", call.name));
            }
        }
        if call.select.is_some() && call.name != "getopt" {
            return fail(format!("transformer '{}' takes no argument in brackets", call.name));
        }
        let map = match call.name.as_str() {
            "tolower" => Some(Map::ToLower),
            "toupper" => Some(Map::ToUpper),
            "b64" => Some(Map::B64),
            "basename" => Some(Map::Basename),
            "len" => Some(Map::Len),
            _ => None,
        };
        let count = args.len();
        let wants = match call.name.as_str() {
            "join" | "getopt" => count == 2,
            "concat" => count >= 2,
            _ => count == 1,
        };
        if !wants {
            return fail(format!("transformer '{}' does not take {count} arguments", call.name));
        }
        if let Some(map) = map {
            let arg = args.remove(0);
            return Self::map(map, arg).or_else(fail);
        }
        match call.name.as_str() {
            "val" => Ok(args.remove(0)),
            "concat" => {
                // The type of a field as it is, whatever a transformer makes of it.
                let is_text = |field: &Field| schema.def(field.id).ty == FieldType::Str;
                if let Some(arg) = args.iter().find(|a| a.is_list || !a.field().is_none_or(is_text)) {
                    return fail(format!("transformer 'concat' takes texts, not {}", arg.describe()));
                }
                Ok(Self { kind: Kind::Concat(args), ty: FieldType::Str, is_list: false })
            }
            "join" => {
                let (separator, list) = (args.remove(0), args.remove(0));
                if separator.is_list || !list.is_list {
                    return fail("transformer 'join' takes a separator and a list".into());
                }
                let kind = Kind::Join(Box::new(separator), Box::new(list));
                Ok(Self { kind, ty: FieldType::Str, is_list: false })
            }
            "getopt" => {
                let (argv, options) = (args.remove(0), args.remove(0));
                if !argv.is_list || options.is_list || options.ty != FieldType::Str {
                    return fail("transformer 'getopt' takes a list and a text of option letters".into());
                }
                let select = match call.select.as_deref().map(str::as_bytes) {
                    None => None,
                    Some([letter]) => Some(*letter),
                    Some(_) => return fail("getopt takes one option letter in brackets".into()),
                };
                let kind = Kind::GetOpt { argv: Box::new(argv), options: Box::new(options), select };
                Ok(Self { kind, ty: FieldType::Str, is_list: select.is_none() })
            }
            other => fail(format!("unknown transformer '{other}'")),
        }
    }

    fn map(map: Map, arg: Self) -> Result<Self, String> {
        let text = arg.ty == FieldType::Str;
        let bytes = arg.ty == FieldType::Bytes;
        let (name, fits) = match map {
            Map::ToLower => ("tolower", text),
            Map::ToUpper => ("toupper", text),
            Map::Basename => ("basename", text),
            Map::B64 => ("b64", text || bytes),
            Map::Len => ("len", text || bytes || arg.is_list),
        };
        if !fits {
            return Err(format!("transformer '{name}' does not support {}", arg.describe()));
        }
        let (ty, is_list) = match map {
            Map::Len => (FieldType::Uint { bits: 64 }, false),
            _ => (arg.ty, arg.is_list),
        };
        Ok(Self { kind: Kind::Map(map, Box::new(arg)), ty, is_list })
    }

    fn describe(&self) -> String {
        let what = match &self.kind {
            Kind::Field(field) => format!("field '{field}'"),
            _ => "this operand".to_owned(),
        };
        format!("{what} of type {}{}", self.ty, if self.is_list { " (a list)" } else { "" })
    }

    /// The field, if it is nothing more.
    pub(crate) fn field(&self) -> Option<&Field> {
        match &self.kind {
            Kind::Field(field) => Some(field),
            _ => None,
        }
    }

    /// Whether it is made of several operands.
    pub(crate) fn takes_several(&self) -> bool {
        match &self.kind {
            Kind::Join(..) | Kind::Concat(_) | Kind::GetOpt { .. } => true,
            Kind::Map(_, arg) => arg.takes_several(),
            Kind::Field(_) | Kind::Text(_) | Kind::List(_) => false,
        }
    }

    /// Every field below.
    pub(crate) fn fields<'a>(&'a self, visit: &mut dyn FnMut(&'a Field)) {
        match &self.kind {
            Kind::Field(field) => visit(field),
            Kind::Text(_) => {}
            Kind::List(items) | Kind::Concat(items) => items.iter().for_each(|i| i.fields(visit)),
            Kind::Map(_, arg) => arg.fields(visit),
            Kind::Join(a, b) | Kind::GetOpt { argv: a, options: b, .. } => {
                a.fields(visit);
                b.fields(visit);
            }
        }
    }

    /// The value in this event.
    pub(crate) fn take<'a>(&'a self, source: &'a dyn FieldSource) -> Option<OperandValue<'a>> {
        match &self.kind {
            Kind::Field(field) => source.get(field).map(OperandValue::Plain),
            Kind::Text(text) => Some(OperandValue::Text(Cow::Borrowed(text))),
            Kind::List(items) => {
                let mut out = Vec::new();
                for item in items {
                    match item.take(source)? {
                        OperandValue::Plain(Value::List(values)) => {
                            out.extend(values.iter().map(|v| OperandValue::Plain(*v)))
                        }
                        OperandValue::List(values) => out.extend(values),
                        scalar => out.push(scalar),
                    }
                }
                Some(OperandValue::List(out))
            }
            Kind::Map(map, arg) => {
                let taken = arg.take(source)?;
                match map {
                    Map::Len => Some(OperandValue::Plain(Value::Uint(length(&taken)))),
                    // A text ends at its first NUL, whatever was encoded behind it.
                    Map::B64 if self.ty == FieldType::Str => each(taken, &|text| {
                        let mut text = decode_base64(text)?;
                        text.truncate(text.iter().position(|b| *b == 0).unwrap_or(text.len()));
                        Some(text)
                    }),
                    map => each(taken, &|text| map_text(*map, text)),
                }
            }
            Kind::Concat(parts) => {
                let mut out = Vec::new();
                for part in parts {
                    push_text(&part.take(source)?, &mut out);
                }
                Some(OperandValue::Text(Cow::Owned(out)))
            }
            Kind::Join(separator, list) => {
                let mut between = Vec::new();
                push_text(&separator.take(source)?, &mut between);
                let mut out = Vec::new();
                for (i, item) in items_of(list.take(source)?).iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(&between);
                    }
                    push_text(item, &mut out);
                }
                Some(OperandValue::Text(Cow::Owned(out)))
            }
            Kind::GetOpt { argv, options, select } => {
                let argv: Vec<Vec<u8>> = items_of(argv.take(source)?)
                    .into_iter()
                    .filter_map(text_of)
                    .map(Cow::into_owned)
                    .collect();
                getopt(&argv, &text_of(options.take(source)?)?, *select)
            }
        }
    }
}

pub(crate) fn has(schema: &dyn Schema, field: &Field, flag: FieldFlags) -> bool {
    schema.def(field.id).flags.contains(flag)
}

fn items_of(taken: OperandValue<'_>) -> Vec<OperandValue<'_>> {
    match taken {
        OperandValue::Plain(Value::List(values)) => values.iter().map(|v| OperandValue::Plain(*v)).collect(),
        OperandValue::List(items) => items,
        scalar => vec![scalar],
    }
}

fn text_of(taken: OperandValue<'_>) -> Option<Cow<'_, [u8]>> {
    match taken {
        OperandValue::Plain(value) => value.as_bytes().map(Cow::Borrowed),
        OperandValue::Text(text) => Some(text),
        OperandValue::List(_) => None,
    }
}

fn push_text(taken: &OperandValue<'_>, out: &mut Vec<u8>) {
    match taken {
        OperandValue::Text(text) => out.extend_from_slice(text),
        OperandValue::Plain(Value::Str(text) | Value::Bytes(text)) => out.extend_from_slice(text),
        OperandValue::Plain(Value::Int(n)) => out.extend_from_slice(n.to_string().as_bytes()),
        OperandValue::Plain(Value::Uint(n)) => out.extend_from_slice(n.to_string().as_bytes()),
        OperandValue::Plain(Value::Bool(b)) => out.extend_from_slice(b.to_string().as_bytes()),
        OperandValue::Plain(Value::Ip(ip)) => out.extend_from_slice(ip.to_string().as_bytes()),
        OperandValue::Plain(_) | OperandValue::List(_) => {}
    }
}

fn length(taken: &OperandValue<'_>) -> u64 {
    match taken {
        OperandValue::Text(text) => text.len() as u64,
        OperandValue::List(items) => items.len() as u64,
        OperandValue::Plain(Value::List(values)) => values.len() as u64,
        OperandValue::Plain(value) => value.as_bytes().map_or(0, |b| b.len() as u64),
    }
}

/// Applies `map` to a text, or to each text of a list.
fn each<'a>(taken: OperandValue<'a>, map: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<OperandValue<'a>> {
    match taken {
        OperandValue::Plain(Value::List(_)) | OperandValue::List(_) => {
            let items = items_of(taken).into_iter().map(|item| each(item, map)).collect::<Option<_>>()?;
            Some(OperandValue::List(items))
        }
        scalar => map(&text_of(scalar)?).map(|text| OperandValue::Text(Cow::Owned(text))),
    }
}

fn map_text(map: Map, text: &[u8]) -> Option<Vec<u8>> {
    match map {
        Map::ToLower => Some(text.to_ascii_lowercase()),
        Map::ToUpper => Some(text.to_ascii_uppercase()),
        Map::Basename => {
            let start = text.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
            Some(text[start..].to_vec())
        }
        Map::B64 => decode_base64(text),
        Map::Len => None,
    }
}

/// Base64 with or without padding; the bits left over are zeros, as an encoder writes them.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut bits = 0_u32;
        for i in 0..4 {
            let digit = match chunk.get(i) {
                Some(b @ b'A'..=b'Z') => b - b'A',
                Some(b @ b'a'..=b'z') => b - b'a' + 26,
                Some(b @ b'0'..=b'9') => b - b'0' + 52,
                Some(b'+') => 62,
                Some(b'/') => 63,
                None => 0,
                Some(_) => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        let bytes = bits.to_be_bytes();
        if chunk.len() < 4 && bytes[chunk.len()] != 0 {
            return None;
        }
        out.extend_from_slice(&bytes[1..chunk.len()]);
    }
    Some(out)
}

fn getopt(argv: &[Vec<u8>], options: &[u8], select: Option<u8>) -> Option<OperandValue<'static>> {
    let text = |bytes: &[u8]| OperandValue::Text(Cow::Owned(bytes.to_vec()));
    let mut out = Vec::new();
    let mut selected = None;
    let mut words = argv.iter();
    while let Some(word) = words.next() {
        let cluster = match word.as_slice() {
            b"--" => break,
            [b'-', b'-', ..] => continue,
            [b'-', cluster @ ..] if !cluster.is_empty() => cluster,
            _ => break,
        };
        for (at, letter) in cluster.iter().enumerate() {
            let known = options.iter().position(|o| o == letter && *o != b':');
            let Some(known) = known else {
                out.push(text(b"?"));
                continue;
            };
            let takes_value = options.get(known + 1) == Some(&b':');
            out.push(text(&[*letter]));
            let wanted = select == Some(*letter);
            if !takes_value {
                if wanted {
                    selected = Some(vec![*letter]);
                }
                continue;
            }
            let rest = &cluster[at + 1..];
            let value = if rest.is_empty() { words.next().map(Vec::as_slice) } else { Some(rest) };
            if wanted {
                selected = Some(value.unwrap_or_default().to_vec());
            }
            if let Some(value) = value {
                out.push(text(value));
            }
            break;
        }
    }
    match select {
        None => Some(OperandValue::List(out)),
        Some(_) => selected.map(|value| OperandValue::Text(Cow::Owned(value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_needs_no_padding() {
        assert_eq!(decode_base64(b"aGVsbG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode_base64(b"aGVsbG8").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode_base64(b"a"), None);
        assert_eq!(decode_base64(b"a!b="), None);
        assert_eq!(decode_base64(b"aGVsbG9"), None);
        assert_eq!(decode_base64(b"aG"), None);
    }

    #[test]
    fn getopt_reads_a_command_line_as_programs_do() {
        let argv: Vec<Vec<u8>> = ["-ab", "--long", "-tx", "-t", "y", "z", "-a"].map(|s| s.into()).into();
        let select = |letter| match getopt(&argv, b"abt:", Some(letter)) {
            Some(OperandValue::Text(text)) => Some(String::from_utf8(text.into_owned()).unwrap()),
            _ => None,
        };
        assert_eq!(select(b't').as_deref(), Some("y"));
        assert_eq!(select(b'a').as_deref(), Some("a"));
        assert_eq!(select(b'q'), None);
    }
}
