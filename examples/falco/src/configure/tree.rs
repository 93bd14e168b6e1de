//! A configuration as a tree of untyped values: overrides by path, merging of files, and environment
//! variables.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow, bail};
use eyas::yaml::{self, Kind, Node};

use super::fit::{self, Path};
use super::origins::{Origins, shorten};
use super::schema::CONFIG;
use super::unknown;
use crate::config::Shape;

/// Maximum number of elements that the index in an override may add to a list.
const MAX_INDEX: usize = 1024;
/// Maximum number of steps in the path of an override.
const MAX_STEPS: usize = 32;

/// An empty tree.
pub fn empty() -> Node {
    Node::new(Kind::Map(Vec::new()))
}

/// Parses the first document of a file, as Falco does. Adds warnings about what has no effect: further
/// documents, and keys that a mapping repeats, of which only the first remains.
pub fn parse(name: &str, text: &[u8], warnings: &mut Vec<String>) -> Result<Node> {
    let decoded = yaml::decode(text);
    let mut documents = documents(text, &decoded).with_context(|| name.to_owned())?.into_iter();
    let mut first = documents.next();
    if let Some(second) = documents.next() {
        let line = second.mark.line + 1;
        warnings
            .push(format!("{name} has a second document (line {line}), which has no effect: join the two"));
    }
    warnings.extend(foreign(name, &decoded));
    if let Some(first) = &mut first {
        drop_repeated(first, &Path::default(), name, warnings);
    }
    match first {
        None => Ok(empty()),
        Some(tree @ Node { kind: Kind::Map(_), .. }) => Ok(tree),
        Some(tree) if is_rules(&tree) => {
            bail!("{name} is a rules file and no configuration: name it with -r")
        }
        Some(tree) => bail!("{name}: expected keys with values, found {}", fit::kind(&tree)),
    }
}

/// Warning about bytes that are not UTF-8.
fn foreign(name: &str, decoded: &yaml::Decoded<'_>) -> Option<String> {
    let at = *decoded.foreign.first()? as usize;
    let line = decoded.text.get(..at)?.matches('\n').count() + 1;
    let as_read = decoded.text.get(at..)?.chars().next()?;
    Some(format!(
        "{name}, line {line}: the byte 0x{:X} is not UTF-8 and is read as `{as_read}` (Latin-1): save the file as UTF-8; a \
         name of a file must be UTF-8",
        as_read as u32
    ))
}

fn drop_repeated(node: &mut Node, path: &Path, origin: &str, warnings: &mut Vec<String>) {
    match &mut node.kind {
        Kind::Map(pairs) => {
            let mut known = HashMap::new();
            pairs.retain(|(key, _)| {
                let Some(name) = key.as_str() else { return true };
                let line = key.mark.line + 1;
                let Some(first) = known.insert(name.to_owned(), line) else { return true };
                known.insert(name.to_owned(), first);
                warnings.push(format!(
                    "configuration key `{}` is there twice ({origin}, lines {first} and {line}): the second has no effect",
                    path.key(name)
                ));
                false
            });
            for (key, value) in pairs {
                drop_repeated(value, &path.key(key.as_str().unwrap_or("null")), origin, warnings);
            }
        }
        Kind::Seq(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                drop_repeated(item, &path.index(index), origin, warnings);
            }
        }
        Kind::Scalar(_) | Kind::Null => {}
    }
}

/// Whether a file is a list of rules, macros and lists.
fn is_rules(tree: &Node) -> bool {
    let Kind::Seq(items) = &tree.kind else { return false };
    let keys = ["rule", "macro", "list", "required_engine_version"];
    items.first().is_some_and(|item| keys.iter().any(|key| item.get(key).is_some()))
}

fn yaml(text: &[u8]) -> Result<Option<Node>> {
    Ok(documents(text, &yaml::decode(text))?.into_iter().next())
}

