//! All running outputs, shared by all threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use super::alert::Alert;
use super::channel::Channel;
use super::queue::{GATHER, Limits};
use super::row::Row;
use crate::config::Config;

/// Default maximum number of alerts in the queue of an output.
const MAX_ALERTS: usize = 1 << 16;
/// Maximum number of bytes in the queue of an output.
const MAX_BYTES: usize = 16 << 20;
/// Time for outputs that should end immediately.
const GRACE: Duration = Duration::from_millis(250);
/// The same if their threads wait for a CPU: what they lose is counted when they end.
const STARVED_GRACE: Duration = Duration::from_secs(10);
/// Minimum timeout of an output.
const MIN_TIMEOUT: Duration = Duration::from_millis(100);

/// The running outputs.
pub struct Hub {
    channels: RwLock<Vec<Arc<Channel>>>,
    /// Files that are not outputs of alerts, but are written in the same way.
    files: RwLock<Vec<Arc<Channel>>>,
    /// Replaced outputs that still deliver their queued alerts.
    retired: Mutex<Vec<Arc<Channel>>>,
    /// Delivered and lost alerts of outputs that have ended, by name.
    past: Mutex<BTreeMap<&'static str, Counts>>,
    settings: Mutex<Settings>,
    /// Whether the outputs end: what waits then is delivered or dropped.
    is_closing: AtomicBool,
}

/// Settings that all outputs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Limits of each queue.
    pub limits: Limits,
    /// Time without progress after which an output is treated as stuck.
    pub timeout: Duration,
    /// Whether alerts start captures. They are then useful even without a reader.
    pub captures: bool,
}

impl Settings {
    /// The configured settings. With `unbuffered`, outputs write every alert at once, even if the
    /// configuration enables buffering.
    pub fn new(config: &Config, unbuffered: bool) -> Self {
        let alerts = match config.outputs_queue.capacity {
            0 => MAX_ALERTS,
            capacity => capacity,
        };
        let gather = if config.buffered_outputs && !unbuffered { GATHER } else { Duration::ZERO };
        let timeout = Duration::from_millis(config.output_timeout).max(MIN_TIMEOUT);
        Self {
            limits: Limits { alerts, bytes: MAX_BYTES, gather },
            timeout,
            captures: config.capture.enabled,
        }
    }
}

/// Counts of delivered and lost alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Alerts delivered.
    pub delivered: u64,
    /// Alerts lost, for any reason.
    pub lost: u64,
    /// Alerts lost because the queue was full.
    pub queue_full: u64,
    /// Alerts that wait.
    pub waiting: u64,
}

impl Counts {
    fn of(channel: &Channel) -> Self {
        let (load, (lost, queue_full)) = (channel.load(), channel.lost());
        Self { delivered: load.delivered, lost, queue_full, waiting: load.alerts as u64 }
    }

    fn add(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.queue_full += other.queue_full;
        self.waiting += other.waiting;
    }
}

