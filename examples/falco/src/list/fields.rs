//! `--list`: lists fields by class, like Falco.

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::{Result, bail};
use eyas::fields::{ArgKind, FieldDef, FieldFlags, FieldType, Schema};
use eyas::sinsp::plugin::{PluginField, PluginInfo, PluginSet, SYSCALL};
use serde_json::{Value, json};

use super::wrap::wrapped;
use crate::args::ListFormat;
use crate::plugins;

/// Column in which descriptions begin.
const COLUMN: usize = 30;
/// Width of the text.
const WIDTH: usize = 120;

/// A class of fields.
struct Class {
    name: Cow<'static, str>,
    short: &'static str,
    doc: &'static str,
    has: fn(&str) -> bool,
}

const fn class(name: &'static str, short: &'static str, doc: &'static str, has: fn(&str) -> bool) -> Class {
    Class { name: Cow::Borrowed(name), short, doc, has }
}

static CLASSES: [Class; 12] = [
    class("evt", "All event types", "Fields of every event, of any source.", is_general),
    class(
        "evt",
        "Syscall events only",
        "Fields of events of system calls and of kernel tracepoints.",
        |name| !is_general(name) && (name.starts_with("evt.") || name.starts_with("syscall.")),
    ),
    class("process", "", "The process and the thread of the event, and the process's ancestors.", |name| {
        name.starts_with("proc.") || name.starts_with("thread.")
    }),
    class("user", "", "The user of the event's process.", |name| name.starts_with("user.")),
    class("group", "", "The group of the event's process.", |name| name.starts_with("group.")),
    class("fd", "", "The file, socket or other object of the event's descriptor.", |name| {
        name.starts_with("fd.")
    }),
    class("fs.path", "", "Absolute paths of the event's parameters.", |name| name.starts_with("fs.")),
    class("fdlist", "", "The descriptors that the call polls.", |name| name.starts_with("fdlist.")),
    class("io_uring", "", "The io_uring request of the event.", |name| name.starts_with("io_uring.")),
    class(
        "lsm",
        "",
        "The decision of a security hook of the kernel: in the event of the call, or as a separate event.",
        |name| name.starts_with("lsm."),
    ),
    class("dns", "", "The DNS message in the event.", |name| name.starts_with("dns.")),
    class("container", "", "The container of the event's process, and its pod.", |name| {
        name.starts_with("container.") || name.starts_with("k8s.")
    }),
];

/// Whether events of every source have the field.
fn is_general(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "evt.num",
        "evt.pluginname",
        "evt.plugininfo",
        "evt.source",
        "evt.is_async",
        "evt.asynctype",
        "evt.hostname",
        "evt.datetime",
    ];
    let is_time = ["evt.time", "evt.datetime.", "evt.rawtime", "evt.reltime"];
    NAMES.contains(&name) || is_time.iter().any(|start| name.starts_with(start))
}

