//! Collects the definitions of files: lists, macros and rules, with redefinitions, appends and overrides.

use std::collections::BTreeSet;

use super::decode::{Decoded, Scalar, boolean, invalid, missing, required_scalar, sequence};
use super::definitions::{List, Macro, Tables};
use super::described::Sources;
use super::result::{Context, ErrorCode, LoadError, LoadWarning, Problem, WarningCode};
use super::yaml::{Kind, Node};
use crate::diagnostic::Place;
use crate::diagnostic::suggest::did_you_mean;
use crate::rule::Priority;

mod rule;
mod versions;

pub(super) use versions::version;

const RULE_KEYS: [&str; 15] = [
    "rule",
    "condition",
    "output",
    "desc",
    "priority",
    "source",
    "enabled",
    "tags",
    "exceptions",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
    "append",
    "override",
];
const ITEM_KINDS: [&str; 5] =
    ["rule", "macro", "list", "required_engine_version", "required_plugin_versions"];
const LIST_KEYS: [&str; 5] = ["list", "items", "items_file", "append", "override"];
const MACRO_KEYS: [&str; 4] = ["macro", "condition", "append", "override"];

fn wrong(message: impl Into<String>, context: &Context) -> LoadError {
    Problem::new(ErrorCode::Validate, message, context)
}

/// The changes that an item makes to an existing definition.
struct Overrides {
    append: BTreeSet<String>,
    replace: BTreeSet<String>,
}

impl Overrides {
    fn any(&self) -> bool {
        !self.append.is_empty() || !self.replace.is_empty()
    }

    fn decode(item: &Node, append: &[&str], replace: &[&str], context: &Context) -> Decoded<Self> {
        let mut out = Self { append: BTreeSet::new(), replace: BTreeSet::new() };
        let Some(node) = item.get("override") else { return Ok(out) };
        let context = context.at("overrides", "", item.at);
        let pairs = match &node.kind {
            // A scalar has no effect: the item is a plain definition.
            Kind::Null | Kind::Scalar(_) => return Ok(out),
            Kind::Map(pairs) => pairs,
            Kind::Seq(items) if items.is_empty() => return Ok(out),
            Kind::Seq(_) => {
                return Err(wrong("Value of 'override' must be a mapping", &context.root_of())
                    .titled("`override` must be a mapping")
                    .note(node.at.place, "")
                    .help(["write `override: {condition: append}`".to_owned()]));
            }
        };
        for (key, value) in pairs {
            let (name, operation) = (word(key, &context)?, word(value, &context)?);
            let (set, allowed, what) = match operation {
                "append" => (&mut out.append, append, "appended to"),
                "replace" => (&mut out.replace, replace, "replaced"),
                shown => {
                    let allowed = |keys: &[&str], word: &'static str| match keys.contains(&name) {
                        true => word,
                        false => "",
                    };
                    let (append, replace) = (allowed(append, "append "), allowed(replace, "replace "));
                    let message = format!(
                        "Invalid override operation for key '{name}': '{shown}'. Allowed values are: {append}{replace}"
                    );
                    let context = context.at("value for", name, value.at);
                    let problem = invalid(message, &context)
                        .titled(format!("`{shown}` is not an operation on `{name}`"))
                        .note(value.at.place, "expected `append` or `replace`")
                        .help(did_you_mean(shown, ["append", "replace"]));
                    return Err(problem);
                }
            };
            if !allowed.contains(&name) {
                let mut list: Vec<_> = allowed.iter().map(|key| format!("`{key}`")).collect();
                list.sort();
                let context = context.at("overrides", name, key.at);
                let instead = if operation == "append" { ", use 'replace' instead" } else { "" };
                return Err(invalid(format!("Key '{name}' cannot be {what}{instead}"), &context)
                    .titled(format!("`{name}` cannot be {what}"))
                    .note(key.at.place, "")
                    .help(did_you_mean(name, allowed.iter().copied()))
                    .help([format!("keys that can be {what}: {}", list.join(", "))]));
            }
            set.insert(name.to_owned());
        }
        Ok(out)
    }
}

