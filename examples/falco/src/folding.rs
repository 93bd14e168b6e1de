//! `alert_folding`: replaces repeated alerts by the first one and a summary with their number.
//!
//! The first alert is sent at once. Further alerts of the same rule with the same fields are counted until
//! the window ends. Then the summary is sent: the first alert again, with the count and the times of the
//! first and the last alert.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use eyas::fields::Schema;
use eyas::rules::{Format, RuleIndex, nearest};
use eyas::sinsp::{EventView, schema};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::config;
use crate::output::{Alert, Batch};

/// Names and values of a summary, in order.
type Facts = [(&'static str, Value); 3];

/// Key of repeated alerts: the rule's number and the values of fields.
pub type Key = (RuleIndex, Vec<u8>);

/// Alerts that may be repeated.
pub struct Folding {
    /// Fields of the key; if empty, the whole output.
    by: Vec<Format>,
    window: u64,
    max: usize,
    known: HashMap<Arc<Key>, Repeated>,
    /// The same keys in the order in which their windows end.
    order: VecDeque<(u64, Arc<Key>)>,
    scratch: Vec<u8>,
    /// Whether there was no room for an alert; this is logged once.
    is_full: bool,
}

/// An alert that was sent, and the count of its repetitions.
struct Repeated {
    alert: Alert,
    count: u64,
    first: u64,
    last: u64,
    /// End of the window.
    end: u64,
}

impl Folding {
    /// Returns `None` if folding is off.
    ///
    /// # Errors
    /// A field does not exist.
    pub fn new(config: &config::Folding) -> Result<Option<Self>> {
        let Some(window) = config.window()? else { return Ok(None) };
        let window = u64::try_from(window.as_nanos()).context("alert_folding.window")?;
        let by = config.by.iter().map(|field| format(field)).collect::<Result<_>>()?;
        let (known, order, scratch) = (HashMap::new(), VecDeque::new(), Vec::new());
        Ok(Some(Self { by, window, max: config.max, known, order, scratch, is_full: false }))
    }

    /// The key for an alert of this event, or `None` if the alert repeats an earlier one, which is then
    /// counted. `message` writes the alert's output.
    pub fn new_key(
        &mut self,
        rule: RuleIndex,
        event: &EventView<'_>,
        message: impl FnOnce(&mut Vec<u8>),
    ) -> Option<Key> {
        let mut values = std::mem::take(&mut self.scratch);
        values.clear();
        if self.by.is_empty() {
            message(&mut values);
        }
        for field in &self.by {
            field.write(&mut values, event, schema());
            // No value contains a NUL, because control characters are escaped.
            values.push(0);
        }
        let key = (rule, values);
        let ts = event.event().ts;
        let Some(repeated) = self.known.get_mut(&key).filter(|repeated| ts < repeated.end) else {
            return Some(key);
        };
        repeated.count += 1;
        repeated.last = ts;
        self.scratch = key.1;
        None
    }

    /// Remembers the alert of an event at this time, ns, so that later alerts can be recognised as
    /// repetitions.
    pub fn remember(&mut self, key: Key, ts: u64, alert: Option<&Alert>) {
        let Some(alert) = alert else { return };
        if self.known.len() < self.max {
            let key = Arc::new(key);
            let end = ts.saturating_add(self.window);
            self.order.push_back((end, Arc::clone(&key)));
            self.known.insert(key, Repeated { alert: alert.clone(), count: 1, first: ts, last: ts, end });
        } else if !std::mem::replace(&mut self.is_full, true) {
            crate::log::warning(&format!(
                "alert_folding: {} different alerts are remembered, alert_folding.max; further ones are not folded until \
                 a window is over",
                self.max
            ));
        }
    }

    /// Adds the summaries of the windows that have ended at this time, ns.
    pub fn flush(&mut self, now: u64, batch: &mut Batch) {
        while let Some((end, _)) = self.order.front()
            && *end <= now
            && let Some((_, key)) = self.order.pop_front()
        {
            if let Some(repeated) = self.known.remove(&key).filter(|repeated| repeated.count > 1) {
                batch.push(repeated.summary());
            }
        }
    }
}

/// The format of a field's value.
fn format(field: &str) -> Result<Format> {
    let field = field.trim_start_matches('%');
    Format::parse(&format!("%{field}"), schema()).map_err(|error| {
        let near = nearest(field, schema().fields().iter().map(|def| def.name));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        anyhow!("alert_folding.by: `{field}`: {error}{hint}; `falco --list` lists the fields")
    })
}

impl Repeated {
    /// The alert again, with the count and the times.
    fn summary(self) -> Alert {
        let time = |ts: u64| {
            let time = Timestamp::from_nanosecond(i128::from(ts)).unwrap_or(Timestamp::UNIX_EPOCH);
            Value::from(clock::utc(time))
        };
        let facts = [
            ("alert.count", self.count.into()),
            ("alert.first", time(self.first)),
            ("alert.last", time(self.last)),
        ];
        let alert = self.alert;
        Alert {
            text: summary(&alert.text, &facts).into(),
            record: alert.record.map(|record| summary(&record, &facts).into()),
            severity: alert.severity,
        }
    }
}

/// The line, text or JSON, with these facts.
fn summary(line: &[u8], facts: &Facts) -> Vec<u8> {
    let suffix: Vec<String> = facts
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            value => format!("{name}={value}"),
        })
        .collect();
    let suffix = format!(" ({})", suffix.join(" "));
    let Ok(Value::Object(mut object)) = serde_json::from_slice(line) else {
        return [line, suffix.as_bytes()].concat();
    };
    for name in ["output", "message"] {
        if let Some(Value::String(text)) = object.get_mut(name) {
            text.push_str(&suffix);
        }
    }
    let fields = object.entry("output_fields").or_insert_with(|| json!({}));
    if let Value::Object(fields) = fields {
        fields.extend(facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    Value::Object(object).to_string().into_bytes()
}
