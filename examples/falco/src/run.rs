//! The event loop: reads events and produces alerts.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use eyas::events::EventType;
use eyas::rules::Profile;
use eyas::scap::{self, EventSource, Stats};
use eyas::sinsp::plugin::{AsyncQueue, AsyncSource, SYSCALL};
use eyas::sinsp::{self, Inspector, Step};

use crate::args::Args;
use crate::capture::Capture;
use crate::clock;
use crate::config::{Config, EngineKind};
use crate::console;
use crate::drops::{Look, Monitor};
use crate::folding::Folding;
#[cfg(feature = "grpc")]
use crate::grpc;
use crate::health::{Health, Pulse};
use crate::inherited;
use crate::log;
use crate::losses;
use crate::metrics::{Alerts, Counted, Sample, Samples};
use crate::output::Outputs;
use crate::outputs::OUTPUTS;
use crate::plugins;
use crate::reload::{self, Read, Reload, Replacement, Update};
use crate::setup::Setup;
use crate::signals::Signals;
use crate::source::{self, Adjust, Early, Interest, Opened};
use crate::tampering::Tampering;
use crate::telemetry::Telemetry;
use crate::timeouts::Silence;
use crate::verdicts::Verdicts;
use crate::watchdog::Watchdog;

mod judge;
mod processes;
mod report;
mod runtimes;
mod sources;
mod threads;
mod turns;

use judge::{Judge, Limit, Totals};
use processes::Processes;
use runtimes::RuntimeLog;
use sources::Sources;
use turns::Turns;

/// Number of events between two checks of the clock and of the counters. Alerts are passed to the outputs
/// at the latest then.
const STRIDE: u64 = 1024;
/// Maximum time to test queued events at the end of a live capture.
const LAST_EVENTS: Duration = Duration::from_secs(1);
/// Maximum time of one check for the last alerts of other sources.
const LAST_LOOK: Duration = Duration::from_millis(100);
/// One in this many events is measured for `--rule-profile`.
const PROFILED: u64 = 16;
/// Timeout for writing the log at the end.
const LOG_END: Duration = Duration::from_millis(200);