/// No data is left half updated while a lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// No outputs yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            channels: RwLock::default(),
            files: RwLock::default(),
            retired: Mutex::default(),
            past: Mutex::default(),
            settings: Mutex::new(settings),
            is_closing: AtomicBool::new(false),
        }
    }

    /// Whether the outputs end.
    pub fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// Settings that all outputs share.
    pub fn settings(&self) -> Settings {
        *lock(&self.settings)
    }

    /// The outputs.
    pub fn channels(&self) -> RwLockReadGuard<'_, Vec<Arc<Channel>>> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches to other outputs. Outputs that are no longer used still deliver their queued alerts.
    pub fn replace(&self, channels: Vec<Arc<Channel>>, settings: Settings) {
        *lock(&self.settings) = settings;
        let before =
            std::mem::replace(&mut *self.channels.write().unwrap_or_else(PoisonError::into_inner), channels);
        let now = self.channels();
        now.iter().for_each(|channel| channel.set_limits(settings.limits));
        for channel in before {
            if !now.iter().any(|other| Arc::ptr_eq(other, &channel)) {
                channel.close();
                lock(&self.retired).push(channel);
            }
        }
    }

    /// Adds a file that is not an output of alerts.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn add_file(&self, row: &'static Row, config: &Config) -> anyhow::Result<Arc<Channel>> {
        let Settings { limits, timeout, .. } = self.settings();
        let channel = Channel::start(row, &Arc::new(config.clone()), limits, timeout)?;
        self.files.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&channel));
        Ok(channel)
    }

    /// Passes one alert to every output without waiting.
    pub fn send(&self, alert: Alert) {
        self.channels().iter().for_each(|channel| channel.push(std::slice::from_ref(&alert), |_| false));
    }

    /// All that run.
    fn all(&self) -> Vec<Arc<Channel>> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        self.channels().iter().chain(&*files).chain(&*lock(&self.retired)).cloned().collect()
    }

    /// The stuck outputs, each with the reason.
    pub fn stuck(&self) -> Vec<(Arc<Channel>, String)> {
        let patience = self.settings().timeout;
        self.all()
            .into_iter()
            .filter_map(|channel| channel.stuck(patience).map(|text| (channel, text)))
            .collect()
    }

    /// Counts of the alerts of each output, by name.
    pub fn counts(&self) -> BTreeMap<&'static str, Counts> {
        let mut counts = lock(&self.past).clone();
        for channel in self.all() {
            counts.entry(channel.row().name).or_default().add(Counts::of(&channel));
        }
        counts
    }

    /// The losses that make a replay fail, each with the output and the reasons. A reader of standard output
    /// that has gone does not need the rest.
    pub fn failures(&self) -> Vec<String> {
        let counts = self.counts();
        let all = self.all();
        let of_row = |(name, counts): (&&'static str, &Counts)| {
            let channel =
                all.iter().find(|channel| channel.row().name == *name && channel.row().fails_replay)?;
            let is_unwanted = channel.row().is_stdout && channel.is_gone();
            let all = counts.lost + counts.delivered;
            let text = || format!("{name} lost {} of {all}, {}", counts.lost, channel.why_lost());
            (counts.lost > 0 && !is_unwanted).then(text)
        };
        counts.iter().filter_map(of_row).collect()
    }

    /// Logs lost alerts if a report is due, and drops replaced outputs that are stuck. Call this about once
    /// a second.
    pub fn check(&self) {
        let timeout = self.settings().timeout;
        self.all().iter().for_each(|channel| channel.report(false));
        lock(&self.retired).retain(|channel| {
            if channel.stuck(timeout).is_some() {
                channel.abandon(timeout.as_millis());
            }
            let has_ended = channel.has_ended();
            if has_ended {
                channel.report(true);
                lock(&self.past).entry(channel.row().name).or_default().add(Counts::of(channel));
            }
            !has_ended
        });
    }

    /// Makes all outputs deliver their queued alerts. Waits for each while `patience` allows it; `patience`
    /// gets the time during which the output has made no progress.
    pub fn close(&self, patience: impl Fn(&Channel, Duration) -> bool) {
        self.is_closing.store(true, Ordering::Relaxed);
        let all = self.all();
        all.iter().for_each(|channel| channel.close());
        let (began, ms) = (Instant::now(), self.settings().timeout.as_millis());
        let in_vain = |channel: &&Arc<Channel>| !channel.wait(began, |still| patience(channel, still));
        let stuck: Vec<_> = all.iter().filter(in_vain).collect();
        stuck.iter().for_each(|channel| channel.abandon(ms));
        // Outputs that can end immediately do so: for example, a program is killed.
        let began = Instant::now();
        for channel in stuck {
            channel.wait(began, |_| match began.elapsed() {
                elapsed if elapsed < GRACE => true,
                elapsed => elapsed < STARVED_GRACE && channel.is_starved(),
            });
        }
        all.iter().for_each(|channel| channel.report(true));
    }
}
