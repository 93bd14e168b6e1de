//! Writes metrics as text for Prometheus.

use std::fmt::Write;

use eyas::sinsp::plugin::MetricValue;

use super::plugins::counters;
use super::reading::{Point, Reading, Value};
use super::table::{Kind, Metric, Unit};

/// Content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

/// The page with the values of the rows, by name.
pub fn page(reading: &Reading<'_>, rows: impl Iterator<Item = &'static Metric>) -> String {
    let mut page = String::new();
    for row in rows.filter(|row| !row.name.is_empty()) {
        let points = (row.read)(reading);
        // Rules without alerts are left out.
        let is_each = row.unit == Unit::Count && points.iter().any(|point| point.labels.len() > 1);
        let shown: Vec<&Point> = points.iter().filter(|point| !is_each || !point.value.is_empty()).collect();
        if shown.is_empty() {
            continue;
        }
        let (name, help) = (row.name, row.help);
        let kind = if row.kind == Kind::Counter { "counter" } else { "gauge" };
        // Writing to a String cannot fail.
        let _ = write!(page, "# HELP falcosecurity_{name} {help}\n# TYPE falcosecurity_{name} {kind}\n");
        for Point { labels, value, .. } in shown {
            let value = number(row.unit, value);
            let _ = writeln!(page, "falcosecurity_{name}{} {value}", label_set(labels));
        }
    }
    page
}

/// Metrics of plugins: the name is made of the plugin's name and the metric's name.
pub fn plugins(reading: &Reading<'_>) -> String {
    let mut page = String::new();
    for counter in counters(reading) {
        let end = if counter.is_monotonic { "_total" } else { "" };
        let name = format!("plugins_{}_{}{end}", as_name(&counter.plugin), as_name(&counter.name));
        let kind = if counter.is_monotonic { "counter" } else { "gauge" };
        let value = match counter.value {
            MetricValue::Uint(n) => n.to_string(),
            MetricValue::Int(n) => n.to_string(),
            MetricValue::Double(x) => format!("{x:.6}"),
        };
        let plugin = &counter.plugin;
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "# HELP falcosecurity_{name} Counted by the plugin {plugin}\n# TYPE falcosecurity_{name} {kind}\n\
             falcosecurity_{name} {value}\n"
        );
    }
    page
}

/// Replaces characters that names cannot have by underscores.
fn as_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn number(unit: Unit, value: &Value) -> String {
    match (unit, value) {
        (Unit::Kibibytes, Value::Count(n)) => (n * 1024).to_string(),
        (Unit::Percent, Value::Real(x)) => format!("{:.6}", x / 100.0),
        (_, Value::Count(n)) => n.to_string(),
        (_, Value::Real(x)) => format!("{x:.6}"),
        (_, Value::Text(_)) => "1".to_owned(),
    }
}

fn label_set(labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let label = |(name, value): &(String, String)| {
        let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    format!("{{{}}}", labels.iter().map(label).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_quoted() {
        let labels = [("a".to_owned(), "x\"y\\z\n".to_owned()), ("b".to_owned(), String::new())];
        assert_eq!(label_set(&labels), r#"{a="x\"y\\z\n",b=""}"#);
    }

    #[test]
    fn units_are_those_of_prometheus() {
        assert_eq!(number(Unit::Kibibytes, &Value::Count(3)), "3072");
        assert_eq!(number(Unit::Percent, &Value::Real(12.5)), "0.125000");
        assert_eq!(number(Unit::Info, &Value::Text("x".into())), "1");
    }
}