/// Captures or replays until the end, the time limit or a signal. Prints alerts and statistics. `read` has
/// the setup's files; `hangup` is of `signals::listen_early`.
pub fn run(
    args: &Args,
    setup: &Arc<Setup>,
    read: Read,
    hangup: UnixStream,
    early: Early,
    enabled: &[String],
) -> Result<()> {
    let config = &setup.config;
    let signals = Signals::listen()?;
    BEGUN.store(true, Ordering::Relaxed);
    // Begins with the clock of the events.
    clock::steady();
    #[cfg(feature = "grpc")]
    let grpc = grpc::start(config)?;
    let mut outputs = Outputs::open(OUTPUTS, config, args.unbuffered, signals.stop.clone())?;
    let pulse = Arc::<Pulse>::default();
    let health = Health::new(Arc::clone(&pulse), Arc::clone(outputs.hub()));
    let watchdog = Watchdog::start(Arc::clone(outputs.hub()), health.clone(), signals.stop.clone())?;
    let mut monitor = Monitor::new(config.syscall_event_drops.clone());
    let reload = Reload::start(args, setup, read, hangup, signals.attention.clone())?;
    let mut telemetry = Telemetry::start(setup, outputs.hub(), &health)?;
    let limit = Limit { seconds: args.duration, first_ts: 0 };
    let mut totals = Totals::default();
    let began = Instant::now();
    let threads = usize::from(args.threads);
    let (outcome, last, profile);
    if threads > 1 {
        if config.capture.enabled {
            bail!("capture.enabled needs events in their order: leave out --threads, or disable it");
        }
        if config.alert_folding.window()?.is_some() {
            bail!(
                "alert_folding needs events in their order: leave out --threads, or set alert_folding.window to 0s"
            );
        }
        let mut parts = source::share(config, threads, &signals.stop)?;
        for (_, inspector) in &mut parts {
            // Each thread processes the whole capture, and so do its plugins.
            *inspector = plugins::loaded().for_syscalls(std::mem::take(inspector), true)?;
        }
        opened(config, enabled);
        let turns = Turns::new(setup, &reload);
        outcome =
            threads::run(parts, &turns, limit, &signals, telemetry.samples(), &mut outputs, &mut totals);
        (last, profile) = (turns.last(), None);
    } else {
        let has_syscalls = enabled.iter().any(|name| name == SYSCALL);
        let source = match has_syscalls {
            true => source::open(config, &setup.engine, early, &signals.stop)?,
            // Only the other sources run.
            false => Opened::Idle(source::Idle::default()),
        };
        opened(config, enabled);
        let plugins = plugins::loaded();
        let mut others = Vec::new();
        for name in enabled.iter().filter(|name| *name != SYSCALL) {
            let started = plugins.start(name)?;
            match plugins.open(name, started, source::replay_inspector(config)) {
                Ok(open) => others.push(open),
                Err(error) => {
                    log::log(log::Level::Error, report::FAILED);
                    console::print(&report::statistics(&totals.counts, setup, None));
                    return Err(error);
                }
            }
        }
        if !config.engine.is_replay() {
            // All files are open now. Files that the configuration and the arguments name may be reopened
            // later.
            let words: Vec<_> = std::env::args().collect();
            inherited::close(&serde_json::json!([config, words]));
        }
        let others = Sources::start(others, setup, limit, args.verbose)?;
        let mut judge = Judge::new(Arc::clone(setup));
        judge.folding = Folding::new(&config.alert_folding)?;
        judge.profile = args.rule_profile.then(|| Profile::new(&setup.engine, PROFILED));
        let mut alone = Alone {
            judge: &mut judge,
            limit,
            signals: &signals,
            reload: &reload,
            samples: telemetry.samples(),
            monitor: &mut monitor,
            tampering: Tampering::default(),
            silence: Silence::new(&config.syscall_event_timeouts),
            last_event: 0,
            capture: Capture::new(config, signals.stop.clone()),
            outputs: &mut outputs,
            pulse: &pulse,
            prompt: false,
            skips: false,
            totals: &mut totals,
            ending: None,
            others,
            is_alone: has_syscalls,
            runtimes: RuntimeLog::default(),
            verdicts: Verdicts::new(&config.verdict_coverage, &setup.engine)?,
            processes: None,
        };
        outcome = match source {
            Opened::Replay(source, inspector, is_stream) => {
                alone.prompt = is_stream;
                // A stream may have few events, so the loop does its other work at every event, and none is skipped.
                alone.skips = !is_stream && !alone.monitor.simulates();
                alone.run(*source, plugins.for_syscalls(inspector, true)?, false)
            }
            Opened::Idle(_) if has_syscalls && plugins.has_syscalls() => {
                let open =
                    plugins.open(SYSCALL, plugins.start(SYSCALL)?, source::replay_inspector(config))?;
                alone.run(open.source, open.inspector, true)
            }
            Opened::Idle(source) => {
                let inspector = plugins.for_syscalls(source::replay_inspector(config), false)?;
                match queue(&inspector) {
                    Some(queue) => alone.run(AsyncSource::new(source, queue), inspector, true),
                    None => alone.run(source, inspector, true),
                }
            }
            #[cfg(feature = "live")]
            Opened::Live(source, inspector) => {
                let inspector = plugins.for_syscalls(inspector, false)?;
                if let Some(plugins) = &inspector.plugins {
                    plugins.check_event_schema(eyas_plugins::EVENT_SCHEMA)?;
                }
                match queue(&inspector) {
                    Some(queue) => alone.run(AsyncSource::new(*source, queue), inspector, true),
                    None => alone.run(*source, inspector, true),
                }
            }
        };
        judge.settle();
        (last, profile) = (judge.setup, judge.profile);
    }
    let outcome = outcome.map_err(|error| match error.is::<scap::Error>() {
        // Before the first event, Falco has not opened it yet.
        true if totals.events == 0 => error.context(source::cannot_open(config)),
        true => error.context(format!("can't replay {}", config.engine.replay.capture_file.display())),
        false => error,
    });
    telemetry.finish();
    let is_stdout_stuck = outputs.close();
    let elapsed = began.elapsed();
    report::to_log(args.verbose, &monitor, outputs.hub(), &totals, elapsed);
    if let Some(filter) = &last.pushdown {
        log::info(&filter.summary());
    }
    let statistics = report::statistics(&totals.counts, &last, profile.as_ref());
    if is_stdout_stuck {
        log::info(&format!("Standard output is not read. The statistics:\n{statistics}"));
    } else {
        console::print(&statistics);
        console::finish_output(|still| outputs.waits_for_stdout(still));
    }
    #[cfg(feature = "grpc")]
    drop(grpc);
    // Dropped last: until here, it guarantees that the program ends.
    drop(telemetry);
    drop(watchdog);
    outcome?;
    // After a signal, the rest of the alerts is lost on purpose.
    match outputs.hub().failures() {
        failures if config.engine.is_replay() && !signals.stop.is_set() && !failures.is_empty() => {
            bail!("the replay lost alerts: {}", failures.join("; "))
        }
        _ => Ok(()),
    }
}

