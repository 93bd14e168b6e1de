//! Operands resolved against a schema: fields, constants, and calls of transformers.

use std::borrow::Cow;

use eyas_fields::{Field, FieldFlags, FieldSource, FieldType, ResolveError, Schema, Value};

use super::ast::{Call, Operand};
use super::error::{CompileError, CompileErrorKind};
use super::operand_value::OperandValue;
use super::transformer::{self, Argument, Arguments, Takes, Transformer};
use super::transformers;

/// A source of values, with its type.
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
    Call { transformer: &'static Transformer, arguments: Vec<Source>, letter: Option<u8> },
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
                        ResolveError::BadArg(why) => (CompileErrorKind::BadField, why),
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
        let mut args = call.args.iter().map(|a| Self::resolve(a, schema)).collect::<Result<Vec<_>, _>>()?;
        let made = Self::transformed(call, &mut args, schema);
        made.map_err(|message| CompileError::new(CompileErrorKind::BadTransformer, message, call.span))
    }

    fn transformed(call: &Call, args: &mut Vec<Self>, schema: &dyn Schema) -> Result<Self, String> {
        let name = &call.name;
        let transformer = transformers::find(name).ok_or_else(|| format!("unknown transformer '{name}'"))?;
        if let Takes::One { .. } = transformer.takes {
            let refuses = |a: &&Self| a.field().is_some_and(|f| has(schema, f, FieldFlags::NO_TRANSFORMER));
            if let Some(field) = args.iter().find(refuses).and_then(Self::field) {
                return Err(format!("field '{}' does not support transformers", field.text));
            }
        }
        if call.select.is_some() && !transformer.takes_letter {
            return Err(format!("filter error: transformer '{name}' does not support field arguments"));
        }
        let count = args.len();
        let (least, most) = match transformer.takes {
            Takes::Several { least, most, .. } => (least, most),
            Takes::One { .. } | Takes::Field => (1, 1),
        };
        if !(least..=most).contains(&count) {
            return Err(format!("transformer '{name}' does not take {count} arguments"));
        }
        match transformer.takes {
            Takes::Field => return Ok(args.remove(0)),
            Takes::One { bytes, lists } => {
                let arg = &args[0];
                let fits =
                    arg.ty == FieldType::Str || bytes && arg.ty == FieldType::Bytes || lists && arg.is_list;
                if !fits {
                    return Err(format!("transformer '{name}' does not support {}", arg.describe()));
                }
            }
            Takes::Several { check, .. } => {
                check(&args.iter().map(|arg| arg.as_argument(schema)).collect::<Vec<_>>())?;
            }
        }
        let letter = match call.select.as_deref().map(str::as_bytes) {
            None => None,
            Some([letter]) => Some(*letter),
            Some(_) => return Err(format!("{name} takes one option letter in brackets")),
        };
        let (ty, is_list) = transformer.returns.of((args[0].ty, args[0].is_list), letter.is_some());
        Ok(Self { kind: Kind::Call { transformer, arguments: std::mem::take(args), letter }, ty, is_list })
    }

    fn as_argument(&self, schema: &dyn Schema) -> Argument {
        let declared = self.field().map(|field| schema.def(field.id).ty);
        Argument { ty: self.ty, is_list: self.is_list, declared, shown: self.describe() }
    }

    fn describe(&self) -> String {
        let what = match &self.kind {
            Kind::Field(field) => format!("field '{field}'"),
            _ => "this operand".to_owned(),
        };
        format!("{what} of type {}{}", self.ty, if self.is_list { " (a list)" } else { "" })
    }

    /// The field, if it is a plain field.
    pub(crate) fn field(&self) -> Option<&Field> {
        match &self.kind {
            Kind::Field(field) => Some(field),
            _ => None,
        }
    }

    /// Whether it combines several operands.
    pub(crate) fn takes_several(&self) -> bool {
        match &self.kind {
            Kind::Call { transformer, arguments, .. } => {
                transformer.takes_several() || arguments.iter().any(Self::takes_several)
            }
            Kind::Field(_) | Kind::Text(_) | Kind::List(_) => false,
        }
    }

    /// Every field below.
    pub(crate) fn fields<'a>(&'a self, visit: &mut dyn FnMut(&'a Field)) {
        match &self.kind {
            Kind::Field(field) => visit(field),
            Kind::Text(_) => {}
            Kind::List(items) | Kind::Call { arguments: items, .. } => {
                items.iter().for_each(|item| item.fields(visit));
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
            Kind::Call { transformer, arguments, letter } => {
                let values = arguments.iter().map(|argument| argument.take(source));
                let values = values.collect::<Option<Arguments<'_>>>()?;
                (transformer.evaluate)(values, transformer::Call { ty: self.ty, letter: *letter })
            }
        }
    }
}

pub(crate) fn has(schema: &dyn Schema, field: &Field, flag: FieldFlags) -> bool {
    schema.def(field.id).flags.contains(flag)
}
