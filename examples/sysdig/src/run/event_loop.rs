//! The event loop: from a source through the inspector and the filter to the sinks.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow, bail};
use eyas::rules::condition;
use eyas::scap::{Advance, EventSource, RawEvent, Snapshot};
use eyas::sinsp::plugin::Plugins;
use eyas::sinsp::{EventView, Inspector, SharedNames};
use eyas_console::ShowPath;
use eyas_console::note;

use super::deadline::Deadline;
use crate::args::Args;
use crate::filter::compile;
use crate::input::{self, Needs};
use crate::progress::Progress;
use crate::sink::Sink;
use crate::suppress::Suppressed;

/// Number of events between two checks of whether the sinks are done.
const STRIDE: u64 = 64;

/// Reads sources, and passes their events through the filter to the outputs.
pub(super) struct Loop<'a> {
    args: &'a Args,
    filter: Option<condition::Filter>,
    /// Filter for the processes and files at the beginning of a recording.
    files: Option<condition::Filter>,
    stop: Arc<AtomicBool>,
    /// Number of events that passed the filter.
    pub passed: u64,
    names: SharedNames,
    needs: Needs,
    pub suppressed: Suppressed,
    deadline: Deadline,
    /// The current capture; `None` for the kernel.
    pub path: Option<String>,
    /// Sinks also get the events that the filter rejects.
    pub keeps_state: bool,
}

impl<'a> Loop<'a> {
    pub(super) fn new(
        args: &'a Args,
        needs: Needs,
        stop: &Arc<AtomicBool>,
        names: SharedNames,
    ) -> Result<Self> {
        let compiled = || args.condition().map(|text| compile(&text).map(|(filter, _)| filter)).transpose();
        let suppressed = if args.is_replay() { &args.suppress[..] } else { &[] };
        Ok(Self {
            args,
            filter: compiled()?,
            files: compiled()?.filter(|_| args.filter_snapshot),
            stop: stop.clone(),
            passed: 0,
            names,
            needs,
            suppressed: Suppressed::new(suppressed),
            deadline: Deadline::new(args),
            path: None,
            keeps_state: args.keeps_names()
                || args.keeps_state()
                || args.perfetto.is_some()
                || args.parquet.is_some(),
        })
    }

    /// Whether no further event is needed.
    pub(super) fn is_over(&self, sinks: &[Box<dyn Sink>]) -> bool {
        self.args.count.is_some_and(|count| self.passed >= count)
            || self.stop.load(Ordering::Relaxed)
            || self.deadline.is_over
            || (!sinks.is_empty() && sinks.iter().all(|sink| sink.is_done()))
    }

