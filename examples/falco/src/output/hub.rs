//! All outputs that run, as every thread may see them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use super::alert::Alert;
use super::channel::Channel;
use super::queue::Limits;
use super::row::Row;
use crate::config::Config;

/// Alerts that wait for an output, at most, where the configuration says nothing else.
const MAX_ALERTS: usize = 1 << 16;
/// Bytes of alerts that wait for an output, at most.
const MAX_BYTES: usize = 16 << 20;
/// How long outputs that should end at once may take to do so.
const GRACE: Duration = Duration::from_millis(250);
/// The least time that an output is given.
const MIN_TIMEOUT: Duration = Duration::from_millis(100);

/// The outputs that run.
pub struct Hub {
    channels: RwLock<Vec<Arc<Channel>>>,
    /// Files that are no outputs of alerts, but run as such.
    files: RwLock<Vec<Arc<Channel>>>,
    /// Outputs that others have replaced, and that deliver what waits for them.
    retired: Mutex<Vec<Arc<Channel>>>,
    /// What those delivered and lost that have ended, by name.
    past: Mutex<BTreeMap<&'static str, Counts>>,
    settings: Mutex<Settings>,
}

/// What all outputs have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How much may wait for each.
    pub limits: Limits,
    /// How long an output may make no progress before it counts as stuck.
    pub timeout: Duration,
    /// Alerts start captures: they are of use even if nobody reads them.
    pub captures: bool,
}

impl Settings {
    /// Those of the configuration; `unbuffered` outputs write every alert at once, whatever it says.
    pub fn new(config: &Config, unbuffered: bool) -> Self {
        let alerts = match config.outputs_queue.capacity {
            0 => MAX_ALERTS,
            capacity => capacity,
        };
        let gather = config.buffered_outputs && !unbuffered;
        let timeout = Duration::from_millis(config.output_timeout).max(MIN_TIMEOUT);
        Self {
            limits: Limits { alerts, bytes: MAX_BYTES, gather },
            timeout,
            captures: config.capture.enabled,
        }
    }
}

/// What became of alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Alerts delivered.
    pub delivered: u64,
    /// Alerts lost, for any reason.
    pub lost: u64,
    /// Those of them that found no room in the queue.
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

/// Nothing is left half done where a lock is held.
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
        }
    }

    /// What all outputs have in common.
    pub fn settings(&self) -> Settings {
        *lock(&self.settings)
    }

    /// The outputs.
    pub fn channels(&self) -> RwLockReadGuard<'_, Vec<Arc<Channel>>> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other outputs take over. Those that are no longer among them deliver what waits for them.
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

    /// Adds a file that is no output of alerts.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn add_file(&self, row: &'static Row, config: &Config) -> anyhow::Result<Arc<Channel>> {
        let Settings { limits, timeout, .. } = self.settings();
        let channel = Channel::start(row, &Arc::new(config.clone()), limits, timeout)?;
        self.files.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&channel));
        Ok(channel)
    }

    /// Hands one alert to every output, and waits for none.
    pub fn send(&self, alert: Alert) {
        self.channels().iter().for_each(|channel| channel.push(std::slice::from_ref(&alert), |_| false));
    }

    /// All that run.
    fn all(&self) -> Vec<Arc<Channel>> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        self.channels().iter().chain(&*files).chain(&*lock(&self.retired)).cloned().collect()
    }

    /// Outputs that are stuck, and since when.
    pub fn stuck(&self) -> Vec<(Arc<Channel>, String)> {
        let patience = self.settings().timeout;
        self.all()
            .into_iter()
            .filter_map(|channel| channel.stuck(patience).map(|text| (channel, text)))
            .collect()
    }

    /// What became of the alerts of each output, by its name.
    pub fn counts(&self) -> BTreeMap<&'static str, Counts> {
        let mut counts = lock(&self.past).clone();
        for channel in self.all() {
            counts.entry(channel.row().name).or_default().add(Counts::of(&channel));
        }
        counts
    }

    /// Logs losses that are due to be said, and gives up outputs that were replaced and are stuck. To be called about once
    /// a second.
    pub fn look(&self) {
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

    /// Has all outputs deliver what waits, and waits for each as long as `patience` allows it, which is given how long the
    /// output has made no progress.
    pub fn close(&self, patience: impl Fn(&Channel, Duration) -> bool) {
        let all = self.all();
        all.iter().for_each(|channel| channel.close());
        let (began, ms) = (Instant::now(), self.settings().timeout.as_millis());
        let in_vain = |channel: &&Arc<Channel>| !channel.wait(began, |still| patience(channel, still));
        let stuck: Vec<_> = all.iter().filter(in_vain).collect();
        stuck.iter().for_each(|channel| channel.abandon(ms));
        // What can end at once, does: a program is killed, for instance.
        let began = Instant::now();
        for channel in stuck {
            channel.wait(began, |_| began.elapsed() < GRACE);
        }
        all.iter().for_each(|channel| channel.report(true));
    }
}
