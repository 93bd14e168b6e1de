//! Messages about mistakes in conditions, with advice.

use std::ops::Range;
use std::sync::Arc;

use eyas_fields::{ArgKind, FieldDef, FieldType, Schema};

use super::suggest::{did_you_mean, nearest};
use super::{Diagnostic, Label, Severity, SourceFile};
use crate::condition::ast::Op;
use crate::condition::{CompileError, CompileErrorKind, ParseError, ParseErrorKind};
use crate::condition::{Source, operand_prefix, transformer_names};

/// A mistake and where it is in the condition's text.
#[derive(Debug)]
pub(crate) struct Wording {
    pub(crate) title: String,
    /// Places to point at, with notes; the first one is the primary place.
    pub(crate) places: Vec<(Range<usize>, String)>,
    pub(crate) help: Vec<String>,
}

impl Wording {
    fn new(title: impl Into<String>, span: Range<usize>, word: impl Into<String>) -> Self {
        Self { title: title.into(), places: vec![(span, word.into())], help: Vec::new() }
    }

    fn help(mut self, help: impl IntoIterator<Item = String>) -> Self {
        self.help.extend(help);
        self
    }

    fn into_diagnostic(self, name: &str, text: &str) -> Diagnostic {
        let file = Arc::new(SourceFile::new(name, text));
        let clip = |span: Range<usize>| {
            let start = super::floor(text, span.start);
            start..super::floor(text, span.end).max(start)
        };
        let labels = self.places.into_iter().enumerate().map(|(i, (span, word))| Label {
            file: file.clone(),
            span: clip(span),
            text: word,
            is_primary: i == 0,
        });
        Diagnostic {
            code: "",
            severity: Severity::Error,
            message: self.title,
            labels: labels.collect(),
            help: self.help,
        }
    }
}

impl ParseError {
    /// The diagnostic for users; `text` is the condition, and `name` its name in messages.
    pub fn to_diagnostic(&self, name: &str, text: &str, schema: &dyn Schema) -> Diagnostic {
        parse_error(text, self, schema).into_diagnostic(name, text)
    }
}

impl CompileError {
    /// The diagnostic for users; `text` is the condition, and `name` its name in messages.
    pub fn to_diagnostic(&self, name: &str, text: &str, schema: &dyn Schema) -> Diagnostic {
        compile_error(text, self, schema).into_diagnostic(name, text)
    }
}

/// Names of fields for suggestions.
pub(crate) fn field_names(schema: &dyn Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().map(|def| def.name)
}

/// The blanks of the language are ASCII; any other blank is a part of a word.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}'
}

/// Characters that word processors and web pages use instead of plain ones.
fn pasted(text: &str) -> Option<String> {
    let found = text.chars().find_map(|c| match c {
        _ if is_space(c) => None,
        '\u{a0}' | '\u{2007}' | '\u{202f}' => Some((c, "a no-break space", "a blank")),
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {
            Some((c, "a character without width", "nothing"))
        }
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => Some((c, "a typographic quote", "`\"`")),
        '\u{2018}'..='\u{201b}' => Some((c, "a typographic quote", "`'`")),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some((c, "a typographic dash", "`-`")),
        _ if c.is_whitespace() => Some((c, "a blank that the language does not know", "a plain one")),
        _ => None,
    });
    found.map(|(c, what, with)| format!("U+{:04X} is {what}: write {with} instead", u32::from(c)))
}

fn cut(word: &str) -> &str {
    &word[..super::floor(word, 60)]
}

/// The word at a byte, up to a blank or the end of a value.
fn word(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    let ends = |c: char| is_space(c) || matches!(c, '(' | ')' | ',' | '"' | '\'');
    let len = rest.find(ends).unwrap_or(rest.len());
    match len {
        0 => &rest[..rest.chars().next().map_or(0, char::len_utf8)],
        len => &rest[..len],
    }
}

