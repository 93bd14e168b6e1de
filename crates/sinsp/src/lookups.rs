//! Lookups of containers and of their users.
//!
//! Separate threads make the requests, and results are merged when they arrive. Nothing here waits, unless
//! a program configures it: see [`Waits`].

use std::path::PathBuf;
use std::time::Duration;

use eyas_events::EventType;
use eyas_scap::RawEvent;
use rustc_hash::FxHashMap;

use crate::state::{Accounts, Current, Reports, State, Text, Thread};

mod hold;
mod mailbox;
mod pace;
mod postponed;

pub(crate) use mailbox::{Mailbox, Sender, mailbox};

use hold::Hold;
use pace::{Budget, Firsts, RecentRequests};
use postponed::Postponed;

/// Lookup in container runtimes. Only [`ContainerLookup::wait`] may wait.
pub trait ContainerLookup: Send {
    /// Requests the metadata of the container with this short id. Returns `false` if the request must be
    /// made again later. While nothing is known about the container, this is called again when processes in
    /// it start.
    fn request(&mut self, id: &[u8]) -> bool;

    /// Returns arrived metadata of a container, in the JSON form of container events. It is called for
    /// every event.
    fn take_result(&mut self) -> Option<serde_json::Value>;

    /// Like [`ContainerLookup::take_result`], but waits up to `patience` for a result.
    fn wait(&mut self, patience: Duration) -> Option<serde_json::Value> {
        std::thread::sleep(patience.min(Duration::from_millis(1)));
        self.take_result()
    }

    /// Numbers of lookups and of failures.
    fn stats(&self) -> RuntimeStats {
        RuntimeStats::default()
    }
}

/// Results of lookups in container runtimes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RuntimeStats {
    /// Number of requests for a container, including repeated ones.
    pub lookups: u64,
    /// Number of failed exchanges with a runtime: no permission, no reply in time, a malformed reply.
    pub failures: u64,
    /// The last failure: the socket and the reason.
    pub last_error: Option<String>,
    /// Sockets with failed exchanges.
    pub sockets: Vec<SocketStats>,
}

/// Failures of exchanges over one socket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SocketStats {
    /// The runtime's socket.
    pub socket: PathBuf,
    /// Number of failed lookups.
    pub failures: u64,
    /// The reason if the last exchange failed.
    pub error: Option<String>,
}

impl SocketStats {
    /// Makes it with a number of failures and the last reason.
    pub fn new(socket: impl Into<PathBuf>, failures: u64, error: Option<String>) -> Self {
        Self { socket: socket.into(), failures, error }
    }
}

/// Lookup of users and groups in files of the host and of containers. Only [`AccountLookup::wait`] may
/// wait.
pub trait AccountLookup: Send {
    /// Requests the users of the container of process `pid`; returns `false` if there is no room.
    fn request(&mut self, container: &Text, pid: i64) -> bool;

    /// Requests the users of the host, if its files have changed since the last request; returns `false` if
    /// there is no room.
    fn request_host(&mut self) -> bool {
        true
    }

    /// Returns an arrived result. It is called for every event.
    fn take_result(&mut self) -> Option<Accounts>;

    /// Waits until the last request is finished, with or without a result, but no longer than this.
    fn wait(&mut self, _patience: Duration) {}
}

/// How long events may wait. A replay has no lookups, so nothing waits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waits {
    /// For the metadata of a container, from its first event on.
    pub(crate) containers: Duration,
    /// For the users of a container, at an event that needs them, while none are known.
    pub(crate) accounts: Duration,
}

/// Pending lookups.
#[derive(Default)]
pub(crate) struct AsyncLookups {
    containers: Option<Box<dyn ContainerLookup>>,
    accounts: Option<Box<dyn AccountLookup>>,
    container_requests: RecentRequests,
    account_requests: RecentRequests,
    /// The first process of each container.
    firsts: Firsts,
    hold: Hold,
    /// Longest time that an event waits for the users of a container.
    accounts_wait: Duration,
    /// Budget for the total waiting time of events.
    budget: Budget,
    /// Time of the last request for the host's users, ns of event time.
    host_requested: Option<u64>,
    postponed: Postponed,
    /// A thread of each container whose user or group was unknown.
    unnamed: FxHashMap<Text, i64>,
    /// Number of lookups in /proc up to the previous event.
    proc_lookups: u64,
}

