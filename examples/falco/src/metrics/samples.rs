//! Numbers that the thread which tests events publishes on request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eyas::events::EventType;
use eyas::scap::{EventSource, Interface, Reader, Stats};
use eyas::sinsp::plugin::{AsyncSource, Metric, PluginSource};
use eyas::sinsp::state::StateStats;
use eyas::sinsp::{Inspector, RuntimeStats};

use crate::losses::{self, ByKind};
use crate::setup::Setup;
use crate::source::Idle;
use crate::stats::RuleCounts;

/// Counters of a source in addition to [`Stats`].
pub trait Counted: EventSource {
    /// Produced and dropped events per CPU.
    fn cpus(&self) -> Vec<Cpu> {
        Vec::new()
    }

    /// Events dropped because a ring was full, by type.
    fn full_by_type(&self) -> Vec<(EventType, u64)> {
        Vec::new()
    }

    /// Events that the probe filtered out, by type.
    fn filtered_by_type(&self) -> Vec<(EventType, u64)> {
        Vec::new()
    }

    /// Run counts of the probe's programs, if the kernel counts them.
    fn programs(&self) -> Vec<Program> {
        Vec::new()
    }
}

impl Counted for Reader {}

impl Counted for Idle {}

impl Counted for PluginSource {}

impl<S: Counted> Counted for AsyncSource<S> {
    fn cpus(&self) -> Vec<Cpu> {
        self.inner().cpus()
    }

    fn full_by_type(&self) -> Vec<(EventType, u64)> {
        self.inner().full_by_type()
    }

    fn programs(&self) -> Vec<Program> {
        self.inner().programs()
    }
}

#[cfg(feature = "live")]
impl Counted for eyas::scap::live::Source {
    fn cpus(&self) -> Vec<Cpu> {
        let cpu = |drops: eyas::scap::live::CpuDrops| Cpu {
            produced: drops.produced,
            drops: drops.buffer + drops.scratch + drops.bug,
        };
        self.drops().into_iter().map(cpu).collect()
    }

    fn full_by_type(&self) -> Vec<(EventType, u64)> {
        Self::full_by_type(self)
    }

    fn filtered_by_type(&self) -> Vec<(EventType, u64)> {
        Self::filtered_by_type(self)
    }

    fn programs(&self) -> Vec<Program> {
        let program = |runs: eyas::scap::live::ProgramRuns| Program {
            name: runs.name,
            count: runs.count,
            time_ns: runs.time_ns,
        };
        self.runs().into_iter().map(program).collect()
    }
}

/// Run statistics of a program of the probe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Number of runs.
    pub count: u64,
    /// Total run time, ns.
    pub time_ns: u64,
}

/// Event counts of a CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Produced events, including dropped ones.
    pub produced: u64,
    /// Lost.
    pub drops: u64,
}

/// Alerts so far.
pub struct Alerts {
    /// The rules in use.
    pub setup: Arc<Setup>,
    /// Alerts per rule, in the order of the rules.
    pub by_rule: Vec<u64>,
    /// Alerts of all rules, including rules that a reload has removed.
    pub total: u64,
}

impl Alerts {
    /// Takes the current counts.
    pub fn new(setup: &Arc<Setup>, counts: &RuleCounts) -> Self {
        Self { setup: Arc::clone(setup), by_rule: counts.by_rule(setup.rules()), total: counts.total() }
    }
}

/// Counters and sizes at one moment.
pub struct Sample {
    /// Alerts so far.
    pub alerts: Option<Arc<Alerts>>,
    /// Events tested.
    pub events: u64,
    /// Produced and dropped events.
    pub stats: Stats,
    /// Events dropped because a ring was full, by kind.
    pub full: ByKind,
    /// Events that the probe filtered out, by type.
    pub filtered: Vec<(EventType, u64)>,
    /// Produced and dropped events per CPU.
    pub cpus: Vec<Cpu>,
    /// Verdict coverage of each rule for system calls, if it is tracked.
    pub coverage: Vec<f64>,
    /// Verdicts on processes that were written, and events that the probe filtered out by them, if its filter needs some.
    pub verdicts: Option<[u64; 2]>,
    /// Runs of the programs of the probe.
    pub programs: Vec<Program>,
    /// Statistics of the state tables.
    pub state: StateStats,
    /// Statistics of lookups in container runtimes.
    pub runtimes: RuntimeStats,
    /// Threads known.
    pub threads: u64,
    /// Number of known open files.
    pub fds: u64,
    /// Network interfaces of the machine.
    pub interfaces: Vec<Interface>,
    /// Boot time of the machine, ns since the epoch; 0 if unknown.
    pub boot_ts: u64,
    /// Number of CPUs.
    pub num_cpus: u64,
    /// Metrics of plugins, each with the plugin's name.
    pub plugins: Vec<(String, Metric)>,
}

