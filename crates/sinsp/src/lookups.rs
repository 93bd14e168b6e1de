//! What the running system is asked beside its events: about containers, and about users in them.
//!
//! Nothing here waits: threads of their own ask, and what they find is merged when it is there.

use eyas_events::EventType;
use eyas_scap::RawEvent;
use rustc_hash::FxHashMap;

use crate::state::{Accounts, Current, State, Text, Thread};

mod mailbox;

pub(crate) use mailbox::{Mailbox, Sender, mailbox};

/// What container runtimes know. Neither function may wait for anybody.
pub trait ContainerLookup: Send {
    /// Asks about the container with this short id; `false` if the question must be asked again later.
    fn ask(&mut self, id: &[u8]) -> bool;

    /// Returns what has arrived about a container, in the form in which container events carry it. Called for every event.
    fn answer(&mut self) -> Option<serde_json::Value>;

    /// How many look-ups there were, and how they failed.
    fn stats(&self) -> RuntimeStats {
        RuntimeStats::default()
    }
}

/// What came of look-ups in container runtimes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RuntimeStats {
    /// Times that all runtimes were asked for a container. One that nobody knows yet is asked for again.
    pub lookups: u64,
    /// Exchanges with a runtime that failed: no permission, no reply in time, a damaged reply.
    pub failures: u64,
    /// The last failure: the socket and the reason.
    pub last_error: Option<String>,
}

/// What files of the host, and inside containers, say of users and groups. No question may wait for anybody.
pub trait AccountLookup: Send {
    /// Asks for the users of a container that the process `pid` is in; `false` if there is no room.
    fn ask(&mut self, container: &Text, pid: i64) -> bool;

    /// Asks for the users of the host, if its files have changed since they were last asked for; `false` if there is
    /// no room.
    fn ask_host(&mut self) -> bool {
        true
    }

    /// Returns what has arrived. Called for every event.
    fn answer(&mut self) -> Option<Accounts>;
}

/// What was asked, and is still to arrive.
#[derive(Default)]
pub(crate) struct AsyncLookups {
    containers: Option<Box<dyn ContainerLookup>>,
    accounts: Option<Box<dyn AccountLookup>>,
    containers_asked: Asked<{ 30 * SECOND }>,
    accounts_asked: Asked<SECOND>,
    /// When the host was last asked for its users, ns of event time.
    host_asked: Option<u64>,
    /// Threads that had been asked of /proc at the event before.
    proc_lookups: u64,
}

const SECOND: u64 = 1_000_000_000;

impl AsyncLookups {
    /// `None` if there is nobody to be asked.
    pub(crate) fn new(
        containers: Option<Box<dyn ContainerLookup>>,
        accounts: Option<Box<dyn AccountLookup>>,
    ) -> Option<Self> {
        let anybody = containers.is_some() || accounts.is_some();
        anybody.then(|| Self { containers, accounts, ..Self::default() })
    }

    /// Puts what arrived into the state, and asks what the event gives reason to.
    #[inline]
    pub(crate) fn after(&mut self, state: &mut State, event: &RawEvent<'_>, current: &Current) {
        while let Some(json) = self.containers.as_mut().and_then(|lookup| lookup.answer()) {
            // What has no id is of no use.
            let _ = state.add_container(json);
        }
        while let Some(accounts) = self.accounts.as_mut().and_then(|lookup| lookup.answer()) {
            state.add_accounts(accounts);
        }
        let looked_up = std::mem::replace(&mut self.proc_lookups, state.stats.proc_lookups);
        if (is_reason(event.ty) || looked_up != state.stats.proc_lookups)
            && let Some(thread) = current.thread.and_then(|key| state.threads.at(key))
        {
            self.ask(state, thread, event.ts, executes(event.ty));
        }
    }

    pub(crate) fn runtime_stats(&self) -> RuntimeStats {
        self.containers.as_ref().map_or_else(RuntimeStats::default, |lookup| lookup.stats())
    }

    /// Asks about every container that has a thread.
    pub(crate) fn ask_about_all(&mut self, state: &State, now: u64) {
        for thread in state.threads.iter() {
            self.ask(state, thread, now, false);
        }
    }

    /// Asks for the users of the host: they may have been added, renamed or removed. It comes to a look at the times of two
    /// files.
    fn ask_host(&mut self, now: u64) {
        if let Some(lookup) = &mut self.accounts
            && self.host_asked.is_none_or(|asked| now.abs_diff(asked) >= SECOND / 10)
            && lookup.ask_host()
        {
            self.host_asked = Some(now);
        }
    }

    /// Asks what is not known of the thread's container, unless that was done a moment ago.
    fn ask(&mut self, state: &State, thread: &Thread, now: u64, executes: bool) {
        self.ask_host(now);
        let Some(id) = &thread.container else { return };
        // The first process of a container executes when it is started, and started again.
        let starts = executes && thread.vpid == 1;
        if let Some(lookup) = &mut self.containers
            && (starts || state.containers.get(id).is_none())
        {
            self.containers_asked.once(id, now, || lookup.ask(id));
        }
        let users = &state.users;
        if let Some(lookup) = &mut self.accounts
            && (users.user(Some(id), thread.uid).is_none() || users.group(Some(id), thread.gid).is_none())
        {
            self.accounts_asked.once(id, now, || lookup.ask(id, thread.pid));
        }
    }
}

impl std::fmt::Debug for AsyncLookups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncLookups").finish_non_exhaustive()
    }
}

/// Containers that were asked about, and when; the same is not asked twice within `PAUSE` ns of event time.
#[derive(Default)]
struct Asked<const PAUSE: u64> {
    at: FxHashMap<Text, u64>,
}

impl<const PAUSE: u64> Asked<PAUSE> {
    /// Containers that are remembered.
    const MAX: usize = 16_384;

    /// Asks, if it is time; a question that found no room does not count.
    fn once(&mut self, id: &Text, now: u64, ask: impl FnOnce() -> bool) {
        let is_recent = |ts: &u64| now.saturating_sub(*ts) < PAUSE;
        if self.at.get(id).is_some_and(is_recent) {
            return;
        }
        if self.at.len() >= Self::MAX {
            self.at.retain(|_, ts| is_recent(ts));
        }
        if self.at.len() < Self::MAX && ask() {
            self.at.insert(id.clone(), now);
        }
    }
}

fn executes(ty: EventType) -> bool {
    matches!(ty, EventType::SYSCALL_EXECVE_19_X | EventType::SYSCALL_EXECVEAT_X)
}

/// Whether a process may be in another container than before, or be somebody else.
fn is_reason(ty: EventType) -> bool {
    use EventType as E;
    executes(ty)
        || matches!(
            ty,
            E::SYSCALL_CLONE_20_X
                | E::SYSCALL_CLONE3_X
                | E::SYSCALL_FORK_20_X
                | E::SYSCALL_VFORK_20_X
                | E::SYSCALL_SETUID_X
                | E::SYSCALL_SETREUID_X
                | E::SYSCALL_SETRESUID_X
                | E::SYSCALL_SETGID_X
                | E::SYSCALL_SETREGID_X
                | E::SYSCALL_SETRESGID_X
        )
}
