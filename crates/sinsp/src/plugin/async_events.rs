//! Events that a plugin sends from any thread into a live capture.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Log, PluginError, PluginInfo, SYSCALL, Severity};

/// Maximum number of waiting asynchronous events. Further ones are dropped and counted.
pub const MAX_QUEUED: usize = 4096;

/// Maximum size of an asynchronous event's name and data, bytes. Larger events are dropped and counted.
pub const MAX_ASYNC_BYTES: usize = 64 << 10;

/// Maximum size of all waiting events, bytes.
const MAX_QUEUED_BYTES: usize = 16 << 20;

/// Events that are further ahead of the clock than this are dropped, ns.
const MAX_AHEAD: u64 = 10_000_000_000;

/// An asynchronous event of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsyncEvent<'a> {
    /// Time in ns since the epoch; `None` for the time of delivery.
    pub ts: Option<u64>,
    /// Id of its thread; -1 for none.
    pub tid: i64,
    /// Id of the source plugin in the event. The host sets it to that of the open source, except in dumps.
    pub plugin_id: u32,
    /// One of [`PluginInfo::async_names`].
    pub name: &'a [u8],
    /// Its content, in a format of the plugin.
    pub data: &'a [u8],
}

/// Common settings of the senders of an inspector's plugins.
#[derive(Clone)]
pub struct AsyncSettings {
    /// The captured source.
    pub source: Box<str>,
    /// Id of the plugin that yields its events; 0 for system calls.
    pub source_id: u32,
    /// The clock: ns since the epoch.
    pub now: fn() -> u64,
    /// The log for warnings about lost events.
    pub log: Log,
}

impl AsyncSettings {
    /// Settings for a capture of system calls.
    pub fn new(log: Log) -> Self {
        Self { source: SYSCALL.into(), source_id: 0, now: clock, log }
    }

    /// Settings for a capture of a plugin's source.
    #[must_use]
    pub fn with_source(mut self, id: u32, name: &str) -> Self {
        (self.source, self.source_id) = (name.into(), id);
        self
    }
}

/// The time, ns since the epoch.
pub(super) fn clock() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A waiting event.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueuedEvent {
    /// Time in ns since the epoch; `None` for the time of delivery.
    pub ts: Option<u64>,
    /// Thread; -1 for none.
    pub tid: i64,
    /// Lengths of the three parameters, then the parameters, as in a frame after the header.
    pub body: Vec<u8>,
}

/// The parameters of an asynchronous event, in the form of a frame.
pub(super) fn body(event: &AsyncEvent<'_>) -> Vec<u8> {
    let len = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let mut body = Vec::with_capacity(17 + event.name.len() + event.data.len());
    body.extend_from_slice(&4u32.to_le_bytes());
    body.extend_from_slice(&len(event.name.len() + 1));
    body.extend_from_slice(&len(event.data.len()));
    body.extend_from_slice(&event.plugin_id.to_le_bytes());
    body.extend_from_slice(event.name);
    body.push(0);
    body.extend_from_slice(event.data);
    body
}

/// Waiting events, ordered by time. Events without a time come first, and equal ones in order of arrival.
/// Handles are cheap to clone.
#[derive(Clone)]
pub struct AsyncQueue(Arc<Queue>);

struct Queue {
    settings: AsyncSettings,
    waiting: Mutex<Waiting>,
    /// Number of waiting events, so that the event loop checks without the lock.
    len: AtomicU64,
    lost: AtomicU64,
    /// The kinds of losses that were logged. A full queue is logged again after it was empty; others are
    /// logged once. So a flood of events does not flood the log.
    logged: AtomicU8,
}

#[derive(Default)]
struct Waiting {
    events: BTreeMap<(u64, u64), QueuedEvent>,
    bytes: usize,
    arrivals: u64,
}

/// Reason of a loss.
#[derive(Clone, Copy)]
enum Loss {
    Full = 1,
    Future = 2,
    TooLarge = 4,
}

impl AsyncQueue {
    /// An empty queue.
    pub fn new(settings: AsyncSettings) -> Self {
        let (waiting, len, lost) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Queue { settings, waiting, len, lost, logged: AtomicU8::new(0) }))
    }

    /// The senders' common settings.
    pub fn settings(&self) -> &AsyncSettings {
        &self.0.settings
    }

    /// A sender for a plugin.
    pub fn sender(&self, plugin: Arc<PluginInfo>) -> AsyncSender {
        AsyncSender { plugin, queue: Arc::clone(&self.0) }
    }

    /// Number of lost events: the queue was full, or they were too far ahead of the clock.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Removes the next waiting event that comes before this time.
    #[inline]
    pub fn take_before(&self, ts: u64) -> Option<QueuedEvent> {
        if self.0.len.load(Ordering::Acquire) == 0 { None } else { self.0.take(ts) }
    }
}

