//! Converts an alert to a log record.

use serde_json::Value as Json;

use super::messages::{AnyValue, ArrayValue, KeyValue, LogRecord, Value};
use crate::clock;
use crate::schemas::Record;

/// OpenTelemetry's severity numbers, by syslog number of the priority, as defined in the log data model.
const SEVERITIES: [i32; 8] = [21, 19, 18, 17, 13, 10, 9, 5];

/// Fields that have a name in the semantic conventions.
const CONVENTIONS: [(&str, &str); 21] = [
    ("proc.pid", "process.pid"),
    ("proc.ppid", "process.parent_pid"),
    ("proc.name", "process.executable.name"),
    ("proc.exepath", "process.executable.path"),
    ("proc.cmdline", "process.command_line"),
    ("proc.cwd", "process.working_directory"),
    ("proc.vpid", "process.vpid"),
    ("thread.tid", "thread.id"),
    ("user.name", "user.name"),
    ("user.uid", "user.id"),
    ("container.id", "container.id"),
    ("container.name", "container.name"),
    ("container.type", "container.runtime.name"),
    ("container.image.repository", "container.image.name"),
    ("k8s.ns.name", "k8s.namespace.name"),
    ("k8s.pod.name", "k8s.pod.name"),
    ("k8s.pod.uid", "k8s.pod.uid"),
    ("fd.l4proto", "network.transport"),
    ("fs.path.name", "file.path"),
    ("fd.directory", "file.directory"),
    ("fd.filename", "file.name"),
];

/// The log record of an alert.
pub fn log_record(record: &Record, severity: u8) -> LogRecord {
    let time = u64::try_from(record.time.as_nanosecond()).unwrap_or_default();
    let tags = record.tags.iter().map(|tag| Value::Text(tag.clone()).into()).collect();
    let mut attributes = vec![
        KeyValue::text("falco.rule", record.rule.as_str()),
        KeyValue::text("falco.priority", record.priority.as_str()),
        KeyValue::text("falco.source", record.source.as_str()),
        KeyValue::new("falco.tags", Value::Array(ArrayValue { values: tags })),
    ];
    for (field, name) in CONVENTIONS {
        if let Some(value) = record.fields.get(field).and_then(value) {
            attributes.push(KeyValue { key: name.to_owned(), value: Some(value) });
        }
    }
    if let Some(connection) = record.connection() {
        for (side, end) in [("client", connection.client), ("server", connection.server)] {
            let Some((ip, port)) = end else { continue };
            attributes.push(KeyValue::text(&format!("{side}.address"), ip.to_string()));
            attributes.push(KeyValue::new(&format!("{side}.port"), Value::Int(port.into())));
        }
    }
    for (field, json) in &record.fields {
        if let Some(value) = value(json) {
            attributes.push(KeyValue { key: format!("falco.{field}"), value: Some(value) });
        }
    }
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: clock::now(),
        severity_number: SEVERITIES.get(usize::from(severity)).copied().unwrap_or_default(),
        severity_text: record.priority.clone(),
        body: Some(Value::Text(record.message().to_owned()).into()),
        attributes,
        event_name: "falco.alert".to_owned(),
    }
}

/// Converts a JSON value; `None` for `null`.
fn value(json: &Json) -> Option<AnyValue> {
    let value = match json {
        Json::Null => return None,
        Json::Bool(is) => Value::Bool(*is),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::Double(number),
            (None, None) => Value::Text(number.to_string()),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(values) => {
            Value::Array(ArrayValue { values: values.iter().filter_map(self::value).collect() })
        }
        Json::Object(_) => Value::Text(json.to_string()),
    };
    Some(value.into())
}