/// Queue for events that plugins send to a live capture.
fn queue(inspector: &sinsp::Config) -> Option<AsyncQueue> {
    inspector.plugins.as_ref().and_then(|plugins| plugins.queue().cloned())
}

/// Whether a run has begun. Its end does not wait for readers of the log.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// Writes the rest of the log. At the end of a run, does not wait long for a reader.
pub fn finish_log() {
    console::finish_error(|still| still < LOG_END || !BEGUN.load(Ordering::Relaxed));
}

fn opened(config: &Config, enabled: &[String]) {
    log::info(&format!("Loaded event sources: {}", plugins::loaded().sources().join(", ")));
    log::info(&format!("Enabled event sources: {}", enabled.join(", ")));
    for name in enabled {
        log::log(log::Level::Debug, &format!("Opening event source '{name}'"));
    }
    if !enabled.iter().any(|name| name == SYSCALL) {
        return;
    }
    log::info(&match config.engine.kind {
        EngineKind::Replay => {
            let path = config.engine.replay.capture_file.display();
            log::info(&format!("Replaying events from the capture file: {path}"));
            format!("Opening '{SYSCALL}' source with capture file {path}")
        }
        // The plugin is logged when it is opened.
        EngineKind::Nodriver if plugins::loaded().has_syscalls() => return,
        EngineKind::Nodriver => {
            log::warning(&format!(
                "Enabled event source '{SYSCALL}' will be opened with no driver, no event will be produced"
            ));
            format!("Opening '{SYSCALL}' source with no driver")
        }
        _ => format!("Opening '{SYSCALL}' source with modern BPF probe."),
    });
    #[cfg(feature = "live")]
    if config.engine.kind == EngineKind::ModernEbpf {
        let bytes = source::ring_bytes(config);
        log::info(&format!("The chosen syscall buffer dimension is: {bytes} bytes ({} MBs)", bytes >> 20));
        log::info("One ring buffer every '1' CPUs.");
    }
}

/// Live capture, or replay on one thread.
struct Alone<'a, 'e> {
    judge: &'a mut Judge<'e>,
    limit: Limit,
    signals: &'a Signals,
    reload: &'a Reload,
    samples: Option<&'a Samples>,
    monitor: &'a mut Monitor,
    tampering: Tampering,
    silence: Silence,
    /// Time of the last event, ns since the epoch.
    last_event: u64,
    capture: Capture,
    outputs: &'a mut Outputs,
    pulse: &'a Pulse,
    /// Whether events may be rare, so that an alert does not wait for others.
    prompt: bool,
    /// Whether events that the rules do not need may be skipped.
    skips: bool,
    totals: &'a mut Totals,
    /// Time at which the capture was asked to end.
    ending: Option<Instant>,
    /// Event sources of plugins, each in its own thread.
    others: Sources,
    /// Whether system calls are captured. If not, the run ends with the other sources.
    is_alone: bool,
    runtimes: RuntimeLog,
    /// Tracks events that rules may have missed, if enabled.
    verdicts: Option<Verdicts>,
    /// Verdicts on processes, if the probe's filter uses them.
    processes: Option<Processes>,
}