/// The last opening parenthesis that is not closed before `end`; quoted texts are ignored.
fn unclosed(text: &str, end: usize) -> Option<usize> {
    let mut open = Vec::new();
    let mut quote: Option<u8> = None;
    let bytes = &text.as_bytes()[..end];
    for (at, byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(q), b) if *b == q && bytes[at - 1] != b'\\' => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'(') => open.push(at),
            (None, b')') => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

/// The problem of a text that is no condition.
pub(crate) fn parse_error(text: &str, error: &ParseError, schema: &dyn Schema) -> Wording {
    let at = error.offset.min(text.len());
    // The word that ends before the place, or the one that begins there.
    let before = text[..at].trim_end_matches(is_space);
    let start = before.rfind(is_space).map_or(0, |at| at + 1);
    let around = &text[start..at + word(text, at).len()];
    lacking(text, at, error, schema).help(pasted(around))
}

fn lacking(text: &str, at: usize, error: &ParseError, schema: &dyn Schema) -> Wording {
    use ParseErrorKind as K;
    let (before, rest) = (text[..at].trim_end_matches(is_space), &text[at..]);
    let found = word(text, at);
    let span = at..at + found.len();
    let shown = cut(found);
    let starts_quoted = rest.starts_with(['"', '\'']);
    if starts_quoted && matches!(error.kind, K::Value | K::ListItem | K::ListEnd) {
        return Wording::new("a quote is never closed", at..at + 1, "it begins here");
    }
    match error.kind {
        K::Operator => operator(text, at, schema),
        K::Trailing => trailing(text, at, schema),
        K::GroupEnd => {
            let open = unclosed(text, at);
            let mut wording = if rest.trim_matches(is_space).is_empty() {
                Wording::new("a parenthesis is never closed", span, "expected `)`")
            } else {
                trailing(text, at, schema)
            };
            wording.places.extend(open.map(|o| (o..o + 1, "opened here".to_owned())));
            wording
        }
        K::Check if rest.trim_matches(is_space).is_empty() && before.is_empty() => {
            Wording::new("the condition is empty", span, "a comparison such as `evt.type = open` is expected")
        }
        K::Check if rest.trim_matches(is_space).is_empty() => {
            let last = before.len() - before.split_ascii_whitespace().last().unwrap_or_default().len();
            let title = format!("the condition ends after `{}`", &before[last..]);
            Wording::new(title, last..before.len(), "something must follow")
        }
        K::Check => check(text, at, span),
        K::Value if rest.starts_with('(') => {
            let wording = Wording::new("one value is expected, not several", span, "");
            wording.help(["to compare with several values write `in (a, b)`".to_owned()])
        }
        K::Value | K::Number if rest.trim_matches(is_space).is_empty() => {
            Wording::new("a value is missing", span, "nothing to compare with")
        }
        K::Number => Wording::new(format!("`{shown}` is not a number"), span, "a number is expected"),
        K::List => {
            let wording = Wording::new("values between parentheses are expected", span, "");
            wording.help(["write `in (a, b)`, or the name of a list between the parentheses".to_owned()])
        }
        K::ListItem if rest.starts_with([',', ')']) => {
            Wording::new("a value is missing between the commas", span, "a value is expected before this")
        }
        K::ListEnd | K::ListItem => {
            let wording = if rest.trim_matches(is_space).is_empty() {
                Wording::new("a list of values is never closed", span, "expected `)`")
            } else {
                Wording::new(format!("unexpected `{shown}` in a list of values"), span, "expected `,` or `)`")
                    .help(["a value with blanks or `=` in it needs quotes".to_owned()])
            };
            let mut wording = wording;
            wording.places.extend(unclosed(text, at).map(|o| (o..o + 1, "the list begins here".to_owned())));
            wording
        }
        K::Depth => Wording::new(error.message.clone(), span, "too deep here")
            .help(["move parts of the condition into macros".to_owned()]),
        _ => Wording::new(error.message.clone(), span, ""),
    }
}

