//! Metadata of the container of an event, as runtimes report it.

use eyas_fields::Value;
use serde_json::Value as Json;

use crate::view::EventView;

/// The container whose metadata an event's fields show.
#[derive(Clone, Copy)]
pub(super) enum About<'v> {
    /// No container's.
    Host,
    /// A container with this metadata.
    Known(&'v Json),
    /// A container of which only the id is known.
    Unknown(&'v [u8]),
}

/// `None` for events without a process.
pub(super) fn about<'v>(v: &'v EventView<'v>) -> Option<About<'v>> {
    let id = match v.reported_container() {
        Some(id) => id,
        None => match &v.thread()?.container {
            Some(id) => id,
            None => return Some(About::Host),
        },
    };
    Some(v.state().containers.get(id).map_or(About::Unknown(id), |container| About::Known(&container.json)))
}

/// A text; empty outside containers, or without metadata.
pub(super) fn text<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    match about(v)? {
        About::Host => Some(Value::Str(b"")),
        About::Known(json) => Some(Value::from(member(json, name))),
        About::Unknown(_) => None,
    }
}

pub(super) fn member<'v>(json: &'v Json, name: &str) -> &'v str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}

pub(super) fn label<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    match about(v)? {
        About::Known(json) => label_of(json, "labels", name),
        About::Host | About::Unknown(_) => None,
    }
}

pub(super) fn label_of<'v>(json: &'v Json, of: &str, name: &str) -> Option<Value<'v>> {
    json.get(of)?.get(name)?.as_str().map(Value::from)
}

/// `name:value`, comma-separated and sorted, without Kubernetes's internal labels.
pub(super) fn labels_of<'v>(v: &'v EventView<'v>, json: &Json, of: &str) -> Value<'v> {
    let mut all: Vec<(&String, &Json)> =
        json.get(of).and_then(Json::as_object).into_iter().flatten().collect();
    all.retain(|(name, _)| !name.starts_with("annotation.") && !name.starts_with("io.kubernetes."));
    all.sort_unstable_by_key(|(name, _)| *name);
    let mut out = crate::render::Text::new(v.bump());
    for (name, value) in all {
        if !out.is_empty() {
            out.push(b", ");
        }
        out.push(name.as_bytes());
        if let Some(value) = value.as_str().filter(|value| !value.is_empty()) {
            out.print(format_args!(":{value}"));
        }
    }
    Value::Str(out.finish())
}