    /// Reads one source to its end, or until no further event is needed.
    pub(super) fn run(
        &mut self,
        (source, plugins): (&mut dyn EventSource, Option<Plugins>),
        sinks: &mut [&mut (dyn Sink + '_)],
        progress: &mut Progress,
    ) -> Result<()> {
        let mut config = input::inspector_config(self.args, self.needs);
        config.plugins = plugins;
        let mut inspector = Inspector::new(config.with_names(Some(self.names.clone())));
        while self.args.count.is_none_or(|count| self.passed < count) {
            // A live capture still delivers the events that happened before it was stopped.
            let is_stopped = self.stop.load(Ordering::Relaxed) || self.deadline.is_past_now();
            if is_stopped && !source.stop() {
                break;
            }
            let advance = match source.advance() {
                // A stream may end at any byte once a signal requested the end of the program.
                Err(_) if self.stop.load(Ordering::Relaxed) => break,
                Err(error) => {
                    let of_capture = self.path.as_ref().map(|path| format!("{path}: "));
                    bail!("{}{error}", of_capture.unwrap_or_default());
                }
                Ok(advance) => advance,
            };
            inspector.note_losses(source);
            if !source.losses().is_empty() {
                for sink in &mut *sinks {
                    sink.losses(source.losses())?;
                }
            }
            match advance {
                Advance::Snapshot(snapshot) => self.begin(&mut inspector, snapshot, sinks)?,
                Advance::Event => {
                    let Some(event) = source.current() else { continue };
                    progress.event();
                    if !self.event(&mut inspector, event, sinks)? {
                        break;
                    }
                }
                Advance::Idle => {
                    inspector.begin_without_event()?;
                    for sink in &mut *sinks {
                        sink.idle()?;
                    }
                }
                Advance::End => {
                    inspector.begin_without_event()?;
                    break;
                }
            }
        }
        source.finish()?;
        inspector.close().map_err(|error| anyhow!("{error}"))?;
        for failing in inspector.runtime_stats().sockets {
            if let Some(error) = failing.error {
                note!("Container runtime at {}: {error}", failing.socket.shown());
            }
        }
        let now = inspector.overview();
        sinks.iter_mut().try_for_each(|sink| sink.end(&now))
    }

    /// Replaces the state by a snapshot, and passes to the sinks the part of it that they need.
    fn begin(
        &self,
        inspector: &mut Inspector,
        mut snapshot: Box<Snapshot>,
        sinks: &mut [&mut (dyn Sink + '_)],
    ) -> Result<()> {
        if self.args.exclude_users && (!self.args.is_replay() || self.args.write.is_some()) {
            (snapshot.users, snapshot.groups) = (Vec::new(), Vec::new());
        }
        if self.files.is_some() {
            inspector.load(*snapshot.clone());
            self.select(&mut snapshot, &inspector.overview());
            return sinks.iter_mut().try_for_each(|sink| sink.snapshot(&snapshot));
        }
        sinks.iter_mut().try_for_each(|sink| sink.snapshot(&snapshot))?;
        inspector.load(*snapshot);
        self.dump_plugins(inspector, sinks)
    }

    /// Processes an event, and passes it to the sinks that need it. Returns whether to continue.
    fn event(
        &mut self,
        inspector: &mut Inspector,
        event: RawEvent<'_>,
        sinks: &mut [&mut (dyn Sink + '_)],
    ) -> Result<bool> {
        let hidden = inspector.is_hidden(&event);
        inspector.process(event);
        inspector.plugin_failure()?;
        let view = inspector.last(event);
        for report in view.reports() {
            sinks.iter_mut().try_for_each(|sink| sink.report(&report.as_raw()))?;
        }
        if hidden {
            sinks.iter_mut().try_for_each(|sink| sink.hidden(&view))?;
            return Ok(true);
        }
        if self.deadline.is_past(event.ts) {
            return Ok(false);
        }
        if self.suppressed.hides(&view) {
            return Ok(true);
        }
        if self.filter.as_ref().map_or(Ok(true), |filter| filter.matches(&view))? {
            self.passed += 1;
            sinks.iter_mut().try_for_each(|sink| sink.event(&view))?;
            let asks = self.passed % STRIDE == 1 && !sinks.is_empty();
            return Ok(!(asks && sinks.iter().all(|sink| sink.is_done())));
        }
        if self.keeps_state {
            sinks.iter_mut().try_for_each(|sink| sink.state(&view))?;
        }
        Ok(true)
    }

    /// Writes the state of the plugins at the beginning of a live capture. Recorded captures already have
    /// it.
    fn dump_plugins(&self, inspector: &Inspector, sinks: &mut [&mut (dyn Sink + '_)]) -> Result<()> {
        let Some(plugins) = inspector.plugins().filter(|_| self.args.write.is_some()) else { return Ok(()) };
        if plugins.queue().is_none() {
            return Ok(());
        }
        for event in plugins.state_events() {
            for sink in &mut *sinks {
                sink.report(&event.as_raw())?;
            }
        }
        Ok(())
    }

    /// Removes processes from a snapshot that do not satisfy the filter. If only some files of a process
    /// satisfy it, the process is kept with these files.
    fn select(&self, snapshot: &mut Snapshot, now: &EventView<'_>) {
        let Some(filter) = &self.files else { return };
        let passes = |view: &EventView<'_>| filter.matches(view).unwrap_or(false);
        let matches = |tid| now.of_thread(tid).is_some_and(|thread| passes(&thread));
        let mut kept: HashSet<i64> =
            snapshot.threads.iter().map(|thread| thread.tid).filter(|tid| matches(*tid)).collect();
        for (tid, files) in &mut snapshot.fds {
            if kept.contains(tid) {
                continue;
            }
            files.retain(|file| now.of_file(*tid, file.fd).is_some_and(|file| passes(&file)));
            if !files.is_empty() {
                kept.insert(*tid);
            }
        }
        snapshot.threads.retain(|thread| kept.contains(&thread.tid));
        snapshot.fds.retain(|(tid, _)| kept.contains(tid));
    }
}
