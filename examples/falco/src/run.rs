//! The event loop: reads events and produces alerts.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Error, Result, bail};
use eyas::rules::Profile;
use eyas::scap;
use eyas::sinsp::plugin::SYSCALL;
use eyas_console::ShowPath;

use crate::args::Args;
use crate::capture::Capture;
use crate::clock;
use crate::config::{Config, EngineKind};
use crate::console;
use crate::drops::Monitor;
use crate::folding::Folding;
#[cfg(feature = "grpc")]
use crate::grpc;
use crate::health::{Health, Pulse};
use crate::inherited;
use crate::log;
use crate::output::Outputs;
use crate::outputs::OUTPUTS;
use crate::plugins::{self, OpenSource};
use crate::reload::{Read, Reload};
use crate::setup::Setup;
use crate::signals::Signals;
use crate::source::{self, Early, Opened};
use crate::tampering::Tampering;
use crate::telemetry::Telemetry;
use crate::timeouts::Silence;
use crate::verdicts::Verdicts;
use crate::watchdog::Watchdog;

mod event_loop;
mod judge;
mod processes;
mod report;
mod runtimes;
mod sources;
mod threads;
mod turns;

use event_loop::EventLoop;
use judge::{Judge, Limit, Totals};
use runtimes::RuntimeLog;
use sources::Sources;
use turns::Turns;

/// One in this many events is measured for `--rule-profile`.
const PROFILED: u64 = 16;
/// Timeout for writing the rest of both standard streams at the end.
const STREAMS_END: Duration = Duration::from_millis(200);

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
    let outputs = Outputs::open(OUTPUTS, config, args.unbuffered, signals.stop.clone())?;
    let pulse = Arc::<Pulse>::default();
    let health = Health::new(Arc::clone(&pulse), Arc::clone(outputs.hub()));
    let watchdog = Watchdog::start(Arc::clone(outputs.hub()), health.clone(), signals.stop.clone())?;
    let reload = Reload::start(args, setup, read, hangup, signals.attention.clone())?;
    let telemetry = Telemetry::start(setup, outputs.hub(), &health)?;
    let mut run = Run {
        args,
        setup,
        enabled,
        signals: &signals,
        reload: &reload,
        limit: Limit { seconds: args.duration, first_ts: 0 },
        monitor: Monitor::new(config.syscall_event_drops.clone()),
        outputs,
        pulse,
        telemetry,
        totals: Totals::default(),
    };
    let began = Instant::now();
    let ended = if args.threads > 1 { run.on_threads()? } else { run.alone(early)? };
    let outcome = run.conclude(ended, began.elapsed());
    #[cfg(feature = "grpc")]
    drop(grpc);
    let Run { telemetry, outputs, .. } = run;
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

/// A run: what it needs, and what it counts.
struct Run<'a> {
    args: &'a Args,
    setup: &'a Arc<Setup>,
    enabled: &'a [String],
    signals: &'a Signals,
    reload: &'a Reload,
    limit: Limit,
    monitor: Monitor,
    outputs: Outputs,
    pulse: Arc<Pulse>,
    telemetry: Telemetry,
    totals: Totals,
}

/// How the events ended.
struct Ended<'a> {
    outcome: Result<()>,
    /// The last setup: a reload may have replaced the first one.
    last: Arc<Setup>,
    profile: Option<Profile<'a>>,
}

