//! Tests events, and counts the results.

use std::sync::Arc;

use anyhow::{Result, bail};
use eyas::events::EventType;
use eyas::fields::FieldSource;
use eyas::rules::{Engine, Follower, Match, Profile, Rule, SharedEngine};
use eyas::scap::Stats;
use eyas::sinsp::plugin::SYSCALL;
use eyas::sinsp::{EventView, Inspector, Needs};

use crate::folding::Folding;
use crate::output::Batch;
use crate::pushdown::{Model, Verdict};
use crate::setup::Setup;
use crate::stats::RuleCounts;

/// Tests events and writes alerts.
pub(super) struct Judge<'p> {
    pub(super) setup: Arc<Setup>,
    pub(super) rules: SharedEngine,
    pub(super) follower: Follower,
    /// Position of the first rule of the follower's engine among all rules.
    first: u32,
    /// Judges for events of plugin sources, which captures may contain.
    others: Vec<Judge<'p>>,
    pub(super) found: Vec<Match>,
    pub(super) profile: Option<Profile<'p>>,
    /// Folding of repeated alerts, if enabled.
    pub(super) folding: Option<Folding>,
    /// Filter that rejects events before the rules.
    model: Model,
    /// Whether it tests events of system calls.
    is_of_syscalls: bool,
    /// Whether a rule matched an event that it should not need.
    is_refuted: bool,
    /// Whether the result of [`Judge::needs`] has changed.
    pub(super) needs_changed: bool,
    /// Codes of events that a rule matched although it should not need them.
    pub(super) refuted: Vec<u16>,
    /// Whether the rules were replaced.
    pub(super) is_replaced: bool,
}

