//! `len`.

use eyas_fields::Value;

use super::super::example::{example, text};
use super::super::interpret::val::{BadArguments, Val};
use super::super::operand_value::OperandValue;
use super::super::transformer::{Returns, Takes, Transformer};

pub(super) static ROW: Transformer = Transformer {
    name: "len",
    arguments: "value",
    doc: "the length of a text in bytes, or the number of values of a list",
    examples: &[
        example("len(proc.name) > 3", &[("proc.name", text("bash"))], true),
        example("len(proc.name) > 3", &[("proc.name", text("sh"))], false),
        example("len(fd.types) = 1", &[("fd.types", Some(Value::List(&[Value::Str(b"file")])))], true),
    ],
    takes: Takes::One { bytes: true, lists: true },
    returns: Returns::Number,
    takes_letter: false,
    evaluate: |mut arguments, _| Some(OperandValue::Plain(Value::Uint(length(&arguments.pop()?)))),
    plain: |arguments, _| match arguments {
        [Val::Text(text)] => Ok(Some(Val::Number(text.len() as i128))),
        [Val::List(items)] => Ok(Some(Val::Number(items.len() as i128))),
        _ => Err(BadArguments),
    },
};

fn length(value: &OperandValue<'_>) -> u64 {
    match value {
        OperandValue::Text(text) => text.len() as u64,
        OperandValue::List(items) => items.len() as u64,
        OperandValue::Plain(Value::List(values)) => values.len() as u64,
        OperandValue::Plain(value) => value.as_bytes().map_or(0, |b| b.len() as u64),
    }
}
