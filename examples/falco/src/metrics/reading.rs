//! Input data of the rows of the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::Facts;
use super::host::Resources;
use super::samples::{Alerts, Sample};
use crate::output::Counts;

/// All data at one moment.
pub struct Reading<'a> {
    /// Constant facts.
    pub facts: &'a Facts,
    /// Numbers of the thread that tests events; `None` before it has begun.
    pub sample: Option<Arc<Sample>>,
    /// Counts of alerts, by name of the output.
    pub outputs: BTreeMap<&'static str, Counts>,
    /// Resource usage.
    pub resources: Resources,
    /// Time, ns since the epoch.
    pub now: u64,
    /// The previous snapshot, if there was one.
    pub before: Option<&'a Before>,
}

/// The values of a snapshot that the next one needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    /// Time, ns since the epoch.
    pub now: u64,
    /// Events tested.
    pub events: u64,
    /// Events made.
    pub produced: u64,
    /// Events lost.
    pub drops: u64,
}

/// A value of a metric, with labels if the metric has several values.
#[derive(Debug, PartialEq)]
pub struct Point {
    /// Replacement for the `*` in the key.
    pub instance: String,
    /// Labels for Prometheus, in order.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: Value,
}

/// A measured value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Count(u64),
    Real(f64),
    /// For Prometheus, a label has the text.
    Text(String),
}

impl Value {
    /// Whether the value is empty or 0.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Count(n) => *n == 0,
            Self::Real(x) => *x == 0.0,
            Self::Text(text) => text.is_empty(),
        }
    }
}

/// A single value, if it exists.
pub fn one(value: impl Into<Option<Value>>) -> Vec<Point> {
    let point = |value| Point { instance: String::new(), labels: Vec::new(), value };
    value.into().map(point).into_iter().collect()
}

/// A single number, if it exists.
pub fn count(n: impl Into<Option<u64>>) -> Vec<Point> {
    one(n.into().map(Value::Count))
}

/// A single text, with its own label.
pub fn text(label: &str, text: &str) -> Vec<Point> {
    let labels = vec![(label.to_owned(), text.to_owned())];
    vec![Point { instance: String::new(), labels, value: Value::Text(text.to_owned()) }]
}

impl Reading<'_> {
    /// A value from the sample, if there is one.
    pub fn of<T>(&self, get: impl Fn(&Sample) -> T) -> Option<T> {
        self.sample.as_deref().map(get)
    }

    /// The alerts so far, if they are counted.
    pub fn alerts(&self) -> Option<&Alerts> {
        self.sample.as_deref().and_then(|sample| sample.alerts.as_deref())
    }

    /// The values that the next snapshot needs.
    pub fn for_next(&self) -> Before {
        let stats = self.of(|sample| sample.stats).unwrap_or_default();
        let events = self.of(|sample| sample.events).unwrap_or_default();
        Before { now: self.now, events, produced: stats.produced, drops: stats.drops() }
    }

    /// The difference to the previous snapshot.
    pub fn since(&self, get: fn(&Before) -> u64) -> u64 {
        get(&self.for_next()).saturating_sub(self.before.map_or(0, get))
    }

    /// The same per second; 0 at the first snapshot.
    pub fn rate(&self, get: fn(&Before) -> u64) -> f64 {
        let seconds = self.before.map_or(0.0, |before| self.now.saturating_sub(before.now) as f64 / 1e9);
        if seconds > 0.0 { (self.since(get) as f64 / seconds * 10.0).round() / 10.0 } else { 0.0 }
    }
}
