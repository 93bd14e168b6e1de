//! What the files define: lists, macros and rules, each redefined, appended to and overridden.

use std::collections::BTreeSet;

use super::Described;
use super::decode::{Decoded, boolean, invalid, number, optional, required, sequence};
use super::exceptions::{self, Exception};
use super::result::{Context, ErrorCode, LoadError, LoadWarning, Problem, WarningCode};
use super::yaml::{Kind, Node};
use crate::engine::Priority;

/// A list as defined.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) name: String,
    pub(super) items: Vec<String>,
    pub(super) index: usize,
    pub(super) visibility: usize,
    pub(super) context: Context,
}

/// A macro as defined.
#[derive(Clone, Debug)]
pub(super) struct Macro {
    pub(super) name: String,
    pub(super) condition: String,
    pub(super) index: usize,
    pub(super) visibility: usize,
    pub(super) context: Context,
    pub(super) condition_context: Context,
}

/// A rule as defined.
#[derive(Clone, Debug)]
pub(super) struct RawRule {
    pub(super) name: String,
    pub(super) condition: String,
    pub(super) output: String,
    pub(super) desc: String,
    pub(super) priority: Priority,
    pub(super) source: String,
    pub(super) enabled: bool,
    pub(super) tags: BTreeSet<String>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) warn_evttypes: bool,
    pub(super) skip_if_unknown: bool,
    pub(super) capture: bool,
    pub(super) capture_duration: u32,
    pub(super) context: Context,
    pub(super) condition_context: Context,
    pub(super) output_context: Context,
}

/// Everything defined so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) lists: Vec<List>,
    pub(super) macros: Vec<Macro>,
    pub(super) rules: Vec<RawRule>,
    pub(super) plugins: Vec<Vec<(String, String)>>,
    counter: usize,
}

const RULE_KEYS: [&str; 17] = [
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
    "warn_evttypes",
    "exceptions",
];
const LIST_KEYS: [&str; 4] = ["list", "items", "append", "override"];
const MACRO_KEYS: [&str; 4] = ["macro", "condition", "append", "override"];

fn wrong(message: impl Into<String>, context: &Context) -> LoadError {
    Problem::new(ErrorCode::Validate, message, context)
}

/// Engine version that the rules language here corresponds to.
const ENGINE: [u64; 3] = [0, 62, 0];

pub(super) fn version(text: &str) -> Option<[u64; 3]> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    match (parts.next()??, parts.next()??, parts.next()??, parts.next()) {
        (major, minor, patch, None) => Some([major, minor, patch]),
        _ => None,
    }
}

/// What an item asks to be done with what is there.
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
        let context = context.at("overrides", "", node.mark);
        let pairs = match &node.kind {
            Kind::Null => return Ok(out),
            Kind::Map(pairs) => pairs,
            _ => return Err(invalid("Value of 'override' must be a mapping", &context)),
        };
        for (key, value) in pairs {
            let name = key.as_str().unwrap_or_default();
            let context = context.at("overrides", name, key.mark);
            let (set, allowed, what) = match value.as_str() {
                Some("append") => (&mut out.append, append, "appended to"),
                Some("replace") => (&mut out.replace, replace, "replaced"),
                _ => {
                    let shown = value.as_str().unwrap_or("(not a text)");
                    let message = format!(
                        "Invalid override operation for key '{name}': '{shown}'. Allowed: append, replace"
                    );
                    return Err(invalid(message, &context));
                }
            };
            if !allowed.contains(&name) {
                return Err(invalid(format!("Key '{name}' cannot be {what}"), &context));
            }
            if item.get(name).is_none() {
                let message =
                    format!("An override was specified for key '{name}' but it has no value in the item");
                return Err(invalid(message, &context));
            }
            set.insert(name.to_owned());
        }
        Ok(out)
    }
}

