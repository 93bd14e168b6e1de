//! `toupper`.

use super::super::example::{example, text};
use super::super::interpret::val::each as plain_each;
use super::super::operand_value::each;
use super::super::transformer::{Returns, Takes, Transformer};

pub(super) static ROW: Transformer = Transformer {
    name: "toupper",
    arguments: "text",
    doc: "the text with ASCII letters in upper case",
    examples: &[
        example("toupper(proc.name) = BASH", &[("proc.name", text("Bash"))], true),
        example("toupper(proc.name) = Bash", &[("proc.name", text("Bash"))], false),
    ],
    takes: Takes::One { bytes: false, lists: false },
    returns: Returns::SameAsArgument,
    takes_letter: false,
    evaluate: |mut arguments, _| each(arguments.pop()?, &|text| Some(text.to_ascii_uppercase())),
    plain: |arguments, _| {
        plain_each(arguments, &|text| {
            Some(text.iter().map(|b| if b.is_ascii_lowercase() { b - 32 } else { *b }).collect())
        })
    },
};
