//! Where the characters of a scalar's value stand in the file: escapes, folding and indentation undone.

use std::ops::Range;

use super::yaml::ScalarStyle;

/// Bytes of `file` that the bytes `wanted` of the value come from; `scalar` is the stretch of the file
/// that the scalar takes.
pub(super) fn locate(
    file: &str,
    scalar: Range<usize>,
    style: ScalarStyle,
    wanted: Range<usize>,
) -> Range<usize> {
    let mut at = 0;
    let mut found: Option<Range<usize>> = None;
    let mut last = scalar.start..scalar.start;
    walk(file, scalar.clone(), style, &mut |c, raw| {
        last = raw.clone();
        let next = at + c.len_utf8();
        if found.is_none() && next > wanted.start {
            found = Some(raw.clone());
        }
        if let Some(found) = &mut found
            && at < wanted.end
        {
            found.end = raw.end;
        }
        at = next;
        at < wanted.end || found.is_none()
    });
    // Past the end: an empty place there.
    found.unwrap_or(last.end..last.end)
}

/// Calls `visit` with each character of the value and its bytes in the file, until it answers false.
fn walk(
    file: &str,
    scalar: Range<usize>,
    style: ScalarStyle,
    visit: &mut dyn FnMut(char, Range<usize>) -> bool,
) {
    let Some(raw) = file.get(scalar.clone()) else { return };
    let base = scalar.start;
    match style {
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let line = file[..base].rfind('\n').map_or(0, |at| at + 1);
            // Empty lines before the text are a part of the value; the first break ends the header.
            let head = file[..base].trim_end_matches([' ', '\t', '\n', '\r']).len();
            let breaks = memchr::memchr_iter(b'\n', &file.as_bytes()[head..base]);
            let leading = breaks.skip(1).map(|at| head + at..head + at + 1).collect();
            block(raw, base, base - line, style == ScalarStyle::Folded, leading, visit);
        }
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
            let inner = raw.get(1..raw.len().max(2) - 1).unwrap_or_default();
            flow(inner, base + 1, style, visit);
        }
        _ => flow(raw, base, style, visit),
    }
}

/// The next character and its length; `\r\n` is one line break.
fn next(raw: &str, at: usize) -> Option<(char, usize)> {
    let rest = &raw[at..];
    if rest.starts_with("\r\n") {
        return Some(('\n', 2));
    }
    rest.chars().next().map(|c| (if c == '\r' { '\n' } else { c }, c.len_utf8()))
}