fn documents(text: &[u8], decoded: &yaml::Decoded<'_>) -> Result<Vec<Node>> {
    let parsed = yaml::parse(decoded).map_err(|problem| {
        // A key of plain YAML ends only at a blank.
        let before = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).get(..problem.mark.offset);
        let follows_colon = before.is_some_and(|before| before.ends_with(b":"));
        let help = problem.help.as_deref().or(follows_colon.then_some("write a blank after the `:`"));
        let help = help.map(|help| format!(" ({help})")).unwrap_or_default();
        let cpp = problem.cpp_message();
        // yaml-cpp has no message for some mistakes.
        match cpp.ends_with(&problem.message) {
            true => anyhow!("{cpp}{help}"),
            false => anyhow!("{cpp}: {}{help}", problem.message),
        }
    })?;
    Ok(parsed.documents)
}

/// Removes a key from a mapping and returns its value.
pub fn take(tree: &mut Node, key: &str) -> Option<Node> {
    let Kind::Map(pairs) = &mut tree.kind else { return None };
    let at = pairs.iter().position(|(name, _)| name.as_str() == Some(key))?;
    Some(pairs.remove(at).1)
}

/// The value of a key, which is created if it is missing.
pub fn entry<'a>(pairs: &'a mut Vec<(Node, Node)>, key: &str) -> &'a mut Node {
    let at = pairs.iter().position(|(name, _)| name.as_str() == Some(key));
    let at = at.unwrap_or_else(|| {
        pairs.push((Node::new(Kind::Scalar(key.to_owned())), Node::new(Kind::Null)));
        pairs.len() - 1
    });
    &mut pairs[at].1
}

/// How to merge the keys of an included file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Lists are joined, other values replaced.
    Append,
    /// Keys are replaced.
    Override,
    /// Only new keys are added.
    AddOnly,
}

/// Merges the top-level keys of `from` into `into`.
///
/// # Errors
/// A list would have to be joined with a value that is not a list.
pub fn merge(into: &mut Node, from: Node, how: Merge) -> Result<()> {
    let (Kind::Map(into), Kind::Map(from)) = (&mut into.kind, from.kind) else { return Ok(()) };
    for (key, value) in from {
        let Some(name) = key.as_str() else { continue };
        let there = into.iter().any(|(known, _)| known.as_str() == Some(name));
        let slot = match (there, how) {
            (true, Merge::AddOnly) => continue,
            _ => entry(into, name),
        };
        match (how, value.kind) {
            (Merge::Append, Kind::Seq(more)) => match &mut slot.kind {
                Kind::Seq(list) => list.extend(more),
                Kind::Map(_) => bail!("`{name}` has keys with values: a list cannot be joined to it"),
                Kind::Null => slot.kind = Kind::Seq(more),
                Kind::Scalar(_) => {
                    let one = std::mem::replace(slot, Node::new(Kind::Null));
                    slot.kind = Kind::Seq(std::iter::once(one).chain(more).collect());
                }
            },
            (_, kind) => *slot = Node { kind, ..value },
        }
    }
    Ok(())
}

/// Applies `path=value`, the text of a `-o` option. Adds a warning for each unknown key.
///
/// # Errors
/// The option has another form, or its path is impossible.
pub fn set(tree: &mut Node, option: &str, origins: &mut Origins, warnings: &mut Vec<String>) -> Result<()> {
    let shown = || format!("option `{}`", shorten(option));
    let (path, text) = option.split_once('=').with_context(|| {
        format!("Error parsing config option \"{option}\". Must be of the form key=val or key.subkey=val")
    })?;
    let steps = steps(path).with_context(|| format!("Config error at key \"{}\"", shorten(path)))?;
    let shape = known(&steps, &shown(), warnings);
    let mut value = value(text, shape).with_context(shown)?;
    if let Some(shape) = shape {
        unknown::keys(&value, shape, &path_of(&steps), &shown(), warnings);
    }
    origins.add_option(option, &mut value);
    *descend(tree, &steps).with_context(shown)? = value;
    Ok(())
}

