//! The largest costs: rules, system calls and processes of a live or recorded capture.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use eyas::rules::{Engine, Profile, RuleProfile};
use eyas::scap::{EventSource, Stats};
use eyas::sinsp::{self, EventView, Inspector, Step};
use serde_json::{Value, json};

use crate::args::Args;
use crate::config::Config;
use crate::signals::Signals;
use crate::source::{self, Opened};
use crate::{names, rules};

/// Number of entries per list.
const TOP: usize = 10;
/// One in this many events is measured.
const EVERY: u64 = 16;
/// Fraction of all events above which a rule, a call or a process gets advice.
const MOST_OF_ALL: f64 = 0.9;
const MUCH: f64 = 0.3;
/// Maximum number of process names that are counted, because programs may invent any number of names.
const MAX_NAMES: usize = 100_000;
/// Fewer events are not representative.
const ENOUGH: u64 = 1000;

/// Measured costs.
pub struct Costs {
    seconds: f64,
    events: u64,
    rules: Vec<RuleProfile>,
    /// Calls by number of events.
    calls: Vec<(String, u64)>,
    processes: Vec<(String, u64)>,
    stats: Stats,
    preset: u64,
}

/// Captures with the rules of the configuration for the time of `-M`, or reads the capture of `-e`.
///
/// # Errors
/// The rules cannot be loaded, or there is no capture.
pub fn measure(args: &Args, config: &Config) -> Result<Costs> {
    let engine = rules::load(args, config)?;
    names::look_up(&engine);
    let signals = Signals::listen()?;
    let mut counts = Counts::new(&engine);
    let limit = Duration::from_secs(args.duration);
    let is_over = |elapsed: Duration| signals.stop.is_set() || (args.duration > 0 && elapsed >= limit);
    let stats = match source::open(config, &engine, None, &signals.stop)? {
        Opened::Replay(mut source, inspector, _) => counts.read(&mut *source, inspector, &is_over)?,
        Opened::Idle(mut source) => counts.read(&mut source, source::replay_inspector(config), &is_over)?,
        #[cfg(feature = "live")]
        Opened::Live(mut source, inspector) => counts.read(&mut *source, inspector, &is_over)?,
    };
    let mut rules = counts.profile.report();
    rules.retain(|rule| rule.tried > 0);
    Ok(Costs {
        seconds: counts.elapsed.as_secs_f64(),
        events: counts.events,
        rules,
        calls: top(counts.calls.into_iter().map(|(name, n)| (name.to_owned(), n))),
        processes: top(counts.processes.into_iter()),
        stats,
        preset: config.engine.modern_ebpf.buf_size_preset.into(),
    })
}

/// The largest entries; equal ones are sorted by name.
fn top(all: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(TOP);
    all
}

struct Counts<'e> {
    engine: &'e Engine,
    profile: Profile<'e>,
    events: u64,
    calls: HashMap<&'static str, u64>,
    processes: HashMap<String, u64>,
    elapsed: Duration,
}

impl<'e> Counts<'e> {
    fn new(engine: &'e Engine) -> Self {
        Self {
            engine,
            profile: Profile::new(engine, EVERY),
            events: 0,
            calls: HashMap::new(),
            processes: HashMap::new(),
            elapsed: Duration::ZERO,
        }
    }

    fn read(
        &mut self,
        source: &mut impl EventSource,
        inspector: sinsp::Config,
        is_over: &dyn Fn(Duration) -> bool,
    ) -> Result<Stats> {
        let mut inspector = Inspector::new(inspector);
        let began = Instant::now();
        let mut found = Vec::new();
        loop {
            if self.events.is_multiple_of(64) && is_over(began.elapsed()) {
                break;
            }
            match inspector.next(source)? {
                Step::Event(event) => {
                    self.engine.matches(&event, &mut found)?;
                    self.profile.record(&event, &found)?;
                    found.clear();
                    self.count(&event);
                }
                Step::Idle if is_over(began.elapsed()) => break,
                Step::Idle => {}
                Step::End => break,
            }
        }
        self.elapsed = began.elapsed();
        source.finish()?;
        Ok(source.stats())
    }

    fn count(&mut self, event: &EventView<'_>) {
        self.events += 1;
        *self.calls.entry(event.event().info().map_or("unknown", |info| info.name)).or_default() += 1;
        let name = match event.thread() {
            Some(thread) => String::from_utf8_lossy(&thread.comm),
            None => "unknown".into(),
        };
        if let Some(count) = self.processes.get_mut(&*name) {
            *count += 1;
        } else if self.processes.len() < MAX_NAMES {
            self.processes.insert(name.into_owned(), 1);
        }
    }
}

