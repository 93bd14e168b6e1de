//! Writes a configuration as YAML.

use std::fmt::Write;

use eyas::yaml::{Kind, Node};

/// The tree in block style, one key per line.
pub fn yaml(tree: &Node) -> String {
    let mut out = String::new();
    write(&mut out, tree, 0, false);
    out
}

/// Writes a value. Its first line begins where `out` ends: after a dash, or below its key.
fn write(out: &mut String, node: &Node, depth: usize, is_behind_dash: bool) {
    match &node.kind {
        Kind::Map(pairs) if !pairs.is_empty() => {
            for (at, (key, value)) in pairs.iter().enumerate() {
                if at > 0 || !is_behind_dash {
                    indent(out, depth);
                }
                out.push_str(&scalar(key.as_str().unwrap_or_default()));
                out.push(':');
                below(out, value, depth);
            }
        }
        Kind::Seq(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 || !is_behind_dash {
                    indent(out, depth);
                }
                out.push_str("- ");
                write(out, item, depth + 1, true);
            }
        }
        Kind::Map(_) => out.push_str(if is_behind_dash || depth > 0 { "{}\n" } else { "" }),
        Kind::Seq(_) => out.push_str("[]\n"),
        Kind::Null => out.push_str("~\n"),
        Kind::Scalar(text) => {
            let _ = writeln!(out, "{}", scalar(text));
        }
    }
}

/// Writes the value of a key, on the same line if the value fits in one line.
fn below(out: &mut String, value: &Node, depth: usize) {
    let has_lines = match &value.kind {
        Kind::Map(pairs) => !pairs.is_empty(),
        Kind::Seq(items) => !items.is_empty(),
        Kind::Null | Kind::Scalar(_) => false,
    };
    match has_lines {
        true => {
            out.push('\n');
            write(out, value, depth + 1, false);
        }
        false => {
            out.push(' ');
            write(out, value, depth + 1, true);
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The text unchanged, or quoted if YAML would read a different value.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-');
    let begins_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_'));
    match begins_plain && text.chars().all(is_plain) && text != "null" {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_tree_reads_back_the_same() {
        let text = "a: {b: [x, {c: d, e: [1, 2]}, []], f: , g: '', h: {}}\n\"j k\": \"l: m #\\n\"\nn: [[1], {o: 2}]\np: true\n";
        let read = |text: &str| {
            let parsed = eyas::yaml::parse(&text.into()).unwrap_or_else(|_| panic!("{text}"));
            parsed.documents.into_iter().next().unwrap()
        };
        let written = yaml(&read(text));
        assert_eq!(yaml(&read(&written)), written);
        for line in [
            "a:\n  b:\n    - x\n    - c: d\n      e:\n        - 1\n",
            "  f: ~\n  g: \"\"\n  h: {}\n",
            "p: true\n",
        ] {
            assert!(written.contains(line), "{line}: {written}");
        }
        assert_eq!(yaml(&read("{}")), "");
    }
}