impl Tables {
    /// Takes in one item.
    pub(super) fn item(
        &mut self,
        item: &Node,
        described: &Described<'_>,
        file: &Context,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<()> {
        if item.is_null() {
            return Ok(());
        }
        let context = file.at("rules content item", "", item.mark);
        let Kind::Map(pairs) = &item.kind else {
            return Err(invalid(
                "Unexpected element type. Each element should be a yaml associative array",
                &context,
            ));
        };
        let keys: &[&str] = if item.get("required_engine_version").is_some() {
            engine_version(item, file)?;
            &["required_engine_version"]
        } else if item.get("required_plugin_versions").is_some() {
            self.plugin_versions(item, file)?;
            &["required_plugin_versions"]
        } else if item.get("list").is_some() {
            self.list(item, file, warnings)?;
            &LIST_KEYS
        } else if item.get("macro").is_some() {
            self.r#macro(item, file, warnings)?;
            &MACRO_KEYS
        } else if item.get("rule").is_some() {
            self.rule(item, described, file, warnings)?;
            &RULE_KEYS
        } else {
            let name = pairs.first().and_then(|(k, _)| k.as_str()).unwrap_or_default();
            let message = format!("Unknown top level item '{name}'");
            warnings.push(Problem::new(WarningCode::UnknownItem, message, &context));
            return Ok(());
        };
        let (kind, name): (&'static str, String) = ["list", "macro", "rule"]
            .into_iter()
            .find_map(|kind| Some((kind, item.get(kind)?.as_str()?.to_owned())))
            .unwrap_or(("rules content item", String::new()));
        for (key, _) in pairs {
            let text = key.as_str().unwrap_or_default();
            if !keys.contains(&text) {
                let context = file.at(kind, &name, key.mark);
                let message = format!("Unknown key '{text}'{}", did_you_mean(text, keys));
                warnings.push(Problem::new(WarningCode::UnknownKey, message, &context));
            }
        }
        Ok(())
    }

    fn tick(&mut self) -> usize {
        self.counter += 1;
        self.counter
    }

    fn plugin_versions(&mut self, item: &Node, file: &Context) -> Decoded<()> {
        let Some(node) = item.get("required_plugin_versions") else { return Ok(()) };
        let context = file.at("required plugin versions", "", node.mark);
        let Kind::Seq(entries) = &node.kind else {
            return Err(invalid("Value of required_plugin_versions must be a sequence", &context));
        };
        for entry in entries {
            let here = context.at("required plugin versions entry", "", entry.mark);
            let mut group = Vec::new();
            let mut add = |node: &Node, context: &Context, kind: &'static str| -> Decoded<()> {
                let name = required(node, "name", context)?;
                let context = context.at(kind, &name, node.mark);
                let text = required(node, "version", &context)?;
                if version(&text).is_none() {
                    return Err(wrong(format!("'{text}' is not a version: expected x.y.z"), &context));
                }
                if group.iter().any(|(n, _)| *n == name) {
                    return Err(wrong(
                        format!("Plugin '{name}' is named twice in one requirement"),
                        &context,
                    ));
                }
                group.push((name, text));
                Ok(())
            };
            add(entry, &here, "required plugin versions entry")?;
            if let Some(Node { kind: Kind::Seq(alternatives), .. }) = entry.get("alternatives") {
                for alternative in alternatives {
                    add(alternative, &here, "required plugin versions alternative")?;
                }
            }
            self.plugins.push(group);
        }
        Ok(())
    }

    fn list(&mut self, item: &Node, file: &Context, warnings: &mut Vec<LoadWarning>) -> Decoded<()> {
        let name = required(item, "list", &file.at("list", "", item.mark))?;
        let context = file.at("list", &name, item.mark);
        let bad = |c: char| {
            matches!(c, '(' | ')' | '"' | '\'' | ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '=' | ',')
        };
        if name.contains(bad) {
            let message = format!("List has an invalid name '{name}': it can not be referred to");
            warnings.push(Problem::new(WarningCode::InvalidListName, message, &context));
        }
        let items = sequence(item, "items", &context)?
            .ok_or_else(|| invalid("Item has no mapping for key 'items'", &context))?;
        let append = appends(item, "items", &context, warnings)?;
        let visibility = self.tick();
        match (self.lists.iter_mut().find(|l| l.name == name), append) {
            (None, true) => {
                return Err(wrong(
                    "List has 'append' key or an append override but no list by that name already exists",
                    &context,
                ));
            }
            (Some(list), true) => {
                list.items.extend(items);
                list.visibility = visibility;
            }
            (Some(list), false) => {
                *list = List { items, visibility, context, name, index: list.index };
            }
            (None, false) => self.lists.push(List { name, items, index: visibility, visibility, context }),
        }
        Ok(())
    }

    fn r#macro(&mut self, item: &Node, file: &Context, warnings: &mut Vec<LoadWarning>) -> Decoded<()> {
        let name = required(item, "macro", &file.at("macro", "", item.mark))?;
        let context = file.at("macro", &name, item.mark);
        let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
        if letters == 0 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            let message = format!("Macro has an invalid name '{name}': it can not be referred to");
            warnings.push(Problem::new(WarningCode::InvalidMacroName, message, &context));
        }
        let condition = required(item, "condition", &context)?;
        let mark = item.get("condition").map(|n| n.mark).unwrap_or_default();
        let condition_context = context.at("macro condition", "", mark);
        let append = appends(item, "condition", &context, warnings)?;
        let visibility = self.tick();
        match (self.macros.iter_mut().find(|m| m.name == name), append) {
            (None, true) => {
                return Err(wrong(
                    "Macro has 'append' key or an append override but no macro by that name already exists",
                    &context,
                ));
            }
            (Some(known), true) => {
                known.condition = format!("{} {condition}", known.condition);
                known.visibility = visibility;
            }
            (Some(known), false) => {
                let index = known.index;
                *known = Macro { name, condition, index, visibility, context, condition_context };
            }
            (None, false) => {
                let index = visibility;
                self.macros.push(Macro { name, condition, index, visibility, context, condition_context });
            }
        }
        Ok(())
    }

    fn rule(
        &mut self,
        item: &Node,
        described: &Described<'_>,
        file: &Context,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<()> {
        const APPENDED: [&str; 5] = ["condition", "output", "desc", "tags", "exceptions"];
        const REPLACED: [&str; 11] = [
            "condition",
            "output",
            "desc",
            "tags",
            "exceptions",
            "priority",
            "capture",
            "capture_duration",
            "enabled",
            "warn_evttypes",
            "skip-if-unknown-filter",
        ];
        let name = required(item, "rule", &file.at("rule", "", item.mark))?;
        let context = file.at("rule", &name, item.mark);
        let append = boolean(item, "append", &context)?.unwrap_or(false);
        let overrides = Overrides::decode(item, &APPENDED, &REPLACED, &context)?;
        self.tick();
        if append {
            let message = "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.";
            warnings.push(Problem::new(WarningCode::DeprecatedItem, message, &context));
            if overrides.any() {
                return Err(invalid("Keys 'override' and 'append: true' cannot be used together", &context));
            }
            if item.get("condition").is_none() && item.get("exceptions").is_none() {
                return Err(wrong("Appended rule must have exceptions or condition property", &context));
            }
            let condition = optional(item, "condition", &context)?;
            let added = exceptions::decode(item, &context, warnings)?;
            let rule = self.rules.iter_mut().find(|r| r.name == name).ok_or_else(|| {
                wrong("Rule has 'append' key but no rule by that name already exists", &context)
            })?;
            if let Some(condition) = condition {
                rule.condition = format!("{} {condition}", rule.condition);
            }
            return exceptions::append(
                &mut rule.exceptions,
                added.unwrap_or_default(),
                described,
                &context,
                warnings,
            );
        }
        if overrides.any() {
            return self.override_rule(&name, item, &overrides, described, &context, warnings);
        }
        const DEFINING: [&str; 4] = ["condition", "output", "desc", "priority"];
        if DEFINING.iter().all(|key| item.get(key).is_none()) {
            let enabled = boolean(item, "enabled", &context)?.ok_or_else(|| {
                invalid("Rule has no condition, output, desc and priority, and no 'enabled' either", &context)
            })?;
            let message = "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry under the 'override' key (i.e. 'enabled: replace').";
            warnings.push(Problem::new(WarningCode::DeprecatedItem, message, &context));
            let rule = self.rules.iter_mut().find(|r| r.name == name).ok_or_else(|| {
                wrong("Rule has 'enabled' key but no rule by that name already exists", &context)
            })?;
            rule.enabled = enabled;
            return Ok(());
        }
        let rule = define(name, item, described, &context, warnings)?;
        match self.rules.iter_mut().find(|r| r.name == rule.name) {
            Some(known) if known.source != rule.source => {
                return Err(wrong("Rule has been re-defined with a different source", &context));
            }
            Some(known) => *known = rule,
            None => self.rules.push(rule),
        }
        Ok(())
    }

    fn override_rule(
        &mut self,
        name: &str,
        item: &Node,
        overrides: &Overrides,
        described: &Described<'_>,
        context: &Context,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<()> {
        let Kind::Map(pairs) = &item.kind else { return Ok(()) };
        for (key, _) in pairs {
            let text = key.as_str().unwrap_or_default();
            let free =
                matches!(text, "rule" | "override" | "append" | "source") || !RULE_KEYS.contains(&text);
            if !free && !overrides.append.contains(text) && !overrides.replace.contains(text) {
                let message =
                    format!("Unexpected key '{text}': no corresponding entry under 'override' is defined");
                return Err(invalid(message, &context.at("rule", name, key.mark)));
            }
        }
        let added = exceptions::decode(item, context, warnings)?;
        let rule = self.rules.iter_mut().find(|r| r.name == name).ok_or_else(|| {
            wrong("An append override was specified but no rule by that name already exists", context)
        })?;
        for key in &overrides.append {
            let text = || required(item, key, context);
            match key.as_str() {
                "condition" => rule.condition = format!("{} {}", rule.condition, text()?),
                "output" => rule.output = format!("{} {}", rule.output, text()?),
                "desc" => rule.desc = format!("{} {}", rule.desc, text()?),
                "tags" => rule.tags.extend(sequence(item, key, context)?.unwrap_or_default()),
                _ => {
                    let added = added.clone().unwrap_or_default();
                    exceptions::append(&mut rule.exceptions, added, described, context, warnings)?;
                }
            }
        }
        for key in &overrides.replace {
            let text = || required(item, key, context);
            let flag = || Ok(boolean(item, key, context)?.unwrap_or_default());
            match key.as_str() {
                "condition" => rule.condition = text()?,
                "output" => rule.output = text()?,
                "desc" => rule.desc = text()?,
                "tags" => rule.tags = sequence(item, key, context)?.unwrap_or_default().into_iter().collect(),
                "priority" => rule.priority = priority(&text()?, context)?,
                "capture" => rule.capture = flag()?,
                "capture_duration" => rule.capture_duration = number(item, key, context)?.unwrap_or_default(),
                "enabled" => rule.enabled = flag()?,
                "warn_evttypes" => rule.warn_evttypes = flag()?,
                "skip-if-unknown-filter" => rule.skip_if_unknown = flag()?,
                _ => {
                    let mut replaced = added.clone().unwrap_or_default();
                    for exception in &mut replaced {
                        exceptions::define(exception, described, context)?;
                    }
                    rule.exceptions = replaced;
                }
            }
        }
        Ok(())
    }
}

fn engine_version(item: &Node, file: &Context) -> Decoded<()> {
    let mark = item.get("required_engine_version").map(|n| n.mark).unwrap_or_default();
    let context = file.at("required_engine_version", "", mark);
    let text = required(item, "required_engine_version", &context)?;
    let wanted = match text.parse::<u64>() {
        Ok(minor) => [0, minor, 0],
        Err(_) => version(&text).ok_or_else(|| {
            invalid(format!("Unable to parse engine version '{text}': expected a number or x.y.z"), &context)
        })?,
    };
    if wanted[0] != ENGINE[0] || wanted > ENGINE {
        let [a, b, c] = wanted;
        let [x, y, z] = ENGINE;
        let message = format!("Rules require engine version {a}.{b}.{c}, but engine version is {x}.{y}.{z}");
        return Err(wrong(message, &context));
    }
    Ok(())
}

/// Whether a list or macro is appended to, by either key.
fn appends(item: &Node, key: &str, context: &Context, warnings: &mut Vec<LoadWarning>) -> Decoded<bool> {
    let append = boolean(item, "append", context)?;
    let overrides = Overrides::decode(item, &[key], &[key], context)?;
    if append.is_some() {
        let message = format!(
            "'append' key is deprecated. Add an 'append' entry (e.g. '{key}: append') under 'override' instead."
        );
        warnings.push(Problem::new(WarningCode::DeprecatedItem, message, context));
        if append == Some(true) && overrides.any() {
            return Err(invalid("Keys 'override' and 'append: true' cannot be used together", context));
        }
    }
    Ok(append.unwrap_or(false) || overrides.append.contains(key))
}

fn priority(text: &str, context: &Context) -> Decoded<Priority> {
    Priority::parse(text).ok_or_else(|| {
        let names = Priority::ALL.map(Priority::name).join(", ");
        invalid(format!("Invalid priority '{text}': expected one of {names}"), context)
    })
}

fn define(
    name: String,
    item: &Node,
    described: &Described<'_>,
    context: &Context,
    warnings: &mut Vec<LoadWarning>,
) -> Decoded<RawRule> {
    let place = |key: &str| item.get(key).map(|n| n.mark).unwrap_or_default();
    let condition = required(item, "condition", context)?;
    let output = required(item, "output", context)?;
    let desc = required(item, "desc", context)?;
    let level = required(item, "priority", context)?;
    let priority = priority(&level, &context.at("rule priority", "", place("priority")))?;
    let source =
        item.get("source").and_then(Node::as_str).filter(|s| !s.is_empty()).unwrap_or("syscall").to_owned();
    let mut exceptions = exceptions::decode(item, context, warnings)?.unwrap_or_default();
    for exception in &mut exceptions {
        exceptions::define(exception, described, context)?;
    }
    Ok(RawRule {
        condition,
        output: output.trim().to_owned(),
        desc,
        priority,
        source,
        enabled: boolean(item, "enabled", context)?.unwrap_or(true),
        tags: sequence(item, "tags", context)?.unwrap_or_default().into_iter().collect(),
        exceptions,
        warn_evttypes: boolean(item, "warn_evttypes", context)?.unwrap_or(true),
        skip_if_unknown: boolean(item, "skip-if-unknown-filter", context)?.unwrap_or(false),
        capture: boolean(item, "capture", context)?.unwrap_or(false),
        capture_duration: number(item, "capture_duration", context)?.unwrap_or(0),
        condition_context: context.at("rule condition", "", place("condition")),
        output_context: context.at("rule output", "", place("output")),
        context: context.clone(),
        name,
    })
}

/// ` (did you mean …?)` for a word that is nearly one of those known.
pub(super) fn did_you_mean(word: &str, known: &[&str]) -> String {
    let best = known.iter().map(|k| (distance(word, k), *k)).min();
    match best {
        Some((d, best)) if d <= 2 && d < word.len() => format!(" (did you mean '{best}'?)"),
        _ => String::new(),
    }
}

/// Edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
