//! Which alerts only one of two runs has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use crate::shell::text;

/// Maximum difference between the times of the same event in two captures, ns.
const APART: u64 = 1_000_000_000;
/// Fields that differ between captures of the same event.
const OWN: [&str; 3] = ["evt.rawtime", "evt.time", "evt.num"];

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub rule: String,
    /// The rule and the values of all fields that do not differ between captures.
    pub key: String,
    /// Nanoseconds since the epoch.
    pub time: u64,
}

/// The result of [`compare`].
#[derive(Debug, Default)]
pub struct Difference<'a> {
    pub same: usize,
    /// Number of rules among these.
    pub rules: usize,
    pub only_first: Vec<&'a Alert>,
    pub only_second: Vec<&'a Alert>,
}

/// Reads a file of alerts, one JSON object per line.
pub fn read(path: &Path) -> Result<Vec<Alert>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    BufReader::new(file).lines().map(|line| alert(&line.map_err(text)?)).collect()
}

fn alert(line: &str) -> Result<Alert, String> {
    let mut object: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
    let rule = object["rule"].as_str().unwrap_or_default().to_owned();
    let fields = object["output_fields"].as_object_mut().ok_or_else(|| format!("no fields: {line}"))?;
    // Alerts of falco about itself have no event.
    let time = fields.get("evt.rawtime").and_then(Value::as_u64).unwrap_or(0);
    OWN.iter().for_each(|name| drop(fields.remove(*name)));
    let fields: BTreeMap<_, _> = fields.iter().collect();
    let key = format!("{rule} {}", serde_json::to_string(&fields).map_err(text)?);
    Ok(Alert { rule, key, time })
}

/// Pairs the alerts of both runs. Alerts without a partner count if they are within the span of time, which both runs captured,
/// or have no time.
pub fn compare<'a>(first: &'a [Alert], second: &'a [Alert], span: [u64; 2]) -> Difference<'a> {
    let mut waiting: BTreeMap<&str, VecDeque<&Alert>> = BTreeMap::new();
    let by_time = |alerts: &'a [Alert]| {
        let mut sorted: Vec<&Alert> = alerts.iter().collect();
        sorted.sort_by_key(|alert| alert.time);
        sorted
    };
    for alert in by_time(second) {
        waiting.entry(&alert.key).or_default().push_back(alert);
    }
    let counts = |alert: &Alert| alert.time == 0 || (span[0]..span[1]).contains(&alert.time);
    let (mut difference, mut rules) = (Difference::default(), BTreeSet::new());
    for alert in by_time(first) {
        let others = waiting.entry(&alert.key).or_default();
        while others.front().is_some_and(|other| other.time + APART < alert.time) {
            difference.only_second.extend(others.pop_front());
        }
        if others.front().is_some_and(|other| other.time <= alert.time + APART) {
            others.pop_front();
            difference.same += 1;
            rules.insert(&alert.rule);
        } else {
            difference.only_first.push(alert);
        }
    }
    difference.only_second.extend(waiting.into_values().flatten());
    difference.only_first.retain(|alert| counts(alert));
    difference.only_second.retain(|alert| counts(alert));
    difference.rules = rules.len();
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(seconds: u64, name: &str) -> Alert {
        let time = seconds * SECOND;
        let line = format!(
            r#"{{"rule": "r", "time": "t", "output_fields": {{"evt.rawtime": {time}, "evt.num": {seconds}, "fd.name": "{name}"}}}}"#
        );
        alert(&line).unwrap()
    }

    #[test]
    fn alerts_of_one_run_alone_are_found() {
        let first = [at(10, "a"), at(11, "b"), at(20, "a"), at(30, "only here")];
        let second = [at(10, "b"), at(11, "a"), at(12, "only there"), at(40, "a")];
        let difference = compare(&first, &second, [0, 100 * SECOND]);
        assert_eq!((difference.same, difference.rules), (2, 1));
        assert_eq!(difference.only_first, [&first[2], &first[3]], "too far from its namesake, and alone");
        assert_eq!(difference.only_second, [&second[3], &second[2]]);
        let difference = compare(&first, &second, [15 * SECOND, 25 * SECOND]);
        assert_eq!((difference.only_first, difference.only_second.len()), (vec![&first[2]], 0));
    }

    #[test]
    fn alerts_about_the_program_itself_always_count() {
        let own = [alert(r#"{"rule": "internal", "output_fields": {}}"#).unwrap()];
        assert_eq!(compare(&own, &[], [SECOND, 2 * SECOND]).only_first.len(), 1);
        assert!(alert("{}").is_err() && alert("nothing").is_err());
    }
}