impl<'a> Run<'a> {
    /// Replays on several threads.
    fn on_threads(&mut self) -> Result<Ended<'a>> {
        let config = &self.setup.config;
        if config.capture.enabled {
            bail!("capture.enabled needs events in their order: leave out --threads, or disable it");
        }
        if config.alert_folding.window()?.is_some() {
            bail!(
                "alert_folding needs events in their order: leave out --threads, or set alert_folding.window to 0s"
            );
        }
        let mut parts = source::share(config, usize::from(self.args.threads), &self.signals.stop)?;
        for (_, inspector) in &mut parts {
            // Each thread processes the whole capture, and so do its plugins.
            *inspector = plugins::loaded().for_syscalls(std::mem::take(inspector), true)?;
        }
        opened(config, self.enabled);
        let turns = Turns::new(self.setup, self.reload);
        let samples = self.telemetry.samples();
        let (outputs, totals) = (&mut self.outputs, &mut self.totals);
        let outcome = threads::run(parts, &turns, self.limit, self.signals, samples, outputs, totals);
        Ok(Ended { outcome, last: turns.last(), profile: None })
    }

    /// Captures, or replays on one thread.
    fn alone(&mut self, early: Early) -> Result<Ended<'a>> {
        let (setup, config) = (self.setup, &self.setup.config);
        let has_syscalls = self.enabled.iter().any(|name| name == SYSCALL);
        let source = match has_syscalls {
            true => source::open(config, &setup.engine, early, &self.signals.stop)?,
            // Only the other sources run.
            false => Opened::Idle(source::Idle::default()),
        };
        opened(config, self.enabled);
        let others = self.open_others()?;
        if !config.engine.is_replay() {
            // All files are open now. Files that the configuration and the arguments name may be reopened
            // later.
            let words: Vec<_> = std::env::args().collect();
            inherited::close(&serde_json::json!([config, words]));
        }
        let others = Sources::start(others, setup, self.limit, self.args.verbose)?;
        let mut judge = Judge::new(Arc::clone(setup));
        judge.folding = Folding::new(&config.alert_folding)?;
        judge.profile = self.args.rule_profile.then(|| Profile::new(&setup.engine, PROFILED));
        let mut event_loop = EventLoop {
            judge: &mut judge,
            limit: self.limit,
            signals: self.signals,
            reload: self.reload,
            samples: self.telemetry.samples(),
            monitor: &mut self.monitor,
            tampering: Tampering::default(),
            silence: Silence::new(&config.syscall_event_timeouts),
            last_event: 0,
            capture: Capture::new(config, self.signals.stop.clone()),
            outputs: &mut self.outputs,
            pulse: &self.pulse,
            prompt: false,
            skips: false,
            totals: &mut self.totals,
            ending: None,
            others,
            is_alone: has_syscalls,
            runtimes: RuntimeLog::default(),
            verdicts: Verdicts::new(&config.verdict_coverage, &setup.engine)?,
            processes: None,
        };
        let outcome = event_loop.start(source, config)?;
        judge.add_counts();
        Ok(Ended { outcome, last: judge.setup, profile: judge.profile })
    }

    /// Opens the enabled sources of plugins.
    fn open_others(&self) -> Result<Vec<OpenSource>> {
        let plugins = plugins::loaded();
        let mut others = Vec::new();
        for name in self.enabled.iter().filter(|name| *name != SYSCALL) {
            let started = plugins.start(name)?;
            match plugins.open(name, started, source::replay_inspector(&self.setup.config)) {
                Ok(open) => others.push(open),
                Err(error) => {
                    log::log(log::Level::Error, report::FAILED);
                    console::print(&report::statistics(&self.totals.counts, self.setup, None));
                    return Err(error);
                }
            }
        }
        Ok(others)
    }

    /// Closes the outputs, and prints the statistics. Returns how the events ended.
    fn conclude(&mut self, ended: Ended<'_>, elapsed: Duration) -> Result<()> {
        let Ended { outcome, last, profile } = ended;
        let (config, totals, outputs) = (&self.setup.config, &self.totals, &mut self.outputs);
        let is_of_capture = |error: &Error| config.engine.is_replay() && error.is::<scap::Error>();
        let outcome = outcome.map_err(|error| match is_of_capture(&error) {
            // Before the first event, Falco has not opened it yet.
            true if totals.events == 0 => error.context(source::cannot_open(config)),
            true => error.context(format!("can't replay {}", config.engine.replay.capture_file.shown())),
            false => error,
        });
        self.telemetry.finish();
        let is_stdout_stuck = outputs.close();
        report::to_log(self.args.verbose, &self.monitor, outputs.hub(), totals, elapsed);
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
        outcome
    }
}

/// Whether a run has begun. Its end does not wait for readers of the standard streams.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// Writes the rest of standard output and of the log. At the end of a run, does not wait long for a reader.
pub fn finish_streams() {
    let patience = |still| still < STREAMS_END || !BEGUN.load(Ordering::Relaxed);
    console::finish_output(patience);
    console::finish_error(patience);
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
            let path = config.engine.replay.capture_file.shown();
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
