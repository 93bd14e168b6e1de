//! Decisions that need only the event itself: `--model-pushdown` and `--explain-pushdown`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use eyas::events::{EventType, SyscallCode, filter as probe, param, syscalls};
use eyas::fields::{CodeSet, FieldSource, Schema};
use eyas::rules::{Engine, Priority};
use eyas::sinsp::pushdown::{self, Pushdown};
use eyas::sinsp::{EventView, may_filter_out, schema, syscalls_of, syscalls_of_state};
use eyas::{EngineFilters, ProbeFilter};
use serde_json::json;

use crate::internal::Internal;
use crate::log;

mod explain;
mod share;

pub use explain::explain;
pub use share::percent;

/// One in this many rejected events is tested anyway.
const SHADOW: u64 = 1024;

/// The filter of the probe, if the rules allow one.
pub fn probe_filter(engine: &Engine) -> Option<ProbeFilter> {
    let filters = EngineFilters::new(engine);
    let filter = filters.probe_filter()?;
    for user in &filter.file_users {
        log::log(log::Level::Debug, &user.to_string());
    }
    Some(filter)
}

/// A filter that rejects events before the rules test them, with counts.
#[derive(Debug)]
pub struct Filter {
    rows: Pushdown,
    probe: Probe,
    /// Whether to model verdicts on processes, which needs all events in order.
    has_processes: bool,
    /// Events that were filtered out, and those that were not.
    counts: [AtomicU64; 2],
    /// Number of events that a probe captures for these rules, and of those that it can filter out.
    captured: [AtomicU64; 2],
    /// Number of verdicts written, and of events filtered out because of them.
    verdicts: [AtomicU64; 2],
}

impl Filter {
    /// Creates it for the enabled rules. `has_processes`: one thread tests all events.
    pub fn new(engine: &Engine, has_processes: bool) -> Self {
        let rows = EngineFilters::new(engine).rows();
        let (counts, captured, verdicts) = Default::default();
        Self { rows, probe: Probe::new(engine), has_processes, counts, captured, verdicts }
    }

    /// One line with the results.
    pub fn summary(&self) -> String {
        let [rejected, passed] = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let (all, rows, bytes) = (rejected + passed, self.rows.rows(), self.rows.bytes());
        let share = percent(rejected, all);
        let [written, by_process] = self.verdicts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let processes = match self.has_processes {
            true => format!("; {written} verdicts on processes rejected {by_process} of these"),
            false => String::new(),
        };
        let [captured, unsent] = self.captured.each_ref().map(|count| count.load(Ordering::Relaxed));
        let share_unsent = percent(unsent, captured);
        format!(
            "Push-down: {rejected} of {all} events ({share} %) did not come to the rules; {rows} rows, {bytes} bytes{processes}. \
             A probe captures {captured} of these events for the rules, and can filter out at most {unsent} ({share_unsent} %): \
             the state needs the others"
        )
    }
}

/// What a probe captures for rules, with the default `base_syscalls`.
#[derive(Debug)]
struct Probe {
    /// Its filter, if the rules allow one.
    filter: Option<probe::Filter>,
    calls: BTreeSet<SyscallCode>,
    /// The event types of these calls.
    types: CodeSet,
}

impl Probe {
    fn new(engine: &Engine) -> Self {
        let calls: BTreeSet<_> = syscalls_of(engine.codes()).into_iter().chain(syscalls_of_state()).collect();
        let mut types = CodeSet::empty(EventType::COUNT);
        syscalls().filter(|call| calls.contains(&call.code)).for_each(|call| types.insert(call.exit.0));
        Self { filter: EngineFilters::new(engine).probe_filter().map(|of| of.filter), calls, types }
    }

    fn captures(&self, event: &EventView<'_>) -> bool {
        let raw = event.as_raw();
        let code = |id: u64| u16::try_from(id).is_ok_and(|id| self.calls.contains(&SyscallCode(id)));
        match raw.ty {
            EventType::GENERIC_X => raw.uint(param::GENERIC_X::ID).is_some_and(code),
            ty => self.types.contains(ty.0),
        }
    }
}

/// Decision of the filter about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The rules test it.
    Pass,
    /// They don't.
    Reject,
    /// No rule should match it; the rules test it to verify that.
    Shadow,
}

/// State of a filter in use.
#[derive(Debug)]
pub struct Model {
    /// Counts like those of the filter.
    counts: [u64; 2],
    captured: [u64; 2],
    /// Event codes for which the filter was wrong.
    off: CodeSet,
    /// Verdicts on processes.
    processes: Option<Box<pushdown::Model>>,
}

impl Default for Model {
    fn default() -> Self {
        Self { counts: [0; 2], captured: [0; 2], off: CodeSet::empty(EventType::COUNT), processes: None }
    }
}

impl Model {
    /// Decides about the event.
    #[inline]
    pub fn verdict(&mut self, filter: &Filter, event: &EventView<'_>) -> Verdict {
        let by_rows = match filter.has_processes {
            true => self.processes.get_or_insert_default().may_match(&filter.rows, event),
            false => filter.rows.may_match(event),
        };
        let may_match = by_rows || self.off.contains(event.code());
        if filter.probe.captures(event) {
            let is_free = |tables: &probe::Filter| !may_match && may_filter_out(tables, event);
            self.captured[0] += 1;
            self.captured[1] += u64::from(filter.probe.filter.as_ref().is_some_and(is_free));
        }
        let count = &mut self.counts[usize::from(may_match)];
        *count += 1;
        if count.is_multiple_of(SHADOW) {
            filter.counts[usize::from(may_match)].fetch_add(SHADOW, Ordering::Relaxed);
            *count = 0;
            return if may_match { Verdict::Pass } else { Verdict::Shadow };
        }
        if may_match { Verdict::Pass } else { Verdict::Reject }
    }

    /// Adds its counts to those of the filter.
    pub fn add_counts(&mut self, filter: &Filter) {
        let all = filter.counts.iter().chain(&filter.captured);
        for (all, own) in all.zip(self.counts.iter_mut().chain(&mut self.captured)) {
            all.fetch_add(std::mem::take(own), Ordering::Relaxed);
        }
        if let Some(processes) = self.processes.take() {
            for (all, own) in filter.verdicts.iter().zip(processes.counts()) {
                all.fetch_add(own, Ordering::Relaxed);
            }
        }
    }

    /// Call this if a rule has matched a rejected event. From then on, no event with this code is rejected.
    #[cold]
    pub fn refute(&mut self, code: u16, rule: &str) -> Internal {
        self.off.insert(code);
        let name = schema().code_name(code).unwrap_or_default();
        let message = format!(
            "Rule '{rule}' matches an event that push-down filters out. Push-down is off for {name} from here on: alerts of \
             this type may be missing before. Please report this with the rule's condition"
        );
        let fields = [("evt.type".to_owned(), json!(name)), ("rule".to_owned(), json!(rule))].into();
        Internal { rule: "push-down is wrong", priority: Priority::Critical, message, fields }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_filter_is_turned_off_for_the_type() {
        let mut model = Model::default();
        let alert = model.refute(EventType::SYSCALL_OPEN_X.0, "a rule");
        assert!(alert.message.contains("off for open"), "{}", alert.message);
        assert!(
            model.off.contains(EventType::SYSCALL_OPEN_X.0)
                && !model.off.contains(EventType::SYSCALL_CLOSE_X.0)
        );
    }
}
