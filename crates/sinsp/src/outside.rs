//! What the running system is asked beside its events: about containers, and about users in them.

use eyas_events::EventType;
use eyas_scap::RawEvent;
use rustc_hash::FxHashMap;

use crate::state::{Current, State, Text};

/// What container runtimes know. Neither question may wait for anybody: answers come when they come.
pub trait ContainerLookup: Send {
    /// Asks about the container with this short id; `false` if the question must be asked again later.
    fn ask(&mut self, id: &[u8]) -> bool;

    /// An answer that has arrived, in the form in which container events carry it. Called for every event.
    fn answer(&mut self) -> Option<serde_json::Value>;
}

/// Time between two questions about the same container, ns of event time.
const ASK_AGAIN: u64 = 30_000_000_000;
/// Containers of which it is remembered when they were asked about.
const MAX_ASKED: usize = 16_384;

/// The questions that wait for answers.
pub(crate) struct Containers {
    lookup: Box<dyn ContainerLookup>,
    /// When the containers were asked about, ns of event time.
    asked: FxHashMap<Text, u64>,
    /// Threads that had been asked of /proc at the event before.
    proc_lookups: u64,
}

impl Containers {
    pub(crate) fn new(lookup: Box<dyn ContainerLookup>) -> Self {
        Self { lookup, asked: FxHashMap::default(), proc_lookups: 0 }
    }

    /// Puts what arrived into the state, and asks about a container that the event may have begun.
    #[inline]
    pub(crate) fn after(&mut self, state: &mut State, event: &RawEvent<'_>, current: &Current) {
        while let Some(json) = self.lookup.answer() {
            state.add_container(json);
        }
        let found = std::mem::replace(&mut self.proc_lookups, state.stats.proc_lookups);
        if (begins(event.ty) || found != state.stats.proc_lookups)
            && let Some(thread) = current.thread.and_then(|key| state.threads.at(key))
            && let Some(id) = &thread.container
        {
            // The first process of a container executes when it is started, and started again.
            let starts = thread.vpid == 1 && executes(event.ty);
            if starts || state.containers.get(id).is_none() {
                self.ask(id, event.ts);
            }
        }
    }

    /// Asks about every container that has a thread.
    pub(crate) fn ask_about_all(&mut self, state: &State, now: u64) {
        for id in state.threads.iter().filter_map(|thread| thread.container.as_ref()) {
            self.ask(id, now);
        }
    }

    /// Asks about a container, unless that was done a moment ago.
    fn ask(&mut self, id: &Text, now: u64) {
        let is_recent = |ts: &u64| now.saturating_sub(*ts) < ASK_AGAIN;
        if self.asked.get(id).is_some_and(is_recent) {
            return;
        }
        if self.asked.len() >= MAX_ASKED {
            self.asked.retain(|_, ts| is_recent(ts));
        }
        if self.asked.len() < MAX_ASKED && self.lookup.ask(id) {
            self.asked.insert(id.clone(), now);
        }
    }
}

fn executes(ty: EventType) -> bool {
    matches!(ty, EventType::SYSCALL_EXECVE_19_X | EventType::SYSCALL_EXECVEAT_X)
}

/// Whether a process may be in another container than before.
fn begins(ty: EventType) -> bool {
    use EventType as E;
    executes(ty)
        || matches!(
            ty,
            E::SYSCALL_CLONE_20_X | E::SYSCALL_CLONE3_X | E::SYSCALL_FORK_20_X | E::SYSCALL_VFORK_20_X
        )
}

impl std::fmt::Debug for Containers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Containers").field("asked", &self.asked.len()).finish_non_exhaustive()
    }
}