impl Sample {
    /// Takes a sample of the source and the inspector after this many events. The caller adds the alerts
    /// later.
    pub fn take(events: u64, source: &mut impl Counted, inspector: &Inspector) -> Self {
        let state = inspector.state();
        Self {
            alerts: None,
            events,
            stats: source.stats(),
            full: losses::by_kind(&source.full_by_type()),
            filtered: source.filtered_by_type(),
            cpus: source.cpus(),
            coverage: Vec::new(),
            verdicts: None,
            programs: source.programs(),
            state: inspector.stats(),
            runtimes: inspector.runtime_stats(),
            threads: state.threads.len() as u64,
            fds: state.threads.open_files() as u64,
            interfaces: state.interfaces.clone(),
            boot_ts: state.machine.boot_ts,
            num_cpus: state.machine.cpus.into(),
            plugins: inspector.plugins().map(eyas::sinsp::plugin::Plugins::metrics).unwrap_or_default(),
        }
    }
}

/// Exchange point for requests and samples.
#[derive(Default)]
pub struct Samples {
    requested: AtomicBool,
    inner: Mutex<Inner>,
    published: Condvar,
}

#[derive(Default)]
struct Inner {
    last: Option<Arc<Sample>>,
    /// Number of published samples.
    number: u64,
    alerts: Option<Arc<Alerts>>,
    /// Whether no further sample will be published.
    over: bool,
}

impl Samples {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No data is left half updated while the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a thread waits for a sample.
    #[inline]
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// Sets the alerts so far, for later samples.
    pub fn count(&self, alerts: Alerts) {
        self.lock().alerts = Some(Arc::new(alerts));
    }

    /// Publishes a sample for all waiting threads.
    pub fn publish(&self, mut sample: Sample) {
        let mut inner = self.lock();
        sample.alerts.clone_from(&inner.alerts);
        self.requested.store(false, Ordering::Relaxed);
        inner.last = Some(Arc::new(sample));
        inner.number += 1;
        self.published.notify_all();
    }

    /// Records that no further sample will be published; the last one stays valid.
    pub fn close(&self) {
        self.lock().over = true;
        self.published.notify_all();
    }

    /// Requests a current sample. Returns the last one if none arrives within `patience`, or `None` if
    /// there never was one.
    pub fn request(&self, patience: Duration) -> Option<Arc<Sample>> {
        let until = Instant::now() + patience;
        let mut inner = self.lock();
        let number = inner.number;
        while !inner.over && inner.number == number {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.requested.store(true, Ordering::Relaxed);
            inner = self.published.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inner.last.clone()
    }

    /// Whether no further sample will be published.
    pub fn is_over(&self) -> bool {
        self.lock().over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_gets_the_next_published_sample() {
        let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");
        let mut source = Reader::open(capture).unwrap();
        let mut sample = |events| Sample::take(events, &mut source, &Inspector::default());
        let samples = Samples::default();
        assert!(samples.request(Duration::ZERO).is_none() && !samples.is_requested());
        samples.publish(sample(1));
        std::thread::scope(|scope| {
            let asker = scope.spawn(|| samples.request(Duration::from_secs(60)).unwrap().events);
            while !samples.is_requested() {
                std::thread::yield_now();
            }
            samples.publish(sample(2));
            assert_eq!(asker.join().unwrap(), 2);
        });
        assert!(!samples.is_requested());
        assert_eq!(
            samples.request(Duration::from_millis(1)).unwrap().events,
            2,
            "the last one, if nobody answers"
        );
        samples.close();
        assert!(samples.is_over());
        assert_eq!(samples.request(Duration::from_secs(60)).unwrap().events, 2);
    }
}
