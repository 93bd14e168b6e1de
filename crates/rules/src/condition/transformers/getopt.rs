//! `getopt`.

use std::borrow::Cow;

use eyas_fields::FieldType;

use super::super::example::{example, text};
use super::super::interpret::val::{BadArguments, Val, written};
use super::super::operand_value::OperandValue;
use super::super::transformer::{Argument, Returns, Takes, Transformer};

pub(super) static ROW: Transformer = Transformer {
    name: "getopt",
    arguments: "list, letters",
    doc: "the options in a list of arguments; a letter in brackets selects the value of that option",
    examples: &[
        example(
            "getopt((proc.args[0], proc.args[1]), \"a:v\")[a] = x",
            &[("proc.args[0]", text("-va")), ("proc.args[1]", text("x"))],
            true,
        ),
        example(
            "getopt((proc.args[0], proc.args[1]), \"a:v\")[v] = x",
            &[("proc.args[0]", text("-va")), ("proc.args[1]", text("x"))],
            false,
        ),
        example(
            "getopt((proc.args[0], \"-b\"), \"ab\") intersects (b)",
            &[("proc.args[0]", text("-a"))],
            true,
        ),
    ],
    takes: Takes::Several { least: 2, most: 2, check },
    returns: Returns::TextOrList,
    takes_letter: true,
    evaluate: |mut arguments, call| {
        let (options, argv) = (arguments.pop()?, arguments.pop()?);
        let argv: Vec<Vec<u8>> =
            argv.into_items().into_iter().filter_map(OperandValue::into_text).map(Cow::into_owned).collect();
        getopt(&argv, &options.into_text()?, call.letter)
    },
    plain: |arguments, call| match arguments {
        [argv, Val::Text(options)] => Ok(plain_getopt(argv, options, call.letter)),
        _ => Err(BadArguments),
    },
};

fn check(arguments: &[Argument]) -> Result<(), String> {
    match arguments {
        [argv, options] if argv.is_list && !options.is_list && options.ty == FieldType::Str => Ok(()),
        _ => Err("transformer 'getopt' takes a list and a text of option letters".into()),
    }
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

/// Options of a command line, and their values, in the order found; or the last value of one option.
fn plain_getopt(argv: &Val, options: &[u8], letter: Option<u8>) -> Option<Val> {
    let words: Vec<Vec<u8>> = argv.clone().items().iter().map(written).collect();
    let mut found: Vec<(u8, Option<Vec<u8>>)> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        at += 1;
        if word == b"--" || word.len() < 2 || word[0] != b'-' {
            break;
        }
        if word[1] == b'-' {
            continue;
        }
        let mut letters = &word[1..];
        while let [letter, rest @ ..] = letters {
            letters = rest;
            let known = options.iter().position(|o| o == letter && *letter != b':');
            match known.map(|known| options.get(known + 1) == Some(&b':')) {
                None => found.push((b'?', Some(Vec::new()))),
                Some(false) => found.push((*letter, Some(Vec::new()))),
                Some(true) if !rest.is_empty() => {
                    found.push((*letter, Some(rest.to_vec())));
                    letters = &[];
                }
                Some(true) => {
                    found.push((*letter, words.get(at).cloned()));
                    at += 1;
                }
            }
        }
    }
    let takes_value = |letter: u8| {
        options.iter().position(|o| *o == letter).is_some_and(|at| options.get(at + 1) == Some(&b':'))
    };
    if let Some(wanted) = letter {
        let (letter, value) = found.into_iter().rfind(|(letter, _)| *letter == wanted && *letter != b'?')?;
        return Some(Val::Text(if takes_value(letter) { value.unwrap_or_default() } else { vec![letter] }));
    }
    let mut out = Vec::new();
    for (letter, value) in found {
        out.push(Val::Text(vec![letter]));
        if letter != b'?' && takes_value(letter) {
            out.extend(value.map(Val::Text));
        }
    }
    Some(Val::List(out))
}

#[cfg(test)]
mod tests {
    use super::*;

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