impl Judge<'_> {
    pub(super) fn new(setup: Arc<Setup>) -> Self {
        let of_source =
            |engine: &Arc<Engine>| Self::of_source(Arc::clone(&setup), engine.schema().source()).ok();
        let others = setup.others.iter().filter_map(of_source).collect();
        Self { others, ..Self::of_engine(Arc::clone(&setup), Arc::clone(&setup.engine), 0) }
    }

    fn of_engine(setup: Arc<Setup>, engine: Arc<Engine>, first: u32) -> Self {
        let is_of_syscalls = engine.schema().source() == SYSCALL;
        let rules = SharedEngine::new(engine);
        let (follower, model) = (rules.follower(), Model::default());
        let (found, others) = (Vec::new(), Vec::new());
        let (is_refuted, needs_changed) = (false, false);
        Self {
            setup,
            follower,
            rules,
            found,
            first,
            others,
            profile: None,
            folding: None,
            model,
            is_of_syscalls,
            is_refuted,
            needs_changed,
            refuted: Vec::new(),
            is_replaced: true,
        }
    }

    /// Creates a judge for events of one source.
    pub(super) fn of_source(setup: Arc<Setup>, source: &str) -> Result<Self> {
        let Some((engine, first)) = setup.of_source(source) else {
            bail!("no rules for the source {source}")
        };
        let engine = Arc::clone(engine);
        Ok(Self::of_engine(setup, engine, first))
    }

    /// Switches to these rules.
    pub(super) fn replace(&mut self, setup: Arc<Setup>) -> Result<()> {
        let source = self.follower.engine().schema().source().to_owned();
        if let Some((engine, first)) = setup.of_source(&source) {
            self.rules.swap(Arc::clone(engine))?;
            self.first = first;
        }
        for other in &mut self.others {
            other.replace(Arc::clone(&setup))?;
        }
        self.add_counts();
        self.setup = setup;
        self.model = Model::default();
        (self.is_refuted, self.needs_changed, self.is_replaced) = (false, true, true);
        Ok(())
    }

    pub(super) fn replace_if_other(&mut self, setup: Arc<Setup>) -> Result<()> {
        if Arc::ptr_eq(&setup, &self.setup) { Ok(()) } else { self.replace(setup) }
    }

    /// Adds the event's alerts to the batch, and calls `matched` for its matches.
    #[inline]
    pub(super) fn judge(
        &mut self,
        event: &EventView<'_>,
        batch: &mut Batch,
        mut matched: impl FnMut(Match, &Rule),
    ) -> Result<()> {
        if event.event().ty == EventType::PLUGINEVENT_E && self.follower.engine().schema().source() == SYSCALL
        {
            return self.judge_plugin_event(event, batch, matched);
        }
        // The rows of the filter belong to rules for system calls.
        let filter = self.setup.pushdown.as_ref().filter(|_| self.is_of_syscalls);
        let verdict = filter.map(|filter| self.model.verdict(filter, event));
        if verdict == Some(Verdict::Reject) {
            return Ok(());
        }
        let engine = self.follower.matches(event, &mut self.found)?;
        if (verdict == Some(Verdict::Shadow) || event.is_sample())
            && let Some(hit) = self.found.first()
        {
            let alert = self.model.refute(event.code(), &engine.rule(hit.rule).name);
            self.setup.add_alert(&alert, batch);
            (self.is_refuted, self.needs_changed) = (true, true);
            self.refuted.push(event.event().ty.0);
        }
        if let Some(profile) = &mut self.profile {
            profile.record(event, &self.found)?;
        }
        for hit in self.found.drain(..) {
            let rule = engine.rule(hit.rule);
            let mut counted = hit;
            counted.rule.0 += self.first;
            matched(counted, rule);
            let alert = engine.alert(hit, event, &self.setup.options);
            let line = |line: &mut Vec<u8>| match self.setup.config.json_output {
                true => alert.write_json(line),
                false => alert.write_text(line),
            };
            let record = self.setup.record.as_ref().map(|options| {
                let alert = engine.alert(hit, event, options);
                move |out: &mut Vec<u8>| alert.write_json(out)
            });
            match &mut self.folding {
                None => batch.add(rule.priority as u8, line, record),
                Some(folding) => {
                    folding.flush(event.event().ts, batch);
                    if let Some(key) = folding.new_key(hit.rule, event, |out| alert.write_message(out)) {
                        batch.add(rule.priority as u8, line, record);
                        folding.remember(key, event.event().ts, batch.alerts().last());
                    }
                }
            }
        }
        Ok(())
    }

    /// Extracts all fields of a plugin event that the rules need, in one call.
    pub(super) fn prepare(&self, inspector: &mut Inspector) {
        if let Some(plugins) = inspector.plugins_mut() {
            let own = self.follower.engine().fields_by_use();
            let others = self.others.iter().flat_map(|other| other.follower.engine().fields_by_use());
            plugins.extract_together(own.into_iter().chain(others));
        }
    }

    /// The events that the replay needs.
    pub(super) fn needs(&self) -> Option<Arc<Needs>> {
        self.setup.needs.clone().filter(|_| !self.is_refuted)
    }

    /// Tests an event of a plugin source in a capture of system calls.
    #[cold]
    fn judge_plugin_event(
        &mut self,
        event: &EventView<'_>,
        batch: &mut Batch,
        mut matched: impl FnMut(Match, &Rule),
    ) -> Result<()> {
        let Some(source) = event.source() else {
            let id = event.event().uint(0).unwrap_or_default();
            bail!("Unknown event source for inspector's event (plugin ID: {id})");
        };
        let is_of = |other: &&mut Judge<'_>| other.follower.engine().schema().source() == source;
        match self.others.iter_mut().find(is_of) {
            // As a trait object: a closure type that contains itself would be infinite.
            Some(other) => other.judge(event, batch, &mut matched as &mut dyn FnMut(Match, &Rule)),
            None => Ok(()),
        }
    }

    /// Adds the counts of rejected events to those of the setup.
    pub(super) fn add_counts(&mut self) {
        if let Some(filter) = &self.setup.pushdown {
            self.model.add_counts(filter);
        }
    }

    /// Adds the summaries of repeated alerts that are due at this time, ns.
    pub(super) fn summarize(&mut self, now: u64, batch: &mut Batch) {
        if let Some(folding) = &mut self.folding {
            folding.flush(now, batch);
        }
    }
}

/// Event time after which a replay ends.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) seconds: u64,
    pub(super) first_ts: u64,
}

impl Limit {
    /// Whether an event with this time is beyond the limit.
    pub(super) fn is_over(&mut self, ts: u64) -> bool {
        if self.first_ts == 0 {
            self.first_ts = ts;
        }
        self.seconds > 0 && ts.saturating_sub(self.first_ts) >= self.seconds.saturating_mul(1_000_000_000)
    }
}

/// Totals for the report at the end.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) counts: RuleCounts,
    pub(super) events: u64,
    pub(super) stats: Stats,
    /// Events of a live capture by type, and those that the probe filtered out.
    pub(super) by_type: Vec<u64>,
    pub(super) filtered: Vec<(EventType, u64)>,
    /// Number of verdicts written, and of events that the probe filtered out because of them.
    pub(super) verdicts: Option<[u64; 2]>,
    /// Number of changes of processes that may have descendants, which invalidate verdicts on these.
    pub(super) changes_above: u32,
}

#[cfg(test)]
mod tests;