/// A field that no operator follows.
fn operator(text: &str, at: usize, schema: &dyn Schema) -> Wording {
    let found = word(text, at);
    let span = at..at + found.len();
    let before = text[..at].trim_end_matches(is_space);
    let field_start = before.rfind(|c: char| is_space(c) || c == '(').map_or(0, |at| at + 1);
    let field = cut(&before[field_start..]);
    let known = || {
        let words: Vec<&str> = Op::ALL.iter().map(|op| op.word()).collect();
        format!("operators: {}", words.join(" "))
    };
    if found.is_empty() || matches!(found, "and" | "or" | ")") {
        let title = format!("`{field}` is not compared with anything");
        let mut help = vec![format!("to test that it has a value write `{field} exists`")];
        let is_bool = operand_prefix(field)
            .ok()
            .and_then(|(operand, _)| Source::resolve(&operand, schema).ok())
            .is_some_and(|s| s.ty == FieldType::Bool);
        if is_bool {
            help = vec![format!("write `{field} = true`")];
        }
        return Wording::new(title, field_start..before.len(), "an operator is expected after this")
            .help(help);
    }
    let shown = cut(found);
    if found == "not" {
        let wording = Wording::new("`not` comes before the field", span, "");
        let then = word(
            text,
            at + found.len() + text[at + found.len()..].len() - text[at + found.len()..].trim_start().len(),
        );
        return wording.help([format!("write `not {field} {} …`", cut(then))]);
    }
    let other = match found.to_ascii_lowercase().as_str() {
        "is" | "equals" | "eq" | ":" => Some("="),
        "like" => Some("glob"),
        "matches" | "match" | "~" | "=~" => Some("regex"),
        "has" | "includes" => Some("contains"),
        "ne" | "<>" | "~=" => Some("!="),
        _ => None,
    };
    let help = match other {
        Some(op) => Some(format!("did you mean `{op}`?")),
        None => did_you_mean(found, Op::ALL.iter().map(|op| op.word())),
    };
    Wording::new(format!("no operator is named `{shown}`"), span, "unknown operator")
        .help(help)
        .help([known()])
}

/// Something after a whole comparison.
fn trailing(text: &str, at: usize, schema: &dyn Schema) -> Wording {
    let found = word(text, at);
    let span = at..at + found.len();
    let shown = cut(found);
    let before = text[..at].trim_end_matches(is_space);
    let last_start = before.rfind(|c: char| is_space(c) || matches!(c, '(' | ')')).map_or(0, |at| at + 1);
    let last = &before[last_start..];
    let is_name = last.starts_with(|c: char| c.is_ascii_alphabetic())
        && last.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let unexpected = |word: &str| Wording::new(format!("unexpected `{shown}`"), span.clone(), word);
    if found.starts_with("&&") || found.starts_with("||") {
        let with = if found.starts_with("&&") { "and" } else { "or" };
        return unexpected("").help([format!("write `{with}`")]);
    }
    if ["and", "or", "not"].iter().any(|w| found.eq_ignore_ascii_case(w)) && found != "not" {
        return unexpected("").help([format!("write `{}` in lower case", found.to_ascii_lowercase())]);
    }
    if text[at..].starts_with('(') && is_name && before.len() == at {
        let title = format!("no transformer is named `{}`", cut(last));
        let known = transformer_names().chain(["val"]);
        if last == "val" {
            return Wording::new("`val` belongs to the right of an operator", last_start..before.len(), "")
                .help(["on the left, write the field itself: `proc.name = val(proc.pname)`".to_owned()]);
        }
        return Wording::new(title, last_start..before.len(), "unknown transformer")
            .help(did_you_mean(last, known))
            .help([format!("transformers: {}", transformer_names().collect::<Vec<_>>().join(" "))]);
    }
    if found == ")" {
        return unexpected("no parenthesis is open here");
    }
    if found == "," {
        return unexpected("").help(["to compare with several values write `in (a, b)`".to_owned()]);
    }
    let follows_name = is_name && Op::ALL.iter().any(|op| found.starts_with(op.word()));
    if follows_name {
        let title = format!("`{}` is not a field", cut(last));
        return Wording::new(title, last_start..before.len(), "without a dot this names a macro")
            .help(nearest_field(last, schema));
    }
    if before[..last_start].trim().is_empty() && matches!(last, "and" | "or") {
        let title = format!("the condition begins with `{last}`");
        return Wording::new(title, last_start..before.len(), "a comparison is missing before this").help([
            "to continue the condition of a rule that exists, write `override: {condition: append}`"
                .to_owned(),
        ]);
    }
    if found.starts_with('#') {
        return unexpected("expected `and`, `or` or the end").help([NO_COMMENTS.to_owned()]);
    }
    if let Some(quote) = before.chars().next_back().filter(|c| before.len() == at && matches!(c, '"' | '\''))
    {
        return unexpected("the text before this has ended")
            .help([format!("within quotes, write the quote as `\\{quote}`")]);
    }
    unexpected("expected `and`, `or` or the end").help(["a value with blanks in it needs quotes".to_owned()])
}

