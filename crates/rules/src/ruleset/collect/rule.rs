//! Definitions of rules, appends and overrides.

use super::super::decode::{
    Decoded, Scalar, boolean, invalid, number, optional, optional_or_empty, required, required_scalar,
    sequence,
};
use super::super::definitions::{Exception, RawRule, Tables};
use super::super::described::Sources;
use super::super::exceptions;
use super::super::result::{Context, LoadWarning, Problem, WarningCode};
use super::super::text::Text;
use super::super::yaml::Node;
use super::{ORDER, Overrides, both_appends, deprecated_append, key_place, priority, wrong};
use crate::diagnostic::Place;
use crate::diagnostic::suggest::did_you_mean;

/// Keys to which an item can append, in the order in which it does.
const APPENDED: [&str; 5] = ["condition", "exceptions", "output", "desc", "tags"];
/// Keys that an item can replace, in the order in which it does.
const REPLACED: [&str; 11] = [
    "condition",
    "exceptions",
    "output",
    "desc",
    "tags",
    "priority",
    "capture",
    "capture_duration",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
];

const NOTHING_TO_APPEND_TO: &str =
    "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists";

/// An item about a rule.
struct Item<'a> {
    node: &'a Node,
    name: String,
    /// Position of the name.
    place: Place,
    /// Empty if none is given.
    source: String,
    context: Context,
}

