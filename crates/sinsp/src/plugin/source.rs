//! Sources of plugin events and of asynchronous events.

use std::sync::Arc;

use eyas_events::EventType;
use eyas_events::filter::UnusedFiles;
use eyas_scap::{Advance, Error, EventSource, Loss, RawEvent, Snapshot, Stats};

use super::async_events::{AsyncQueue, QueuedEvent};
use super::batch::{Batch, Flow};
use super::error::PluginError;
use super::info::PluginInfo;
use super::traits::EventStream;

/// Position of the plugin's id in the parameters of a plugin event, after two lengths.
const ID: std::ops::Range<usize> = 8..12;

/// The events of a plugin.
pub struct PluginSource {
    info: Arc<PluginInfo>,
    stream: Box<dyn EventStream>,
    /// The initial snapshot, until it was returned.
    snapshot: Option<Box<Snapshot>>,
    batch: Batch,
    /// Index of the next event in the batch.
    at: usize,
    /// The state after the batch.
    flow: Result<Flow, PluginError>,
    /// Time of the current event.
    ts: u64,
    now: fn() -> u64,
    stats: Stats,
    is_stopped: bool,
}

impl PluginSource {
    /// The events of an open plugin source. The capture begins with `snapshot`, which is empty or describes
    /// the machine.
    pub fn new(info: Arc<PluginInfo>, stream: Box<dyn EventStream>, snapshot: Snapshot) -> Self {
        Self {
            info,
            stream,
            snapshot: Some(Box::new(snapshot)),
            batch: Batch::default(),
            at: 0,
            flow: Ok(Flow::More),
            ts: 0,
            now: super::async_events::clock,
            stats: Stats::default(),
            is_stopped: false,
        }
    }

    /// Progress of reading the source: percent, and a text for users.
    pub fn progress(&mut self) -> Option<(f64, String)> {
        self.stream.progress()
    }

    fn failure(text: impl Into<Box<str>>) -> Error {
        Error::Source(PluginError::new(text).into())
    }

    /// Checks the event at the index, sets the plugin's id, and determines the time.
    fn take(&mut self, at: usize) -> Result<(), Error> {
        let name = &self.info.name;
        let own = self.info.source.as_ref().map(|source| source.id);
        let Some(event) = self.batch.get(at) else { return Ok(()) };
        let (ts, ty) = (event.ts, event.ty);
        let is_plugin_event = ty == EventType::PLUGINEVENT_E;
        let raw = RawEvent::from_parts(0, event.tid, ty, 0, event.nparams, event.body);
        let malformed = || Self::failure(format!("malformed plugin event produced by plugin: '{name}'"));
        let raw = raw.filter(|raw| {
            ty.0 < EventType::COUNT as u16 && raw.params().map(<[u8]>::len).sum::<usize>() <= raw.body().len()
        });
        let raw = raw.ok_or_else(malformed)?;
        if is_plugin_event || own.is_some() {
            if !is_plugin_event || event.nparams != 2 {
                return Err(malformed());
            }
            let given = raw.uint(0).and_then(|id| u32::try_from(id).ok()).ok_or_else(malformed)?;
            match own {
                None if given == 0 => {
                    return Err(Self::failure(format!(
                        "malformed plugin event produced by plugin (no ID): '{name}'"
                    )));
                }
                Some(own) if given == 0 => {
                    let body = self.batch.body_mut(at).and_then(|body| body.get_mut(ID));
                    body.ok_or_else(|| Self::failure("a plugin event without an id"))?
                        .copy_from_slice(&own.to_le_bytes());
                }
                Some(own) if given != own => {
                    return Err(Self::failure(format!(
                        "unexpected plugin ID in plugin event: plugin='{name}', expected_id={own}, actual_id={given}"
                    )));
                }
                _ => {}
            }
        }
        self.ts = ts.unwrap_or_else(self.now);
        Ok(())
    }
}

