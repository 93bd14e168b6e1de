//! What the running system is asked beside its events: about containers, and about users in them.
//!
//! Threads of their own ask, and what they find is merged when it is there. Nothing here waits, but for what a program
//! asks for: see [`Waits`].

use std::path::PathBuf;
use std::time::Duration;

use eyas_events::EventType;
use eyas_scap::RawEvent;

use crate::state::{Accounts, Current, Reports, State, Text, Thread};

mod hold;
mod mailbox;
mod pace;

pub(crate) use mailbox::{Mailbox, Sender, mailbox};

use hold::Hold;
use pace::{Asked, Budget, Firsts};

/// What container runtimes know. No function but [`ContainerLookup::wait`] may wait for anybody.
pub trait ContainerLookup: Send {
    /// Asks about the container with this short id; `false` if the question must be asked again later. As long as
    /// nothing is known of the container, this is called again as processes in it begin.
    fn ask(&mut self, id: &[u8]) -> bool;

    /// Returns what has arrived about a container, in the form in which container events carry it. Called for every event.
    fn answer(&mut self) -> Option<serde_json::Value>;

    /// As [`ContainerLookup::answer`], but waits up to so long for something to arrive.
    fn wait(&mut self, patience: Duration) -> Option<serde_json::Value> {
        std::thread::sleep(patience.min(Duration::from_millis(1)));
        self.answer()
    }

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
    /// Questions to runtimes about a container. Where nobody knows it yet, each is asked again.
    pub lookups: u64,
    /// Exchanges with a runtime that failed: no permission, no reply in time, a damaged reply.
    pub failures: u64,
    /// The last failure: the socket and the reason.
    pub last_error: Option<String>,
    /// Sockets with which an exchange failed.
    pub sockets: Vec<SocketStats>,
}

/// Failures of exchanges over one socket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SocketStats {
    /// Where the runtime listens.
    pub socket: PathBuf,
    /// How many failed.
    pub failures: u64,
    /// Why the last exchange failed; `None` if it did not.
    pub error: Option<String>,
}

impl SocketStats {
    /// So many failed, the last one for this reason.
    pub fn new(socket: impl Into<PathBuf>, failures: u64, error: Option<String>) -> Self {
        Self { socket: socket.into(), failures, error }
    }
}

/// What files of the host, and inside containers, say of users and groups. No function but [`AccountLookup::wait`] may
/// wait for anybody.
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

    /// Waits until the last question has been dealt with, with or without a result, but no longer than this.
    fn wait(&mut self, _patience: Duration) {}
}

/// How long events may wait. In a replay nothing is looked up, and nothing waits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waits {
    /// For what runtimes know of a container, from its first event on.
    pub(crate) containers: Duration,
    /// For the users of a container, at an event that needs them, while none are known.
    pub(crate) accounts: Duration,
}

/// What was asked, and is still to arrive.
#[derive(Default)]
pub(crate) struct AsyncLookups {
    containers: Option<Box<dyn ContainerLookup>>,
    accounts: Option<Box<dyn AccountLookup>>,
    containers_asked: Asked,
    accounts_asked: Asked,
    /// Of each container, the first process that was last seen to start.
    firsts: Firsts,
    hold: Hold,
    /// Longest time that an event waits for the users of a container.
    accounts_wait: Duration,
    /// Of the time that events wait in all.
    budget: Budget,
    /// When the host was last asked for its users, ns of event time.
    host_asked: Option<u64>,
    /// Threads that had been asked of /proc at the event before.
    proc_lookups: u64,
}

const SECOND: u64 = 1_000_000_000;
/// Time between two questions about one unknown container, ns of event time.
const CONTAINER_PAUSE: u64 = SECOND / 10;
/// Time between two questions for users of one container that its files did not have.
const ACCOUNTS_PAUSE: u64 = SECOND;
/// The same as long as none of its users are known: its processes still have the host's root directory.
const FIRST_ACCOUNTS_PAUSE: u64 = SECOND / 1000;

impl AsyncLookups {
    /// `None` if there is nobody to be asked.
    pub(crate) fn new(
        containers: Option<Box<dyn ContainerLookup>>,
        accounts: Option<Box<dyn AccountLookup>>,
        waits: Waits,
    ) -> Option<Self> {
        let anybody = containers.is_some() || accounts.is_some();
        let (hold, accounts_wait) = (Hold::new(waits.containers), waits.accounts);
        anybody.then(|| Self { containers, accounts, hold, accounts_wait, ..Self::default() })
    }

    /// Puts what arrived into the state, and asks what the event gives reason to.
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
        let looked_up = std::mem::replace(&mut self.proc_lookups, state.stats.proc_lookups);
        if (is_reason(event.ty) || looked_up != state.stats.proc_lookups)
            && let Some(thread) = current.thread.and_then(|key| state.threads.at(key))
            && self.ask(state, thread, event.ts, executes(event.ty))
            && hold::is_recent(event.ts)
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
        while let Some(json) = self.containers.as_mut().and_then(|lookup| lookup.answer()) {
            state.learn_container(json, reports);
        }
        while let Some(accounts) = self.accounts.as_mut().and_then(|lookup| lookup.answer()) {
            state.add_accounts(accounts, reports);
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

    /// Asks what is not known of the thread's container, unless that was done a moment ago. Returns whether the event is to
    /// wait for its users: a program is executed, and none of them are known.
    fn ask(&mut self, state: &State, thread: &Thread, now: u64, executes: bool) -> bool {
        self.ask_host(now);
        let Some(id) = &thread.container else { return false };
        // The first process of a container executes when it is started, and started again.
        let starts = executes
            && thread.vpid == 1
            && is_from_outside(state, thread)
            && self.firsts.is_new(id, thread.pid, now);
        if let Some(lookup) = &mut self.containers {
            if starts {
                lookup.ask(id);
            } else if state.containers.get(id).is_none() {
                self.containers_asked.once(id, now, CONTAINER_PAUSE, || lookup.ask(id));
            }
        }
        let users = &state.users;
        let Some(lookup) = &mut self.accounts else { return false };
        let is_first = !users.has_container(id);
        let is_missing =
            users.user(Some(id), thread.uid).is_none() || users.group(Some(id), thread.gid).is_none();
        let pause = match is_first {
            _ if starts => 0,
            false => ACCOUNTS_PAUSE,
            // Its root directory may be another one than at the event before.
            true if executes && self.budget.has_time() => 0,
            true => FIRST_ACCOUNTS_PAUSE,
        };
        // The files are those that its first process sees; a later one may have gone elsewhere.
        let first = self.firsts.pid(id).filter(|_| !is_first).unwrap_or(thread.pid);
        let ask = || lookup.ask(id, first);
        let is_asked = (is_missing || starts) && self.accounts_asked.once(id, now, pause, ask);
        // What a runtime does in the container before that needs no names: waits for it would use up the time.
        is_asked && is_first && executes && self.budget.has_time()
    }
}

impl std::fmt::Debug for AsyncLookups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncLookups").finish_non_exhaustive()
    }
}

/// Whether a process of the container was made by one that is not in it: what is made inside may have a pid namespace of
/// its own, too.
fn is_from_outside(state: &State, thread: &Thread) -> bool {
    state.threads.parent_of(thread).is_none_or(|parent| parent.container != thread.container)
}

/// Whether the process executes a program.
fn executes(ty: EventType) -> bool {
    use EventType as E;
    matches!(ty, E::SYSCALL_EXECVE_19_X | E::SYSCALL_EXECVEAT_X)
}

/// Whether a process may be in another container than before, be somebody else, or have its container's root directory.
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