impl Alone<'_, '_> {
    fn run<S: Adjust + Counted>(
        &mut self,
        mut source: S,
        inspector: sinsp::Config,
        live: bool,
    ) -> Result<()> {
        let mut inspector = Inspector::new(inspector);
        self.judge.prepare(&mut inspector);
        if live && self.judge.setup.config.engine.kind != EngineKind::Nodriver {
            hurry();
        }
        inspector.follow_losses(live);
        if live {
            self.totals.by_type.resize(EventType::COUNT, 0);
        }
        let began = Instant::now();
        let simulates = !live && self.monitor.simulates();
        self.judge.needs_changed = true;
        let outcome = loop {
            if self.signals.attention.load(Ordering::Acquire)
                && let over @ (Ok(true) | Err(_)) = self.attend(&mut source)
            {
                break over.map(drop);
            }
            if std::mem::take(&mut self.judge.needs_changed) {
                self.judge.prepare(&mut inspector);
                inspector.set_needs(self.judge.needs().filter(|_| self.skips));
                self.set_filter(&mut source, inspector.plugins_mut().is_none());
            }
            let step = match self.capture.is_active() {
                false => inspector.next(&mut source),
                true => inspector.next_with(&mut source, |passed| self.capture.passed(passed)),
            };
            // Whether to check the clock and the counters. A check at every event would cost more than the event.
            let (mut looks, mut is_at_end, mut is_drop_due) = (false, false, false);
            // By reference, because the view is large: a copy is measurable.
            match &step {
                Ok(Step::Event(event)) => {
                    self.totals.events += 1;
                    if let Some(count) = self.totals.by_type.get_mut(usize::from(event.event().ty.0)) {
                        *count += 1;
                    }
                    self.last_event = event.event().ts;
                    if !live {
                        if self.limit.is_over(self.last_event) {
                            break Ok(());
                        }
                        // All losses are simulated.
                        is_drop_due = simulates && self.monitor.is_due(self.last_event);
                    }
                    let (counts, capture, mut prompt) = (&mut self.totals.counts, &mut self.capture, false);
                    let judged = self.judge.judge(event, self.outputs.batch(), |hit, rule| {
                        counts.count(hit);
                        capture.matched(rule);
                        prompt = self.prompt;
                    });
                    if judged.is_err() {
                        break judged;
                    }
                    if let Some(alert) = self.capture.event(event) {
                        self.judge.setup.add_alert(&alert, self.outputs.batch());
                    }
                    if let Some(processes) = &mut self.processes {
                        processes.note(event);
                    }
                    looks = self.totals.events.is_multiple_of(STRIDE);
                    if looks {
                        self.judge.summarize(self.last_event, self.outputs.batch());
                    }
                    // Not for every alert: waking the output threads costs more than an alert.
                    if looks || prompt || self.outputs.is_large() {
                        self.outputs.offer();
                    }
                }
                Ok(Step::Idle) => {
                    self.capture.idle();
                    self.judge.summarize(clock::steady(), self.outputs.batch());
                    self.outputs.offer();
                    looks = true;
                }
                Ok(Step::End) => is_at_end = true,
                Err(_) => {}
            }
            if let Err(error) = step {
                // A stream may end at any byte when the program is asked to end.
                break if self.signals.stop.is_set() { Ok(()) } else { Err(error.into()) };
            }
            if is_at_end {
                break if live { self.await_others(&mut source, began) } else { Ok(()) };
            }
            if is_drop_due
                && let failure @ Err(_) =
                    self.look_at_drops(self.last_event, Stats::default(), Default::default())
            {
                break failure;
            }
            if looks && let over @ (Ok(true) | Err(_)) = self.look(&mut source, live.then_some(began)) {
                break over.map(drop);
            }
            if looks && live {
                self.runtimes.look(&inspector);
                self.look_at_losses(&mut inspector, false);
            }
            // The first step has loaded the initial state.
            if self.samples.is_some_and(Samples::is_requested) {
                self.sample(&mut source, &inspector);
            }
        };
        self.pulse.rest();
        let outcome = self.finish_others(outcome);
        self.judge.summarize(u64::MAX, self.outputs.batch());
        self.look_at_losses(&mut inspector, true);
        // If it ended other than at its end.
        let finished = source.finish();
        self.totals.stats = source.stats();
        self.totals.filtered = source.filtered_by_type();
        self.totals.verdicts = self.processes.as_ref().map(Processes::counts);
        self.totals.changes_above = self.processes.as_ref().map_or(0, Processes::changes_above);
        self.sample(&mut source, &inspector);
        self.totals.events += inspector.skipped();
        outcome.and(finished.map_err(Into::into))
    }

