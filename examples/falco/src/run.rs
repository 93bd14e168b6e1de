//! The loop: events in, alerts out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use eyas::rules::{AlertOptions, Engine, Evaluator, Match, Profile};
use eyas::scap::{EventSource, Stats};
use eyas::sinsp::{self, EventView, Inspector, Step};
use jiff::Zoned;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

use crate::args::Args;
use crate::config::Config;
use crate::drops::Monitor;
use crate::log;
use crate::output::{Batch, Outputs, Queue};
use crate::source::{self, Early, Opened};
use crate::stats::RuleCounts;

mod threads;

/// Signals that were received.
struct Signals {
    stop: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
}

impl Signals {
    fn listen() -> Result<Self> {
        let this = Self { stop: Arc::default(), reopen: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            // A second signal ends the program whatever it does.
            flag::register_conditional_default(signal, this.stop.clone())
                .and_then(|_| flag::register(signal, this.stop.clone()))
                .context("can't listen for signals")?;
        }
        flag::register(SIGUSR1, this.reopen.clone()).context("can't listen for signals")?;
        Ok(this)
    }
}

/// Events between two looks at the clock and the counters, and after which alerts are handed on at the latest.
const STRIDE: u64 = 1024;

/// Tests events and writes alerts.
struct Judge<'e> {
    engine: &'e Engine,
    evaluator: Evaluator<'e>,
    options: &'e AlertOptions,
    json: bool,
    found: Vec<Match>,
    profile: Option<Profile<'e>>,
}

impl<'e> Judge<'e> {
    fn new(engine: &'e Engine, options: &'e AlertOptions, json: bool) -> Self {
        Self { engine, evaluator: engine.evaluator(), options, json, found: Vec::new(), profile: None }
    }

    /// Adds the event's alerts to the batch, and its matches to what `matched` counts.
    fn judge(&mut self, event: &EventView<'_>, batch: &mut Batch, mut matched: impl FnMut(Match)) {
        self.evaluator.matches(event, &mut self.found);
        if let Some(profile) = &mut self.profile {
            profile.record(event, &self.found);
        }
        for hit in self.found.drain(..) {
            matched(hit);
            let alert = self.engine.alert(hit, event, self.options);
            batch.add(self.engine.rule(hit.rule).priority as u8, |line| match self.json {
                true => alert.write_json(line),
                false => alert.write_text(line),
            });
        }
    }
}

/// Time of events after which a replay ends.
#[derive(Clone, Copy)]
struct Limit {
    seconds: u64,
    first_ts: u64,
}

impl Limit {
    /// Whether an event of this time is beyond it.
    fn is_over(&mut self, ts: u64) -> bool {
        if self.first_ts == 0 {
            self.first_ts = ts;
        }
        self.seconds > 0 && ts.saturating_sub(self.first_ts) >= self.seconds.saturating_mul(1_000_000_000)
    }
}

/// Of so many events one is measured for `--rule-profile`.
const PROFILED: u64 = 16;

/// What is told when it is over.
#[derive(Default)]
struct Totals {
    counts: RuleCounts,
    events: u64,
    stats: Stats,
}

/// Captures or replays until the end, the time limit or a signal; prints alerts and statistics.
pub fn run(args: &Args, config: &Config, engine: &Engine, early: Early) -> Result<()> {
    let signals = Signals::listen()?;
    let mut queue = Queue::start(Outputs::open(config, args.unbuffered)?)?;
    let mut monitor = Monitor::new(config.syscall_event_drops.clone());
    let options = alert_options(config);
    let judge = || Judge::new(engine, &options, config.json_output);
    let limit = Limit { seconds: args.duration, first_ts: 0 };
    let mut totals = Totals::default();
    let began = Instant::now();
    let threads = args.threads.get();
    let mut profile = None;
    let outcome = if threads > 1 {
        let parts = source::share(config, threads)?;
        opened(config);
        threads::run(parts, judge, limit, &signals, &mut queue, &mut totals)
    } else {
        let source = source::open(config, engine, early)?;
        opened(config);
        let mut judge = judge();
        judge.profile = args.rule_profile.then(|| Profile::new(engine, PROFILED));
        let mut alone = Alone {
            judge: &mut judge,
            limit,
            signals: &signals,
            monitor: &mut monitor,
            queue: &mut queue,
            totals: &mut totals,
        };
        let outcome = match source {
            Opened::Replay(source, inspector) => alone.run(*source, inspector, false),
            #[cfg(feature = "live")]
            Opened::Live(source, inspector) => alone.run(*source, inspector, true),
        };
        profile = judge.profile;
        outcome
    };
    let written = queue.close();
    let elapsed = began.elapsed().as_secs_f64();
    eprintln!("{}", monitor.summary());
    if args.verbose {
        let Totals { events, stats, .. } = &totals;
        eprintln!("Driver Events:{}\nDriver Drops:{}", stats.produced, stats.drops());
        eprintln!(
            "Elapsed time: {elapsed:.3}, Captured Events: {events}, {:.2} eps",
            *events as f64 / elapsed.max(f64::MIN_POSITIVE)
        );
    }
    print!("{}", totals.counts.summary(engine));
    if let Some(profile) = profile {
        let (events, sampled) = profile.events();
        println!("Cost of rules, each by itself and as written ({sampled} of {events} events measured):");
        profile.report().iter().for_each(|rule| print!("{rule}"));
    }
    outcome.and(written)
}

