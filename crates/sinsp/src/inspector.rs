//! The inspector: takes events, updates the state, and returns events with their state.

use std::sync::Arc;

use eyas_events::EventType;
use eyas_events::filter::UnusedFiles;
use eyas_scap::{Advance, Error, EventSource, Loss, RawEvent, Snapshot};

use crate::lookups::{AsyncLookups, RuntimeStats, Waits};
use crate::names::Follower;
use crate::needs::{Needs, Use};
use crate::observer::{Observer, Observers};
use crate::plugin::{PluginError, Plugins};
use crate::purge::Purge;
use crate::state::{
    self, Current, Layouts, PendingChange, Skips, State, StateStats, is_kept, makes_or_ends_threads,
};
use crate::verdicts::{LossWindow, Windows};
use crate::view::{EventView, Moment};

mod config;

pub use config::Config;

/// Minimum time between two lookups of threads in doubt, ns. A lookup takes about a tenth of this time.
const LOOK_INTERVAL: u64 = 2_000_000;
/// One in this number of skipped events is shown nevertheless.
const SAMPLED: u64 = 1024;
/// Maximum lag of events behind the running system for which lookups are useful, ns.
const CAUGHT_UP: u64 = 5_000_000;

/// Rebuilds the state of the system from events.
#[derive(Debug)]
pub struct Inspector {
    config: Config,
    /// Lookups in other threads.
    lookups: Option<AsyncLookups>,
    names: Option<Follower>,
    observers: Observers,
    state: State,
    purge: Purge,
    /// Event time from which the next thread in doubt may be looked up, ns.
    next_look: u64,
    moment: Moment,
    /// Whether further events about users and containers of the snapshot may come.
    initial: bool,
    /// The failure of a plugin at the beginning of the capture.
    failure: Option<Error>,
    needs: Option<Arc<Needs>>,
    /// Whether the source filters out events that open and close files.
    source_filters: UnusedFiles,
    skips: Skips,
    /// Number of unneeded events.
    unneeded: u64,
    /// Number of unneeded events that were skipped and would have been shown.
    skipped: u64,
    /// Times of losses, if they are tracked.
    windows: Option<Windows>,
    arena: bumpalo::Bump,
}

/// Result of [`Inspector::next`]. The list is complete, so a `match` needs no other arm.
#[derive(Debug)]
pub enum Step<'a> {
    /// An event.
    Event(EventView<'a>),
    /// No event at the moment (live only).
    Idle,
    /// The capture has ended.
    End,
}

