//! The state of the system: threads, open files, users, containers.

use std::sync::Arc;

use eyas_events::filter::UnusedFiles;
use eyas_scap::{Interface, MachineInfo};

use crate::names::Names;
use crate::rendering::Rendering;

mod budget;
mod container;
mod current;
mod doubts;
mod environment;
mod executable;
mod facts;
mod fd;
mod fds;
mod heal;
mod keys;
mod load;
mod mapped;
mod metadata;
mod observed;
mod parse;
mod proc_query;
mod reach;
mod recent_names;
mod reports;
mod reuse;
mod skips;
mod snapshot;
mod text;
mod thread;
mod threads;
mod tracking;
mod untracked;
mod users;

pub use container::{Container, Containers, Engines};
pub use executable::Executable;
pub use fd::{Fd, FdKind, L4, Role, Socket};
pub use fds::FdTable;
pub use keys::ThreadKey;
pub use observed::ObservedNames;
pub use text::Text;
pub use thread::{Activity, Directories, Session, Thread, ThreadFlags};
pub(crate) use threads::first_version;
pub use threads::{Ancestors, Threads};
pub use users::{Accounts, Users};

pub(crate) use container::{Kind, Layouts, SHORT_ID, are_whole, completed, id_of_cgroups, kind_of_cgroups};
pub(crate) use current::{Current, PendingChange};
pub(crate) use facts::{Facts, changes};
pub use parse::changes_state;
pub(crate) use parse::network::names::message_of;
pub(crate) use parse::{FromResult, number_sources};
pub(crate) use parse::{
    ProcessChange, changes_only_if_successful, changes_only_sockets, changes_process, has_closed, is_copy,
    is_transfer, makes_pipe,
};
pub(crate) use parse::{apply, finish, is_kept, is_unnamed, makes_or_ends_threads};
pub(crate) use reach::reach;
pub(crate) use reports::Reports;
pub(crate) use skips::Skips;
pub(crate) use text::split_nul;

/// The state of the system after the events so far.
#[derive(Debug, Default)]
pub struct State {
    /// Threads and their groups.
    pub threads: Threads,
    /// Users and groups, of the host and of containers.
    pub users: Users,
    /// Containers whose metadata is known.
    pub containers: Containers,
    /// Addresses of the machine.
    pub interfaces: Vec<Interface>,
    /// Domain names in conditions, with their addresses.
    pub names: Arc<Names>,
    /// Domain names from observed DNS replies.
    pub observed: ObservedNames,
    /// The machine.
    pub machine: MachineInfo,
    /// Counters.
    pub stats: StateStats,
    /// Last context switch of each CPU, ns since the epoch; 0 for none.
    switches: Vec<u64>,
    /// Budget of `/proc` lookups for received descriptors.
    received: budget::ReceivedBudget,
    /// Limits how often all open files are searched.
    searches: budget::ReceivedBudget,
    /// Threads whose state is in doubt because events were lost.
    pub(crate) doubts: doubts::Doubts,
    /// Whether enter events have occurred.
    pub(crate) has_beginnings: bool,
    /// Kinds of files that are not tracked, because no rule uses them.
    unused_files: UnusedFiles,
    empty: Option<Text>,
    scratch: Vec<u8>,
    reuse: reuse::Reuse,
    /// The cgroups that are containers.
    pub(crate) layouts: Layouts,
    /// Number of changes of processes that their own events do not show.
    pub(crate) unshown_changes: u64,
    /// Format of parameters and names.
    pub(crate) rendering: Rendering,
    /// Budget of /proc lookups for unknown threads.
    lookups: budget::LookupBudget,
}

/// Counters of the state engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateStats {
    /// Threads added.
    pub threads_added: u64,
    /// Threads removed.
    pub threads_removed: u64,
    /// Threads that were not added because the table was full.
    pub threads_rejected: u64,
    /// Lookups of threads in /proc.
    pub proc_lookups: u64,
    /// Events of unknown threads without a lookup, because that second's budget was used up.
    pub proc_lookups_deferred: u64,
    /// Threads that even /proc did not know.
    pub failed_thread_lookups: u64,
    /// Open files added.
    pub fds_added: u64,
    /// Open files removed.
    pub fds_removed: u64,
    /// Open files that were not added because their process's table was full.
    pub fds_rejected: u64,
    /// Events on unknown descriptors.
    pub failed_fd_lookups: u64,
    /// Number of losses that the source reported. After each, the threads that may have made the events are
    /// in doubt, if the events change the state.
    pub losses: u64,
    /// Number of lost events.
    pub events_lost: u64,
    /// Threads in doubt after losses that were to be looked up; 0 without a [`crate::ProcLookup`].
    pub threads_doubted: u64,
    /// Threads in doubt that had changed or ended, and were corrected or removed.
    pub threads_healed: u64,
    /// Open files of the threads in doubt.
    pub fds_doubted: u64,
    /// Open files that were added, replaced or removed after a loss.
    pub fds_healed: u64,
}

impl State {
    /// An empty state for at most this number of threads.
    pub(crate) fn with_max(threads: usize) -> Self {
        Self { threads: Threads::with_max(threads), ..Self::default() }
    }

    /// Sets the format of parameters, and of new names of sockets.
    pub(crate) fn set_rendering(&mut self, rendering: Rendering) {
        self.reuse.names.services = rendering.services.clone();
        self.rendering = rendering;
    }

    /// The empty text, shared.
    pub(crate) fn empty(&mut self) -> Text {
        self.empty.get_or_insert_with(|| Arc::from(&b""[..])).clone()
    }

    /// Whether the thread is in doubt: events were lost since its state was last certain.
    pub(crate) fn is_doubted(&self, thread: &Thread) -> bool {
        self.doubts.remain() && self.threads.is_doubted(thread)
    }

    /// The time since which the state of the thread and of its process's files may be wrong because of a
    /// loss, ns since the epoch; `None` if nothing is in doubt.
    pub fn doubted_since(&self, thread: &Thread) -> Option<u64> {
        if self.doubts.remain() { self.threads.doubted_since(thread) } else { None }
    }

    /// A counter that grows with every change of users and containers.
    pub(crate) fn names_changed(&self) -> u64 {
        self.users.changes + self.containers.changes
    }

    /// Whether `ip` is an address of this machine.
    pub fn is_local(&self, ip: std::net::IpAddr) -> bool {
        self.interfaces.iter().any(|i| i.addr == ip)
    }
}
