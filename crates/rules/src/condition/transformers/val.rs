//! `val`.

use super::super::example::{example, text};
use super::super::interpret::val::BadArguments;
use super::super::transformer::{Returns, Takes, Transformer};

pub(super) static ROW: Transformer = Transformer {
    name: "val",
    arguments: "field",
    doc: "the field's value; on the right side only",
    examples: &[
        example(
            "proc.name = val(proc.pname)",
            &[("proc.name", text("sh")), ("proc.pname", text("sh"))],
            true,
        ),
        example(
            "proc.name = val(proc.pname)",
            &[("proc.name", text("sh")), ("proc.pname", text("init"))],
            false,
        ),
    ],
    takes: Takes::Field,
    returns: Returns::SameAsArgument,
    takes_letter: false,
    evaluate: |mut arguments, _| arguments.pop(),
    plain: |arguments, _| match arguments {
        [value] => Ok(Some(value.clone())),
        _ => Err(BadArguments),
    },
};
