//! What plugins count.

use eyas::sinsp::plugin::MetricValue;

use super::reading::{Point, Reading, Value};

/// A counter of a plugin, in all inspectors together.
#[derive(Clone, Debug, PartialEq)]
pub struct Counter {
    pub plugin: String,
    pub name: String,
    pub is_monotonic: bool,
    pub value: MetricValue,
}

/// The counters in the order in which plugins have them. A plugin runs in several inspectors: what only grows is added up, of
/// other values the last one holds.
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
        // A counter whose type changes is counted anew.
        (_, b) => b,
    }
}

/// The counters as values of a metric.
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
