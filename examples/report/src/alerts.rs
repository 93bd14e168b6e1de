//! The alerts of a capture.

use std::collections::BTreeSet;

use anyhow::Result;
use eyas::rules::{AlertOptions, Engine, Match, Priority};
use eyas::sinsp::EventView;

use crate::processes::{Key, key};
use crate::values::{Named, shown};

/// Maximum number of kept alerts; further ones are only counted.
const MAX: usize = 1000;
/// Maximum number of explained alerts.
const MAX_REASONS: usize = 300;

/// An alert of the report.
pub struct Found {
    pub ts: u64,
    /// Number of the event.
    pub num: u64,
    pub rule: String,
    pub priority: Priority,
    pub message: String,
    /// The process of the event, if it is known.
    pub process: Option<Key>,
    /// The file of the event.
    pub file: Option<String>,
    /// The parts of the condition that were true, with the values of their fields.
    pub reasons: Option<String>,
}

/// Finds them.
pub struct Alerts<'e> {
    engine: &'e Engine,
    options: AlertOptions,
    matches: Vec<Match>,
    fd: Named,
    pub found: Collected,
}

/// Collected alerts.
#[derive(Default)]
pub struct Collected {
    pub alerts: Vec<Found>,
    /// Number of alerts that are not kept.
    pub more: u64,
}

impl<'e> Alerts<'e> {
    /// # Errors
    /// A field is unknown, which is a bug.
    pub fn new(engine: &'e Engine) -> Result<Self> {
        let fd = Named::new("fd.name")?;
        Ok(Self {
            engine,
            options: AlertOptions::default(),
            matches: Vec::new(),
            fd,
            found: Collected::default(),
        })
    }

    /// # Errors
    /// The event has another schema than the rules.
    pub fn test(&mut self, event: &EventView<'_>) -> Result<()> {
        self.collect(event, false)
    }

    /// Like [`Alerts::test`], but also records the reasons.
    ///
    /// # Errors
    /// The event has another schema than the rules.
    pub fn test_with_reasons(&mut self, event: &EventView<'_>) -> Result<()> {
        self.collect(event, true)
    }

    fn collect(&mut self, event: &EventView<'_>, with_reasons: bool) -> Result<()> {
        self.engine.matches(event, &mut self.matches)?;
        for hit in self.matches.drain(..) {
            if self.found.alerts.len() == MAX {
                self.found.more += 1;
                continue;
            }
            let rule = self.engine.rule(hit.rule);
            let mut message = Vec::new();
            self.engine.alert(hit, event, &self.options).write_message(&mut message);
            let reasons = match with_reasons && self.found.alerts.len() < MAX_REASONS {
                true => Some(self.engine.explain(hit.rule, event)?.to_string()),
                false => None,
            };
            self.found.alerts.push(Found {
                ts: event.event().ts,
                num: event.num(),
                rule: rule.name.clone(),
                priority: rule.priority,
                message: shown(&message),
                process: key(event),
                file: self.fd.text(event).filter(|name| name.starts_with('/')),
                reasons,
            });
        }
        Ok(())
    }

    /// The processes of the alerts.
    pub fn processes(&self) -> BTreeSet<Key> {
        self.found.alerts.iter().filter_map(|alert| alert.process).collect()
    }
}