impl Costs {
    /// Advice about the costs.
    fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        let share = |n: u64| n as f64 / self.events.max(1) as f64;
        if self.stats.drops_buffer > 0 {
            let next = (self.preset + 1).min(10);
            advice.push(match self.preset {
                10.. => "events were lost as the rings were full, and they cannot be larger: capture fewer calls".to_owned(),
                _ => format!(
                    "{} events were lost as the rings were full: set engine.modern_ebpf.buf_size_preset to {next}",
                    self.stats.drops_buffer
                ),
            });
        }
        if self.events < ENOUGH {
            advice.push(format!(
                "{} events are too few for advice: measure for longer, or under load",
                self.events
            ));
            return advice;
        }
        for rule in self.rules.iter().filter(|rule| share(rule.tried) >= MOST_OF_ALL) {
            advice.push(format!(
                "rule '{}' is tested on nearly every event: its condition does not test evt.type: add the event types that it needs",
                rule.rule
            ));
        }
        for rule in self.rules.iter().take(TOP) {
            let best = rule.conjuncts.iter().max_by(|a, b| a.saves_ns.total_cmp(&b.saves_ns));
            if let Some(part) = best.filter(|part| rule.ns > 0.0 && part.saves_ns / rule.ns >= 0.5) {
                let percent = 100.0 * part.saves_ns / rule.ns;
                let condition: String = part.condition.chars().take(80).collect();
                advice.push(format!(
                    "rule '{}' costs {percent:.0} % less with this part of its condition first: {condition}",
                    rule.rule
                ));
            }
        }
        // The other calls are needed for the state of processes and files, with any rules.
        let state = sinsp::syscalls_of_state();
        let is_of_state = |name: &str| state.iter().any(|code| code.name() == name);
        for (name, n) in self.calls.iter().filter(|(name, n)| share(*n) >= MUCH && !is_of_state(name)) {
            advice.push(format!(
                "{:.0} % of the events are {name}: if no rule needs the call, leave it out with base_syscalls.custom_set: \
                 ['!{name}']",
                100.0 * share(*n)
            ));
        }
        for (name, n) in self.processes.iter().filter(|(_, n)| share(*n) >= MUCH) {
            advice.push(format!(
                "{:.0} % of the events are of {name}: put `proc.name != {name}` first in conditions of rules that are not \
                 about it",
                100.0 * share(*n)
            ));
        }
        advice
    }

    pub fn as_json(&self) -> Value {
        let named = |list: &[(String, u64)]| -> Value {
            list.iter().map(|(name, events)| json!({ "name": name, "events": events })).collect()
        };
        let rules = self.rules.iter().take(TOP).map(|rule| {
            json!({ "rule": rule.rule, "tried": rule.tried, "matched": rule.matched, "ns": rule.ns as u64 })
        });
        json!({
            "seconds": self.seconds,
            "events": self.events,
            "lost": self.stats.drops(),
            "rules": rules.collect::<Vec<_>>(),
            "calls": named(&self.calls),
            "processes": named(&self.processes),
            "advice": self.advice(),
        })
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} events in {:.1} s, {} lost", self.events, self.seconds, self.stats.drops())?;
        writeln!(f, "\nRules by cost, each by itself (1 of {EVERY} events measured):")?;
        for rule in self.rules.iter().take(TOP) {
            let (ms, mean) = (rule.ns / 1e6, rule.ns / rule.tried.max(1) as f64);
            writeln!(f, "{ms:>10.3} ms  {mean:>6.0} ns x {:<9} {}", rule.tried, rule.rule)?;
        }
        for (title, list) in [("Calls", &self.calls), ("Processes", &self.processes)] {
            writeln!(f, "\n{title} by events:")?;
            for (name, events) in list {
                let percent = 100.0 * *events as f64 / self.events.max(1) as f64;
                writeln!(f, "{events:>10}  {percent:>5.1} %  {}", name.escape_debug())?;
            }
        }
        writeln!(f, "\nWhat to do:")?;
        let advice = self.advice();
        if advice.is_empty() {
            writeln!(f, "* nothing: no events were lost, and no cost is conspicuous")?;
        }
        advice.iter().try_for_each(|line| writeln!(f, "* {line}"))
    }
}