/// Lists the fields of a source, or of all sources if it is empty.
pub fn fields(source: &str, names_only: bool, verbose: bool, format: ListFormat) -> Result<String> {
    let set = &plugins::loaded().set;
    if !source.is_empty() && !set.sources().contains(&source) {
        bail!(
            "Value for --list must be a valid source type: no event source is called `{source}`; there is {}",
            set.sources().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        );
    }
    let schema = set.schema(if source.is_empty() { SYSCALL } else { source });
    let shown = |field: &&FieldDef| {
        !field.flags.contains(FieldFlags::HIDDEN) && !field.flags.contains(FieldFlags::DEPRECATED)
    };
    let of = |class: &Class| -> Vec<&FieldDef> {
        schema.fields().iter().filter(shown).filter(|field| (class.has)(field.name)).collect()
    };
    let own = schema.source().to_owned();
    let mut classes: Vec<(&Class, Vec<&FieldDef>, String)> = CLASSES
        .iter()
        .map(|class| (class, of(class), own.clone()))
        .filter(|(_, fields, _)| !fields.is_empty())
        .collect();
    let of_plugins: Vec<(Class, Vec<FieldDef>, String)> = of_plugins(set, source);
    classes.extend(
        of_plugins
            .iter()
            .map(|(class, fields, sources)| (class, fields.iter().filter(shown).collect(), sources.clone())),
    );
    let names = || classes.iter().flat_map(|(_, fields, _)| fields).map(|field| field.name);
    Ok(match (format, names_only) {
        (ListFormat::Json, true) => pretty(&json!({"fieldnames": names().collect::<Vec<_>>()}))?,
        (ListFormat::Json, false) => {
            let classes: Vec<Value> =
                classes.iter().map(|(class, fields, of)| as_json(class, fields, of)).collect();
            pretty(&json!({"fieldclasses": classes}))?
        }
        (_, true) => names().map(|name| format!("{name}\n")).collect(),
        (ListFormat::Markdown, false) => {
            classes.iter().map(|(class, fields, of)| as_markdown(class, fields, of)).collect()
        }
        (ListFormat::Text, false) => {
            classes.iter().map(|(class, fields, of)| as_text(set, class, fields, (of, verbose))).collect()
        }
    })
}

/// The fields of plugins, and their sources, for one source or, if it is empty, for all.
fn of_plugins(set: &PluginSet, source: &str) -> Vec<(Class, Vec<FieldDef>, String)> {
    let all = set.sources();
    let class = |info: &Arc<PluginInfo>| {
        let of: Vec<&str> = all.iter().copied().filter(|name| info.extracts_from(name)).collect();
        let schema = set.schema(of.first()?);
        let names = info
            .fields
            .iter()
            .filter_map(|field| schema.fields().iter().find(|def| def.name == field.name).copied());
        let sources = if source.is_empty() { of.join(", ") } else { source.to_owned() };
        let name = Cow::Owned(format!("{} (plugin)", info.name));
        let is_wanted = source.is_empty() || of.contains(&source);
        is_wanted.then(|| (Class { name, short: "", doc: "", has: |_| false }, names.collect(), sources))
    };
    set.infos().filter_map(class).collect()
}