impl Tables {
    pub(super) fn rule(
        &mut self,
        node: &Node,
        described: &Sources<'_>,
        file: &Context,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<()> {
        let Scalar { text: name, at: named } = required_scalar(node, "rule", &file.at("rule", "", node.at))?;
        let context = file.at("rule", &name, node.at);
        let source = optional_or_empty(node, "source", &context)?.unwrap_or_default();
        let item = Item { node, name, place: named.place, source, context };
        let context = &item.context;
        let append = boolean(node, "append", context)?.unwrap_or(false);
        if append {
            // The advice names each key, and the keys to remove because `append` ignores them.
            let appended: Vec<&str> = APPENDED.into_iter().filter(|key| node.get(key).is_some()).collect();
            let others =
                REPLACED.into_iter().filter(|key| !APPENDED.contains(key) && node.get(key).is_some());
            let others: Vec<String> = others.map(|key| format!("`{key}`")).collect();
            let drop = (!others.is_empty())
                .then(|| format!("drop {}, with which `append` does nothing", others.join(", ")));
            let warning = deprecated_append(node, &appended, context);
            warnings.push(warning.help(drop));
        }
        let overrides = Overrides::decode(node, &APPENDED, &REPLACED, context)?;
        if append && overrides.any() {
            return Err(both_appends(node, context));
        }
        const DEFINING: [&str; 4] = ["condition", "output", "desc", "priority"];
        if overrides.any() {
            self.override_rule(&item, &overrides, described, warnings)
        } else if append {
            self.append_rule(&item, described, warnings)
        } else if DEFINING.iter().all(|key| node.get(key).is_none()) {
            self.enable_rule(&item, warnings)
        } else {
            self.define_rule(item, described, warnings)
        }
    }

    /// The rule that an item changes. An empty `source` allows any source.
    fn known_rule(&mut self, item: &Item<'_>, source: &str, message: &str) -> Decoded<&mut RawRule> {
        let Item { name, place, context, .. } = item;
        let Some(position) = self.rules.position(name) else {
            return Err(wrong(message, context)
                .titled(format!("there is no rule `{name}` to change"))
                .note(*place, "not defined before this")
                .help(did_you_mean(name, self.rules.names()))
                .help([ORDER.to_owned()]));
        };
        let known = &self.rules[position];
        if !source.is_empty() && known.source != source {
            return Err(wrong("Rule has been re-defined with a different source", context)
                .titled(format!("the rule `{name}` cannot change its source"))
                .note(*place, format!("changed here for the source `{source}`"))
                .note(known.place, format!("defined here for `{}`", known.source)));
        }
        Ok(self.rules.at_mut(position))
    }

    fn append_rule(
        &mut self,
        item: &Item<'_>,
        described: &Sources<'_>,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<()> {
        let Item { node, name, place, source, context } = item;
        let condition = optional(node, "condition", context)?;
        let added = exceptions::decode(node, context, true, warnings)?;
        let rule = self.known_rule(item, source, NOTHING_TO_APPEND_TO)?;
        if condition.is_none() && added.is_none() {
            return Err(wrong("Appended rule must have exceptions or condition property", context)
                .titled(format!("nothing is appended to the rule `{name}`"))
                .note(*place, "`append: true` takes a `condition` or `exceptions`"));
        }
        if let Some(condition) = condition {
            join(&mut rule.condition, &condition);
        }
        exceptions::append(
            &mut rule.exceptions,
            added.unwrap_or_default(),
            described.of(&rule.source).as_ref(),
            context,
        )
    }

    fn enable_rule(&mut self, item: &Item<'_>, warnings: &mut Vec<LoadWarning>) -> Decoded<()> {
        let Item { node, name, place, context, .. } = item;
        let enabled = boolean(node, "enabled", context)?.ok_or_else(|| {
            invalid("Item has no mapping for key 'enabled'", context)
                .titled(format!("the rule `{name}` has no content"))
                .note(*place, "`condition`, `output`, `desc` and `priority` are required")
        })?;
        let message = "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry under the 'override' key (i.e. 'enabled: replace').";
        let problem = Problem::new(WarningCode::DeprecatedItem, message, context)
            .titled("`enabled` alone is deprecated")
            .note(key_place(node, "enabled", context), "")
            .help(["add `override: {enabled: replace}`".to_owned()]);
        warnings.push(problem);
        let message = "Rule has 'enabled' key but no rule by that name already exists";
        self.known_rule(item, "", message)?.enabled = enabled;
        Ok(())
    }

    fn define_rule(
        &mut self,
        item: Item<'_>,
        described: &Sources<'_>,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<()> {
        let Item { node, context, .. } = &item;
        let condition = required_scalar(node, "condition", context)?;
        let output = required_scalar(node, "output", context)?;
        let desc = required(node, "desc", context)?;
        let level = required_scalar(node, "priority", context)?;
        let priority = priority(&level, &context.at("rule priority", "", level.at))?;
        let source = optional(node, "source", context)?.map_or("syscall".to_owned(), |source| source.text);
        let mut rule = RawRule {
            condition: condition.to_text(),
            output: output.to_text().trimmed(),
            desc,
            priority,
            source,
            enabled: boolean(node, "enabled", context)?.unwrap_or(true),
            capture: boolean(node, "capture", context)?.unwrap_or(false),
            capture_duration: number(node, "capture_duration", context)?.unwrap_or(0),
            warn_evttypes: boolean(node, "warn_evttypes", context)?.unwrap_or(true),
            skip_if_unknown: boolean(node, "skip-if-unknown-filter", context)?.unwrap_or(false),
            tags: tags(node, context)?.collect(),
            exceptions: exceptions::decode(node, context, false, warnings)?.unwrap_or_default(),
            condition_context: context.at("rule condition", "", condition.at),
            output_context: context.at("rule output", "", output.at),
            context: context.clone(),
            place: item.place,
            name: item.name.clone(),
        };
        if self.rules.position(&rule.name).is_some() {
            self.known_rule(&item, &rule.source, "")?;
        }
        let of_source = described.of(&rule.source);
        let of_source = of_source.as_ref();
        if of_source.is_none() {
            warnings.push(unknown_source(&rule, described));
        }
        for exception in &mut rule.exceptions {
            exceptions::define(exception, of_source, context)?;
        }
        self.rules.set(rule);
        Ok(())
    }

    fn override_rule(
        &mut self,
        item: &Item<'_>,
        overrides: &Overrides,
        described: &Sources<'_>,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<()> {
        let Item { node, context, .. } = item;
        let mut left: Vec<&str> = REPLACED.into_iter().filter(|key| node.get(key).is_some()).collect();
        if !overrides.append.is_empty() {
            let mut added = Vec::new();
            for key in APPENDED.into_iter().filter(|key| overrides.append.contains(*key)) {
                added.push(Change::decode(item, key, true, &mut left, warnings)?);
            }
            let source = if overrides.append.contains("condition") { item.source.as_str() } else { "" };
            let rule = self.known_rule(item, source, NOTHING_TO_APPEND_TO)?;
            for change in added {
                change.append(rule, described, context)?;
            }
        }
        if !overrides.replace.is_empty() {
            let mut given = Vec::new();
            for key in REPLACED.into_iter().filter(|key| overrides.replace.contains(*key)) {
                given.push(Change::decode(item, key, false, &mut left, warnings)?);
            }
            let source = if overrides.replace.contains("condition") { item.source.as_str() } else { "" };
            let message = "An 'override.<key>: replace' to a rule was requested but no rule by that name \
                           already exists";
            let rule = self.known_rule(item, source, message)?;
            for change in given {
                change.replace(rule, context)?;
            }
        }
        left.sort_unstable();
        let Some((text, value)) = left.first().and_then(|text| Some((text, node.get(text)?))) else {
            return Ok(());
        };
        let message = format!("Unexpected key '{text}': no corresponding entry under 'override' is defined.");
        Err(invalid(message, &context.at("overrides", text, value.at))
            .titled(format!("`{text}` is given and `override` does not list it"))
            .note(key_place(node, text, context), "")
            .note(key_place(node, "override", context), "the keys to append or replace")
            .help([format!("add `{text}: replace` under `override`")]))
    }
}

/// A value that an item appends to a rule's value, or replaces it with.
enum Change {
    Condition(Scalar),
    Output(Scalar),
    Description(String),
    Tags(Vec<String>),
    Exceptions(Vec<Exception>),
    Priority(crate::rule::Priority),
    Capture(bool),
    CaptureDuration(u32),
    Enabled(bool),
    WarnEventTypes(bool),
    SkipIfUnknown(bool),
}

impl Change {
    /// The value of a key, which is removed from `left`.
    fn decode(
        item: &Item<'_>,
        key: &str,
        append: bool,
        left: &mut Vec<&str>,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<Self> {
        let Item { node, context, .. } = item;
        let Some(at) = left.iter().position(|there| *there == key) else {
            let what = if append { "append" } else { "replace" };
            let message = format!("An {what} override for '{key}' was specified but '{key}' is not defined");
            return Err(invalid(message, context)
                .titled(format!("the override of `{key}` has no value to work with"))
                .note(override_place(node, key, context), format!("`{key}` is announced here"))
                .help([format!("add `{key}: …` beside `override`")]));
        };
        left.remove(at);
        let flag = || Ok(boolean(node, key, context)?.unwrap_or_default());
        Ok(match key {
            "condition" => Self::Condition(required_scalar(node, key, context)?),
            "output" => Self::Output(required_scalar(node, key, context)?),
            "desc" => Self::Description(required(node, key, context)?),
            "tags" => Self::Tags(tags(node, context)?.collect()),
            "priority" => {
                let level = required_scalar(node, key, context)?;
                Self::Priority(priority(&level, &context.at("rule priority", "", level.at))?)
            }
            "capture" => Self::Capture(flag()?),
            "capture_duration" => Self::CaptureDuration(number(node, key, context)?.unwrap_or_default()),
            "enabled" => Self::Enabled(flag()?),
            "warn_evttypes" => Self::WarnEventTypes(flag()?),
            "skip-if-unknown-filter" => Self::SkipIfUnknown(flag()?),
            _ => Self::Exceptions(exceptions::decode(node, context, append, warnings)?.unwrap_or_default()),
        })
    }

    fn append(self, rule: &mut RawRule, described: &Sources<'_>, context: &Context) -> Decoded<()> {
        match self {
            Self::Condition(text) => join(&mut rule.condition, &text),
            Self::Output(text) => join(&mut rule.output, &text),
            Self::Description(text) => rule.desc = format!("{} {text}", rule.desc),
            Self::Tags(tags) => rule.tags.extend(tags),
            Self::Exceptions(added) => {
                return exceptions::append(
                    &mut rule.exceptions,
                    added,
                    described.of(&rule.source).as_ref(),
                    context,
                );
            }
            // `APPENDED` lists nothing else.
            other => return other.replace(rule, context),
        }
        Ok(())
    }

    fn replace(self, rule: &mut RawRule, context: &Context) -> Decoded<()> {
        match self {
            Self::Condition(text) => rule.condition = text.to_text(),
            Self::Output(text) => rule.output = text.to_text(),
            Self::Description(text) => rule.desc = text,
            Self::Tags(tags) => rule.tags = tags.into_iter().collect(),
            Self::Exceptions(mut given) => {
                for exception in &mut given {
                    exceptions::complete(exception, context)?;
                }
                rule.exceptions = given;
            }
            Self::Priority(priority) => rule.priority = priority,
            Self::Capture(on) => rule.capture = on,
            Self::CaptureDuration(ms) => rule.capture_duration = ms,
            Self::Enabled(on) => rule.enabled = on,
            Self::WarnEventTypes(on) => rule.warn_evttypes = on,
            Self::SkipIfUnknown(on) => rule.skip_if_unknown = on,
        }
        Ok(())
    }
}

/// The place of a key inside `override`.
fn override_place(item: &Node, key: &str, context: &Context) -> Place {
    item.get("override").map_or(context.place(), |node| key_place(node, key, context))
}

fn unknown_source(rule: &RawRule, known: &Sources<'_>) -> LoadWarning {
    let names: Vec<String> = known.names().map(|name| format!("`{name}`")).collect();
    let all = match names.as_slice() {
        [only] => format!("the only source here is {only}"),
        several => format!("the sources here are {}", several.join(", ")),
    };
    let message = format!("Unknown source {}, skipping", rule.source);
    Problem::new(WarningCode::UnknownSource, message, &rule.context)
        .titled(format!("the rule `{}` is ignored: it is for another source", rule.name))
        .note(rule.place, format!("of the source `{}`", rule.source))
        .help(did_you_mean(&rule.source, known.names()))
        .help([all])
}

/// Appends a text after a blank.
fn join(to: &mut Text, added: &Scalar) {
    to.push(" ", added.at.place);
    to.append(&added.to_text());
}

fn tags(item: &Node, context: &Context) -> Decoded<impl Iterator<Item = String> + use<>> {
    Ok(sequence(item, "tags", context)?.unwrap_or_default().into_iter().map(|tag| tag.text))
}
