//! `basename`.

use super::super::example::{example, text};
use super::super::interpret::val::each as plain_each;
use super::super::operand_value::each;
use super::super::transformer::{Returns, Takes, Transformer};

pub(super) static ROW: Transformer = Transformer {
    name: "basename",
    arguments: "text",
    doc: "what follows the last slash",
    examples: &[
        example("basename(fd.name) = passwd", &[("fd.name", text("/etc/passwd"))], true),
        example("basename(fd.name) = etc", &[("fd.name", text("/etc/"))], false),
    ],
    takes: Takes::One { bytes: false, lists: false },
    returns: Returns::SameAsArgument,
    takes_letter: false,
    evaluate: |mut arguments, _| {
        each(arguments.pop()?, &|path| {
            let start = path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
            Some(path[start..].to_vec())
        })
    },
    plain: |arguments, _| {
        plain_each(arguments, &|path| path.split(|b| *b == b'/').next_back().map(<[u8]>::to_vec))
    },
};
