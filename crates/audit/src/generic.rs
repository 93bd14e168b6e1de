//! Fields for any JSON.

use eyas_fields::{FieldType, Value};
use eyas_sinsp::plugin::{ArgForms, PluginField, Request, Wanted};

use crate::document::Node;

/// Place of the value.
#[derive(Clone, Copy)]
enum Take {
    Pointer,
    Whole,
    Time,
}

/// Field names; the second name of each row is older.
const ROWS: [(&str, Take, &str); 6] = [
    ("json.value", Take::Pointer, "Value at a JSON pointer, such as json.value[/user/name]."),
    ("json.obj", Take::Whole, "The whole JSON text, on several lines."),
    ("json.rawtime", Take::Time, "Time of the event, ns since the epoch."),
    ("jevt.value", Take::Pointer, "The same as json.value."),
    ("jevt.obj", Take::Whole, "The same as json.obj."),
    ("jevt.rawtime", Take::Time, "The same as json.rawtime."),
];

/// The rows as field descriptions of a plugin.
pub(crate) fn described() -> Vec<PluginField> {
    let field = |(name, take, doc): (&str, Take, &str)| {
        let has_key = matches!(take, Take::Pointer);
        let arg = ArgForms { key: has_key, required: has_key, index: false };
        PluginField::new(name, FieldType::Str, doc).with_arg(arg)
    };
    ROWS.into_iter().map(field).collect()
}

/// Passes the value of the field to the request; `ts` is the time of the event.
pub(crate) fn extract(root: Node<'_>, ts: u64, at: usize, wanted: &Wanted, request: &mut Request<'_>) {
    match ROWS.get(wanted.field).map(|(_, take, _)| take) {
        Some(Take::Pointer) => {
            if let Some(node) = wanted.key.as_deref().and_then(|pointer| root.pointer(pointer)) {
                request.set(at, Value::Str(&node.text()));
            }
        }
        Some(Take::Whole) => request.set(at, Value::Str(&root.pretty())),
        Some(Take::Time) => request.set(at, Value::Str(ts.to_string().as_bytes())),
        None => {}
    }
}
