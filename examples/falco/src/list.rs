//! Listings: fields, events, rules.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use eyas::events::{EventFlags, EventInfo, events as table};
use eyas::fields::{FieldFlags, Schema};
use eyas::rules::{Engine, Rule};
use serde_json::json;

use crate::args::ListFormat;

/// Fields of a source; of all sources if it is empty.
pub fn fields(source: &str, names_only: bool, format: ListFormat) -> Result<()> {
    let schema = eyas::sinsp::schema();
    if !source.is_empty() && source != schema.source() {
        bail!("no event source is called `{source}`; there is `{}`", schema.source());
    }
    let shown = schema.fields().iter().filter(|f| !f.flags.contains(FieldFlags::HIDDEN));
    if format == ListFormat::Json {
        let list: Vec<_> =
            shown.map(|f| json!({"name": f.name, "type": format!("{:?}", f.ty), "desc": f.doc})).collect();
        println!("{}", serde_json::Value::Array(list));
        return Ok(());
    }
    for field in shown {
        match (names_only, format) {
            (true, _) => println!("{}", field.name),
            (_, ListFormat::Markdown) => println!("* `{}`: {}", field.name, field.doc),
            _ => println!("{:<32} {}", field.name, field.doc),
        }
    }
    Ok(())
}

/// Events that can be captured now, old versions left out.
pub fn events(format: ListFormat) {
    let current = table().filter(|e| !e.flags.intersects(EventFlags::OLD_VERSION | EventFlags::UNUSED));
    if format == ListFormat::Json {
        let list: Vec<_> = current
            .map(|e| {
                let params: Vec<_> =
                    e.params.iter().map(|p| json!({"name": p.name, "type": p.ty.name()})).collect();
                json!({"name": e.name, "direction": direction(e), "params": params})
            })
            .collect();
        println!("{}", serde_json::Value::Array(list));
        return;
    }
    for event in current {
        let params: Vec<String> =
            event.params.iter().map(|p| format!("{} {}", p.ty.name(), p.name)).collect();
        let bullet = if format == ListFormat::Markdown { "* " } else { "" };
        println!("{bullet}{} {}({})", direction(event), event.name, params.join(", "));
    }
}

fn direction(event: &EventInfo) -> &'static str {
    if event.ty.is_exit() { "<" } else { ">" }
}

/// Describes all rules, or one.
pub fn rules(engine: &Engine, only: Option<&str>, as_json: bool) -> Result<()> {
    let wanted: Vec<&Rule> =
        engine.rules().iter().filter(|r| only.is_none_or(|name| r.name == name)).collect();
    if let (Some(name), true) = (only, wanted.is_empty()) {
        bail!("no rule is called `{name}`");
    }
    if as_json {
        let list: Vec<_> = wanted.iter().map(|r| describe(engine, r)).collect();
        println!("{}", json!({"rules": list}));
        return Ok(());
    }
    println!("{:<55} Description", "Rule");
    println!("{:<55} -----------", "----");
    for rule in wanted {
        println!("{:<55} {}", rule.name, rule.description.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    Ok(())
}

fn describe(engine: &Engine, rule: &Rule) -> serde_json::Value {
    let (mut fields, mut operators) = (BTreeSet::new(), BTreeSet::new());
    rule.compiled.tests(&mut |test| {
        fields.insert(test.left.to_string());
        operators.insert(test.op.word());
    });
    let codes = eyas::rules::condition::codes(&rule.compiled, engine.schema());
    let events: BTreeSet<&str> = codes.iter().filter_map(|code| engine.schema().code_name(code)).collect();
    json!({
        "info": {
            "name": rule.name,
            "description": rule.description,
            "condition": rule.condition,
            "output": rule.output,
            "priority": rule.priority.name(),
            "source": rule.source,
            "enabled": rule.enabled,
            "tags": rule.tags,
        },
        "details": {
            "condition_compiled": rule.compiled.to_string(),
            "condition_fields": fields,
            "condition_operators": operators,
            "events": events,
        },
    })
}