impl std::fmt::Debug for AsyncQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncQueue").field("source", &self.0.settings.source).finish_non_exhaustive()
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // No operation under the lock can leave it inconsistent.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, event: QueuedEvent) {
        let mut waiting = self.lock();
        let bytes = waiting.bytes + event.body.len();
        if waiting.events.len() >= MAX_QUEUED || bytes > MAX_QUEUED_BYTES {
            drop(waiting);
            return self.count_lost(Loss::Full);
        }
        waiting.bytes = bytes;
        waiting.arrivals += 1;
        let key = (event.ts.unwrap_or(0), waiting.arrivals);
        waiting.events.insert(key, event);
        self.len.store(waiting.events.len() as u64, Ordering::Release);
    }

    /// Counts an event that is lost, and logs the first of its kind.
    fn count_lost(&self, why: Loss) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        if self.logged.fetch_or(why as u8, Ordering::Relaxed) & why as u8 == 0 {
            let text = match why {
                Loss::Full => "async event queue is full",
                Loss::Future => "async event ts too far in future",
                Loss::TooLarge => "async event is larger than 65536 bytes",
            };
            (self.settings.log)(Severity::Warning, text);
        }
    }

    #[cold]
    fn take(&self, ts: u64) -> Option<QueuedEvent> {
        let mut waiting = self.lock();
        let first = waiting.events.first_entry().filter(|first| first.key().0 <= ts)?;
        let event = first.remove();
        waiting.bytes -= event.body.len();
        if waiting.events.is_empty() {
            self.logged.fetch_and(!(Loss::Full as u8), Ordering::Relaxed);
        }
        self.len.store(waiting.events.len() as u64, Ordering::Release);
        Some(event)
    }
}

/// Sends a plugin's asynchronous events. Any number of threads may use it at a time. It never waits: if
/// [`MAX_QUEUED`] events wait, it drops and counts the event.
#[derive(Clone)]
pub struct AsyncSender {
    plugin: Arc<PluginInfo>,
    queue: Arc<Queue>,
}

impl AsyncSender {
    /// Copies the event and queues it. A lost event is no error for the caller.
    ///
    /// # Errors
    /// The plugin declares no event of this name, or none for this source, or the event has a thread in a capture that
    /// has no threads.
    pub fn send(&self, event: &AsyncEvent<'_>) -> Result<(), PluginError> {
        let settings = &self.queue.settings;
        let plugin = &self.plugin.name;
        check_name(&self.plugin, event)?;
        let source = &settings.source;
        if !self.plugin.sends_to(source) {
            return Err(PluginError::new(format!(
                "async events of plugin '{plugin}' are not compatible with open event source '{source}'"
            )));
        }
        if event.tid != -1 && settings.source_id != 0 {
            return Err(PluginError::new(format!(
                "async events of plugin '{plugin}' can have no thread associated with open event source '{source}'"
            )));
        }
        if event.name.len() + event.data.len() > MAX_ASYNC_BYTES {
            self.queue.count_lost(Loss::TooLarge);
            return Ok(());
        }
        if event.ts.is_some_and(|ts| ts > (settings.now)().saturating_add(MAX_AHEAD)) {
            self.queue.count_lost(Loss::Future);
            return Ok(());
        }
        let event = AsyncEvent { plugin_id: settings.source_id, ..*event };
        self.queue.put(QueuedEvent { ts: event.ts, tid: event.tid, body: body(&event) });
        Ok(())
    }
}

/// Whether the plugin declares events of this name.
///
/// # Errors
/// The plugin does not declare it.
pub(super) fn check_name(plugin: &PluginInfo, event: &AsyncEvent<'_>) -> Result<(), PluginError> {
    if plugin.async_names.iter().any(|name| name.as_bytes() == event.name) {
        return Ok(());
    }
    let name = String::from_utf8_lossy(event.name);
    Err(PluginError::new(format!("incompatible async event '{name}' produced by plugin: {}", plugin.name)))
}

impl std::fmt::Debug for AsyncSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncSender").field("plugin", &self.plugin.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
