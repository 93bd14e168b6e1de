//! Operands in SQL.

use eyas_fields::{FieldFlags, FieldType, Scope};

use super::super::ast::{Call, FieldRef, Operand};
use super::{Writer, name, text};

/// The left side of a comparison.
pub(super) struct Column {
    /// SQL text.
    pub text: String,
    /// Type of its values, or of each of them.
    pub ty: FieldType,
    /// Whether the language treats it as a list.
    pub is_list: bool,
    /// Whether the language treats it as one value, but the table has a list.
    pub several: Option<Several>,
}

/// Values for which a comparison is true if it is true for one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Several {
    /// The ends of a connection: for `!=`, both must differ.
    Ends,
    /// The ancestors of a process: for `!=`, one must differ.
    Ancestors,
}

impl Column {
    fn scalar(text: String, ty: FieldType) -> Self {
        Self { text, ty, is_list: false, several: None }
    }

    /// Whether the column contains lists.
    pub fn has_lists(&self) -> bool {
        self.is_list || self.several.is_some()
    }

    /// Whether its values are texts.
    pub fn has_texts(&self) -> bool {
        matches!(self.ty, FieldType::Str | FieldType::Bytes)
    }

    /// Whether its values are numbers.
    pub fn has_numbers(&self) -> bool {
        use FieldType as T;
        matches!(self.ty, T::Int { .. } | T::Uint { .. } | T::Port | T::RelTime | T::AbsTime | T::Double)
    }

    /// The values with an unprintable character around each, so that a part of a text may begin or end a value.
    pub fn joined(&self) -> String {
        format!("chr(1) || array_to_string({}, chr(1)) || chr(1)", self.text)
    }
}

/// The text with ASCII letters in lower case.
pub(super) fn lowered(text: &str) -> String {
    format!("translate({text}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')")
}

impl Writer<'_> {
    /// The operand in SQL.
    pub(super) fn operand(&mut self, operand: &Operand) -> Result<Column, String> {
        match operand {
            Operand::Field(field) => self.column(field),
            Operand::Text(literal) => Ok(Column::scalar(text(&literal.text)?, FieldType::Str)),
            Operand::List(..) => Err("a list of fields".into()),
            Operand::Call(call) => self.call(call),
        }
    }

    fn column(&mut self, field: &FieldRef) -> Result<Column, String> {
        if field.arg.is_none()
            && let Some(constant) = self.schema.constant(&field.name)
        {
            return Ok(Column::scalar(text(constant.as_bytes())?, FieldType::Str));
        }
        let field = self.schema.resolve(&field.name, field.arg.as_deref()).map_err(|why| why.to_string())?;
        let def = self.schema.def(field.id);
        let has_several = def.flags.contains(FieldFlags::ANY) && field.arg.is_none();
        let several = has_several.then_some(match def.scope {
            Scope::Ancestors => Several::Ancestors,
            _ => Several::Ends,
        });
        let column = Column { text: name(&field.text), ty: field.ty, is_list: field.is_list, several };
        self.fields.insert(field.text.clone(), field);
        Ok(column)
    }

    fn call(&mut self, call: &Call) -> Result<Column, String> {
        let no_words = || format!("the transformer `{}` of such arguments", call.name);
        match (&*call.name, &call.args[..]) {
            ("val", [argument]) => self.operand(argument),
            ("tolower" | "toupper" | "basename", [argument]) => {
                let inner = self.operand(argument)?;
                if inner.has_lists() || inner.ty != FieldType::Str {
                    return Err(no_words());
                }
                let text = match &*call.name {
                    "tolower" => lowered(&inner.text),
                    "toupper" => format!(
                        "translate({}, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')",
                        inner.text
                    ),
                    _ => format!("regexp_replace({}, '(?s)^.*/', '')", inner.text),
                };
                Ok(Column::scalar(text, FieldType::Str))
            }
            ("len", [argument]) => {
                let inner = self.operand(argument)?;
                let text = match (inner.has_lists(), inner.has_texts()) {
                    (true, _) => {
                        format!(
                            "CASE WHEN {0} IS NULL THEN NULL ELSE coalesce(array_length({0}), 0) END",
                            inner.text
                        )
                    }
                    (false, true) => format!("CAST(bit_length({}) / 8 AS BIGINT)", inner.text),
                    (false, false) => return Err(no_words()),
                };
                Ok(Column::scalar(text, FieldType::Uint { bits: 64 }))
            }
            ("concat", arguments) => {
                let parts = self.texts(arguments)?;
                Ok(Column::scalar(format!("({})", parts.join(" || ")), FieldType::Str))
            }
            ("join", [Operand::Text(separator), Operand::List(items, _)]) => {
                let parts = self.texts(items)?;
                let between = format!(" || {} || ", text(&separator.text)?);
                Ok(Column::scalar(format!("({})", parts.join(&between)), FieldType::Str))
            }
            ("join", [Operand::Text(separator), list]) => {
                let list = self.operand(list)?;
                if !list.has_lists() || !list.has_texts() {
                    return Err(no_words());
                }
                let text = format!("array_to_string({}, {})", list.text, text(&separator.text)?);
                Ok(Column::scalar(text, FieldType::Str))
            }
            _ => Err(no_words()),
        }
    }

    /// Operands as texts.
    fn texts(&mut self, operands: &[Operand]) -> Result<Vec<String>, String> {
        let text = |operand: &Operand| {
            let column = self.operand(operand)?;
            match column.ty {
                _ if column.has_lists() => Err("a list within a text".to_owned()),
                FieldType::Str | FieldType::Ip => Ok(column.text),
                FieldType::Int { .. } | FieldType::Uint { .. } | FieldType::Port => {
                    Ok(format!("CAST({} AS VARCHAR)", column.text))
                }
                other => Err(format!("a value of type {other} within a text")),
            }
        };
        operands.iter().map(text).collect()
    }
}
