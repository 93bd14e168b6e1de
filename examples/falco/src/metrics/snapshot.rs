//! Writes metrics as fields of an alert.

use serde_json::Value as Json;

use super::reading::{Reading, Value};
use super::table::{Group, Metric, Unit};
use crate::config;
use crate::internal::Fields;

/// The values of the rows by key.
pub fn fields(
    reading: &Reading<'_>,
    rows: impl Iterator<Item = &'static Metric>,
    config: &config::Metrics,
) -> Fields {
    let mut fields = Fields::new();
    for row in rows {
        let is_always = matches!(row.group, Group::General | Group::Events);
        for point in (row.read)(reading) {
            if !is_always && !config.include_empty_values && point.value.is_empty() {
                continue;
            }
            let key = row.key.replacen('*', &point.instance, 1);
            let (key, value) = match config.convert_memory_to_mb {
                true => in_megabytes(row.unit, key, point.value),
                false => (key, point.value),
            };
            let value = match value {
                Value::Count(n) => Json::from(n),
                Value::Real(x) => Json::from(x),
                Value::Text(text) => Json::from(text),
            };
            fields.insert(key, value);
        }
    }
    fields
}

fn in_megabytes(unit: Unit, key: String, value: Value) -> (String, Value) {
    let (end, to_mb) = match unit {
        Unit::Kibibytes => ("_kb", 1024.0),
        Unit::Bytes => ("_bytes", 1024.0 * 1024.0),
        _ => return (key, value),
    };
    match (key.strip_suffix(end), &value) {
        (Some(name), Value::Count(n)) => {
            (format!("{name}_mb"), Value::Real((*n as f64 / to_mb * 10.0).round() / 10.0))
        }
        _ => (key, value),
    }
}