impl EventSource for PluginSource {
    fn advance(&mut self) -> Result<Advance, Error> {
        if let Some(snapshot) = self.snapshot.take() {
            return Ok(Advance::Snapshot(snapshot));
        }
        loop {
            if self.at < self.batch.len() {
                self.at += 1;
                self.stats.produced += 1;
                self.take(self.at - 1)?;
                return Ok(Advance::Event);
            }
            if self.is_stopped {
                self.batch.clear();
                self.at = 0;
                return Ok(Advance::End);
            }
            // The state after a batch is returned once, after its events. Then the plugin is called again.
            match std::mem::replace(&mut self.flow, Ok(Flow::More)) {
                Ok(Flow::More) => {
                    self.batch.clear();
                    self.at = 0;
                    self.flow = self.stream.next_batch(&mut self.batch);
                    if self.batch.is_empty() && self.flow == Ok(Flow::More) {
                        let name = &self.info.name;
                        return Err(Self::failure(format!(
                            "unexpected 0 size event returned by plugin {name}"
                        )));
                    }
                }
                Ok(flow) => {
                    self.batch.clear();
                    self.at = 0;
                    return Ok(if flow == Flow::End { Advance::End } else { Advance::Idle });
                }
                Err(error) => return Err(Error::Source(error.into())),
            }
        }
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        let event = self.batch.get(self.at.checked_sub(1)?)?;
        let tid = if event.ty == EventType::PLUGINEVENT_E { -1 } else { event.tid };
        RawEvent::from_parts(self.ts, tid, event.ty, 0, event.nparams, event.body)
    }

    fn stop(&mut self) -> bool {
        self.is_stopped = true;
        // The batch has more events.
        true
    }

    fn stats(&mut self) -> Stats {
        self.stats
    }
}

impl std::fmt::Debug for PluginSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginSource").field("plugin", &self.info.name).finish_non_exhaustive()
    }
}

/// A source that merges the asynchronous events of plugins with its own, by time.
#[derive(Debug)]
pub struct AsyncSource<S> {
    inner: S,
    queue: AsyncQueue,
    /// The source's next item, while asynchronous events come before it.
    waiting: Option<Advance>,
    /// The current asynchronous event, with its time.
    current: Option<(u64, QueuedEvent)>,
}

impl<S: EventSource> AsyncSource<S> {
    /// Merges the events of `inner` and those in the queue.
    pub fn new(inner: S, queue: AsyncQueue) -> Self {
        Self { inner, queue, waiting: None, current: None }
    }

    /// The source of the other events.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The source of the other events, mutable.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }
}

impl<S: EventSource> EventSource for AsyncSource<S> {
    fn advance(&mut self) -> Result<Advance, Error> {
        self.current = None;
        let next = match self.waiting.take() {
            Some(next) => next,
            None => self.inner.advance()?,
        };
        let now = self.queue.settings().now;
        let before = match next {
            Advance::Event => self.inner.current().map_or(0, |event| event.ts),
            Advance::Idle => now(),
            // Events that wait when the source ends are not delivered.
            Advance::Snapshot(_) | Advance::End => return Ok(next),
        };
        match self.queue.take_before(before) {
            None => Ok(next),
            Some(event) => {
                // After the last asynchronous event, an idle source is advanced again.
                self.waiting = matches!(next, Advance::Event).then_some(next);
                self.current = Some((event.ts.unwrap_or_else(now), event));
                Ok(Advance::Event)
            }
        }
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        match &self.current {
            Some((ts, event)) => {
                RawEvent::from_parts(*ts, event.tid, EventType::ASYNCEVENT_E, 0, 3, &event.body)
            }
            None => self.inner.current(),
        }
    }

    fn stop(&mut self) -> bool {
        self.inner.stop()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.inner.finish()
    }

    fn losses(&self) -> &[Loss] {
        // An asynchronous event is between two events of the source.
        if self.current.is_some() { &[] } else { self.inner.losses() }
    }

    fn unused_files(&self) -> UnusedFiles {
        self.inner.unused_files()
    }

    fn lag(&self) -> u64 {
        if self.current.is_some() { 0 } else { self.inner.lag() }
    }

    fn stats(&mut self) -> Stats {
        self.inner.stats()
    }
}

/// Name of the event's source without plugins: system calls, if it is no plugin event.
pub(crate) fn known_source(event: &RawEvent<'_>) -> Option<&'static str> {
    use eyas_events::param::{ASYNCEVENT_E, PLUGINEVENT_E};
    let id = match event.ty {
        EventType::PLUGINEVENT_E => event.uint(PLUGINEVENT_E::plugin_id),
        EventType::ASYNCEVENT_E => event.uint(ASYNCEVENT_E::plugin_id),
        _ => Some(0),
    };
    (id == Some(0)).then_some(super::info::SYSCALL)
}
