//! `-L` and `-l`: descriptions of rules, macros and lists.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use eyas::events::{EventType, events, syscalls};
use eyas::rules::condition::Expr;
use eyas::rules::condition::ast::{Op, Operand, Rhs, Test};
use eyas::rules::{
    ConditionDescription, Description, ListDescription, MacroDescription, RuleDescription, nearest,
};
use eyas::sinsp::plugin::{PluginInfo, SYSCALL};
use serde_json::{Map, Value, json};

use super::wrap::wrapped;
use crate::{log, plugins};

/// Column in which descriptions begin, and the width of the text.
const COLUMN: usize = 51;
const WIDTH: usize = 110;

/// All rules, or the one with this name.
fn selected<'a>(all: &'a Description, only: Option<&str>) -> Result<Vec<&'a RuleDescription>> {
    let rules: Vec<&RuleDescription> =
        all.rules.iter().filter(|rule| only.is_none_or(|name| rule.name == name)).collect();
    match only {
        Some(name) if rules.is_empty() => {
            let near = nearest(name, all.rules.iter().map(|rule| rule.name.as_str()));
            let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            bail!("Rule \"{name}\" is not loaded{hint}")
        }
        _ => Ok(rules),
    }
}

/// Names and descriptions of all rules, or of one.
pub fn as_text(all: &Description, only: Option<&str>) -> Result<String> {
    let rules = selected(all, only)?;
    let mut out = format!("{:<50} Description\n{:<50} -----------\n", "Rule", "----");
    for rule in rules {
        let text = wrapped(&log::lines(&rule.description), COLUMN, WIDTH - COLUMN);
        out.push_str(&format!("{:<50} {text}\n\n", log::one_line(&rule.name)));
    }
    Ok(out)
}

/// All rules, macros and lists, or one rule, with their parts.
pub fn as_json(all: &Description, only: Option<&str>) -> Result<Value> {
    let rules: Vec<Value> = selected(all, only)?.into_iter().map(rule).collect();
    if only.is_some() {
        return Ok(json!({"rules": rules}));
    }
    let [major, minor, patch] = all.required_engine_version;
    Ok(json!({
        "lists": all.lists.iter().map(list).collect::<Vec<_>>(),
        "macros": all.macros.iter().map(macro_).collect::<Vec<_>>(),
        "required_engine_version": format!("{major}.{minor}.{patch}"),
        "required_plugin_versions": all.required_plugin_versions.iter().map(|p| plugin(p)).collect::<Vec<_>>(),
        "rules": rules,
    }))
}

fn plugin(choices: &[(String, String)]) -> Value {
    let mut out = Map::new();
    let one = |(name, version): &(String, String)| json!({"name": name, "version": version});
    out.insert("alternatives".into(), choices.iter().skip(1).map(one).collect());
    for (name, version) in choices.iter().take(1) {
        out.insert("name".into(), name.as_str().into());
        out.insert("version".into(), version.as_str().into());
    }
    Value::Object(out)
}

