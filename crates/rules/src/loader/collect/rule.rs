//! Rules as files define, append to and override them.

use super::super::Described;
use super::super::decode::{
    Decoded, Scalar, boolean, invalid, number, optional, required, required_scalar, sequence,
};
use super::super::exceptions;
use super::super::result::{Context, LoadWarning, Problem, WarningCode};
use super::super::text::Text;
use super::super::yaml::{Kind, Node};
use super::{
    ORDER, Overrides, RULE_KEYS, RawRule, Tables, both_appends, deprecated_append, key_place, priority, wrong,
};
use crate::diagnostic::Place;
use crate::diagnostic::suggest::did_you_mean;

impl Tables {
    pub(super) fn rule(
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
        let Scalar { text: name, at: named } = required_scalar(item, "rule", &file.at("rule", "", item.at))?;
        let context = file.at("rule", &name, item.at);
        let place = named.place;
        let append = boolean(item, "append", &context)?.unwrap_or(false);
        let overrides = Overrides::decode(item, &APPENDED, &REPLACED, &context)?;
        self.tick();
        if append {
            let message = "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.";
            warnings.push(deprecated_append(item, message.to_owned(), "condition", &context));
            if overrides.any() {
                return Err(both_appends(item, &context));
            }
            if item.get("condition").is_none() && item.get("exceptions").is_none() {
                return Err(wrong("Appended rule must have exceptions or condition property", &context)
                    .titled(format!("nothing is appended to the rule `{name}`"))
                    .note(place, "`append: true` takes a `condition` or `exceptions`"));
            }
            let condition = optional(item, "condition", &context)?;
            let added = exceptions::decode(item, &context, warnings)?;
            let message = "Rule has 'append' key but no rule by that name already exists";
            let rule = self.known_rule(&name, place, message, &context)?;
            if let Some(condition) = condition {
                join(&mut rule.condition, &condition);
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
            return self.override_rule(&name, place, item, &overrides, described, &context, warnings);
        }
        const DEFINING: [&str; 4] = ["condition", "output", "desc", "priority"];
        if DEFINING.iter().all(|key| item.get(key).is_none()) {
            let enabled = boolean(item, "enabled", &context)?.ok_or_else(|| {
                invalid("Rule has no condition, output, desc and priority, and no 'enabled' either", &context)
                    .titled(format!("the rule `{name}` has no content"))
                    .note(place, "`condition`, `output`, `desc` and `priority` are required")
            })?;
            let message = "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry under the 'override' key (i.e. 'enabled: replace').";
            let problem = Problem::new(WarningCode::DeprecatedItem, message, &context)
                .titled("`enabled` alone is deprecated")
                .note(key_place(item, "enabled", &context), "")
                .help(["add `override: {enabled: replace}`".to_owned()]);
            warnings.push(problem);
            let message = "Rule has 'enabled' key but no rule by that name already exists";
            self.known_rule(&name, place, message, &context)?.enabled = enabled;
            return Ok(());
        }
        let rule = define(name, place, item, described, &context, warnings)?;
        match self.rules.iter_mut().find(|r| r.name == rule.name) {
            Some(known) if known.source != rule.source => {
                return Err(wrong("Rule has been re-defined with a different source", &context)
                    .titled(format!("the rule `{}` cannot change its source", rule.name))
                    .note(place, format!("defined here for the source `{}`", rule.source))
                    .note(known.place, format!("defined before for `{}`", known.source)));
            }
            Some(known) => *known = rule,
            None => self.rules.push(rule),
        }
        Ok(())
    }

    /// The rule that an item changes.
    fn known_rule(
        &mut self,
        name: &str,
        place: Place,
        message: &str,
        context: &Context,
    ) -> Decoded<&mut RawRule> {
        let Some(index) = self.rules.iter().position(|r| r.name == name) else {
            return Err(wrong(message, context)
                .titled(format!("there is no rule `{name}` to change"))
                .note(place, "not defined before this")
                .help(did_you_mean(name, self.rules.iter().map(|r| r.name.as_str())))
                .help([ORDER.to_owned()]));
        };
        Ok(&mut self.rules[index])
    }

    #[expect(clippy::too_many_arguments, reason = "all that an item comes with")]
    fn override_rule(
        &mut self,
        name: &str,
        place: Place,
        item: &Node,
        overrides: &Overrides,
        described: &Described<'_>,
        context: &Context,
        warnings: &mut Vec<LoadWarning>,
    ) -> Decoded<()> {
        let Kind::Map(pairs) = &item.kind else { return Ok(()) };
        for (key, value) in pairs {
            let text = key.as_str().unwrap_or_default();
            let free =
                matches!(text, "rule" | "override" | "append" | "source") || !RULE_KEYS.contains(&text);
            if !free && !overrides.append.contains(text) && !overrides.replace.contains(text) {
                let message =
                    format!("Unexpected key '{text}': no corresponding entry under 'override' is defined");
                return Err(invalid(message, &context.at("overrides", text, value.at))
                    .titled(format!("`{text}` is given and `override` does not say what to do with it"))
                    .note(key.at.place, "")
                    .note(key_place(item, "override", context), "named here: what is appended or replaced")
                    .help([format!("add `{text}: replace` under `override`")]));
            }
        }
        let added = exceptions::decode(item, context, warnings)?;
        let message = "An append override was specified but no rule by that name already exists";
        let rule = self.known_rule(name, place, message, context)?;
        for key in &overrides.append {
            let text = || required_scalar(item, key, context);
            match key.as_str() {
                "condition" => join(&mut rule.condition, &text()?),
                "output" => join(&mut rule.output, &text()?),
                "desc" => rule.desc = format!("{} {}", rule.desc, text()?.text),
                "tags" => rule.tags.extend(tags(item, context)?),
                _ => {
                    let added = added.clone().unwrap_or_default();
                    exceptions::append(&mut rule.exceptions, added, described, context, warnings)?;
                }
            }
        }
        for key in &overrides.replace {
            let text = || required_scalar(item, key, context);
            let flag = || Ok(boolean(item, key, context)?.unwrap_or_default());
            match key.as_str() {
                "condition" => rule.condition = text()?.to_text(),
                "output" => rule.output = text()?.to_text(),
                "desc" => rule.desc = text()?.text,
                "tags" => rule.tags = tags(item, context)?.collect(),
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

/// Appends a text after a blank.
fn join(to: &mut Text, added: &Scalar) {
    to.push(" ", added.at.place);
    to.append(&added.to_text());
}

fn tags(item: &Node, context: &Context) -> Decoded<impl Iterator<Item = String> + use<>> {
    Ok(sequence(item, "tags", context)?.unwrap_or_default().into_iter().map(|tag| tag.text))
}

fn define(
    name: String,
    named: Place,
    item: &Node,
    described: &Described<'_>,
    context: &Context,
    warnings: &mut Vec<LoadWarning>,
) -> Decoded<RawRule> {
    let condition = required_scalar(item, "condition", context)?;
    let output = required_scalar(item, "output", context)?;
    let desc = required(item, "desc", context)?;
    let level = required_scalar(item, "priority", context)?;
    let priority = priority(&level, &context.at("rule priority", "", level.at))?;
    let source =
        item.get("source").and_then(Node::as_str).filter(|s| !s.is_empty()).unwrap_or("syscall").to_owned();
    let mut exceptions = exceptions::decode(item, context, warnings)?.unwrap_or_default();
    for exception in &mut exceptions {
        exceptions::define(exception, described, context)?;
    }
    Ok(RawRule {
        condition: condition.to_text(),
        output: output.to_text().trimmed(),
        desc,
        priority,
        source,
        enabled: boolean(item, "enabled", context)?.unwrap_or(true),
        tags: tags(item, context)?.collect(),
        exceptions,
        warn_evttypes: boolean(item, "warn_evttypes", context)?.unwrap_or(true),
        skip_if_unknown: boolean(item, "skip-if-unknown-filter", context)?.unwrap_or(false),
        capture: boolean(item, "capture", context)?.unwrap_or(false),
        capture_duration: number(item, "capture_duration", context)?.unwrap_or(0),
        condition_context: context.at("rule condition", "", condition.at),
        output_context: context.at("rule output", "", output.at),
        context: context.clone(),
        place: named,
        name,
    })
}