    /// Continues with the other sources after the source of system calls has ended.
    fn await_others(&mut self, source: &mut dyn Adjust, began: Instant) -> Result<()> {
        let Limit { seconds, .. } = self.limit;
        while self.others.is_running() && self.ending.is_none() {
            self.pulse.beat();
            if self.signals.attention.load(Ordering::Acquire) && self.attend(source)?
                || seconds > 0 && began.elapsed().as_secs() >= seconds
            {
                break;
            }
            self.others.collect(LAST_LOOK, self.outputs, self.totals)?;
        }
        Ok(())
    }

    /// Waits until the other sources have ended. If one failed, returns its error, unless there is an
    /// earlier error.
    fn finish_others(&mut self, outcome: Result<()>) -> Result<()> {
        self.others.stop();
        let mut failure = Ok(());
        let since = Instant::now();
        while self.others.is_running() && failure.is_ok() {
            if since.elapsed() >= LAST_EVENTS {
                log::warning("an event source of a plugin does not end: its last alerts are lost");
                break;
            }
            failure = self.others.collect(LAST_LOOK, self.outputs, self.totals);
        }
        outcome.and(failure)
    }

    /// Publishes a sample, if metrics are enabled.
    #[cold]
    fn sample(&self, source: &mut impl Counted, inspector: &Inspector) {
        if let Some(samples) = self.samples {
            samples.count(Alerts::new(&self.judge.setup, &self.totals.counts));
            let mut sample = Sample::take(self.totals.events + inspector.skipped(), source, inspector);
            sample.coverage = self.verdicts.as_ref().map(Verdicts::coverage).unwrap_or_default();
            sample.plugins.extend(self.others.metrics());
            sample.verdicts = self.processes.as_ref().map(Processes::counts);
            samples.give(sample);
        }
    }

    /// Reports events that rules may have missed.
    fn look_at_losses(&mut self, inspector: &mut Inspector, is_over: bool) {
        let windows = inspector.loss_windows(is_over);
        let Some(verdicts) = &mut self.verdicts else { return };
        let threads = inspector.state().threads.len() as u64;
        for alert in verdicts.look(&windows, threads, self.last_event.max(clock::steady())) {
            self.judge.setup.add_alert(&alert, self.outputs.batch());
        }
    }

    /// Makes the source leave out events that the rules do not need, if only the rules use events.
    #[cold]
    fn set_filter(&mut self, source: &mut dyn Adjust, is_alone: bool) {
        for code in std::mem::take(&mut self.judge.refuted) {
            source.send_all(EventType(code));
        }
        if !std::mem::take(&mut self.judge.is_replaced) {
            return;
        }
        let setup = &self.judge.setup;
        let wanted = setup.filter.as_ref().filter(|_| is_alone);
        let filter = wanted.map(|wanted| &wanted.filter);
        self.processes = None;
        if let Some(filter) = filter {
            let (types, rows, bytes) = (filter.types_on(), filter.rows.len(), filter.bytes());
            log::log(
                log::Level::Debug,
                &format!("The probe filters {types} types of events by {rows} rows, {bytes} bytes"),
            );
        }
        if let Err(error) = source.filter(filter, setup.config.engine.modern_ebpf.pushdown_sample) {
            log::warning(&format!("the probe sends every event, as its filter can't be set: {error:#}"));
        } else if let Some(wanted) = wanted.filter(|wanted| wanted.filter.depends_on_processes()) {
            self.processes = source.processes().map(|table| Processes::new(&wanted.groups, table));
        }
    }

    /// Handles signals and reloads. Returns whether the run is over.
    #[cold]
    fn attend(&mut self, source: &mut dyn Adjust) -> Result<bool> {
        // Cleared first, so that requests that arrive in the meantime are handled next time.
        self.signals.attention.store(false, Ordering::SeqCst);
        if self.signals.stop.since().is_some() {
            if self.ending.is_none() {
                log::info("SIGINT received, exiting...");
            }
            return Ok(self.end(source));
        }
        if self.signals.reopen.swap(false, Ordering::SeqCst) {
            log::info("SIGUSR1 received, reopening outputs...");
            self.outputs.reopen();
        }
        while let Some(update) = self.reload.take() {
            match update {
                Update::Replace(next) => self.replace(source, *next)?,
                Update::Alert(alert) => self.judge.setup.add_alert(&alert, self.outputs.batch()),
            }
        }
        self.outputs.offer();
        Ok(false)
    }