const NO_COMMENTS: &str = "conditions have no comments, and YAML has none inside a `|` or `>` text";

/// The field that a word without a dot probably means.
fn nearest_field(word: &str, schema: &dyn Schema) -> Option<String> {
    let plain = |name: &str| name.replace('.', "");
    let wanted = word.replace('_', "");
    let found = field_names(schema).find(|name| plain(name) == wanted);
    found.map(|name| format!("did you mean `{name}`?")).or_else(|| did_you_mean(word, field_names(schema)))
}

/// Something that is neither a comparison nor a macro.
fn check(text: &str, at: usize, span: Range<usize>) -> Wording {
    let rest = &text[at..];
    let shown = cut(&text[span.clone()]);
    let title = format!("unexpected `{shown}`");
    let wording = Wording::new(title, span.clone(), "expected a field, a macro or `(`");
    match rest.as_bytes().first() {
        Some(b'%') => Wording::new("fields have no `%` before them in conditions", span, "")
            .help(["drop the `%`".to_owned()]),
        Some(b'#') => wording.help([NO_COMMENTS.to_owned()]),
        Some(b'!') => wording.help(["write `not`".to_owned()]),
        Some(b'"' | b'\'' | b'0'..=b'9' | b'/' | b'-') => {
            let line = if rest.starts_with(['"', '\'']) { &rest[..1] } else { shown };
            let mut wording = Wording::new("a value needs a field and an operator before it", span, "");
            wording.places[0].1 = format!("`{line}` begins no comparison");
            wording.help(["to compare with several values write `field in (a, b)`".to_owned()])
        }
        Some(b')') => Wording::new("a comparison is missing before `)`", span, ""),
        _ => wording,
    }
}

/// Name of a type for users.
fn type_name(ty: FieldType, is_list: bool) -> &'static str {
    use FieldType as T;
    match (ty, is_list) {
        (T::Str, true) => "a list of texts",
        (_, true) => "a list",
        (T::Int { .. } | T::Uint { .. } | T::Double, _) => "a number",
        (T::RelTime, _) => "a duration",
        (T::AbsTime, _) => "a time",
        (T::Port, _) => "a port",
        (T::Bool, _) => "a truth value",
        (T::Str, _) => "a text",
        (T::Bytes, _) => "raw bytes",
        (T::Ip, _) => "an IP address",
        (T::Net, _) => "an IP network",
        _ => "a value without a type of its own",
    }
}