/// The value of an option: a text, unless it is written as a mapping or, for a list, as a list. Quotes
/// around it have their YAML meaning.
fn value(text: &str, shape: Option<&Shape>) -> Result<Node> {
    let is = |open: char, close: char| text.len() > 1 && text.starts_with(open) && text.ends_with(close);
    if (is('"', '"') || is('\'', '\''))
        && let Ok(Some(node)) = yaml(text.as_bytes())
        && matches!(node.kind, Kind::Scalar(_))
    {
        return Ok(node);
    }
    let list = matches!(shape, Some(Shape::List(_)));
    if is('{', '}') {
        return Ok(yaml(text.as_bytes())?.unwrap_or_else(empty));
    }
    if list
        && is('[', ']')
        && let Ok(Some(node)) = yaml(text.as_bytes())
    {
        return Ok(node);
    }
    Ok(Node::new(Kind::Scalar(text.to_owned())))
}

#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
    Push,
}

fn path_of(steps: &[Step]) -> Path {
    steps.iter().fold(Path::default(), |path, step| match step {
        Step::Key(key) => path.key(key),
        Step::Index(index) => path.index(*index),
        Step::Push => path.index(0),
    })
}

/// The type of the value at the end of the path, if the path is known. Adds a warning if it is unknown.
fn known(steps: &[Step], option: &str, warnings: &mut Vec<String>) -> Option<&'static Shape> {
    let mut shape = &CONFIG;
    for (at, step) in steps.iter().enumerate() {
        shape = match (step, shape) {
            (Step::Index(_) | Step::Push, Shape::List(of)) => of,
            (Step::Key(key), shape) if shape.knows_its_keys() => match shape.key(key) {
                Some(inner) => inner,
                None => {
                    let path = path_of(&steps[..at]);
                    warnings.push(unknown::warning(key, shape, &path, &format!(" ({option})")));
                    return None;
                }
            },
            _ => return None,
        };
    }
    Some(shape)
}

/// Parses a key. The errors begin with Falco's words, and positions are counted in bytes, as Falco does.
fn steps(path: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut key = String::new();
    let mut chars = path.char_indices().peekable();
    // Whether a key must follow, as at the beginning and after a dot.
    let mut open = true;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, c @ ('.' | '[' | ']' | '\\'))) => key.push(c),
                Some((_, c)) => bail!(
                    "Parsing error: invalid escape sequence '\\{c}' at pos {at}: only `.`, `[`, `]` and `\\` are \
                     written with a `\\` before them"
                ),
                None => bail!("Parsing error: trailing backslash at pos {at}"),
            },
            '.' | '[' => {
                match std::mem::take(&mut key) {
                    key if !key.is_empty() => steps.push(Step::Key(key)),
                    _ if open => bail!("Parsing error: unexpected character at pos {at}: a key is empty"),
                    _ => {}
                }
                open = c == '.';
                if c == '[' {
                    let mut is_closed = false;
                    let more = chars.by_ref().map(|(_, c)| c).take_while(|c| {
                        is_closed = *c == ']';
                        !is_closed
                    });
                    let index: String = more.collect();
                    if !is_closed {
                        bail!("`[` has no `]`");
                    }
                    steps.push(match index.as_str() {
                        "" => Step::Push,
                        digits => Step::Index(digits.parse().map_err(|_| {
                            anyhow!("Parsing error: expected a numeric index, found '{digits}'")
                        })?),
                    });
                    // After an index, only a dot, another index or the end is allowed.
                    if let Some((next, _)) = chars.peek().filter(|(_, c)| !matches!(c, '.' | '[')) {
                        bail!("Parsing error: expected '.' character at pos {}: after `]`", next - 1);
                    }
                }
            }
            c => key.push(c),
        }
        if steps.len() > MAX_STEPS {
            bail!("the key has more than {MAX_STEPS} parts");
        }
    }
    match key {
        key if !key.is_empty() => steps.push(Step::Key(key)),
        // As in Falco, a dot at the end has no meaning.
        _ if steps.is_empty() => bail!("the key is empty"),
        _ => {}
    }
    Ok(steps)
}