const SECOND: u64 = 1_000_000_000;
/// Time between two requests for the host's users.
const HOST_PAUSE: u64 = SECOND / 10;
/// Maximum number of containers with a thread whose user is unknown.
const MAX_UNNAMED: usize = 16_384;
/// Time between two requests for one unknown container, ns of event time.
const CONTAINER_PAUSE: u64 = SECOND / 10;
/// Time between two requests for unknown users of one container.
const ACCOUNTS_PAUSE: u64 = SECOND;
/// The same while none of its users are known, because its processes still have the host's root directory.
const FIRST_ACCOUNTS_PAUSE: u64 = SECOND / 1000;

impl AsyncLookups {
    /// `None` if there are no lookups.
    pub(crate) fn new(
        containers: Option<Box<dyn ContainerLookup>>,
        accounts: Option<Box<dyn AccountLookup>>,
        waits: Waits,
    ) -> Option<Self> {
        let anybody = containers.is_some() || accounts.is_some();
        anybody.then(|| {
            let (hold, accounts_wait) = (Hold::new(waits.containers), waits.accounts);
            let budget = Budget::new(accounts_wait);
            Self { containers, accounts, hold, accounts_wait, budget, ..Self::default() }
        })
    }

    /// Adds arrived results to the state, and makes the requests that the event causes.
    #[inline]
    pub(crate) fn after(
        &mut self,
        state: &mut State,
        event: &RawEvent<'_>,
        current: &Current,
        reports: &mut Reports,
    ) {
        reports.ts = event.ts;
        self.take(state, reports);
        if self.postponed.is_due(event.ts) {
            self.make_postponed(state, event.ts);
        }
        let looked_up = std::mem::replace(&mut self.proc_lookups, state.stats.proc_lookups);
        if (is_reason(event.ty) || looked_up != state.stats.proc_lookups)
            && let Some(thread) = current.thread.and_then(|key| state.threads.at(key))
            && self.request(state, thread, event.ts, executes(event.ty))
            && hold::is_recent(event.ts, self.accounts_wait)
        {
            if let Some(lookup) = &mut self.accounts {
                self.budget.spend(|| lookup.wait(self.accounts_wait));
            }
            self.take(state, reports);
        }
        if self.hold.is_on()
            && let Some(thread) = current.thread.and_then(|key| state.threads.at(key))
            && let Some(id) = &thread.container
            && state.containers.get(id).is_none()
            && let Some(lookup) = &mut self.containers
        {
            self.hold.until_known(|patience| lookup.wait(patience), state, reports, &id.clone());
        }
    }

    #[inline]
    fn take(&mut self, state: &mut State, reports: &mut Reports) {
        while let Some(json) = self.containers.as_mut().and_then(|lookup| lookup.take_result()) {
            state.learn_container(json, reports);
        }
        while let Some(accounts) = self.accounts.as_mut().and_then(|lookup| lookup.take_result()) {
            state.add_accounts(accounts, reports);
        }
    }

    pub(crate) fn runtime_stats(&self) -> RuntimeStats {
        self.containers.as_ref().map_or_else(RuntimeStats::default, |lookup| lookup.stats())
    }

    /// Requests the metadata of every container with a thread.
    pub(crate) fn request_all(&mut self, state: &State, now: u64) {
        for thread in state.threads.iter() {
            self.request(state, thread, now, false);
        }
    }

    /// Requests the users of the host, which may have changed. This checks the times of two files.
    fn request_host(&mut self, now: u64) {
        let Some(lookup) = &mut self.accounts else { return };
        match self.host_requested {
            Some(last) if now.abs_diff(last) < HOST_PAUSE => self.postponed.host(last + HOST_PAUSE),
            _ if lookup.request_host() => self.host_requested = Some(now),
            _ => {}
        }
    }

    fn make_postponed(&mut self, state: &State, now: u64) {
        let due = self.postponed.take_due(now);
        if due.host {
            self.request_host(now);
        }
        for thread in due.tids.into_iter().filter_map(|tid| state.threads.get(tid)) {
            self.request(state, thread, now, false);
        }
    }

