//! Events go in, events with their meaning come out.

use std::time::Duration;

use std::sync::Arc;

use eyas_events::EventType;
use eyas_scap::{Advance, Error, EventSource, RawEvent, Snapshot};

use crate::exe_hashes::ExeHashes;
use crate::lookups::{AccountLookup, AsyncLookups, ContainerLookup, RuntimeStats, Waits};
use crate::names::{Follower, SharedNames};
use crate::needs::{Needs, Use};
use crate::observer::{Observer, Observers};
use crate::plugin::{PluginError, Plugins};
use crate::proc_lookup::ProcLookup;
use crate::purge::Purge;
use crate::rendering::Rendering;
use crate::state::{
    self, Current, Engines, Layouts, Rest, Skips, State, StateStats, is_kept, makes_or_ends_threads,
};
use crate::verdicts::{LossWindow, Windows};
use crate::view::{EventView, Moment};

/// Least time between two events at which a thread in doubt is asked about, ns: a look costs a tenth of that.
const LOOK_INTERVAL: u64 = 2_000_000;
/// Of so many events that are left out, one is shown.
const SAMPLED: u64 = 1024;
/// How far the events may be behind the running system for what it returns to be of use, ns.
const CAUGHT_UP: u64 = 5_000_000;

/// Limits and look-ups of an [`Inspector`].
#[non_exhaustive]
pub struct Config {
    /// Asked about unknown threads; `None` in a replay.
    pub proc: Option<Box<dyn ProcLookup>>,
    /// Asked about containers that processes are in; `None` in a replay.
    pub containers: Option<Box<dyn ContainerLookup>>,
    /// Asked about users and groups in containers; `None` in a replay.
    pub accounts: Option<Box<dyn AccountLookup>>,
    /// Hashes of executed files, for the field `proc.exe_hash.sha256`; `None` in a replay, whose files are not there.
    pub exe_hashes: Option<ExeHashes>,
    /// Whose containers count: a process in one of another engine is a process of the host.
    pub engines: Engines,
    /// How long events of a container may wait for what [`Config::containers`] knows of it, from its first event on, and
    /// all events behind them. Zero, and nothing waits.
    pub container_hold: Duration,
    /// How long an event may wait for the users of its container, while none of them are known. It comes to the reading
    /// of two small files, once for each container. Zero, and nothing waits.
    pub account_wait: Duration,
    /// Whether [`EventView::reports`] has what look-ups find, for programs that write captures.
    pub reports: bool,
    /// Which domain names stand for which addresses; without it no name is known.
    pub names: Option<SharedNames>,
    /// How parameters and names are written.
    pub rendering: Rendering,
    /// Plugins that have fields of the events, parse them or follow the capture.
    pub plugins: Option<Plugins>,
    /// Whether [`Config::proc`] is asked for an environment that the event has only the beginning of. It should keep more
    /// than 4,096 bytes itself. Of a process that has ended meanwhile the beginning is kept.
    pub large_environment: bool,
    /// Most threads that are kept.
    pub max_threads: usize,
    /// Time between two searches for threads that are gone, ns of event time.
    pub purge_interval: u64,
    /// Age from which a thread without events is suspected to be gone, ns.
    pub purge_age: u64,
}

impl Default for Config {
    fn default() -> Self {
        const SECOND: u64 = 1_000_000_000;
        Self {
            proc: None,
            containers: None,
            accounts: None,
            exe_hashes: None,
            engines: Engines::default(),
            container_hold: Duration::ZERO,
            account_wait: Duration::ZERO,
            reports: false,
            names: None,
            rendering: Rendering::default(),
            plugins: None,
            large_environment: false,
            max_threads: 262_144,
            purge_interval: 300 * SECOND,
            purge_age: 300 * SECOND,
        }
    }
}

/// Each function replaces the limit or look-up of its name.
impl Config {
    /// See [`Config::proc`].
    #[must_use]
    pub fn with_proc(mut self, lookup: impl ProcLookup + 'static) -> Self {
        self.proc = Some(Box::new(lookup));
        self
    }

    /// See [`Config::containers`].
    #[must_use]
    pub fn with_containers(mut self, lookup: impl ContainerLookup + 'static) -> Self {
        self.containers = Some(Box::new(lookup));
        self
    }

    /// See [`Config::accounts`].
    #[must_use]
    pub fn with_accounts(mut self, lookup: impl AccountLookup + 'static) -> Self {
        self.accounts = Some(Box::new(lookup));
        self
    }