    /// Switches to other rules. If the kernel refuses the calls that they need, nothing changes.
    fn replace(&mut self, source: &mut dyn Adjust, next: Replacement) -> Result<()> {
        let before = Arc::clone(&self.judge.setup);
        // Until the new rules are in use, the source sends the events that either set needs.
        source.pause_filter()?;
        self.judge.is_replaced = true;
        self.judge.needs_changed = true;
        if let Err(error) = source.adjust(&next.interest) {
            self.judge.setup.add_alert(&reload::failure(&error), self.outputs.batch());
            return source.adjust(&Interest::of(&before.config, &before.engine));
        }
        self.outputs.change(next.outputs);
        self.totals.counts.close(before.rules());
        self.others.replace(&next.setup);
        self.monitor.configure(next.setup.config.syscall_event_drops.clone());
        self.silence.configure(&next.setup.config.syscall_event_timeouts);
        // The rules have new numbers from now on.
        self.judge.summarize(u64::MAX, self.outputs.batch());
        self.judge.folding = Folding::new(&next.setup.config.alert_folding)?;
        self.judge.replace(Arc::clone(&next.setup))?;
        self.verdicts = Verdicts::new(&next.setup.config.verdict_coverage, &next.setup.engine)?;
        self.capture.configure(&next.setup.config.capture);
        self.reload.replaced(next.setup);
        Ok(())
    }

    /// Stops the capture. Returns whether no earlier events remain to be tested.
    fn end(&mut self, source: &mut (impl EventSource + ?Sized)) -> bool {
        self.ending.get_or_insert_with(Instant::now);
        !source.stop()
    }

    /// Periodic work. `live` has the beginning of a live capture. Returns whether the run is over.
    #[cold]
    fn look(&mut self, source: &mut (impl Adjust + Counted), live: Option<Instant>) -> Result<bool> {
        if self.outputs.is_deserted() {
            log::info("Standard output is the only output, and its reader is gone");
            return Ok(true);
        }
        let Some(began) = live else { return Ok(false) };
        self.pulse.beat();
        self.others.collect(Duration::ZERO, self.outputs, self.totals)?;
        if !self.is_alone && !self.others.is_running() {
            return Ok(true);
        }
        let Limit { seconds, .. } = self.limit;
        if seconds > 0 && began.elapsed().as_secs() >= seconds {
            self.end(source);
        }
        if self.ending.is_some_and(|since| since.elapsed() >= LAST_EVENTS) {
            source.finish()?;
        }
        // A source that has no events by design does not count as silent.
        if self.judge.setup.config.engine.kind != EngineKind::Nodriver
            && let Some(alert) = self.silence.check(self.totals.events, self.last_event, Instant::now())
        {
            self.judge.setup.add_alert(&alert, self.outputs.batch());
            self.outputs.offer();
        }
        let now = clock::steady();
        if self.monitor.is_due(now) {
            for alert in self.tampering.check(source.tampering()) {
                self.judge.setup.add_alert(&alert, self.outputs.batch());
            }
            self.look_at_drops(now, source.stats(), losses::by_kind(&source.full_by_type()))?;
        }
        Ok(false)
    }

    /// Acts on lost events as configured.
    fn look_at_drops(&mut self, now: u64, stats: Stats, full: losses::ByKind) -> Result<()> {
        let Look { alert, ends } = self.monitor.check(now, stats, full);
        let setup = &self.judge.setup;
        if let Some(mut alert) = alert {
            let has_probe = setup.config.engine.kind == EngineKind::ModernEbpf;
            alert.fields.insert("ebpf_enabled".into(), u8::from(has_probe).to_string().into());
            self.outputs.batch().push(setup.alert_at(&alert, &clock::zoned(now)));
        }
        self.outputs.offer();
        if ends {
            bail!(
                "Drop manager internal error: events were lost, and syscall_event_drops.actions has `exit`"
            );
        }
        Ok(())
    }
}

/// Nice value of the thread that tests events.
const HURRIED: i32 = -10;

/// If other programs use all processors, a fair share of processor time may not suffice for their events,
/// and events are dropped. So this thread gets a higher priority, unless its priority was already changed
/// or this process has no permission.
fn hurry() {
    use rustix::process::{getpriority_process, setpriority_process};
    if getpriority_process(None) == Ok(0) {
        // Affects only the calling thread.
        let _ = setpriority_process(None, HURRIED);
    }
}
