//! Event sources of plugins: each has its own thread, inspector and evaluator. Their alerts go to the
//! thread that tests system calls, or to the main thread if that source is off.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};
use eyas::rules::Match;
use eyas::scap::EventSource;
use eyas::sinsp::plugin::Metric;
use eyas::sinsp::{Inspector, Step};

use super::judge::{Judge, Limit, Totals};
use crate::log;
use crate::output::{Batch, Outputs};
use crate::plugins::OpenSource;
use crate::setup::Setup;

/// Capacity of the message queue. If it is full, sources wait.
const DEPTH: usize = 256;
/// Maximum age of plugin counters in metrics.
const COUNTED_EVERY: Duration = Duration::from_millis(500);

/// Message of a source.
enum Message {
    Alerts { alerts: Batch, matches: Vec<Match> },
    End { source: String, events: u64, elapsed: Duration, outcome: Result<()> },
}

/// Data that all sources share.
struct Shared {
    stop: AtomicBool,
    /// Incremented when rules are replaced.
    version: AtomicU64,
    setup: Mutex<Arc<Setup>>,
    /// Plugin metrics by source.
    metrics: Mutex<BTreeMap<String, PluginMetrics>>,
}

/// Metrics, each with the plugin's name.
type PluginMetrics = Vec<(String, Metric)>;

/// The running sources of plugins.
pub(super) struct Sources {
    shared: Arc<Shared>,
    receiver: Receiver<Message>,
    running: usize,
    /// Whether to log a line per source (`-v`).
    is_verbose: bool,
    failure: Option<Error>,
}

impl Sources {
    /// Starts a thread for each source.
    pub(super) fn start(
        open: Vec<OpenSource>,
        setup: &Arc<Setup>,
        limit: Limit,
        is_verbose: bool,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            version: AtomicU64::new(0),
            setup: Mutex::new(Arc::clone(setup)),
            metrics: Mutex::default(),
        });
        let (send, receiver) = sync_channel(DEPTH);
        let mut running = 0;
        for source in open {
            let judge = Judge::of_source(Arc::clone(setup), &source.name)?;
            let worker = Worker { shared: Arc::clone(&shared), send: send.clone(), judge, limit, version: 0 };
            let name = format!("source {}", source.name);
            thread::Builder::new()
                .name(name)
                .spawn(move || worker.run(source))
                .context("can't start the thread of an event source")?;
            running += 1;
        }
        Ok(Self { shared, receiver, running, is_verbose, failure: None })
    }

    /// Whether a source is still running.
    pub(super) fn is_running(&self) -> bool {
        self.running > 0
    }

    /// Metrics of the plugins of all sources, at most half a second old.
    pub(super) fn metrics(&self) -> PluginMetrics {
        let metrics = self.shared.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.values().flatten().cloned().collect()
    }

    /// Asks all sources to end.
    pub(super) fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
    }

    /// Switches to other rules.
    pub(super) fn replace(&self, setup: &Arc<Setup>) {
        *self.shared.setup.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(setup);
        self.shared.version.fetch_add(1, Ordering::Release);
    }

    /// Takes the available alerts. Waits at most this long for the first.
    ///
    /// # Errors
    /// A source has failed, and all have ended.
    pub(super) fn collect(
        &mut self,
        wait: Duration,
        outputs: &mut Outputs,
        totals: &mut Totals,
    ) -> Result<()> {
        if self.running == 0 {
            return self.failure.take().map_or(Ok(()), Err);
        }
        let mut next = match self.receiver.recv_timeout(wait) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.running = 0;
                return Err(Error::msg("a thread of an event source has failed"));
            }
        };
        while let Some(message) = next {
            match message {
                Message::Alerts { mut alerts, matches } => {
                    outputs.batch().append(&mut alerts);
                    matches.into_iter().for_each(|hit| totals.counts.count(hit));
                }
                Message::End { source, events, elapsed, outcome } => {
                    self.running -= 1;
                    totals.events += events;
                    if self.is_verbose {
                        let seconds = elapsed.as_secs_f64();
                        log::info(&format!(
                            "({source}) Elapsed time: {seconds:.3}, Captured Events: {events}, {:.2} eps",
                            events as f64 / seconds.max(f64::MIN_POSITIVE)
                        ));
                    }
                    if let Err(error) = outcome {
                        if self.failure.is_none() {
                            log::log(log::Level::Error, super::report::FAILED);
                        }
                        self.failure.get_or_insert(error.context(format!("event source '{source}'")));
                        self.stop();
                    }
                }
            }
            next = self.receiver.try_recv().ok();
        }
        outputs.offer();
        if self.running == 0 { self.failure.take().map_or(Ok(()), Err) } else { Ok(()) }
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Tests the events of a source.
struct Worker {
    shared: Arc<Shared>,
    send: SyncSender<Message>,
    judge: Judge<'static>,
    limit: Limit,
    version: u64,
}

impl Worker {
    fn run(mut self, open: OpenSource) {
        let OpenSource { name, mut source, inspector } = open;
        let mut inspector = Inspector::new(inspector);
        self.judge.prepare(&mut inspector);
        let (began, mut events) = (Instant::now(), 0);
        let outcome = self.follow(&name, (&mut inspector, &mut source), &mut events, began);
        self.count(&name, &inspector);
        // An earlier error of the source takes precedence over an error of closing.
        let closed = inspector.close().map_err(Error::from);
        drop(source);
        // The program may end when it has the message: before that, plugins are destroyed.
        drop(inspector);
        let outcome = outcome.and(closed);
        // At the end of the program, there is no receiver any more.
        let _ = self.send.send(Message::End { source: name, events, elapsed: began.elapsed(), outcome });
    }

    /// Publishes the metrics of the source's plugins.
    fn count(&self, name: &str, inspector: &Inspector) {
        if let Some(plugins) = inspector.plugins() {
            let mut metrics = self.shared.metrics.lock().unwrap_or_else(PoisonError::into_inner);
            metrics.insert(name.to_owned(), plugins.metrics());
        }
    }

    fn follow(
        &mut self,
        name: &str,
        (inspector, source): (&mut Inspector, &mut impl EventSource),
        events: &mut u64,
        began: Instant,
    ) -> Result<()> {
        let (mut alerts, mut matches) = (Batch::default(), Vec::new());
        let mut counted = Instant::now();
        loop {
            if self.shared.stop.load(Ordering::Acquire) {
                return Ok(());
            }
            // Checked at every event, because a source may have one event per hour.
            let version = self.shared.version.load(Ordering::Acquire);
            if version != self.version {
                self.version = version;
                let setup = self.shared.setup.lock().unwrap_or_else(PoisonError::into_inner).clone();
                self.judge.replace(setup)?;
                self.judge.prepare(inspector);
            }
            if counted.elapsed() >= COUNTED_EVERY {
                counted = Instant::now();
                self.count(name, inspector);
            }
            match inspector.next(source)? {
                Step::Event(event) => {
                    *events += 1;
                    if self.limit.is_over(event.event().ts) {
                        return Ok(());
                    }
                    self.judge.judge(&event, &mut alerts, |hit, _| matches.push(hit))?;
                    if !matches.is_empty() {
                        let (alerts, matches) = (std::mem::take(&mut alerts), std::mem::take(&mut matches));
                        if self.send.send(Message::Alerts { alerts, matches }).is_err() {
                            return Ok(());
                        }
                    }
                }
                Step::Idle => {
                    let Limit { seconds, .. } = self.limit;
                    if seconds > 0 && began.elapsed().as_secs() >= seconds {
                        return Ok(());
                    }
                }
                Step::End => return Ok(()),
            }
        }
    }
}
