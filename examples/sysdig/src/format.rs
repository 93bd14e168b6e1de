//! Formats of lines: text with fields in it.

use anyhow::{Result, bail};
use eyas::fields::{Field, FieldSource, Schema, Value, write_value};

/// A compiled format.
pub struct Format<'s> {
    schema: &'s dyn Schema,
    pieces: Vec<Piece>,
    /// Whether an event is left out if it lacks one of the fields.
    all_or_nothing: bool,
}

enum Piece {
    Text(Vec<u8>),
    Field(Field),
}

impl<'s> Format<'s> {
    /// Compiles a text such as `*%evt.num %proc.name`.
    pub fn parse(text: &str, schema: &'s dyn Schema) -> Result<Self> {
        let (body, all_or_nothing) = match text.strip_prefix('*') {
            Some(body) => (body, false),
            None => (text, true),
        };
        let mut pieces = Vec::new();
        let mut parts = body.split('%');
        push_text(&mut pieces, parts.next().unwrap_or_default());
        for part in parts {
            let Some((field, rest)) = field(part, schema) else {
                let word: String = part.chars().take_while(|c| !c.is_whitespace()).collect();
                bail!("format: there is no field `%{word}`; `sysdig -l` lists the fields");
            };
            pieces.push(Piece::Field(field));
            push_text(&mut pieces, rest);
        }
        Ok(Self { schema, pieces, all_or_nothing })
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field(field) => Some(field),
            Piece::Text(_) => None,
        })
    }

    /// Appends the event's line; `false`, and nothing appended, if it has none.
    pub fn write(&self, out: &mut Vec<u8>, event: &dyn FieldSource) -> bool {
        let start = out.len();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Field(field) => match event.get(field) {
                    Some(value) => write_value(out, &value, self.schema.def(field.id)),
                    None if self.all_or_nothing => {
                        out.truncate(start);
                        return false;
                    }
                    None => out.extend_from_slice(b"<NA>"),
                },
            }
        }
        true
    }

    /// The event as an object of the format's fields, in the order of their names; `None` if it has no line.
    pub fn json(&self, event: &dyn FieldSource) -> Option<serde_json::Value> {
        let mut fields: Vec<(&str, serde_json::Value)> = Vec::new();
        for field in self.fields() {
            let value = event.get(field);
            if value.is_none() && self.all_or_nothing {
                return None;
            }
            fields.push((
                &field.text,
                value.map_or(serde_json::Value::Null, |value| self.value(&value, field)),
            ));
        }
        fields.sort_by(|a, b| a.0.cmp(b.0));
        Some(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn value(&self, value: &Value<'_>, field: &Field) -> serde_json::Value {
        match *value {
            Value::Bool(value) => value.into(),
            Value::Int(value) => value.into(),
            Value::Uint(value) => value.into(),
            Value::Double(value) => value.into(),
            Value::List(values) => values.iter().map(|value| self.value(value, field)).collect(),
            Value::Str(_) | Value::Bytes(_) | Value::Ip(_) | Value::Net(_) => {
                let mut text = Vec::new();
                write_value(&mut text, value, self.schema.def(field.id));
                String::from_utf8_lossy(&text).into()
            }
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.as_bytes().to_vec()));
    }
}

/// The longest field that the text begins with, and what follows it.
fn field<'t>(text: &'t str, schema: &dyn Schema) -> Option<(Field, &'t str)> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut end = text.find(|c| !word(c)).unwrap_or(text.len());
    if let Some(argument) = text[end..].strip_prefix('[')
        && let Some(length) = argument.find(']')
        && let Ok(field) = schema.resolve(&text[..end], Some(&argument[..length]))
    {
        return Some((field, &argument[length + 1..]));
    }
    while end > 0 {
        if let Ok(field) = schema.resolve(&text[..end], None) {
            return Some((field, &text[end..]));
        }
        end -= 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use eyas::fields::{
        ArgKind, FieldDef, FieldFlags, FieldId, FieldType, Format as Number, ResolveError, Scope,
    };

    use super::*;

    struct Two;

    const fn def(name: &'static str, ty: FieldType) -> FieldDef {
        FieldDef {
            name,
            ty,
            arg: ArgKind::None,
            scope: Scope::Event,
            format: Number::Dec,
            flags: FieldFlags::NONE,
            doc: "",
        }
    }

    static DEFS: [FieldDef; 2] = [def("a.b", FieldType::Str), def("a.n", FieldType::Uint { bits: 64 })];

    impl Schema for Two {
        fn source(&self) -> &str {
            "two"
        }

        fn resolve(&self, name: &str, _: Option<&str>) -> Result<Field, ResolveError> {
            let id = DEFS.iter().position(|def| def.name == name).ok_or(ResolveError::Unknown)?;
            let (ty, text) = (DEFS[id].ty, name.into());
            Ok(Field { id: FieldId(id as u16), arg: None, hint: 0, ty, is_list: false, text })
        }

        fn fields(&self) -> &[FieldDef] {
            &DEFS
        }
    }

    struct Event(Option<&'static str>);

    impl FieldSource for Event {
        fn get(&self, field: &Field) -> Option<Value<'_>> {
            match field.id.0 {
                0 => self.0.map(Value::from),
                _ => Some(Value::Uint(7)),
            }
        }
    }

    fn line(format: &str, event: Event) -> Option<String> {
        let mut out = Vec::new();
        let shown = Format::parse(format, &Two).unwrap().write(&mut out, &event);
        assert!(shown || out.is_empty());
        shown.then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn fields_end_where_they_stop_being_fields() {
        assert_eq!(line("x %a.n.%a.b)", Event(Some("y"))).as_deref(), Some("x 7.y)"));
        assert_eq!(line("no field", Event(None)).as_deref(), Some("no field"));
        let error = Format::parse("%a.n %a.x y", &Two).err().unwrap().to_string();
        assert!(error.contains("`%a.x`"), "{error}");
    }

    #[test]
    fn a_star_keeps_lines_with_absent_fields() {
        assert_eq!(line("%a.n %a.b", Event(None)), None);
        assert_eq!(line("*%a.n %a.b", Event(None)).as_deref(), Some("7 <NA>"));
    }

    #[test]
    fn json_keeps_types() {
        let json = |format: &str, event: Event| Format::parse(format, &Two).unwrap().json(&event);
        assert_eq!(json("%a.n %a.b", Event(Some("y"))).unwrap().to_string(), r#"{"a.b":"y","a.n":7}"#);
        assert_eq!(json("%a.n %a.b", Event(None)), None);
        assert_eq!(json("*%a.n %a.b", Event(None)).unwrap().to_string(), r#"{"a.b":null,"a.n":7}"#);
    }
}