fn rule(rule: &RuleDescription) -> Value {
    let mut details = condition(&rule.condition, Some(&rule.source));
    let own = details["plugins"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut plugins: BTreeSet<&str> = plugins_of(&rule.output_fields, Some(&rule.source));
    plugins.extend(own);
    let plugins = json!(plugins);
    details.insert("plugins".into(), plugins);
    if rule.source != SYSCALL {
        details.insert("events".into(), json!(["asyncevent", "pluginevent"]));
    }
    details.insert("exception_fields".into(), json!(rule.exception_fields));
    details.insert("exception_names".into(), json!(rule.exceptions));
    details.insert("exception_operators".into(), json!(rule.exception_operators));
    if !rule.output_formats.is_empty() {
        details.insert("extra_output_formatted_fields".into(), json!(rule.output_formats));
    }
    details.insert("output_compiled".into(), json!(rule.output_compiled));
    details.insert("output_fields".into(), json!(rule.output_fields));
    details.sort_keys();
    json!({
        "details": details,
        "info": {
            "capture": rule.capture,
            "capture_duration": rule.capture_duration_ms,
            "condition": rule.condition.text,
            "description": rule.description,
            "enabled": rule.enabled,
            "name": rule.name,
            "output": rule.output,
            "priority": rule.priority.name(),
            "source": rule.source,
            "tags": rule.tags,
        },
    })
}

fn macro_(of: &MacroDescription) -> Value {
    let mut details = condition(&of.condition, None);
    details.insert("used".into(), of.used.into());
    details.sort_keys();
    json!({"details": details, "info": {"condition": of.condition.text, "name": of.name}})
}

fn list(of: &ListDescription) -> Value {
    json!({
        "details": {
            "items_compiled": of.items_compiled,
            "lists": of.lists,
            "plugins": [],
            "used": of.used,
        },
        "info": {"items": of.items, "name": of.name},
    })
}

fn condition(of: &ConditionDescription, source: Option<&str>) -> Map<String, Value> {
    let mut events = Names::default().of(&of.compiled, false);
    events.insert("asyncevent");
    let mut out = Map::new();
    out.insert("condition_compiled".into(), of.compiled.to_string().into());
    out.insert("condition_fields".into(), json!(of.fields));
    out.insert("condition_operators".into(), json!(of.operators));
    out.insert("events".into(), json!(events));
    out.insert("lists".into(), json!(of.lists));
    out.insert("macros".into(), json!(of.macros));
    let mut plugins = plugins_of(&of.fields, source);
    for info in plugins::loaded().set.infos() {
        if info.async_names.iter().any(|name| names_event(&of.compiled, name)) {
            plugins.insert(&info.name);
        }
    }
    out.insert("plugins".into(), json!(plugins));
    out
}

/// Names of the plugins that provide the source or one of the fields.
fn plugins_of(fields: &BTreeSet<String>, source: Option<&str>) -> BTreeSet<&'static str> {
    let has_field = |info: &PluginInfo| {
        let base = |field: &String| field.split('[').next().unwrap_or_default().to_owned();
        let is_own = |name: String| info.fields.iter().any(|field| field.name == name);
        source.is_none_or(|source| info.extracts_from(source)) && fields.iter().map(base).any(is_own)
    };
    let has_source =
        |info: &PluginInfo| info.source.as_ref().is_some_and(|own| Some(own.name.as_str()) == source);
    let infos = plugins::loaded().set.infos();
    infos.filter(|info| has_source(info) || has_field(info)).map(|info| info.name.as_str()).collect()
}

/// Whether a condition compares the type of an event with the name.
fn names_event(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Not(child) => names_event(child, name),
        Expr::And(children) | Expr::Or(children) => children.iter().any(|child| names_event(child, name)),
        Expr::Macro(..) => false,
        Expr::Test(test) => {
            let Operand::Field(field) = &test.left else { return false };
            matches!(field.name.as_str(), "evt.type" | "evt.asynctype")
                && test.right.values().any(|value| value.text == name.as_bytes())
        }
    }
}

/// Names of events, including those of system calls without an event type of their own.
struct Names {
    all: BTreeSet<&'static str>,
}

impl Default for Names {
    fn default() -> Self {
        let is_generic = |ty: EventType| matches!(ty, EventType::GENERIC_E | EventType::GENERIC_X);
        let known = events().filter(|event| !is_generic(event.ty));
        let mut all: BTreeSet<&str> = known.map(|event| event.name).collect();
        let without = syscalls().filter(|call| call.exit == EventType::GENERIC_X);
        all.extend(without.map(|call| call.name).filter(|name| *name != "unknown"));
        Self { all }
    }
}

impl Names {
    /// Names of the events for which the condition, or its negation, can be true.
    fn of(&self, expr: &Expr, negated: bool) -> BTreeSet<&'static str> {
        match expr {
            Expr::Not(child) => self.of(child, !negated),
            Expr::And(children) | Expr::Or(children) => {
                let intersects = matches!(expr, Expr::And(_)) != negated;
                let sets = children.iter().map(|child| self.of(child, negated));
                let join = |a: BTreeSet<&'static str>, b: BTreeSet<_>| match intersects {
                    true => a.intersection(&b).copied().collect(),
                    false => a.union(&b).copied().collect(),
                };
                sets.reduce(join).unwrap_or_default()
            }
            Expr::Macro(..) => self.all.clone(),
            Expr::Test(test) => self.tested(test, negated).unwrap_or_else(|| self.all.clone()),
        }
    }

    fn tested(&self, test: &Test, negated: bool) -> Option<BTreeSet<&'static str>> {
        let Operand::Field(field) = &test.left else { return None };
        if !matches!(field.name.as_str(), "evt.type" | "syscall.type") || test.modifier.is_some() {
            return None;
        }
        match &test.right {
            Rhs::None => return Some(if negated { BTreeSet::new() } else { self.all.clone() }),
            Rhs::Value(_) | Rhs::List(_) => {}
            Rhs::Operand(_) => return None,
        }
        if !matches!(test.op, Op::Eq | Op::EqEq | Op::Ne | Op::In) {
            return None;
        }
        let values: BTreeSet<&[u8]> = test.right.values().map(|value| value.text).collect();
        let is_named = |name: &&&str| values.contains(name.as_bytes());
        let keeps_named = (test.op == Op::Ne) == negated;
        Some(self.all.iter().filter(|name| is_named(name) == keeps_named).copied().collect())
    }
}
