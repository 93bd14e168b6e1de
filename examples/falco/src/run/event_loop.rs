//! The loop over the events of one source: a live capture, or a replay on one thread.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use eyas::events::EventType;
use eyas::scap::{EventSource, Stats};
use eyas::sinsp::plugin::{AsyncQueue, AsyncSource, SYSCALL};
use eyas::sinsp::{self, EventView, Inspector, Step};

use super::judge::{Judge, Limit, Totals};
use super::processes::Processes;
use super::runtimes::RuntimeLog;
use super::sources::Sources;
use crate::capture::Capture;
use crate::clock;
use crate::config::{Config, EngineKind};
use crate::drops::{DropCheck, Monitor};
use crate::folding::Folding;
use crate::health::Pulse;
use crate::log;
use crate::losses;
use crate::metrics::{Alerts, Counted, Sample, Samples};
use crate::output::Outputs;
use crate::plugins;
use crate::reload::{self, Reload, Replacement, Update};
use crate::signals::Signals;
use crate::source::{self, Adjust, Interest, Opened};
use crate::tampering::Tampering;
use crate::timeouts::Silence;
use crate::verdicts::Verdicts;

/// Number of events between two checks of the clock and of the counters. Alerts are passed to the outputs
/// at the latest then.
const STRIDE: u64 = 1024;
/// Maximum time to test queued events at the end of a live capture.
const LAST_EVENTS: Duration = Duration::from_secs(1);
/// Maximum time of one check for the last alerts of other sources.
const LAST_CHECK: Duration = Duration::from_millis(100);

/// Live capture, or replay on one thread.
pub(super) struct EventLoop<'a, 'e> {
    pub(super) judge: &'a mut Judge<'e>,
    pub(super) limit: Limit,
    pub(super) signals: &'a Signals,
    pub(super) reload: &'a Reload,
    pub(super) samples: Option<&'a Samples>,
    pub(super) monitor: &'a mut Monitor,
    pub(super) tampering: Tampering,
    pub(super) silence: Silence,
    /// Time of the last event, ns since the epoch.
    pub(super) last_event: u64,
    pub(super) capture: Capture,
    pub(super) outputs: &'a mut Outputs,
    pub(super) pulse: &'a Pulse,
    /// Whether events may be rare, so that an alert does not wait for others.
    pub(super) prompt: bool,
    /// Whether events that the rules do not need may be skipped.
    pub(super) skips: bool,
    pub(super) totals: &'a mut Totals,
    /// Time at which the end of the capture was requested.
    pub(super) ending: Option<Instant>,
    /// Event sources of plugins, each in its own thread.
    pub(super) others: Sources,
    /// Whether system calls are captured. If not, the run ends with the other sources.
    pub(super) is_alone: bool,
    pub(super) runtimes: RuntimeLog,
    /// Tracks events that rules may have missed, if enabled.
    pub(super) verdicts: Option<Verdicts>,
    /// Verdicts on processes, if the probe's filter uses them.
    pub(super) processes: Option<Processes>,
}

impl EventLoop<'_, '_> {
    /// Tests the events of a source until its end. The inner result is that of the events.
    ///
    /// # Errors
    /// A plugin does not start, or does not open its source.
    pub(super) fn start(&mut self, source: Opened, config: &Config) -> Result<Result<()>> {
        let plugins = plugins::loaded();
        match source {
            Opened::Replay(source, inspector, is_stream) => {
                self.prompt = is_stream;
                // A stream may have few events, so the loop does its other work at every event, and none is skipped.
                self.skips = !is_stream && !self.monitor.simulates();
                Ok(self.run(*source, plugins.for_syscalls(inspector, true)?, false))
            }
            Opened::Idle(_) if self.is_alone && plugins.has_syscalls() => {
                let open =
                    plugins.open(SYSCALL, plugins.start(SYSCALL)?, source::replay_inspector(config))?;
                Ok(self.run(open.source, open.inspector, true))
            }
            Opened::Idle(source) => {
                let inspector = plugins.for_syscalls(source::replay_inspector(config), false)?;
                Ok(match queue(&inspector) {
                    Some(queue) => self.run(AsyncSource::new(source, queue), inspector, true),
                    None => self.run(source, inspector, true),
                })
            }
            #[cfg(feature = "live")]
            Opened::Live(source, inspector) => {
                let inspector = plugins.for_syscalls(inspector, false)?;
                if let Some(plugins) = &inspector.plugins {
                    plugins.check_event_schema(eyas_plugins::EVENT_SCHEMA)?;
                }
                Ok(match queue(&inspector) {
                    Some(queue) => self.run(AsyncSource::new(*source, queue), inspector, true),
                    None => self.run(*source, inspector, true),
                })
            }
        }
    }

