//! `--list-events`: lists events by category, like Falco.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use anyhow::Result;
use eyas::events::{
    Category, EventFlags, EventInfo, EventType, ParamDetail, ParamInfo, ParamType, events as table, syscalls,
};
use serde_json::{Map, Value, json};

use crate::args::ListFormat;

/// Schema version of the listed event table.
const SCHEMA: &str = "4.5.1";

const CATEGORIES: [(&str, Category); 4] = [
    ("Syscall events", Category::SYSCALL),
    ("Tracepoint events", Category::TRACEPOINT),
    ("Plugin events", Category::PLUGIN),
    ("Metaevents", Category::METAEVENT),
];

/// An event with its listed name.
struct Entry {
    name: &'static str,
    info: &'static EventInfo,
}

/// Lists the events that can be captured. Old versions are left out. The generic event is listed under the
/// names of the calls that use it.
pub fn events(format: ListFormat) -> Result<String> {
    let is_generic = |ty: EventType| matches!(ty, EventType::GENERIC_E | EventType::GENERIC_X);
    let current = table().filter(|event| event.is_current() && !is_generic(event.ty));
    let mut entries: Vec<Entry> = current.map(|info| Entry { name: info.name, info }).collect();
    let without: BTreeSet<&str> =
        syscalls().filter(|call| call.exit == EventType::GENERIC_X).map(|call| call.name).collect();
    for name in without {
        let both = [EventType::GENERIC_E, EventType::GENERIC_X].into_iter().filter_map(EventType::info);
        entries.extend(both.map(|info| Entry { name, info }));
    }
    let of = |category: Category| entries.iter().filter(move |entry| entry.info.category.is_from(category));
    if format == ListFormat::Json {
        let mut root = Map::new();
        for (title, category) in CATEGORIES {
            root.insert(title.into(), of(category).map(as_json).collect());
        }
        root.insert("schema_version".into(), SCHEMA.into());
        return Ok(serde_json::to_string_pretty(&Value::Object(root))? + "\n");
    }
    let mut out = format!("The events below are valid for Falco *Schema Version*: {SCHEMA}\n");
    let is_markdown = format == ListFormat::Markdown;
    for (title, category) in CATEGORIES {
        out.push_str(&format!("## {title}\n\n"));
        if is_markdown {
            out.push_str("Default | Dir | Name | Params \n:-------|:----|:-----|:-----\n");
        }
        for entry in of(category) {
            let params: Vec<String> =
                entry.info.params.iter().map(|param| parameter(param, is_markdown)).collect();
            let (direction, name, params) = (direction(entry.info), entry.name, params.join(", "));
            out.push_str(&match is_markdown {
                true => {
                    format!("{} | `{direction}` | `{name}` | {params}\n", yes_or_no(is_captured(entry.info)))
                }
                false => format!("{direction} {name}({params})\n"),
            });
        }
        out.push('\n');
    }
    Ok(out)
}

/// Names of the events of calls that read or write and change no state, which Falco ignores unless something needs them.
static IGNORED: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let state = EventFlags::MODIFIES_STATE | EventFlags::CREATES_FD | EventFlags::DESTROYS_FD;
    let others = state | EventFlags::OLD_VERSION | EventFlags::UNUSED;
    let is_io =
        |event: &&EventInfo| matches!(event.category.activity(), Category::IO_READ | Category::IO_WRITE);
    let exits = table().filter(|event| event.ty.is_exit() && !event.flags.intersects(others));
    exits.filter(is_io).map(|event| event.name).collect()
});

/// Whether Falco captures the event by default: not reads, writes and the like that no rule needs.
fn is_captured(event: &EventInfo) -> bool {
    !IGNORED.contains(event.name)
}

/// Lists system calls that are captured only on request, like Falco's list of ignored calls.
pub fn ignored() -> String {
    let lines: String = IGNORED.iter().map(|name| format!("- {name}\n")).collect();
    format!("Ignored syscall(s):\n{lines}\n")
}

fn yes_or_no(is: bool) -> &'static str {
    if is { "Yes" } else { "No" }
}

fn direction(event: &EventInfo) -> &'static str {
    if event.ty.is_exit() { "<" } else { ">" }
}

/// Names of the flags that a parameter may have.
fn flags(param: &ParamInfo) -> Option<Vec<&'static str>> {
    use ParamType as T;
    let has = matches!(
        param.ty,
        T::FLAGS8 | T::FLAGS16 | T::FLAGS32 | T::ENUMFLAGS8 | T::ENUMFLAGS16 | T::ENUMFLAGS32
    );
    match param.detail {
        ParamDetail::Flags(table) if has => Some(table.entries.iter().map(|(name, _)| *name).collect()),
        _ => None,
    }
}

fn parameter(param: &ParamInfo, is_markdown: bool) -> String {
    let mut out = format!("{} **{}**", param.ty.name(), param.name);
    if let Some(flags) = flags(param) {
        let star = if is_markdown { "*" } else { "" };
        let flags: Vec<String> = flags.into_iter().map(|flag| format!("{star}{flag}{star}")).collect();
        out.push_str(&format!(": {}", flags.join(", ")));
    }
    out
}

fn as_json(entry: &Entry) -> Value {
    let params: Vec<Value> = entry
        .info
        .params
        .iter()
        .map(|param| {
            let mut out = Map::new();
            if let Some(flags) = flags(param) {
                out.insert("flags".into(), flags.into());
            }
            out.insert("name".into(), param.name.into());
            out.insert("type".into(), param.ty.name().into());
            Value::Object(out)
        })
        .collect();
    json!({
        "available": is_captured(entry.info),
        "dir": direction(entry.info),
        "name": entry.name,
        "params": params,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_read_or_write_are_ignored_unless_the_state_needs_them() {
        let names: Vec<&str> = IGNORED.iter().copied().collect();
        let all = "pread preadv preadv2 pwrite pwritev pwritev2 read readv recv send sendfile write writev";
        assert_eq!(names.join(" "), all);
    }

    #[test]
    fn events_are_listed_in_every_form() {
        let text = events(ListFormat::Text).unwrap();
        assert!(text.contains("## Syscall events\n\n") && text.contains("\n< close("), "{text}");
        assert!(text.contains("FLAGS32 **flags**: ") && text.contains("O_CREAT"), "{text}");
        assert!(text.contains("\n> reboot(") && !text.contains(" syscall("), "{text}");
        let page = events(ListFormat::Markdown).unwrap();
        assert!(page.contains("No | `<` | `read` | "), "{page}");
        let all: Value = serde_json::from_str(&events(ListFormat::Json).unwrap()).unwrap();
        for (title, _) in CATEGORIES {
            assert!(!all[title].as_array().unwrap().is_empty(), "{title}");
        }
    }
}