fn blanks(raw: &str, at: usize) -> usize {
    raw.as_bytes()[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

fn flow(raw: &str, base: usize, style: ScalarStyle, visit: &mut dyn FnMut(char, Range<usize>) -> bool) {
    let mut at = 0;
    while let Some((c, len)) = next(raw, at) {
        let start = at;
        let mut emit = |c: char, from: usize, to: usize| visit(c, base + from..base + to);
        if c == '\\' && style == ScalarStyle::DoubleQuoted {
            let (value, len) = escape(raw, at);
            at += len;
            match value {
                Some(value) if !emit(value, start, at) => return,
                Some(_) => {}
                // An escaped line break: what indents the next line is dropped too.
                None => at += blanks(raw, at),
            }
            continue;
        }
        if c == '\'' && style == ScalarStyle::SingleQuoted {
            at += if raw[at + 1..].starts_with('\'') { 2 } else { 1 };
            if !emit('\'', start, at) {
                return;
            }
            continue;
        }
        let white = blanks(raw, at);
        let Some(('\n', _)) = next(raw, at + white) else {
            if !emit(c, start, at + len) {
                return;
            }
            at += len;
            continue;
        };
        // Line breaks with what surrounds them are a space, or one break less than there are.
        let mut breaks = Vec::new();
        at += white;
        while let Some(('\n', len)) = next(raw, at) {
            breaks.push(at..at + len);
            at += len;
            at += blanks(raw, at);
        }
        let (first, more) = (breaks[0].clone(), &breaks[1..]);
        if more.is_empty() {
            if !emit(' ', first.start, first.end) {
                return;
            }
        } else if !more.iter().all(|b| emit('\n', b.start, b.end)) {
            return;
        }
    }
}

/// The character that an escape stands for, `None` for a line break, and its length.
fn escape(raw: &str, at: usize) -> (Option<char>, usize) {
    let Some((c, len)) = next(raw, at + 1) else { return (Some('\\'), 1) };
    let hex = |digits: usize| {
        let code = raw.get(at + 2..at + 2 + digits).and_then(|d| u32::from_str_radix(d, 16).ok());
        (Some(code.and_then(char::from_u32).unwrap_or('\u{fffd}')), 2 + digits)
    };
    let plain = |c: char| (Some(c), 1 + len);
    match c {
        '\n' => (None, 1 + len),
        'x' => hex(2),
        'u' => hex(4),
        'U' => hex(8),
        '0' => plain('\0'),
        'a' => plain('\u{7}'),
        'b' => plain('\u{8}'),
        't' => plain('\t'),
        'n' => plain('\n'),
        'v' => plain('\u{b}'),
        'f' => plain('\u{c}'),
        'r' => plain('\r'),
        'e' => plain('\u{1b}'),
        'N' => plain('\u{85}'),
        '_' => plain('\u{a0}'),
        'L' => plain('\u{2028}'),
        'P' => plain('\u{2029}'),
        c => plain(c),
    }
}

/// A block scalar: every line is indented by `indent`.
fn block(
    raw: &str,
    base: usize,
    indent: usize,
    folded: bool,
    leading: Vec<Range<usize>>,
    visit: &mut dyn FnMut(char, Range<usize>) -> bool,
) {
    let mut at = 0;
    // Line breaks since the last line with text, and whether that line was indented further.
    let mut breaks = leading;
    let mut deeper = true;
    loop {
        let content = raw[at..].find(['\n', '\r']).map_or(raw.len(), |len| at + len);
        if content > at {
            let more = raw[at..].starts_with([' ', '\t']);
            if !folds(&breaks, folded && !deeper && !more, visit) {
                return;
            }
            breaks.clear();
            deeper = more;
            for (offset, c) in raw[at..content].char_indices() {
                let start = base + at + offset;
                if !visit(c, start..start + c.len_utf8()) {
                    return;
                }
            }
        }
        let Some((_, len)) = next(raw, content) else { break };
        breaks.push(base + content..base + content + len);
        at = content + len;
        at += raw.as_bytes()[at..].iter().take(indent).take_while(|b| **b == b' ').count();
    }
    folds(&breaks, false, visit);
}

fn folds(breaks: &[Range<usize>], folds: bool, visit: &mut dyn FnMut(char, Range<usize>) -> bool) -> bool {
    match breaks {
        [one] if folds => visit(' ', one.clone()),
        [_, rest @ ..] if folds => rest.iter().all(|b| visit('\n', b.clone())),
        all => all.iter().all(|b| visit('\n', b.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::yaml::{self, Kind, Node};

    fn scalars<'a>(node: &'a Node, out: &mut Vec<(&'a str, yaml::At)>) {
        match &node.kind {
            Kind::Scalar(text) => out.push((text, node.at)),
            Kind::Seq(items) => items.iter().for_each(|n| scalars(n, out)),
            Kind::Map(pairs) => pairs.iter().for_each(|(k, v)| {
                scalars(k, out);
                scalars(v, out);
            }),
            Kind::Null => {}
        }
    }

    #[track_caller]
    fn check(text: &str) {
        let documents = yaml::parse(text, 0).unwrap_or_else(|broken| panic!("{}", broken.message));
        let mut found = Vec::new();
        documents.iter().for_each(|d| scalars(d, &mut found));
        for (value, at) in found {
            let mut walked = String::new();
            let range = at.place.start as usize..at.place.end as usize;
            let mut last = 0;
            walk(text, range.clone(), at.style.unwrap(), &mut |c, raw| {
                assert!(last <= raw.start && raw.end <= range.end, "{text:?}");
                last = raw.end;
                walked.push(c);
                true
            });
            // The breaks at the end of a block are kept or not as its header says.
            let cut = walked.len().min(value.trim_end_matches('\n').len());
            assert_eq!(walked[..cut], *value.trim_end_matches('\n'), "{text:?}");
        }
    }

    #[test]
    fn walking_a_scalar_yields_its_value() {
        for newline in ["\n", "\r\n"] {
            for text in [
                "- plain é text\n- x",
                "- plain\n  goes\n\n\n  on   \n  here\n",
                "- \"a \\\"q\\\" \\x41 \\u00e9 \\U0001F600 \\n\\t\\\\ end\"\n",
                "- \"a\n  b \\\n   c\n\n  d\"\n",
                "- 'it''s\n  two\n\n  lines'\n",
                "- >\n  folded é\n  text\n\n  more\n    deeper\n  back\n\n\n    deep\n    deep\n\n  z\n",
                "- |\n  literal\n    deeper\n\n\n  x\n",
                "- >2\n    abc\n  def\n",
                "- |2-\n    abc\n  def\n\n",
                "- >+\n  a\n\n  b\n\n\n- x\n",
                "- [a b, 'c d', \"e\", f\n  g]\n",
                "- \"\"\n- ''\n- ' '\n",
                "- k: >\n\n    a\n    b\n",
            ] {
                check(&text.replace('\n', newline));
            }
        }
        check("\u{feff}- a\n- >\n  b\n  c\n");
    }

    #[test]
    fn a_stretch_of_the_value_is_found_in_the_file() {
        let text = "- >\n    evt.type=open\n    and x\n";
        let documents = yaml::parse(text, 0).unwrap_or_else(|_| panic!());
        let mut found = Vec::new();
        scalars(&documents[0], &mut found);
        let (value, at) = found[0];
        let wanted = value.find("and x").unwrap();
        let range = at.place.start as usize..at.place.end as usize;
        let style = at.style.unwrap();
        assert_eq!(&text[locate(text, range.clone(), style, wanted..wanted + 5)], "and x");
        assert_eq!(&text[locate(text, range.clone(), style, 0..3)], "evt");
        assert!(locate(text, range, style, 500..501).is_empty());
    }
}
