//! What the rows of the table read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::Facts;
use super::host::Resources;
use super::samples::{Alerts, Sample};
use crate::output::Counts;

/// Everything at one moment.
pub struct Reading<'a> {
    /// What does not change.
    pub facts: &'a Facts,
    /// What the thread that tests events told; nothing before it has begun.
    pub sample: Option<Arc<Sample>>,
    /// What became of alerts, by the names of the outputs.
    pub outputs: BTreeMap<&'static str, Counts>,
    /// What is used.
    pub resources: Resources,
    /// Time, ns since the epoch.
    pub now: u64,
    /// The snapshot before, if this is one of several.
    pub before: Option<&'a Before>,
}

/// What of a snapshot counts at the next one.
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

/// A value of a metric, and which it is if there are several.
#[derive(Debug, PartialEq)]
pub struct Point {
    /// Stands for the `*` in the key.
    pub instance: String,
    /// For Prometheus, in their order.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: Value,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Count(u64),
    Real(f64),
    /// For Prometheus, labels tell it.
    Text(String),
}

impl Value {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Count(n) => *n == 0,
            Self::Real(x) => *x == 0.0,
            Self::Text(text) => text.is_empty(),
        }
    }
}

/// The only value, if there is one.
pub fn one(value: impl Into<Option<Value>>) -> Vec<Point> {
    let point = |value| Point { instance: String::new(), labels: Vec::new(), value };
    value.into().map(point).into_iter().collect()
}

/// The only value, a number.
pub fn count(n: impl Into<Option<u64>>) -> Vec<Point> {
    one(n.into().map(Value::Count))
}

/// The only value, a text, with a label of its own.
pub fn text(label: &str, text: &str) -> Vec<Point> {
    let labels = vec![(label.to_owned(), text.to_owned())];
    vec![Point { instance: String::new(), labels, value: Value::Text(text.to_owned()) }]
}

impl Reading<'_> {
    /// Something of the sample, if there is one.
    pub fn of<T>(&self, get: impl Fn(&Sample) -> T) -> Option<T> {
        self.sample.as_deref().map(get)
    }

    /// The alerts so far, once they are counted.
    pub fn alerts(&self) -> Option<&Alerts> {
        self.sample.as_deref().and_then(|sample| sample.alerts.as_deref())
    }

    /// What counts at the next snapshot.
    pub fn as_before(&self) -> Before {
        let stats = self.of(|sample| sample.stats).unwrap_or_default();
        let events = self.of(|sample| sample.events).unwrap_or_default();
        Before { now: self.now, events, produced: stats.produced, drops: stats.drops() }
    }

    /// What was counted since the snapshot before.
    pub fn since(&self, get: fn(&Before) -> u64) -> u64 {
        get(&self.as_before()).saturating_sub(self.before.map_or(0, get))
    }

    /// The same for each second; 0 at the first snapshot.
    pub fn rate(&self, get: fn(&Before) -> u64) -> f64 {
        let seconds = self.before.map_or(0.0, |before| self.now.saturating_sub(before.now) as f64 / 1e9);
        if seconds > 0.0 { (self.since(get) as f64 / seconds * 10.0).round() / 10.0 } else { 0.0 }
    }
}
