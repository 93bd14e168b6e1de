//! `concat`.

use std::borrow::Cow;

use eyas_fields::FieldType;

use super::super::example::{example, text};
use super::super::interpret::val::{Val, written};
use super::super::operand_value::OperandValue;
use super::super::transformer::{Argument, Returns, Takes, Transformer};

pub(super) static ROW: Transformer = Transformer {
    name: "concat",
    arguments: "text, text, …",
    doc: "the texts, one after another",
    examples: &[
        example(
            "concat(user.name, \"@\", group.name) = root@adm",
            &[("user.name", text("root")), ("group.name", text("adm"))],
            true,
        ),
        example(
            "concat(user.name, \"@\", group.name) = root@adm",
            &[("user.name", text("root")), ("group.name", None)],
            false,
        ),
    ],
    takes: Takes::Several { least: 2, most: usize::MAX, check },
    returns: Returns::Text,
    takes_letter: false,
    evaluate: |arguments, _| {
        let mut out = Vec::new();
        arguments.iter().for_each(|part| part.push_to(&mut out));
        Some(OperandValue::Text(Cow::Owned(out)))
    },
    plain: |arguments, _| Ok(Some(Val::Text(arguments.iter().flat_map(written).collect()))),
};

fn check(arguments: &[Argument]) -> Result<(), String> {
    // The declared type of a field, whatever a transformer returns for it.
    let is_text = |argument: &&Argument| argument.declared.is_none_or(|ty| ty == FieldType::Str);
    match arguments.iter().find(|argument| argument.is_list || !is_text(argument)) {
        Some(argument) => Err(format!("transformer 'concat' takes texts, not {}", argument.shown)),
        None => Ok(()),
    }
}
