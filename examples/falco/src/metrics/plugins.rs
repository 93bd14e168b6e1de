//! Metrics of plugins.

use eyas::sinsp::plugin::MetricValue;

use super::reading::{Point, Reading, Value};

/// A metric of a plugin, combined over all inspectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Counter {
    pub plugin: String,
    pub name: String,
    pub is_monotonic: bool,
    pub value: MetricValue,
}

/// The metrics in the order of the plugins. A plugin may run in several inspectors: monotonic values are
/// added, and for other values the last one is used.
pub fn counters(reading: &Reading<'_>) -> Vec<Counter> {
    let mut all: Vec<Counter> = Vec::new();
    let found = reading.of(|sample| sample.plugins.clone()).unwrap_or_default();
    for (plugin, metric) in found {
        match all.iter_mut().find(|known| known.plugin == plugin && known.name == metric.name) {
            Some(known) if known.is_monotonic => known.value = sum(known.value, metric.value),
            Some(known) => known.value = metric.value,
            None => {
                let (name, is_monotonic, value) = (metric.name, metric.is_monotonic, metric.value);
                all.push(Counter { plugin, name, is_monotonic, value });
            }
        }
    }
    all
}

fn sum(a: MetricValue, b: MetricValue) -> MetricValue {
    match (a, b) {
        (MetricValue::Uint(a), MetricValue::Uint(b)) => MetricValue::Uint(a.saturating_add(b)),
        (MetricValue::Int(a), MetricValue::Int(b)) => MetricValue::Int(a.saturating_add(b)),
        (MetricValue::Double(a), MetricValue::Double(b)) => MetricValue::Double(a + b),
        // If the type of a metric changes, the new value replaces the old one.
        (_, b) => b,
    }
}

/// The plugin metrics as values of one metric.
pub fn points(reading: &Reading<'_>) -> Vec<Point> {
    let point = |counter: Counter| {
        let value = match counter.value {
            MetricValue::Uint(n) => Value::Count(n),
            MetricValue::Int(n) => u64::try_from(n).map_or(Value::Real(n as f64), Value::Count),
            MetricValue::Double(x) => Value::Real(x),
        };
        Point { instance: format!("{}.{}", counter.plugin, counter.name), labels: Vec::new(), value }
    };
    counters(reading).into_iter().map(point).collect()
}