/// A text as an item of a list. It is quoted, so that it is not the name of a list and none of its
/// characters ends it. Numbers stay numbers.
fn as_item(line: &str) -> String {
    if line.bytes().all(|b| b.is_ascii_digit()) {
        return line.to_owned();
    }
    format!("\"{}\"", line.replace('\\', r"\x5c").replace('"', r"\x22"))
}

/// The text of a key, or of a value that must be a text.
fn word<'a>(node: &'a Node, context: &Context) -> Decoded<&'a str> {
    match &node.kind {
        Kind::Scalar(text) => Ok(text),
        Kind::Null => Ok("null"),
        _ => Err(wrong(bad_conversion(node), &context.root_of())
            .titled("a text is expected here")
            .note(node.at.place, "")),
    }
}

/// yaml-cpp's message if a sequence or a mapping stands where a text is expected.
fn bad_conversion(node: &Node) -> String {
    eyas_yaml::cpp_message("bad conversion", node.at.mark)
}

impl Tables {
    /// Adds one item.
    pub(super) fn item(
        &mut self,
        item: &Node,
        described: &Sources<'_>,
        file: &Context,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<()> {
        if item.is_null() {
            return Ok(());
        }
        let context = file.at("rules content item", "", item.at);
        let Kind::Map(pairs) = &item.kind else {
            let message = "Unexpected element type. Each element should be a yaml associative array.";
            return Err(invalid(message, &context)
                .titled("each item of a rules file must be a mapping")
                .note(item.at.place, "this is none")
                .help(["an item begins with `- rule:`, `- macro:` or `- list:`".to_owned()]));
        };
        let (kind, keys): (_, &[&str]) = if item.get("required_engine_version").is_some() {
            self.engine_version(item, file)?;
            ("required_engine_version", &["required_engine_version"])
        } else if item.get("required_plugin_versions").is_some() {
            self.plugin_versions(item, file)?;
            ("required plugin versions", &["required_plugin_versions"])
        } else if item.get("list").is_some() {
            self.list(item, file, warnings)?;
            ("list", &LIST_KEYS)
        } else if item.get("macro").is_some() {
            self.r#macro(item, file, warnings)?;
            ("macro", &MACRO_KEYS)
        } else if item.get("rule").is_some() {
            self.rule(item, described, file, warnings)?;
            ("rule", &RULE_KEYS)
        } else {
            let name = pairs.first().and_then(|(k, _)| k.as_str()).unwrap_or_default();
            let near = pairs.iter().filter_map(|(k, _)| did_you_mean(k.as_str()?, ITEM_KINDS)).next();
            let problem = Problem::new(WarningCode::UnknownItem, "Unknown top level item", &context)
                .titled(format!("unknown item `{name}`; it is ignored"))
                .note(pairs.first().map_or(item.at.place, |(k, _)| k.at.place), "unknown kind of item")
                .help(near);
            warnings.push(problem);
            return Ok(());
        };
        let name = ["list", "macro", "rule"].contains(&kind).then(|| item.get(kind)?.as_str()).flatten();
        let context = file.at(kind, name.unwrap_or_default(), item.at);
        for (key, _) in pairs {
            let text = word(key, &context)?;
            if !keys.contains(&text) {
                let near = did_you_mean(text, keys.iter().copied());
                let message = format!("Unknown key '{text}'. The key will be ignored.");
                let problem = Problem::new(WarningCode::UnknownKey, message, &context)
                    .titled(format!("unknown key `{text}`; it is ignored"))
                    .note(key.at.place, "")
                    .help(near);
                warnings.push(problem);
            }
        }
        Ok(())
    }

    fn tick(&mut self) -> usize {
        self.counter += 1;
        self.counter
    }

    /// Items of the file that a list names: one in each line, without surrounding blanks. Empty lines and
    /// lines that begin with `#` are ignored. All items are texts, whatever characters they contain.
    fn items_of_file(&self, item: &Node, file: &Context, context: &Context) -> Decoded<Option<Vec<Scalar>>> {
        if item.get("items_file").is_none() {
            return Ok(None);
        }
        let Scalar { text: path, at } = required_scalar(item, "items_file", context)?;
        let read = self.item_files.0.as_ref().map_or_else(
            || Err(std::io::Error::other("this program reads no files of lists")),
            |read| read(file.locations.first().map_or("", |at| &*at.file), &path),
        );
        let text = read.map_err(|error| {
            let note = match error.kind() {
                std::io::ErrorKind::NotFound => "relative paths begin at the directory of this rules file",
                _ => "named here",
            };
            wrong(format!("List has an 'items_file' that can't be read: '{path}': {error}"), context)
                .titled(format!("the file of items `{path}` can't be read: {error}"))
                .note(at.place, note)
        })?;
        // A byte order mark is not a part of the first item.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if let Some((number, _)) = text.lines().enumerate().find(|(_, line)| line.contains('\0')) {
            let line = number + 1;
            let message = format!("List has an 'items_file' with a NUL byte: '{path}', line {line}");
            return Err(wrong(message, context)
                .titled(format!("the file of items `{path}` has a NUL byte in line {line}"))
                .note(at.place, "no text of an event contains one"));
        }
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Some(lines.map(|line| Scalar { text: as_item(line), at }).collect()))
    }

    fn list(&mut self, item: &Node, file: &Context, warnings: &mut Vec<LoadWarning>) -> Decoded<()> {
        let Scalar { text: name, at } = required_scalar(item, "list", &file.at("list", "", item.at))?;
        let context = file.at("list", &name, item.at);
        let bad = |c: char| {
            matches!(c, '(' | ')' | '"' | '\'' | ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '=' | ',')
        };
        if name.contains(bad) {
            let message = "List has an invalid name. List names should match a regular expression: \
                           ([^()\"'[:space:]=,]+)";
            let problem = Problem::new(WarningCode::InvalidListName, message, &context)
                .titled(format!("no condition can name the list `{name}`"))
                .note(at.place, "a name has no blanks, quotes, commas, `=` or parentheses");
            warnings.push(problem);
        }
        let more = self.items_of_file(item, file, &context)?;
        let items = sequence(item, "items", &context)?.or_else(|| more.as_ref().map(|_| Vec::new()));
        let mut items = items.ok_or_else(|| missing(item, "items", &context))?;
        items.extend(more.into_iter().flatten());
        let append = appends(item, "items", &context, warnings)?;
        let visibility = self.tick();
        let place = at.place;
        match (self.lists.position(&name), append) {
            (None, true) => {
                let message =
                    "List uses 'append' or 'override.items: append' but no list by that name already exists";
                return Err(wrong(message, &context)
                    .titled(format!("there is no list `{name}` to append to"))
                    .note(place, "not defined before this")
                    .help(did_you_mean(&name, self.lists.names()))
                    .help([ORDER.to_owned()]));
            }
            (Some(known), true) => {
                let list = self.lists.at_mut(known);
                list.items.extend(items);
                list.visibility = visibility;
            }
            (known, false) => {
                let index = known.map_or(visibility, |known| self.lists[known].index);
                self.lists.set(List { name, items, index, visibility, context, place });
            }
        }
        Ok(())
    }

    fn r#macro(&mut self, item: &Node, file: &Context, warnings: &mut Vec<LoadWarning>) -> Decoded<()> {
        let Scalar { text: name, at } = required_scalar(item, "macro", &file.at("macro", "", item.at))?;
        let context = file.at("macro", &name, item.at);
        let place = at.place;
        let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
        if letters == 0 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            let message = "Macro has an invalid name. Macro names should match a regular expression: \
                           ([a-zA-Z]+[a-zA-Z0-9_]*)";
            let problem = Problem::new(WarningCode::InvalidMacroName, message, &context)
                .titled(format!("no condition can name the macro `{name}`"))
                .note(place, "a name has letters, digits and `_`, a letter first");
            warnings.push(problem);
        }
        let written = required_scalar(item, "condition", &context)?;
        let condition_context = context.at("macro condition", "", written.at);
        let append = appends(item, "condition", &context, warnings)?;
        let visibility = self.tick();
        let condition = written.to_text();
        match (self.macros.position(&name), append) {
            (None, true) => {
                let message = "Macro uses 'append' or 'override.condition: append' but no macro by that name \
                               already exists";
                return Err(wrong(message, &context)
                    .titled(format!("there is no macro `{name}` to append to"))
                    .note(place, "not defined before this")
                    .help(did_you_mean(&name, self.macros.names()))
                    .help([ORDER.to_owned()]));
            }
            (Some(known), true) => {
                let known = self.macros.at_mut(known);
                known.condition.push(" ", written.at.place);
                known.condition.append(&condition);
                known.visibility = visibility;
            }
            (known, false) => {
                let index = known.map_or(visibility, |known| self.macros[known].index);
                self.macros.set(Macro {
                    name,
                    condition,
                    index,
                    visibility,
                    context,
                    condition_context,
                    place,
                });
            }
        }
        Ok(())
    }
}

