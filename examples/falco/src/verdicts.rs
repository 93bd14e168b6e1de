//! How reliable the absence of alerts is: possible misses, and verdict coverage.

use std::time::{Duration, Instant};

use anyhow::Result;
use eyas::fields::CodeSet;
use eyas::rules::{Engine, Priority};
use eyas::sinsp::LossWindow;
use jiff::Timestamp;
use serde_json::Value;

use crate::clock;
use crate::config::VerdictCoverage;
use crate::internal::Internal;

/// Maximum number of dropped event types in an alert.
const NAMED: usize = 8;

/// Tracks verdict coverage: the fraction of thread time in which the absence of an alert proves that
/// nothing happened.
pub struct Verdicts {
    interval: Duration,
    rules: Vec<Followed>,
    /// Total time of all threads so far, ns.
    total: f64,
    /// Time of the last update, ns since the epoch.
    counted: u64,
}

struct Followed {
    name: String,
    is_on: bool,
    codes: CodeSet,
    /// Thread time in which an event that the rule matches may have been missed, ns.
    missed: f64,
    last_alert: Option<Instant>,
    /// Number of loss windows since the last alert.
    windows: u64,
}

impl Verdicts {
    /// Creates the tracking for the enabled rules, if it is configured.
    ///
    /// # Errors
    /// The interval of alerts is invalid.
    pub fn new(config: &VerdictCoverage, engine: &Engine) -> Result<Option<Self>> {
        if !config.enabled {
            return Ok(None);
        }
        let rules = engine.rules().iter().map(|rule| Followed {
            name: rule.name.clone(),
            is_on: rule.enabled,
            codes: engine.codes_of(rule),
            missed: 0.0,
            last_alert: None,
            windows: 0,
        });
        let rules = rules.collect();
        Ok(Some(Self { interval: config.interval()?, rules, total: 0.0, counted: 0 }))
    }

    /// Adds dropped events; `threads` is the number of known threads at `now`, ns since the epoch. Returns
    /// alerts about possible misses: for each rule the first at once, and later ones at the interval.
    pub fn check(&mut self, windows: &[LossWindow], threads: u64, now: u64) -> Vec<Internal> {
        if self.counted > 0 {
            self.total += now.saturating_sub(self.counted) as f64 * threads as f64;
        }
        self.counted = now;
        let mut alerts = Vec::new();
        for window in windows {
            // An unknown thread may be affected, too.
            let time = window.until.saturating_sub(window.since) as f64 * (window.threads.max(1)) as f64;
            for rule in self.rules.iter_mut().filter(|rule| rule.is_on && window.concerns(&rule.codes)) {
                rule.missed += time;
                rule.windows += 1;
                if rule.last_alert.is_none_or(|last_alert| last_alert.elapsed() >= self.interval) {
                    rule.last_alert = Some(Instant::now());
                    alerts.push(alert(rule, window));
                    rule.windows = 0;
                }
            }
        }
        alerts
    }

    /// Verdict coverage by rule, as a lower bound.
    pub fn coverage(&self) -> Vec<f64> {
        let of =
            |rule: &Followed| if self.total > 0.0 { (1.0 - rule.missed / self.total).max(0.0) } else { 1.0 };
        self.rules.iter().map(of).collect()
    }
}

fn alert(rule: &Followed, window: &LossWindow) -> Internal {
    let time = |ns: u64| Timestamp::from_nanosecond(ns.into()).map(clock::utc).unwrap_or_default();
    let (since, until) = (time(window.since), time(window.until));
    let mut types: Vec<&str> = window.of.types().map(|ty| ty.name()).collect();
    types.dedup();
    let more = types.len().saturating_sub(NAMED);
    let mut named = types.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if more > 0 {
        named = format!("{named} and {more} others");
    }
    let message = format!(
        "Falco internal: possible miss. Events that match the rule `{}` may be missing from {since} to {until}: {} events of \
         {} known threads or of new ones were lost (of types such as {named}).",
        rule.name, window.events, window.threads
    );
    let fields = [
        ("rule", Value::from(rule.name.clone())),
        ("since", window.since.into()),
        ("until", window.until.into()),
        ("lost", window.events.into()),
        ("threads", window.threads.into()),
        ("changes_state", window.changes_state.into()),
        ("types", named.into()),
        ("windows", rule.windows.into()),
    ];
    let fields = fields.map(|(key, value)| (key.to_owned(), value)).into();
    Internal { rule: "possible miss", priority: Priority::Warning, message, fields }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyas::events::EventType;
    use eyas::scap::Suspects;

    fn engine(rules: &str) -> eyas::rules::Engine {
        let source = eyas::rules::RuleSource::new("r.yaml", rules);
        let schema = std::sync::Arc::new(eyas::sinsp::schema());
        eyas::rules::RuleSet::new(schema, [source]).unwrap().compile().unwrap()
    }

    fn verdicts(rules: &str, interval: &str) -> Verdicts {
        let config = VerdictCoverage { enabled: true, alert_interval: interval.into() };
        Verdicts::new(&config, &engine(rules)).unwrap().unwrap()
    }

    const RULES: &str = "
- {rule: opens, desc: d, condition: evt.type = openat, output: o, priority: INFO}
- {rule: kills, desc: d, condition: evt.type = kill, output: o, priority: INFO}
";
    const SECOND: u64 = 1_000_000_000;

    fn window(ty: EventType, changes_state: bool) -> LossWindow {
        let mut of = Suspects::NONE;
        of.note(ty, 7);
        LossWindow { since: 2 * SECOND, until: 3 * SECOND, events: 5, of, changes_state, threads: 4 }
    }

    #[test]
    fn possible_misses_raise_an_alert_for_the_rule() {
        let mut verdicts = verdicts(RULES, "1h");
        assert!(verdicts.check(&[], 10, SECOND).is_empty());
        assert_eq!(verdicts.coverage(), [1.0, 1.0]);
        // Four of ten threads were suspected for one of two seconds.
        let alerts = verdicts.check(&[window(EventType::SYSCALL_KILL_X, false)], 10, 3 * SECOND);
        assert_eq!(verdicts.coverage(), [1.0, 0.8]);
        assert_eq!(alerts.len(), 1);
        assert!(alerts[0].message.contains("`kills`") && alerts[0].message.contains("5 events of 4"));
        assert_eq!(
            (&alerts[0].fields["rule"], &alerts[0].fields["types"]),
            (&"kills".into(), &"kill".into())
        );
        // A dropped event that changes the state affects all rules. For one of them the interval has not
        // passed yet.
        let alerts = verdicts.check(&[window(EventType::PROCEXIT_1_E, true)], 10, 4 * SECOND);
        assert_eq!(alerts.iter().map(|alert| &alert.fields["rule"]).collect::<Vec<_>>(), ["opens"]);
        assert!(verdicts.coverage().iter().all(|share| *share < 0.9));
    }

    #[test]
    fn off_by_default() {
        let engine = engine(RULES);
        assert!(Verdicts::new(&VerdictCoverage::default(), &engine).unwrap().is_none());
        let bad = VerdictCoverage { enabled: true, alert_interval: "soon".into() };
        assert!(Verdicts::new(&bad, &engine).is_err());
    }
}