fn pretty(value: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Falco's name of a type.
fn type_name(ty: FieldType) -> String {
    match ty {
        FieldType::Str => "CHARBUF".into(),
        FieldType::Bytes => "BYTEBUF".into(),
        other => other.name().to_uppercase(),
    }
}

fn is_list(field: &FieldDef) -> bool {
    field.flags.contains(FieldFlags::LIST)
}

fn as_json(class: &Class, fields: &[&FieldDef], source: &str) -> Value {
    let fields: Vec<Value> = fields
        .iter()
        .map(|field| {
            json!({
                "argument": argument(field.arg),
                "desc": field.doc,
                "is_list": is_list(field),
                "name": field.name,
                "type": type_name(field.ty),
            })
        })
        .collect();
    let sources: Vec<&str> = source.split(", ").collect();
    json!({"desc": class.doc, "event_sources": sources, "fields": fields, "name": &*class.name})
}

fn argument(kind: ArgKind) -> Value {
    let (required, types): (bool, &[&str]) = match kind {
        ArgKind::None => return Value::Null,
        ArgKind::Index => (true, &["INDEX"]),
        ArgKind::OptionalIndex => (false, &["INDEX"]),
        ArgKind::Key => (true, &["KEY"]),
        ArgKind::OptionalKey => (false, &["INDEX", "KEY"]),
        ArgKind::Suffix => (true, &["KEY"]),
    };
    json!({"required": required, "type": types})
}

/// Falco's notes on a plugin's field: its arguments, and whether it is a list.
fn flags(field: &PluginField) -> String {
    let arg = field.arg;
    let takes_one = arg.index || arg.key;
    let flags: Vec<&str> = [
        (takes_one && !arg.required, "ARG_ALLOWED"),
        (arg.index, "ARG_INDEX"),
        (arg.key, "ARG_KEY"),
        (arg.required, "ARG_REQUIRED"),
        (field.is_list, "EPF_IS_LIST"),
    ]
    .into_iter()
    .filter_map(|(is_set, name)| is_set.then_some(name))
    .collect();
    if flags.is_empty() { String::new() } else { format!("({}) ", flags.join(",")) }
}

fn as_markdown(class: &Class, fields: &[&FieldDef], source: &str) -> String {
    let mut out = format!("## Field Class: {}\n\n{}\n\n", class.name, class.doc);
    out.push_str(&format!(
        "Event Sources: {source} \n\nName | Type | Description\n:----|:-----|:-----------\n"
    ));
    for field in fields {
        let ty = type_name(field.ty);
        let ty = if is_list(field) { format!("LIST({ty})") } else { ty };
        out.push_str(&format!("`{}` | {ty} | {}\n", field.name, field.doc.replace('|', "\\|")));
    }
    out + "\n"
}

fn as_text(set: &PluginSet, class: &Class, fields: &[&FieldDef], (source, verbose): (&str, bool)) -> String {
    let mut out = format!("-------------------------------\n{:<COLUMN$}{}", "Field Class:", class.name);
    if !class.short.is_empty() {
        out.push_str(&format!(" ({})", class.short));
    }
    let described = |out: &mut String, text: &str| {
        out.push_str(&wrapped(text, COLUMN, WIDTH - COLUMN));
        out.push('\n');
    };
    out.push('\n');
    if !class.doc.is_empty() {
        out.push_str(&format!("{:<COLUMN$}", "Description:"));
        described(&mut out, class.doc);
    }
    out.push_str(&format!("{:<COLUMN$}{source} \n\n", "Event Sources:"));
    for field in fields {
        match field.name.len() > COLUMN {
            true => out.push_str(&format!("{}\n{:COLUMN$}", field.name, "")),
            false => out.push_str(&format!("{:<COLUMN$}", field.name)),
        }
        let mut doc = String::new();
        if verbose {
            doc.push_str(&format!("(Type: {}) ", type_name(field.ty)));
        }
        match set.infos().flat_map(|info| &info.fields).find(|own| own.name == field.name) {
            Some(own) => doc.push_str(&flags(own)),
            None if is_list(field) => doc.push_str("(FILTER LIST) "),
            None => {}
        }
        doc.push_str(field.doc);
        described(&mut out, &doc);
    }
    out + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_is_shown_is_of_one_class() {
        for field in eyas::sinsp::schema().fields().iter().filter(|f| !f.flags.contains(FieldFlags::HIDDEN)) {
            let classes = CLASSES.iter().filter(|class| (class.has)(field.name)).count();
            assert_eq!(classes, 1, "{}", field.name);
        }
        let names = fields("syscall", true, false, ListFormat::Text).unwrap();
        assert!(names.starts_with("evt.num\nevt.time\n") && !names.contains("evt.dir"), "{names}");
        assert!(fields("nowhere", true, false, ListFormat::Text).is_err());
    }

    #[test]
    fn a_field_is_described_with_its_type_and_argument() {
        let all: Value = serde_json::from_str(&fields("", false, false, ListFormat::Json).unwrap()).unwrap();
        let find = |name: &str| {
            let classes = all["fieldclasses"].as_array().unwrap();
            let mut fields = classes.iter().flat_map(|class| class["fields"].as_array().unwrap());
            fields.find(|field| field["name"] == name).unwrap().clone()
        };
        assert_eq!(find("proc.aname")["argument"], json!({"required": false, "type": ["INDEX"]}));
        assert_eq!(find("evt.num")["type"], "UINT64");
        assert_eq!(find("fd.types")["is_list"], true);
        assert_eq!(find("proc.name")["argument"], Value::Null);
    }
}