fn opened(config: &Config) {
    log::info(&match config.engine.kind.as_str() {
        "replay" => {
            let path = config.engine.replay.capture_file.display();
            format!("Opening 'syscall' source with capture file {path}")
        }
        _ => "Opening 'syscall' source with modern BPF probe.".to_owned(),
    });
}

/// Live capture, or replay on one thread.
struct Alone<'a, 'e> {
    judge: &'a mut Judge<'e>,
    limit: Limit,
    signals: &'a Signals,
    monitor: &'a mut Monitor,
    queue: &'a mut Queue,
    totals: &'a mut Totals,
}

impl Alone<'_, '_> {
    fn run<S: EventSource>(&mut self, mut source: S, inspector: sinsp::Config, live: bool) -> Result<()> {
        let mut inspector = Inspector::new(inspector);
        if live {
            hurry();
        }
        let began = Instant::now();
        let outcome = loop {
            if self.signals.stop.load(Ordering::Relaxed) {
                break Ok(());
            }
            if live
                && (self.totals.events.is_multiple_of(STRIDE) || self.monitor.is_due())
                && let over @ (Ok(true) | Err(_)) = self.between(&mut source, began)
            {
                break over.map(drop);
            }
            let step = inspector.next(&mut source);
            // By reference: the view is large enough for a copy to show.
            match &step {
                Ok(Step::Event(event)) => {
                    self.totals.events += 1;
                    if !live && self.limit.is_over(event.event().ts) {
                        break Ok(());
                    }
                    let counts = &mut self.totals.counts;
                    self.judge.judge(event, self.queue.batch(), |hit| counts.count(hit));
                    // Not at every alert: waking the writer costs more than an alert does.
                    if self.totals.events.is_multiple_of(STRIDE) || self.queue.batch().is_large() {
                        self.queue.offer()?;
                    }
                }
                Ok(Step::Idle) => self.queue.flush()?,
                Ok(Step::End) => break Ok(()),
                Err(_) => {}
            }
            if let Err(error) = step {
                break Err(error.into());
            }
        };
        self.totals.stats = source.stats();
        outcome
    }

    /// What is done from time to time in a live capture; whether it is over.
    #[cold]
    fn between(&mut self, source: &mut dyn EventSource, began: Instant) -> Result<bool> {
        let Limit { seconds, .. } = self.limit;
        if seconds > 0 && began.elapsed().as_secs() >= seconds {
            return Ok(true);
        }
        if self.signals.reopen.swap(false, Ordering::Relaxed) {
            self.queue.reopen()?;
        }
        if self.monitor.is_due()
            && let Some(alert) = self.monitor.check(source.stats())?
        {
            let line = alert.line(&Zoned::now(), self.judge.json, &self.judge.options.hostname);
            self.queue.batch().add(alert.priority as u8, |out| out.extend(line.bytes()));
            self.queue.offer()?;
        }
        Ok(false)
    }
}

/// Nice value of the thread that tests events.
const HURRIED: i32 = -10;

/// Where others want all processors, a fair share of them may be less than their events need, and events are lost. So
/// this thread comes first, unless somebody has decided on its priority, or this process may not.
fn hurry() {
    use rustix::process::{getpriority_process, setpriority_process};
    if getpriority_process(None) == Ok(0) {
        // Of the calling thread alone.
        let _ = setpriority_process(None, HURRIED);
    }
}

fn alert_options(config: &Config) -> AlertOptions {
    AlertOptions {
        hostname: hostname(),
        time_iso_8601: config.time_format_iso_8601,
        json_output: config.json_include_output_property,
        json_message: config.json_include_message_property,
        json_fields: config.json_include_output_fields_property,
        json_tags: config.json_include_tags_property,
        ..AlertOptions::default()
    }
}

/// `FALCO_HOSTNAME`, or what the kernel says.
fn hostname() -> String {
    std::env::var("FALCO_HOSTNAME")
        .unwrap_or_else(|_| rustix::system::uname().nodename().to_string_lossy().into_owned())
}