    /// See [`Config::exe_hashes`].
    #[must_use]
    pub fn with_exe_hashes(mut self, hashes: ExeHashes) -> Self {
        self.exe_hashes = Some(hashes);
        self
    }

    /// See [`Config::engines`].
    #[must_use]
    pub fn with_engines(mut self, engines: Engines) -> Self {
        self.engines = engines;
        self
    }

    /// See [`Config::container_hold`].
    #[must_use]
    pub fn with_container_hold(mut self, longest: Duration) -> Self {
        self.container_hold = longest;
        self
    }

    /// See [`Config::account_wait`].
    #[must_use]
    pub fn with_account_wait(mut self, longest: Duration) -> Self {
        self.account_wait = longest;
        self
    }

    /// See [`Config::plugins`].
    #[must_use]
    pub fn with_plugins(mut self, plugins: Plugins) -> Self {
        self.plugins = Some(plugins);
        self
    }

    /// See [`Config::reports`].
    #[must_use]
    pub fn with_reports(mut self, on: bool) -> Self {
        self.reports = on;
        self
    }

    /// See [`Config::names`].
    #[must_use]
    pub fn with_names(mut self, names: Option<SharedNames>) -> Self {
        self.names = names;
        self
    }

    /// See [`Config::rendering`].
    #[must_use]
    pub fn with_rendering(mut self, rendering: Rendering) -> Self {
        self.rendering = rendering;
        self
    }

    /// See [`Config::large_environment`].
    #[must_use]
    pub fn with_large_environment(mut self, on: bool) -> Self {
        self.large_environment = on;
        self
    }

    /// See [`Config::max_threads`].
    #[must_use]
    pub fn with_max_threads(mut self, max: usize) -> Self {
        self.max_threads = max;
        self
    }

    /// See [`Config::purge_interval`] and [`Config::purge_age`], both in ns.
    #[must_use]
    pub fn with_purge(mut self, interval: u64, age: u64) -> Self {
        (self.purge_interval, self.purge_age) = (interval, age);
        self
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("max_threads", &self.max_threads).finish_non_exhaustive()
    }
}

/// Rebuilds the state of the system from events.
#[derive(Debug)]
pub struct Inspector {
    config: Config,
    /// Questions that nobody waits for.
    lookups: Option<AsyncLookups>,
    names: Option<Follower>,
    observers: Observers,
    state: State,
    purge: Purge,
    /// When the next thread that is in doubt may be asked about: time of an event, ns.
    next_look: u64,
    moment: Moment,
    /// Events about users and containers that belong to the snapshot still come.
    initial: bool,
    /// A plugin failed at the begin of the capture.
    failure: Option<Error>,
    needs: Option<Arc<Needs>>,
    /// Whether the source leaves out events that open and close files.
    source_leaves_out: bool,
    skips: Skips,
    /// Events that were of no use.
    unneeded: u64,
    /// Those of them that were left out and would have been shown.
    skipped: u64,
    /// Times of losses, if somebody asks for them.
    windows: Option<Windows>,
    arena: bumpalo::Bump,
}

/// What [`Inspector::next`] has. The list is complete, so that a loop over it needs no arm for what it does not know.
#[derive(Debug)]
pub enum Step<'a> {
    /// An event.
    Event(EventView<'a>),
    /// Nothing at the moment (live only).
    Idle,
    /// The capture has ended.
    End,
}