/// The problem of a condition that does not fit the schema. The span is a range of `text`.
pub(crate) fn compile_error(text: &str, error: &CompileError, schema: &dyn Schema) -> Wording {
    use CompileErrorKind as K;
    let span = error.span.start as usize..(error.span.end as usize).max(error.span.start as usize);
    let shown = text.get(span.clone()).unwrap_or_default();
    let wording = |word: &str| Wording::new(error.message.clone(), span.clone(), word);
    match error.kind {
        K::UnknownField => {
            let name = shown.split('[').next().unwrap_or_default();
            if let Some(def) = schema.fields().iter().find(|def| def.name == name) {
                return bad_argument(def, shown, span);
            }
            Wording::new(format!("unknown field `{}`", cut(name)), span.clone(), "no such field")
                .help(did_you_mean(name, field_names(schema)))
        }
        K::UnknownEventType => {
            let name = shown.trim_matches(['"', '\'']);
            let names = (0..schema.codes() as u16).filter_map(|code| schema.code_name(code));
            let title = match error.message.starts_with("unknown event type") {
                true => format!("no type of event is named `{}`", cut(name)),
                false => error.message.clone(),
            };
            Wording::new(title, span.clone(), "").help(did_you_mean(name, names))
        }
        K::BadOperator => bad_operator(shown, error, span, schema),
        K::Macro => wording("no such macro"),
        _ => wording(error.hint),
    }
}

/// A field with an argument that it does not take.
fn bad_argument(def: &FieldDef, shown: &str, span: Range<usize>) -> Wording {
    let name = def.name;
    let (title, help) = match def.arg {
        ArgKind::None => (format!("`{name}` takes no argument"), format!("write `{name}`")),
        ArgKind::Index | ArgKind::OptionalIndex => {
            (format!("the argument of `{name}` is a number"), format!("write it as in `{name}[1]`"))
        }
        _ => (format!("`{}` is not a valid argument of `{name}`", cut(shown)), String::new()),
    };
    Wording::new(title, span, "").help(Some(help).filter(|help| !help.is_empty()))
}

fn bad_operator(shown: &str, error: &CompileError, span: Range<usize>, schema: &dyn Schema) -> Wording {
    let wording = Wording::new(error.message.clone(), span.clone(), "");
    let Ok((operand, len)) = operand_prefix(shown) else { return wording };
    let Ok(source) = Source::resolve(&operand, schema) else { return wording };
    let rest = shown[len..].trim_start();
    // The longest operator that fits: `in` begins `intersects`.
    let op = Op::ALL.iter().filter(|op| rest.starts_with(op.word())).max_by_key(|op| op.word().len());
    let Some(op) = op.filter(|op| !op.def().types.contains(source.ty, source.is_list)) else {
        return wording;
    };
    let at = span.start + shown.len() - rest.len();
    let allowed: Vec<&str> = Op::ALL
        .iter()
        .map(|op| op.def())
        .filter(|def| def.types.contains(source.ty, source.is_list))
        .map(|def| def.word)
        .collect();
    let field = cut(&shown[..len]);
    let kind = type_name(source.ty, source.is_list);
    let mut wording =
        Wording::new(format!("`{}` does not apply to `{field}`", op.word()), at..at + op.word().len(), "");
    wording.places.push((span.start..span.start + len, format!("this is {kind}")));
    let nearest = nearest(op.word(), allowed.iter().copied()).map(|op| format!("did you mean `{op}`?"));
    wording.help(nearest).help([format!("operators for it: {}", allowed.join(" "))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_open_parenthesis_is_found() {
        assert_eq!(unclosed("(a (b) c", 8), Some(0));
        assert_eq!(unclosed("(a \"(\" (b", 9), Some(7));
        assert_eq!(unclosed("(a)", 3), None);
    }

    #[test]
    fn a_word_ends_where_a_value_does() {
        assert_eq!(word("ab)c", 0), "ab");
        assert_eq!(word(")c", 0), ")");
        assert_eq!(word("é x", 0), "é");
        assert_eq!(word("", 0), "");
    }
}