    /// Requests the unknown metadata of the thread's container, unless it was requested a moment ago. Returns whether the event
    /// must wait for the container's users: it is an exec, and no users are known, or only those of an earlier container with
    /// the same id.
    fn request(&mut self, state: &State, thread: &Thread, now: u64, executes: bool) -> bool {
        self.request_host(now);
        let Some(id) = &thread.container else { return false };
        // The first process of a container executes when it is started, and started again.
        let starts = executes
            && thread.vpid == 1
            && is_from_outside(state, thread)
            && self.firsts.is_new(id, thread.pid, now, |pid| state.threads.key(pid).is_some());
        if let Some(lookup) = &mut self.containers {
            if starts {
                lookup.request(id);
            } else if state.containers.get(id).is_none() {
                self.container_requests.once(id, now, CONTAINER_PAUSE, || lookup.request(id));
            }
        }
        let users = &state.users;
        let Some(lookup) = &mut self.accounts else { return false };
        let is_first = !users.has_container(id);
        let is_unnamed = |thread: &Thread| {
            thread.container.as_ref() == Some(id)
                && (users.user(Some(id), thread.uid).is_none() || users.group(Some(id), thread.gid).is_none())
        };
        let is_missing = is_unnamed(thread)
            // This program may have added the user of another one.
            || self.unnamed.get(id).and_then(|tid| state.threads.get(*tid)).is_some_and(is_unnamed);
        if !is_missing {
            self.unnamed.remove(id);
        } else if is_unnamed(thread) {
            if self.unnamed.len() >= MAX_UNNAMED {
                self.unnamed.retain(|_, tid| state.threads.get(*tid).is_some());
            }
            if self.unnamed.len() < MAX_UNNAMED || self.unnamed.contains_key(id) {
                self.unnamed.insert(id.clone(), thread.tid);
            }
        }
        let pause = match is_first {
            _ if starts => 0,
            false => ACCOUNTS_PAUSE,
            // Its root directory may be another one than at the event before.
            true if executes && self.budget.has_time() => 0,
            true => FIRST_ACCOUNTS_PAUSE,
        };
        // The files of the first process are used, because a later process may have another root directory.
        let first = self.firsts.pid(id).filter(|_| !is_first).unwrap_or(thread.pid);
        let request = || lookup.request(id, first);
        let is_requested = (is_missing || starts) && self.account_requests.once(id, now, pause, request);
        if is_missing && !is_requested {
            let until = self.account_requests.next(id, pause).max(now + FIRST_ACCOUNTS_PAUSE);
            self.postponed.container(id, thread.tid, until);
        }
        // Earlier events of the runtime in the container need no names, and waiting for them would use up the time.
        is_requested && (is_first || starts) && executes && self.budget.has_time()
    }
}

impl std::fmt::Debug for AsyncLookups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncLookups").finish_non_exhaustive()
    }
}

/// Whether the parent of the container's process is outside the container. A process inside may also have
/// its own pid namespace.
fn is_from_outside(state: &State, thread: &Thread) -> bool {
    state.threads.parent_of(thread).is_none_or(|parent| parent.container != thread.container)
}

/// Whether the process executes a program.
fn executes(ty: EventType) -> bool {
    use EventType as E;
    matches!(ty, E::SYSCALL_EXECVE_19_X | E::SYSCALL_EXECVEAT_X)
}

/// Whether the event may change a process's container, its user, or its root directory.
fn is_reason(ty: EventType) -> bool {
    use EventType as E;
    executes(ty)
        || matches!(
            ty,
            E::SYSCALL_CHROOT_X
                | E::SYSCALL_SETUID_X
                | E::SYSCALL_SETREUID_X
                | E::SYSCALL_SETRESUID_X
                | E::SYSCALL_SETGID_X
                | E::SYSCALL_SETREGID_X
                | E::SYSCALL_SETRESGID_X
                | E::SYSCALL_CLONE_20_X
                | E::SYSCALL_CLONE3_X
                | E::SYSCALL_FORK_20_X
                | E::SYSCALL_VFORK_20_X
                | E::SYSCALL_CHDIR_X
                | E::SYSCALL_FCHDIR_X
                | E::SYSCALL_CAPSET_X
        )
}