/// What [`Inspector::next_with`] comes by on its way to the next event that is shown.
#[derive(Debug)]
pub enum Skipped<'a> {
    /// All that is known from here on.
    Snapshot(&'a Snapshot),
    /// An event that only updates the state.
    Event(RawEvent<'a>),
}

impl Default for Inspector {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl Inspector {
    /// An inspector that knows nothing yet.
    pub fn new(mut config: Config) -> Self {
        let mut state = State::with_max(config.max_threads);
        state.set_rendering(std::mem::take(&mut config.rendering));
        state.layouts = Layouts::new(config.engines);
        let mut moment = Moment::default();
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
            source_leaves_out: false,
            skips: Skips::default(),
            unneeded: 0,
            skipped: 0,
            windows: None,
            arena: bumpalo::Bump::new(),
        }
    }

    /// What came of look-ups in container runtimes ([`Config::containers`]): without permission for a runtime's socket,
    /// every field of its containers stays empty, and this says why.
    pub fn runtime_stats(&self) -> RuntimeStats {
        self.lookups.as_ref().map(AsyncLookups::runtime_stats).unwrap_or_default()
    }

    /// Calls the observer for every event from here on.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observers.add(observer);
    }

    /// The plugins that [`Config::plugins`] gave.
    pub fn plugins(&self) -> Option<&Plugins> {
        self.moment.plugins.as_deref()
    }

    /// The plugins, to be changed between two events.
    pub fn plugins_mut(&mut self) -> Option<&mut Plugins> {
        self.moment.plugins.as_deref_mut()
    }

    /// The capture has ended: plugins that follow it, send events or run routines stop. The end of the inspector does the
    /// same, without the error.
    ///
    /// # Errors
    /// A plugin does not stop.
    pub fn close(&mut self) -> Result<(), PluginError> {
        self.moment.plugins.as_ref().map_or(Ok(()), |plugins| plugins.end(&mut self.state))
    }

    /// Has [`Inspector::next`] show no events that are of no use, and follow only what is needed; all events are counted.
    /// One in 1,024 of the others is shown: see [`EventView::is_sample`].
    ///
    /// Only in replays: an inspector with look-ups or plugins shows every event.
    pub fn set_needs(&mut self, needs: Option<Arc<Needs>>) {
        self.skips.flush(&mut self.state);
        let is_alone = self.config.proc.is_none() && self.lookups.is_none() && self.moment.plugins.is_none();
        self.needs = needs.filter(|_| is_alone);
        self.leave_out_files();
    }

    /// How many events were left out that would have been shown.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The event that [`Inspector::process`] took in last, seen again.
    pub fn last<'a>(&'a self, event: RawEvent<'a>) -> EventView<'a> {
        EventView::new(event, &self.state, &self.moment, &self.arena)
    }

    /// What plugins have failed with since the last call, at the begin of the capture.
    ///
    /// For those who call [`Inspector::process`] themselves: once after each event.
    ///
    /// # Errors
    /// The failure.
    pub fn plugin_failure(&mut self) -> Result<(), Error> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// No event comes at the moment, or none at all: plugins that follow the capture learn of its begin, if they have not.
    ///
    /// For those who call [`Inspector::process`] themselves: at [`Advance::Idle`] and [`Advance::End`].
    ///
    /// # Errors
    /// A plugin fails.
    pub fn begin_without_event(&mut self) -> Result<(), Error> {
        self.settle();
        self.begin_capture()
    }

    /// What is known now. What the last event closed or ended is still there, until the next step.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The present state as an event without a thread shows it: for views of threads, files and containers, such as
    /// [`EventView::of_thread`].
    pub fn overview(&mut self) -> EventView<'_> {
        self.arena.reset();
        let event = crate::view::synthetic(self.moment.ts, -1, EventType::GENERIC_X);
        EventView::new(event, &self.state, self.arena.alloc(Moment::default()), &self.arena)
    }

    /// Counters of the state engine.
    pub fn stats(&self) -> StateStats {
        self.state.stats
    }

    /// Whether events were lost and some thread that may have made them has not been looked up since: what is known of it, and
    /// what rules say of its events, may be wrong. In a replay it stays so, as nobody can be asked.
    pub fn is_in_doubt(&self) -> bool {
        self.state.doubts.remain()
    }

    /// Has [`Inspector::loss_windows`] return something.
    pub fn follow_losses(&mut self, on: bool) {
        self.windows = on.then(Windows::default);
    }

    /// The times since the last call for which no alert does not mean that nothing happened, as events were lost: those that
    /// are over, and of one that goes on for more than a second the part so far. `is_over`: no more events come. To be
    /// called from time to time; without [`Inspector::follow_losses`] there are none.
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

    /// Forgets everything known and begins with a snapshot; events keep being counted. A snapshot without users
    /// and groups leaves those of the host as they are.
    pub fn load(&mut self, snapshot: Snapshot) {
        self.moment.current = Current::default();
        self.initial = true;
        self.skips = Skips::default();
        self.state.load(snapshot, self.config.max_threads);
        if let Some(lookups) = &mut self.lookups {
            lookups.ask_about_all(&self.state, self.moment.ts);
        }
    }

    /// Takes in an event.
    pub fn process<'a>(&'a mut self, event: RawEvent<'a>) -> EventView<'a> {
        self.moment.reports.events.clear();
        self.update(&event);
        self.view(event)
    }

    /// Takes in the source's next event that is to be shown.
    ///
    /// Loads snapshots, and skips events that only update the state. Both are counted: the number of the next event
    /// includes them.
    ///
    /// # Errors
    /// Those of the source.
    #[inline]
    pub fn next<'a, S: EventSource + ?Sized>(&'a mut self, source: &'a mut S) -> Result<Step<'a>, Error> {
        self.next_with(source, |_| {})
    }

    /// As [`Inspector::next`], and calls `passed` with what is not shown, for programs that record everything.
    ///
    /// # Errors
    /// Those of the source.
    #[inline]
    pub fn next_with<'a, S: EventSource + ?Sized>(
        &'a mut self,
        source: &'a mut S,
        mut passed: impl FnMut(Skipped<'_>),
    ) -> Result<Step<'a>, Error> {
        self.moment.reports.events.clear();
        loop {
            match source.advance()? {
                Advance::Event => {
                    let Some(event) = source.current() else { return Ok(Step::Idle) };
                    self.note_losses(source);
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
                    passed(Skipped::Event(event));
                }
                Advance::Snapshot(snapshot) => {
                    passed(Skipped::Snapshot(&snapshot));
                    self.load(*snapshot);
                }
                Advance::Idle => {
                    self.note_losses(source);
                    self.settle();
                    self.begin_capture()?;
                    return Ok(Step::Idle);
                }
                Advance::End => {
                    self.note_losses(source);
                    self.settle();
                    self.begin_capture()?;
                    return Ok(Step::End);
                }
            }
        }
        Ok(source.current().map_or(Step::Idle, |event| Step::Event(self.view(event))))
    }

    /// Learns what the source lost before the item that it advanced to. After a loss, what is known of its suspects is in doubt: threads
    /// may have ended, others may have their ids, files may have been opened and closed unseen. So each is asked about
    /// ([`Config::proc`]) at its next event, or when there is time, and made what it is on the running system. As long
    /// as nothing was lost this does nothing; nor in a replay, beyond counting.
    ///
    /// For those who call [`Inspector::process`] themselves: once after each [`EventSource::advance`].
    #[inline]
    pub fn note_losses<S: EventSource + ?Sized>(&mut self, source: &S) {
        if self.state.doubts.remain() || !source.losses().is_empty() {
            self.heal(source);
        }
        if source.leaves_out_files() != self.source_leaves_out {
            self.source_leaves_out = source.leaves_out_files();
            self.leave_out_files();
        }
    }

    /// Follows files, or does not, as the source and the needs say.
    #[cold]
    fn leave_out_files(&mut self) {
        let by_needs = self.needs.as_ref().is_some_and(|needs| needs.leaves_out_files());
        let (on, can_ask) = (self.source_leaves_out || by_needs, self.config.proc.is_some());
        self.settle();
        self.state.leave_out_files(on, self.moment.ts, can_ask);
    }

    /// Takes note of losses, and asks about a thread that is in doubt: that of the event, or another one. The running
    /// system is ahead of the events; where it is far ahead, it returns what no event has led to yet.
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
            if source.behind() > CAUGHT_UP {
                return;
            }
        }
        self.settle();
        let Some(proc) = &mut self.config.proc else { return };
        let mut ask = |tid| proc.thread(tid);
        if !event.is_some_and(|event| self.state.heal_thread_of(&event, &mut ask)) {
            self.state.heal_next(ts, &mut ask);
        }
    }

    /// Whether the next event only updates the state: it is counted but not shown. So are users, groups and containers
    /// that were known when the capture began, what captures have marked so, and events of calls that begin, which
    /// only complete those of their end.
    ///
    /// For those who call [`Inspector::process`] themselves; ask once for each event, in order.
    #[inline]
    pub fn is_hidden(&mut self, event: &RawEvent<'_>) -> bool {
        self.initial = self.initial && is_of_beginning(event.ty);
        self.initial || event.state_only || is_kept(event.ty)
    }

    /// Takes in the event as far as it is needed; returns whether it is shown.
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
            // What the event before left has its time.
            self.settle();
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

    /// Does what the last event left for after it was seen.
    #[inline]
    fn settle(&mut self) {
        let Moment { current, ts, .. } = &mut self.moment;
        if !matches!(current.rest, Rest::Nothing) {
            state::finish(&mut self.state, *ts, current);
        }
    }

    #[inline]
    fn update(&mut self, event: &RawEvent<'_>) {
        self.settle();
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

    /// Has plugins parse the event. They learn of the capture before its first event that does not belong to the initial
    /// state.
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
        // What plugins send into a live capture from here on happens now.
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
        // Who wants to know calls `close`.
        let _ = self.close();
    }
}

/// Whether events of this type can report what was known when the capture began.
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