/// An item that [`Inspector::next_with`] reports before the next shown event.
#[derive(Debug)]
pub enum Skipped<'a> {
    /// A snapshot, which replaces the state.
    Snapshot(&'a Snapshot),
    /// An event that only updates the state.
    Event(RawEvent<'a>),
    /// Losses before the next event.
    Losses(&'a [Loss]),
}

impl Default for Inspector {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl Inspector {
    /// An inspector with an empty state.
    pub fn new(mut config: Config) -> Self {
        let mut state = State::with_max(config.max_threads);
        state.set_rendering(std::mem::take(&mut config.rendering));
        state.layouts = Layouts::new(config.engines);
        let mut moment = Moment::default();
        moment.number_files();
        moment.reports.is_on = config.reports;
        let waits = Waits { containers: config.container_hold, accounts: config.account_wait };
        moment.exe_hashes = config.exe_hashes.take();
        moment.plugins = config.plugins.take().map(Box::new);
        Self {
            lookups: AsyncLookups::new(config.containers.take(), config.accounts.take(), waits),
            names: config.names.take().map(Follower::new),
            observers: Observers::default(),
            state,
            config,
            purge: Purge::default(),
            next_look: 0,
            moment,
            initial: true,
            failure: None,
            needs: None,
            source_filters: UnusedFiles::NONE,
            skips: Skips::default(),
            unneeded: 0,
            skipped: 0,
            windows: None,
            arena: bumpalo::Bump::new(),
        }
    }

    /// Results of lookups in container runtimes ([`Config::containers`]). Without permission for a
    /// runtime's socket, every field of its containers stays empty; this shows the reason.
    pub fn runtime_stats(&self) -> RuntimeStats {
        self.lookups.as_ref().map(AsyncLookups::runtime_stats).unwrap_or_default()
    }

    /// Calls the observer for every event from here on.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observers.add(observer);
    }

    /// The plugins from [`Config::plugins`].
    pub fn plugins(&self) -> Option<&Plugins> {
        self.moment.plugins.as_deref()
    }

    /// The plugins, which may be changed between two events.
    pub fn plugins_mut(&mut self) -> Option<&mut Plugins> {
        self.moment.plugins.as_deref_mut()
    }

    /// Ends the capture: plugins that follow it, send events or run routines stop. Dropping the inspector
    /// does the same, but ignores errors.
    ///
    /// # Errors
    /// A plugin does not stop.
    pub fn close(&mut self) -> Result<(), PluginError> {
        self.moment.plugins.as_ref().map_or(Ok(()), |plugins| plugins.end(&mut self.state))
    }

    /// Makes [`Inspector::next`] skip unneeded events, and track only needed state. All events are still
    /// counted. One in 1,024 of the skipped events is shown nevertheless: see [`EventView::is_sample`].
    ///
    /// Only in replays: an inspector with lookups or plugins shows every event.
    pub fn set_needs(&mut self, needs: Option<Arc<Needs>>) {
        self.skips.flush(&mut self.state);
        let is_alone = self.config.proc.is_none() && self.lookups.is_none() && self.moment.plugins.is_none();
        self.needs = needs.filter(|_| is_alone);
        self.update_tracking();
    }

    /// Number of skipped events that would have been shown.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Returns a view of the event that [`Inspector::process`] processed last.
    pub fn last<'a>(&'a self, event: RawEvent<'a>) -> EventView<'a> {
        EventView::new(event, &self.state, &self.moment, &self.arena)
    }

    /// The failure of a plugin at the beginning of the capture, since the last call.
    ///
    /// For those who call [`Inspector::process`] themselves: once after each event.
    ///
    /// # Errors
    /// The failure.
    pub fn plugin_failure(&mut self) -> Result<(), Error> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Notifies plugins that the capture has begun, although there is no event yet. Does nothing if they know
    /// already.
    ///
    /// For those who call [`Inspector::process`] themselves: at [`Advance::Idle`] and [`Advance::End`].
    ///
    /// # Errors
    /// A plugin fails.
    pub fn begin_without_event(&mut self) -> Result<(), Error> {
        self.make_pending_changes();
        self.begin_capture()
    }

    /// The current state. Descriptors and threads that the last event closed or ended still exist until the
    /// next step.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// A view of the present state with an event that has no thread. Use it for views of threads, files and
    /// containers, such as [`EventView::of_thread`].
    pub fn overview(&mut self) -> EventView<'_> {
        self.arena.reset();
        let event = crate::view::synthetic(self.moment.ts, -1, EventType::GENERIC_X);
        EventView::new(event, &self.state, self.arena.alloc(Moment::default()), &self.arena)
    }

    /// Counters of the state engine.
    pub fn stats(&self) -> StateStats {
        self.state.stats
    }

    /// Whether events were lost, and a thread that may have made them has not been looked up since. Its
    /// state, and the results of rules for its events, may be wrong. In a replay this stays true, because
    /// there are no lookups.
    pub fn is_in_doubt(&self) -> bool {
        self.state.doubts.remain()
    }

    /// Turns [`Inspector::loss_windows`] on or off.
    pub fn follow_losses(&mut self, on: bool) {
        self.windows = on.then(Windows::default);
    }

    /// The periods since the last call in which lost events may have hidden an alert: those that have ended, and the
    /// part so far of one that has lasted more than a second. `is_over` means that no more events come.
    /// Call this regularly. Without [`Inspector::follow_losses`] the result is empty.
    pub fn loss_windows(&mut self, is_over: bool) -> Vec<LossWindow> {
        let (ts, is_in_doubt) = (self.moment.ts, self.is_in_doubt());
        let Some(windows) = &mut self.windows else { return Vec::new() };
        let mut found = if is_over { windows.end(ts) } else { windows.take(ts, is_in_doubt) };
        for window in &mut found {
            let threads = self.state.threads.iter();
            window.threads = threads.filter(|thread| window.of.may_be_of(thread.pid)).count() as u64;
        }
        found
    }

    /// Replaces the state by a snapshot; the event numbers continue. If the snapshot has no users and
    /// groups, those of the host stay.
    pub fn load(&mut self, snapshot: Snapshot) {
        self.moment.current = Current::default();
        self.moment.number_files();
        self.initial = true;
        self.skips = Skips::default();
        self.state.load(snapshot, self.config.max_threads);
        if let Some(lookups) = &mut self.lookups {
            lookups.request_all(&self.state, self.moment.ts);
        }
    }

    /// Processes an event.
    pub fn process<'a>(&'a mut self, event: RawEvent<'a>) -> EventView<'a> {
        self.moment.reports.events.clear();
        self.update(&event);
        self.view(event)
    }

    /// Processes the source's events up to the next one that is shown, and returns it.
    ///
    /// Loads snapshots, and skips events that only update the state. Both are counted: the number of the next event
    /// includes them.
    ///
    /// # Errors
    /// The source fails.
    #[inline]
    pub fn next<'a, S: EventSource + ?Sized>(&'a mut self, source: &'a mut S) -> Result<Step<'a>, Error> {
        self.next_with(source, |_| {})
    }

    /// Like [`Inspector::next`], and calls `each` with every item that is not shown, for programs that
    /// record everything.
    ///
    /// # Errors
    /// The source fails.
    #[inline]
    pub fn next_with<'a, S: EventSource + ?Sized>(
        &'a mut self,
        source: &'a mut S,
        mut each: impl FnMut(Skipped<'_>),
    ) -> Result<Step<'a>, Error> {
        self.moment.reports.events.clear();
        loop {
            match source.advance()? {
                Advance::Event => {
                    let Some(event) = source.current() else { return Ok(Step::Idle) };
                    self.note_losses(source);
                    report_losses(source, &mut each);
                    let is_shown = match self.needs {
                        None => {
                            self.update(&event);
                            self.moment.is_sample = event.is_sample();
                            true
                        }
                        Some(_) => self.take_needed(&event),
                    };
                    if let Some(failure) = self.failure.take() {
                        return Err(failure);
                    }
                    if !is_shown {
                        continue;
                    }
                    if !self.is_hidden(&event) {
                        break;
                    }
                    each(Skipped::Event(event));
                }
                Advance::Snapshot(snapshot) => {
                    each(Skipped::Snapshot(&snapshot));
                    self.load(*snapshot);
                }
                Advance::Idle => {
                    self.note_losses(source);
                    report_losses(source, &mut each);
                    self.make_pending_changes();
                    self.begin_capture()?;
                    return Ok(Step::Idle);
                }
                Advance::End => {
                    self.note_losses(source);
                    report_losses(source, &mut each);
                    self.make_pending_changes();
                    self.begin_capture()?;
                    return Ok(Step::End);
                }
            }
        }
        Ok(source.current().map_or(Step::Idle, |event| Step::Event(self.view(event))))
    }

    /// Records the events that the source lost before its current item. After a loss, the suspected threads
    /// are in doubt: threads may have ended, other threads may have their ids, and files may have been
    /// opened and closed unseen. So each thread is looked up ([`Config::proc`]) at its next event, or when
    /// there is time, and corrected. Without losses this does nothing. In a replay it only counts.
    ///
    /// For those who call [`Inspector::process`] themselves: once after each [`EventSource::advance`].
    #[inline]
    pub fn note_losses<S: EventSource + ?Sized>(&mut self, source: &S) {
        if self.state.doubts.remain() || !source.losses().is_empty() {
            self.heal(source);
        }
        let unused_files = source.unused_files();
        if unused_files != self.source_filters {
            self.source_filters = unused_files;
            self.update_tracking();
        }
    }

    /// Turns the tracking of kinds of files on or off, depending on the source and the needs.
    #[cold]
    fn update_tracking(&mut self) {
        let by_needs = self.needs.as_ref().is_some_and(|needs| needs.forgets_files());
        let unused = UnusedFiles { plain: self.source_filters.plain || by_needs, ..self.source_filters };
        let can_ask = self.config.proc.is_some();
        self.make_pending_changes();
        self.state.set_unused_files(unused, self.moment.ts, can_ask);
    }

    /// Records losses, and looks up a thread in doubt: that of the event, or another one. The running
    /// system is ahead of the events. If it is far ahead, a lookup would return a later state than that of
    /// the events.
    #[cold]
    #[inline(never)]
    fn heal<S: EventSource + ?Sized>(&mut self, source: &S) {
        if let Some(windows) = &mut self.windows {
            for loss in source.losses() {
                windows.note(loss, state::reach(&loss.of, self.state.threads.is_shared()));
            }
        }
        self.state.doubt(source.losses(), self.config.proc.is_some());
        let event = source.current();
        let ts = event.map_or(self.moment.ts, |event| event.ts);
        self.state.end_losses(event.map(|event| event.cpu), ts);
        if event.is_some() {
            if ts < self.next_look {
                return;
            }
            self.next_look = ts + LOOK_INTERVAL;
            if source.lag() > CAUGHT_UP {
                return;
            }
        }
        self.make_pending_changes();
        let Some(proc) = &mut self.config.proc else { return };
        let mut ask = |tid| proc.thread(tid);
        if !event.is_some_and(|event| self.state.heal_thread_of(&event, &mut ask)) {
            self.state.heal_next(ts, &mut ask);
        }
    }

    /// Whether the next event only updates the state: it is counted but not shown. This is true of users,
    /// groups and containers that were known when the capture began, of events that a capture marks so, and
    /// of enter events, which only complete exit events.
    ///
    /// For those who call [`Inspector::process`] themselves; call it once for each event, in order.
    #[inline]
    pub fn is_hidden(&mut self, event: &RawEvent<'_>) -> bool {
        self.initial = self.initial && is_of_beginning(event.ty);
        self.initial || event.state_only || is_kept(event.ty)
    }

    /// Processes the needed part of the event; returns whether the event is shown.
    #[inline]
    fn take_needed(&mut self, event: &RawEvent<'_>) -> bool {
        let has_beginnings = self.state.has_beginnings;
        let of = self.needs.as_ref().map_or(Use::Shown, |needs| needs.find(event, has_beginnings));
        let mut is_sample = false;
        if of != Use::Shown {
            self.unneeded += 1;
            is_sample = self.unneeded.is_multiple_of(SAMPLED);
        }
        let can_skip = of == Use::Nothing && !is_sample && !has_beginnings && self.observers.is_empty();
        if can_skip && self.skips.note(event) {
            // The changes that the previous event left are due now.
            self.make_pending_changes();
            self.moment.advance(event);
        } else {
            if makes_or_ends_threads(event.ty) {
                self.skips.flush(&mut self.state);
            }
            self.update(event);
            if of == Use::Nothing {
                self.skips.keep(&mut self.state, event, self.moment.current.thread);
            }
        }
        self.moment.is_sample = is_sample;
        if of == Use::Shown || is_sample {
            return true;
        }
        self.skipped += u64::from(!self.is_hidden(event));
        false
    }

    /// Makes the changes of the last event that had to wait until rules saw it.
    #[inline]
    fn make_pending_changes(&mut self) {
        let Moment { current, ts, .. } = &mut self.moment;
        if !matches!(current.pending, PendingChange::Nothing) || !current.bases.is_empty() {
            state::finish(&mut self.state, *ts, current);
        }
    }

    #[inline]
    fn update(&mut self, event: &RawEvent<'_>) {
        self.make_pending_changes();
        self.moment.advance(event);
        let current = &mut self.moment.current;
        match &mut self.config.proc {
            Some(proc) => {
                if event.ts >= self.purge.next {
                    let (interval, age) = (self.config.purge_interval, self.config.purge_age);
                    self.purge.step(&mut self.state, &mut **proc, event.ts, interval, age);
                }
                state::apply(&mut self.state, event, Some(&mut |tid| proc.thread(tid)), current);
            }
            None => state::apply(&mut self.state, event, None, current),
        }
        if self.config.large_environment
            && let Some(proc) = &mut self.config.proc
        {
            self.state.complete_environment(event, current, &mut |tid| proc.thread(tid));
        }
        if let Some(lookups) = &mut self.lookups {
            lookups.after(&mut self.state, event, current, &mut self.moment.reports);
        }
        if let Some(names) = self.names.as_mut().and_then(Follower::newer) {
            self.state.names = names;
        }
        if self.moment.plugins.is_some() {
            self.call_plugins(event);
        }
        if !self.observers.is_empty() {
            self.call_observers(*event);
        }
    }

    /// Calls the plugins' parsers for the event. Before the first event that does not belong to the initial
    /// state, it notifies plugins that the capture begins.
    #[cold]
    fn call_plugins(&mut self, event: &RawEvent<'_>) {
        if !(self.initial && is_of_beginning(event.ty)) {
            self.failure = self.begin_capture().err();
        }
        if let Some(plugins) = &self.moment.plugins {
            plugins.parse(&mut self.state, *event, self.moment.num);
        }
    }

    fn begin_capture(&mut self) -> Result<(), Error> {
        let Some(plugins) = &self.moment.plugins else { return Ok(()) };
        // From here on, events that plugins send into a live capture are not initial.
        self.initial = self.initial && plugins.queue().is_none();
        plugins.begin(&mut self.state)
    }

    #[cold]
    fn call_observers(&mut self, event: RawEvent<'_>) {
        let mut observers = std::mem::take(&mut self.observers);
        observers.call(&self.view(event));
        self.observers = observers;
    }

    #[inline]
    fn view<'a>(&'a mut self, event: RawEvent<'a>) -> EventView<'a> {
        self.arena.reset();
        EventView::new(event, &self.state, &self.moment, &self.arena)
    }
}

impl Drop for Inspector {
    fn drop(&mut self) {
        // A caller who needs the error calls `close`.
        let _ = self.close();
    }
}

#[inline]
fn report_losses<S: EventSource + ?Sized>(source: &S, each: &mut impl FnMut(Skipped<'_>)) {
    if !source.losses().is_empty() {
        each(Skipped::Losses(source.losses()));
    }
}

/// Whether events of this type can belong to the initial state.
const fn is_of_beginning(ty: EventType) -> bool {
    matches!(
        ty,
        EventType::USER_ADDED_E
            | EventType::USER_DELETED_E
            | EventType::GROUP_ADDED_E
            | EventType::GROUP_DELETED_E
            | EventType::CONTAINER_JSON_E
            | EventType::CONTAINER_JSON_2_E
            | EventType::ASYNCEVENT_E
    )
}
