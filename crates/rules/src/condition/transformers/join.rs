//! `join`.

use std::borrow::Cow;

use super::super::example::{example, text};
use super::super::interpret::val::{BadArguments, Val, written};
use super::super::operand_value::OperandValue;
use super::super::transformer::{Argument, Returns, Takes, Transformer};

pub(super) static ROW: Transformer = Transformer {
    name: "join",
    arguments: "separator, list",
    doc: "the values with the separator between them",
    examples: &[
        example(
            "join(\",\", (proc.name, proc.pname)) = \"sh,init\"",
            &[("proc.name", text("sh")), ("proc.pname", text("init"))],
            true,
        ),
        example(
            "join(\",\", (proc.name, proc.pname)) = \"sh,init\"",
            &[("proc.name", text("sh")), ("proc.pname", None)],
            false,
        ),
    ],
    takes: Takes::Several { least: 2, most: 2, check },
    returns: Returns::Text,
    takes_letter: false,
    evaluate: |mut arguments, _| {
        let (list, separator) = (arguments.pop()?, arguments.pop()?);
        let mut between = Vec::new();
        separator.push_to(&mut between);
        let mut out = Vec::new();
        for (i, item) in list.into_items().iter().enumerate() {
            if i > 0 {
                out.extend_from_slice(&between);
            }
            item.push_to(&mut out);
        }
        Some(OperandValue::Text(Cow::Owned(out)))
    },
    plain: |arguments, _| match arguments {
        [separator, list] => {
            let items: Vec<Vec<u8>> = list.clone().items().iter().map(written).collect();
            Ok(Some(Val::Text(items.join(&written(separator)[..]))))
        }
        _ => Err(BadArguments),
    },
};

fn check(arguments: &[Argument]) -> Result<(), String> {
    match arguments {
        [separator, list] if !separator.is_list && list.is_list => Ok(()),
        _ => Err("transformer 'join' takes a separator and a list".into()),
    }
}
