//! What is known of the system: threads, open files, users, containers.

use std::sync::Arc;

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
mod left_files;
mod load;
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
mod users;

pub use container::{Container, Containers, Engines};
pub use executable::Executable;
pub use fd::{Fd, FdKind, L4, Role, Socket};
pub use fds::FdTable;
pub use keys::ThreadKey;
pub use observed::ObservedNames;
pub use text::Text;
pub use thread::{Activity, Directories, Session, Thread, ThreadFlags};
pub use threads::{Ancestors, Threads};
pub use users::{Accounts, Users};

pub(crate) use container::{Kind, Layouts, SHORT_ID, completed, id_of_cgroups, kind_of_cgroups};
pub(crate) use current::{Current, Rest};
pub(crate) use facts::{Facts, changes};
pub use parse::changes_state;
pub(crate) use parse::network::names::message_of;
pub(crate) use parse::{ProcessChange, changes_only_if_successful, changes_process, is_copy};
pub(crate) use parse::{apply, finish, is_kept, is_unnamed, makes_or_ends_threads};
pub(crate) use reach::reach;
pub(crate) use reports::Reports;
pub(crate) use skips::Skips;
pub(crate) use text::split_nul;

/// The system as the events so far report it.
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
    /// Domain names that somebody asks for.
    pub names: Arc<Names>,
    /// Domain names by the answers of name servers.
    pub observed: ObservedNames,
    /// The machine.
    pub machine: MachineInfo,
    /// What was looked up, added and given up.
    pub stats: StateStats,
    /// Last context switch of each CPU, ns since the epoch; 0 for none.
    switches: Vec<u64>,
    /// How often `/proc` may be asked for received descriptors.
    received: budget::ReceivedBudget,
    /// How often all open files may be searched for one.
    searches: budget::ReceivedBudget,
    /// What is to be asked again since events were lost.
    pub(crate) doubts: doubts::Doubts,
    /// Whether events of calls that begin have come.
    pub(crate) has_beginnings: bool,
    /// Whether nobody asks what descriptors of plain files stand for, so that they are not followed.
    leaves_out_files: bool,
    empty: Option<Text>,
    scratch: Vec<u8>,
    reuse: reuse::Reuse,
    /// Which control groups are containers.
    pub(crate) layouts: Layouts,
    /// How parameters and names are written.
    pub(crate) rendering: Rendering,
    /// How often /proc may be asked for unknown threads.
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
    /// Threads that found no room in the table.
    pub threads_rejected: u64,
    /// Threads asked of /proc.
    pub proc_lookups: u64,
    /// Events of unknown threads that were not asked of /proc, as it was asked too often in that second.
    pub proc_lookups_deferred: u64,
    /// Threads that even /proc did not know.
    pub failed_thread_lookups: u64,
    /// Open files added.
    pub fds_added: u64,
    /// Open files removed.
    pub fds_removed: u64,
    /// Open files that found no room in their process's table.
    pub fds_rejected: u64,
    /// Events on descriptors that nobody knows.
    pub failed_fd_lookups: u64,
    /// Times that the source reported lost events: each time threads that may have made them come into doubt, if they change
    /// what is known.
    pub losses: u64,
    /// Events that these losses were of.
    pub events_lost: u64,
    /// Threads that came into doubt by losses and that [`crate::ProcLookup`] was to be asked about; 0 without one.
    pub threads_doubted: u64,
    /// Of those, threads that had changed unseen, or ended: corrected, or removed.
    pub threads_healed: u64,
    /// Open files of the threads in doubt.
    pub fds_doubted: u64,
    /// Open files that were unknown, others than the known ones, or no longer open: added, replaced or removed.
    pub fds_healed: u64,
}

impl State {
    /// Nothing is known, and at most so many threads will be.
    pub(crate) fn with_max(threads: usize) -> Self {
        Self { threads: Threads::with_max(threads), ..Self::default() }
    }

    /// Writes parameters, and names of sockets from now on, in this way.
    pub(crate) fn set_rendering(&mut self, rendering: Rendering) {
        self.reuse.names.services = rendering.services.clone();
        self.rendering = rendering;
    }

    /// The empty text, shared.
    pub(crate) fn empty(&mut self) -> Text {
        self.empty.get_or_insert_with(|| Arc::from(&b""[..])).clone()
    }

    /// Whether events were lost since the thread was last known to be as it is here.
    pub(crate) fn is_doubted(&self, thread: &Thread) -> bool {
        self.doubts.remain() && self.threads.is_doubted(thread)
    }

    /// Since when the state of the thread, and of its process's files, may be wrong as events were lost, ns since the epoch;
    /// `None` if nothing is in doubt.
    pub fn doubted_since(&self, thread: &Thread) -> Option<u64> {
        if self.doubts.remain() { self.threads.doubted_since(thread) } else { None }
    }

    /// Grows with every change of what is known of users and containers.
    pub(crate) fn names_changed(&self) -> u64 {
        self.users.changes + self.containers.changes
    }

    /// Whether `ip` is an address of this machine.
    pub fn is_local(&self, ip: std::net::IpAddr) -> bool {
        self.interfaces.iter().any(|i| i.addr == ip)
    }
}
