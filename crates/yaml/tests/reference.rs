//! Texts with the results of yaml-cpp (commit c2bec4c, as in Falco 0.44.1): every value with its line,
//! column and offset, or the position of the error.

use std::fmt::Write;

use eyas_yaml::{Kind, Node, decode, parse};

fn dump(node: &Node, depth: usize, out: &mut String) {
    let at = node.mark;
    write!(out, "{:depth$}{}:{}:{} ", "", at.line, at.column, at.offset).unwrap();
    match &node.kind {
        Kind::Null => out.push_str("null\n"),
        Kind::Scalar(text) => {
            out.push_str("s ");
            for byte in text.bytes() {
                match byte {
                    0x20..0x7f if byte != b'\\' => out.push(char::from(byte)),
                    _ => write!(out, "\\x{byte:02x}").unwrap(),
                }
            }
            out.push('\n');
        }
        Kind::Seq(items) => {
            out.push_str("seq\n");
            items.iter().for_each(|item| dump(item, depth + 1, out));
        }
        Kind::Map(pairs) => {
            out.push_str("map\n");
            pairs.iter().flat_map(|(key, value)| [key, value]).for_each(|node| dump(node, depth + 1, out));
        }
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let len = match rest.as_bytes()[at + 1] {
            b'x' => {
                out.push(u8::from_str_radix(&rest[at + 2..at + 4], 16).unwrap());
                4
            }
            b'n' => {
                out.push(b'\n');
                2
            }
            other => {
                out.push(other);
                2
            }
        };
        rest = &rest[at + len..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

#[test]
fn values_and_places_are_those_of_the_reference() {
    let cases = include_str!("reference.txt").strip_prefix("> ").unwrap();
    let mut tried = 0;
    for case in cases.split("\n> ") {
        let (text, want) = case.split_once('\n').unwrap_or((case, ""));
        let mut got = String::new();
        match parse(&decode(&unescape(text))) {
            Ok(parsed) => {
                for document in &parsed.documents {
                    got.push_str("doc\n");
                    dump(document, 0, &mut got);
                }
            }
            Err(problem) => {
                let at = problem.mark;
                writeln!(got, "error {}:{}:{}", at.line, at.column, at.offset).unwrap();
            }
        }
        assert_eq!(got.trim_end(), want.trim_end(), "{text}");
        tried += 1;
    }
    assert!(tried > 250, "{tried}");
}