    fn run<S: Adjust + Counted>(
        &mut self,
        mut source: S,
        inspector: sinsp::Config,
        live: bool,
    ) -> Result<()> {
        let mut inspector = Inspector::new(inspector);
        self.judge.prepare(&mut inspector);
        if live && self.judge.setup.config.engine.kind != EngineKind::Nodriver {
            raise_priority();
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
                && let over @ (Ok(true) | Err(_)) = self.handle_signals(&mut source)
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
            let (mut is_check_due, mut is_at_end) = (false, false);
            // By reference, because the view is large: a copy is measurable.
            match &step {
                Ok(Step::Event(event)) => match self.event(event, live, simulates) {
                    ControlFlow::Continue(is_due) => is_check_due = is_due,
                    ControlFlow::Break(outcome) => break outcome,
                },
                Ok(Step::Idle) => {
                    self.capture.idle();
                    self.judge.summarize(clock::steady(), self.outputs.batch());
                    self.outputs.offer();
                    is_check_due = true;
                }
                Ok(Step::End) => is_at_end = true,
                Err(_) => {}
            }
            if let Err(error) = step {
                // A stream may end at any byte once a signal requested the end of the program.
                break if self.signals.stop.is_set() { Ok(()) } else { Err(error.into()) };
            }
            if is_at_end {
                break if live { self.await_others(&mut source, began) } else { Ok(()) };
            }
            if is_check_due
                && let over @ (Ok(true) | Err(_)) = self.do_periodic_work(&mut source, live.then_some(began))
            {
                break over.map(drop);
            }
            if is_check_due && live {
                self.runtimes.check(&inspector);
                self.check_losses(&mut inspector, false);
            }
            // The first step has loaded the initial state.
            if self.samples.is_some_and(Samples::is_requested) {
                self.sample(&mut source, &inspector);
            }
        };
        self.conclude(source, inspector, outcome)
    }

    /// Tests an event. Returns whether to check the clock and the counters, or how the run ends. Its only caller is
    /// the loop over the events.
    #[inline(always)]
    fn event(&mut self, event: &EventView<'_>, live: bool, simulates: bool) -> ControlFlow<Result<()>, bool> {
        self.totals.events += 1;
        if let Some(count) = self.totals.by_type.get_mut(usize::from(event.event().ty.0)) {
            *count += 1;
        }
        self.last_event = event.event().ts;
        if !live && self.limit.is_over(self.last_event) {
            return ControlFlow::Break(Ok(()));
        }
        let (counts, capture, mut prompt) = (&mut self.totals.counts, &mut self.capture, false);
        let judged = self.judge.judge(event, self.outputs.batch(), |hit, rule| {
            counts.count(hit);
            capture.matched(rule);
            prompt = self.prompt;
        });
        if judged.is_err() {
            return ControlFlow::Break(judged);
        }
        if let Some(alert) = self.capture.event(event) {
            self.judge.setup.add_alert(&alert, self.outputs.batch());
        }
        if let Some(processes) = &mut self.processes {
            processes.note(event);
        }
        let is_check_due = self.totals.events.is_multiple_of(STRIDE);
        if is_check_due {
            self.judge.summarize(self.last_event, self.outputs.batch());
        }
        // Not for every alert: waking the output threads costs more than an alert.
        if is_check_due || prompt || self.outputs.is_large() {
            self.outputs.offer();
        }
        // In a replay, all losses are simulated.
        if simulates
            && self.monitor.is_due(self.last_event)
            && let failure @ Err(_) = self.check_drops(self.last_event, Stats::default(), Default::default())
        {
            return ControlFlow::Break(failure);
        }
        ControlFlow::Continue(is_check_due)
    }

    /// Ends the other sources, and counts what the source has counted.
    fn conclude<S: Adjust + Counted>(
        &mut self,
        mut source: S,
        mut inspector: Inspector,
        outcome: Result<()>,
    ) -> Result<()> {
        self.pulse.suspend();
        let outcome = self.finish_others(outcome);
        self.judge.summarize(u64::MAX, self.outputs.batch());
        self.check_losses(&mut inspector, true);
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
            if self.signals.attention.load(Ordering::Acquire) && self.handle_signals(source)?
                || seconds > 0 && began.elapsed().as_secs() >= seconds
            {
                break;
            }
            self.others.collect(LAST_CHECK, self.outputs, self.totals)?;
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
            failure = self.others.collect(LAST_CHECK, self.outputs, self.totals);
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
            samples.publish(sample);
        }
    }

    /// Reports events that rules may have missed.
    fn check_losses(&mut self, inspector: &mut Inspector, is_over: bool) {
        let windows = inspector.loss_windows(is_over);
        let Some(verdicts) = &mut self.verdicts else { return };
        let threads = inspector.state().threads.len() as u64;
        for alert in verdicts.check(&windows, threads, self.last_event.max(clock::steady())) {
            self.judge.setup.add_alert(&alert, self.outputs.batch());
        }
    }

    /// Makes the source filter out events that the rules do not need, if only the rules use events.
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
    fn handle_signals(&mut self, source: &mut dyn Adjust) -> Result<bool> {
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
    fn do_periodic_work(
        &mut self,
        source: &mut (impl Adjust + Counted),
        live: Option<Instant>,
    ) -> Result<bool> {
        if self.outputs.has_no_receiver() {
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
        // A source that has no events by design is not treated as silent.
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
            self.check_drops(now, source.stats(), losses::by_kind(&source.full_by_type()))?;
        }
        Ok(false)
    }

    /// Acts on lost events as configured.
    fn check_drops(&mut self, now: u64, stats: Stats, full: losses::ByKind) -> Result<()> {
        let DropCheck { alert, ends } = self.monitor.check(now, stats, full);
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

/// Queue for events that plugins send to a live capture.
fn queue(inspector: &sinsp::Config) -> Option<AsyncQueue> {
    inspector.plugins.as_ref().and_then(|plugins| plugins.queue().cloned())
}

/// Nice value of the thread that tests events.
const RAISED: i32 = -10;

/// If other programs use all processors, a fair share of processor time may not suffice for their events,
/// and events are dropped. So this thread gets a higher priority, unless its priority was already changed
/// or this process has no permission.
fn raise_priority() {
    use rustix::process::{getpriority_process, setpriority_process};
    if getpriority_process(None) == Ok(0) {
        // Affects only the calling thread.
        let _ = setpriority_process(None, RAISED);
    }
}