fn descend<'a>(mut at: &'a mut Node, steps: &[Step]) -> Result<&'a mut Node> {
    for (done, step) in steps.iter().enumerate() {
        if let Kind::Scalar(text) = &at.kind
            && !text.is_empty()
        {
            bail!("{} is `{text}`, which has neither keys nor elements", path_of(&steps[..done]));
        }
        at = match step {
            Step::Key(key) => {
                let pairs = match std::mem::replace(&mut at.kind, Kind::Null) {
                    Kind::Map(pairs) => pairs,
                    // As in Falco, a key turns a list into a mapping.
                    Kind::Seq(items) => {
                        let numbered = items.into_iter().enumerate();
                        numbered.map(|(i, item)| (Node::new(Kind::Scalar(i.to_string())), item)).collect()
                    }
                    Kind::Null | Kind::Scalar(_) => Vec::new(),
                };
                at.kind = Kind::Map(pairs);
                let Kind::Map(pairs) = &mut at.kind else { unreachable!("made a map above") };
                entry(pairs, key)
            }
            Step::Index(index) if matches!(at.kind, Kind::Map(_)) => {
                let Kind::Map(pairs) = &mut at.kind else { unreachable!("checked above") };
                entry(pairs, &index.to_string())
            }
            Step::Push if matches!(at.kind, Kind::Map(_)) => {
                bail!("{} is a mapping, not a list", path_of(&steps[..done]));
            }
            Step::Index(_) | Step::Push => {
                if !matches!(at.kind, Kind::Seq(_)) {
                    at.kind = Kind::Seq(Vec::new());
                }
                let Kind::Seq(list) = &mut at.kind else { unreachable!("made a list above") };
                let index = match step {
                    Step::Index(index) => *index,
                    _ => list.len(),
                };
                if index > MAX_INDEX {
                    bail!("index {index} is above the limit of {MAX_INDEX}");
                }
                while list.len() <= index {
                    list.push(Node::new(Kind::Null));
                }
                &mut list[index]
            }
        };
    }
    Ok(at)
}

/// Replaces `${NAME}` in every value by the environment variable (empty if unset). Replaces
/// `${NAME:-DEFAULT}` by the variable, or by the default if the variable is unset or empty. `$${NAME}` is
/// an escaped `${NAME}`.
pub fn expand_env(tree: &mut Node, env: &dyn Fn(&str) -> Option<String>) {
    match &mut tree.kind {
        Kind::Scalar(text) if text.contains("${") => *text = expand(text, env),
        Kind::Scalar(_) | Kind::Null => {}
        Kind::Seq(list) => list.iter_mut().for_each(|value| expand_env(value, env)),
        Kind::Map(pairs) => pairs.iter_mut().for_each(|(_, value)| expand_env(value, env)),
    }
}

fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let Some(end) = rest[at..].find('}').map(|n| at + n) else { break };
        if rest[..at].ends_with('$') {
            // Only the brace itself: inside, there may be variables.
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        } else {
            out.push_str(&rest[..at]);
            let (name, default) = match rest[at + 2..end].split_once(":-") {
                Some((name, default)) => (name, default),
                None => (&rest[at + 2..end], ""),
            };
            let value = env(name).filter(|value| !value.is_empty());
            out.push_str(value.as_deref().unwrap_or(default));
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as one line.
    fn shown(node: &Node) -> String {
        match &node.kind {
            Kind::Null => "~".to_owned(),
            Kind::Scalar(text) => text.clone(),
            Kind::Seq(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
            Kind::Map(pairs) => {
                let pairs: Vec<_> =
                    pairs.iter().map(|(k, v)| format!("{}: {}", shown(k), shown(v))).collect();
                format!("{{{}}}", pairs.join(", "))
            }
        }
    }

    fn after(text: &str, options: &[&str]) -> Result<(String, Vec<String>)> {
        let (mut tree, mut warnings) = (parse("f", text.as_bytes(), &mut Vec::new())?, Vec::new());
        let mut origins = Origins::default();
        options.iter().try_for_each(|option| set(&mut tree, option, &mut origins, &mut warnings))?;
        Ok((shown(&tree), warnings))
    }

    #[test]
    fn an_option_reaches_into_maps_and_lists() {
        for (text, options, want) in [
            ("json_output: false", &["json_output=true"][..], "{json_output: true}"),
            (
                "",
                &["engine.kind=replay", "engine.replay.capture_file=/tmp/a=b.scap"],
                "{engine: {kind: replay, replay: {capture_file: /tmp/a=b.scap}}}",
            ),
            ("", &["rules_files[]=/x", "rules_files[1]=/y"], "{rules_files: [/x, /y]}"),
            ("rules_files: /x", &["rules_files=/y"], "{rules_files: /y}"),
            ("rules_files:", &["rules_files[]=/y"], "{rules_files: [/y]}"),
            ("rules_files: [/a]", &["rules_files=[/x, /y]"], "{rules_files: [/x, /y]}"),
            ("", &["program_output.program=[ x ]"], "{program_output: {program: [ x ]}}"),
            ("", &["program_output.program=\"sort | mail\""], "{program_output: {program: sort | mail}}"),
            ("", &["file_output.filename='it''s'"], "{file_output: {filename: it's}}"),
            ("", &["program_output.program='a' 'b'"], "{program_output: {program: 'a' 'b'}}"),
            ("", &["program_output.program=\""], "{program_output: {program: \"}}"),
            (
                "append_output: [{suggested_output: true}]",
                &["append_output[0].match.source=syscall", "append_output[]={suggested_output: true}"],
                "{append_output: [{suggested_output: true, match: {source: syscall}}, {suggested_output: true}]}",
            ),
            // Falco makes keys of the list, and then takes it for none.
            (
                "append_output: [{suggested_output: true}]",
                &["append_output.suggested_output=false"],
                "{append_output: {0: {suggested_output: true}, suggested_output: false}}",
            ),
            ("", &[r"static_fields.a\.b=1", r"static_fields.c\[0\]=2"], "{static_fields: {a.b: 1, c[0]: 2}}"),
            ("", &["webserver.listen_address=::"], "{webserver: {listen_address: ::}}"),
            ("webserver:", &["webserver.enabled=yes"], "{webserver: {enabled: yes}}"),
            ("", &["engine.replay.capture_file=-"], "{engine: {replay: {capture_file: -}}}"),
            ("", &["file_output.filename="], "{file_output: {filename: }}"),
        ] {
            assert_eq!(after(text, options).unwrap().0, want, "{options:?}");
        }
    }

    #[test]
    fn a_bad_option_names_itself() {
        let deep = format!("{}=1", "a.".repeat(50_000) + "a");
        for (option, want) in [
            ("json_output", "config option \"json_output\". Must be of the form key=val or key.subkey=val"),
            ("a[=1", "`[` has no `]`"),
            ("a[x]=1", "Config error at key \"a[x]\": Parsing error: expected a numeric index, found 'x'"),
            ("=1", "empty"),
            ("a..b=1", "Config error at key \"a..b\": Parsing error: unexpected character at pos 2"),
            (".a=1", "Parsing error: unexpected character at pos 0"),
            ("a[0]b=1", "Parsing error: expected '.' character at pos 3"),
            (r"a\b=1", r"Parsing error: invalid escape sequence '\b' at pos 1: only `.`"),
            (r"a\=1", "Parsing error: trailing backslash at pos 1"),
            ("a[99999]=1", "limit of 1024"),
            ("engine.kind={a: b", "engine.kind"),
            ("rules[]={a: ]}", "yaml-cpp: error at line 1, column 5: illegal flow end"),
            ("rules[]={disable:{rule:x}}", "(write a blank after the `:`)"),
            (&deep, "more than 32 parts"),
        ] {
            let outcome = after("", &[option]);
            let Err(error) = outcome else {
                // A text that only begins like keys with values is a text.
                assert_eq!(outcome.unwrap().0, "{engine: {kind: {a: b}}", "{option}");
                continue;
            };
            let error = format!("{error:#}");
            assert!(error.contains(want) && error.len() < 300, "{error}");
        }
        let error = format!("{:#}", after("engine: x", &["engine.kind=replay"]).unwrap_err());
        assert!(error.contains("engine is `x`"), "{error}");
    }

    #[test]
    fn unknown_keys_of_options_are_named() {
        for (option, want) in [
            (
                "jsn_output=true",
                "`jsn_output` is unknown and has no effect (option `jsn_output=true`); did you mean `json_output`?",
            ),
            ("engine.kid=replay", "`engine.kid` is unknown"),
            ("engine.kid=replay", "did you mean `engine.kind`?"),
            ("engine.capture_file=/x", "did you mean `engine.replay.capture_file`?"),
            ("append_output[0].mtch.source=syscall", "did you mean `append_output[0].match`?"),
            ("append_output[]={sugested_output: true}", "did you mean `append_output[0].suggested_output`?"),
            ("rules[]={enable: {rul: x}}", "did you mean `rules[0].enable.rule`?"),
            ("gvisor.enabled=true", "`gvisor` is unknown"),
            ("append_output[]={suggested_output:true}", "; write a blank after the `:`"),
        ] {
            let (_, warnings) = after("", &[option]).unwrap();
            assert!(warnings.len() == 1 && warnings[0].contains(want), "{option}: {warnings:?}");
        }
        for option in
            ["static_fields.any=1", "plugins[]={name: x, init_config: {y: {z: 1}}}", "config_files[]=/x"]
        {
            assert_eq!(after("", &[option]).unwrap().1, [""; 0], "{option}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_named_with_their_line() {
        let mut warnings = Vec::new();
        parse("f", b"a: 1\nb: [caf\xe9, \xff]\n", &mut warnings).unwrap();
        let wanted = "f, line 2: the byte 0xE9 is not UTF-8 and is read as `\u{e9}` (Latin-1): save the file as UTF-8; a name of a \
                      file must be UTF-8";
        assert_eq!(warnings, [wanted]);
        for text in ["caf\u{e9}: 1".as_bytes(), b"\xff\xfea\0:\0 \x001\0"] {
            warnings.clear();
            parse("f", text, &mut warnings).unwrap();
            assert_eq!(warnings, [""; 0]);
        }
    }

    #[test]
    fn variables_come_from_the_environment() {
        let env = |name: &str| match name {
            "A" => Some("7".to_owned()),
            "B" => Some("x".to_owned()),
            _ => None,
        };
        let text = b"{a: '${A}', b: ['-${B}-${C}-'], c: '$${A}', d: '${A}s', '${A}': e, f: '${C:-x y}${B:-z}', g: \"${C:-}\", h: '$${${A}}', i: '$${A}${A}$${A}', j: '$$A $${A'}";
        let mut tree = parse("f", text, &mut Vec::new()).unwrap();
        expand_env(&mut tree, &env);
        assert_eq!(
            shown(&tree),
            "{a: 7, b: [-x--], c: ${A}, d: 7s, ${A}: e, f: x yx, g: , h: ${7}, i: ${A}7${A}, j: $$A $${A}"
        );
    }

    #[test]
    fn an_included_file_joins_as_asked() {
        for (how, base, more, want) in [
            (Merge::Append, "{l: [1], k: 1}", "{l: [2], k: 2, n: 3}", Some("{l: [1, 2], k: 2, n: 3}")),
            (Merge::Override, "{l: [1], k: 1}", "{l: [2], k: 2, n: 3}", Some("{l: [2], k: 2, n: 3}")),
            (Merge::AddOnly, "{l: [1], k: 1}", "{l: [2], k: 2, n: 3}", Some("{l: [1], k: 1, n: 3}")),
            (Merge::Append, "{l: 1}", "{l: [2]}", Some("{l: [1, 2]}")),
            (Merge::Append, "{l: }", "{l: [2]}", Some("{l: [2]}")),
            (Merge::Append, "{s: {a: 1, b: 2}}", "{s: {a: 3}}", Some("{s: {a: 3}}")),
            (Merge::Append, "{l: {a: 1}}", "{l: [2]}", None),
        ] {
            let mut tree = parse("base", base.as_bytes(), &mut Vec::new()).unwrap();
            let outcome = merge(&mut tree, parse("more", more.as_bytes(), &mut Vec::new()).unwrap(), how);
            assert_eq!(outcome.ok().map(|()| shown(&tree)).as_deref(), want, "{how:?} {base} {more}");
        }
    }
}