/// Explains why a definition may be unknown although the files contain it.
const ORDER: &str = "files are read in order: define the item first, in this file or an earlier one";

/// Whether the item appends to a list or macro, by either key.
fn appends(item: &Node, key: &str, context: &Context, warnings: &mut Vec<LoadWarning>) -> Decoded<bool> {
    let append = boolean(item, "append", context)?;
    if append == Some(true) {
        warnings.push(deprecated_append(item, &[key], context));
    }
    let overrides = Overrides::decode(item, &[key], &[key], context)?;
    if append == Some(true) && overrides.any() {
        return Err(both_appends(item, context));
    }
    Ok(append.unwrap_or(false) || overrides.append.contains(key))
}

/// `keys` are the keys that are appended.
fn deprecated_append(item: &Node, keys: &[&str], context: &Context) -> LoadWarning {
    let entries: Vec<String> = keys.iter().map(|key| format!("{key}: append")).collect();
    let help = match entries.is_empty() {
        true => "drop it: nothing is appended here".to_owned(),
        false => format!("write `override: {{{}}}` instead", entries.join(", ")),
    };
    let message = "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under \
                   'override' instead.";
    Problem::new(WarningCode::DeprecatedItem, message, context)
        .titled("`append` is deprecated")
        .note(key_place(item, "append", context), "")
        .help([help])
}

fn both_appends(item: &Node, context: &Context) -> LoadError {
    let message = "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. \
                   'condition: append') under 'override' instead.";
    invalid(message, context)
        .titled("`append: true` and `override` cannot be used together")
        .note(key_place(item, "append", context), "drop this")
        .note(key_place(item, "override", context), "keep this")
}

/// The place of a key itself, not of its value.
fn key_place(item: &Node, key: &str, context: &Context) -> Place {
    let Kind::Map(pairs) = &item.kind else { return context.place() };
    pairs.iter().find(|(k, _)| k.as_str() == Some(key)).map_or(context.place(), |(k, _)| k.at.place)
}

fn priority(level: &Scalar, context: &Context) -> Decoded<Priority> {
    Priority::parse(&level.text).ok_or_else(|| {
        let names = Priority::ALL.map(Priority::name).join(", ");
        invalid("Invalid priority", context)
            .titled(format!("`{}` is not a priority", level.text))
            .note(level.at.place, "unknown priority")
            .help(did_you_mean(&level.text, Priority::ALL.map(Priority::name)))
            .help([format!("priorities, the gravest first: {names}")])
    })
}
