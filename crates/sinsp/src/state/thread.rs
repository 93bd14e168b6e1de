use std::sync::atomic::{AtomicU64, Ordering};

use eyas_events::FlagTable;
use eyas_scap::OwnedEvent;

use super::executable::Executable;
use super::keys::{DirectoriesKey, FilesKey, GroupKey, ThreadKey};
use super::text::{Text, split_nul};

bitflags::bitflags! {
    /// Flags of a thread's creation and of later changes: `PPM_CL_*`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ThreadFlags: u32 {
        /// Shares the working and root directory with its creator.
        const FS = FlagTable::CLONE_FLAGS.value("CLONE_FS");
        /// Shares the table of open files with its creator.
        const FILES = FlagTable::CLONE_FLAGS.value("CLONE_FILES");
        /// In a new pid namespace.
        const NEWPID = FlagTable::CLONE_FLAGS.value("CLONE_NEWPID");
        /// In a new user namespace.
        const NEWUSER = FlagTable::CLONE_FLAGS.value("CLONE_NEWUSER");
        /// Child of its creator's parent.
        const PARENT = FlagTable::CLONE_FLAGS.value("CLONE_PARENT");
        /// Not a leader.
        const THREAD = FlagTable::CLONE_FLAGS.value("CLONE_THREAD");
        /// The creator waits for the child.
        const VFORK = FlagTable::CLONE_FLAGS.value("CLONE_VFORK");
        /// Made from the child's own event.
        const INVERTED = FlagTable::CLONE_FLAGS.value("CLONE_INVERTED");
        /// Has executed a program since.
        const NAME_CHANGED = FlagTable::CLONE_FLAGS.value("NAME_CHANGED");
        /// Has exited.
        const CLOSED = FlagTable::CLONE_FLAGS.value("CLOSED");
        /// Its ids differ from those on the host.
        const CHILD_IN_PIDNS = FlagTable::CLONE_FLAGS.value("CLONE_CHILD_IN_PIDNS");
        const _ = !0;
    }
}

/// Session, process group and terminal of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Session: the id of its leader in the leader's own pid namespace; -1 if unknown.
    pub sid: i64,
    /// Process group in the pid namespace of the process, where it may have no id: 0; -1 if unknown.
    pub vpgid: i64,
    /// Process group on the host; -1 if unknown.
    pub pgid: i64,
    /// Device number of the controlling terminal; 0 for none.
    pub tty: u32,
}

impl Default for Session {
    fn default() -> Self {
        Self { sid: -1, vpgid: -1, pgid: -1, tty: 0 }
    }
}

impl Session {
    /// Whether a process with these ids, on the host and as the session's leader, leads the session. Sessions of several pid
    /// namespaces may have the same id; but a leader leads its process group, too.
    pub(crate) fn is_led_by(&self, pid: i64, id: i64) -> bool {
        self.sid == id && [-1, pid].contains(&self.pgid)
    }
}

/// Directories for relative and for absolute paths.
#[derive(Clone, Debug, Default)]
pub struct Directories {
    /// Working directory, ending in `/`; empty if unknown.
    pub cwd: Text,
    /// Root directory; empty if unknown.
    pub root: Text,
    /// Time of the last change on [`super::Threads`]' clock.
    pub(crate) changed: u64,
}

/// Compares only the paths, not the time of the change.
impl PartialEq for Directories {
    fn eq(&self, other: &Self) -> bool {
        self.cwd == other.cwd && self.root == other.root
    }
}

/// A thread.
#[derive(Debug)]
pub struct Thread {
    /// Thread id on the host.
    pub tid: i64,
    /// Process id on the host: the leader's thread id. Below 0 if unknown.
    pub pid: i64,
    /// Parent's thread id; 0 if there is none, below 0 if unknown.
    pub ptid: i64,
    /// Thread id in its pid namespace.
    pub vtid: i64,
    /// Process id in its pid namespace.
    pub vpid: i64,
    /// Id of its creator; 0 if unknown.
    pub(crate) maker: i64,
    /// Thread that inherits its children, as the kernel reported at its exit; -1 before.
    pub reaper_tid: i64,
    /// Command name.
    pub comm: Text,
    /// First argument.
    pub exe: Text,
    /// The file that it executes.
    pub executable: Executable,
    /// Arguments after the first, each ended by NUL.
    pub args: Text,
    /// `comm` and the arguments.
    pub cmdline: Text,
    /// Environment of a leader, each entry ended by NUL; see [`super::Threads::env`].
    pub env: Text,
    /// `subsystem=path`, each ended by NUL.
    pub cgroups: Text,
    /// Container id; `None` on the host.
    pub container: Option<Text>,
    /// Flags of its creation.
    pub flags: ThreadFlags,
    /// Limit of open files; -1 if unknown.
    pub fdlimit: i64,
    /// Effective user id; `u32::MAX` if unknown.
    pub uid: u32,
    /// Effective group id; `u32::MAX` if unknown.
    pub gid: u32,
    /// Login user id; `u32::MAX` if none.
    pub loginuid: u32,
    /// Real user id, if known, and the saved one.
    pub(crate) real_uid: u32,
    pub(crate) saved_uid: u32,
    /// Bits from `prctl(PR_SET_SECUREBITS)` and `prctl(PR_SET_KEEPCAPS)`.
    pub(crate) securebits: u8,
    /// Inheritable, permitted and effective capabilities.
    pub caps: [u64; 3],
    /// Start of its pid namespace, ns since the epoch.
    pub pidns_start: u64,
    /// Creation time, ns since the epoch; 0 if unknown.
    pub clone_ts: u64,
    /// When it last executed a program, ns since the epoch; 0 if never seen.
    pub exec_ts: u64,
    /// Data that its events change frequently.
    pub activity: Activity,
    /// Time of the last change of anything except its activity, files and family, on [`super::Threads`]'
    /// clock.
    pub(crate) changed: u64,
    /// Number of the last loss after which its state was certain.
    pub(crate) sure_after: u32,
    /// Whether the data that it inherited was in doubt.
    pub(crate) inherits_doubt: bool,
    /// Number of the last loss after which it was looked up at an event.
    pub(crate) asked_after: u32,
    /// Open files; see [`super::Threads::fds`].
    pub(crate) files: FilesKey,
    /// Working and root directory; see [`super::Threads::cwd`].
    pub(crate) directories: DirectoriesKey,
    /// Session of a thread without a group, if known; see [`super::Threads::session`].
    pub(crate) session: Option<Box<Session>>,
    /// Cached data about its ancestors.
    pub(crate) above: Above,
    pub(crate) group: Option<GroupKey>,
    pub(crate) group_slot: u32,
    pub(crate) links: Links,
}

/// Data that a thread's events change frequently. The engine caches no results that depend on it.
#[derive(Debug, Default)]
pub struct Activity {
    /// Virtual memory, KiB.
    pub vm_size: u32,
    /// Resident memory, KiB.
    pub vm_rss: u32,
    /// Swapped memory, KiB.
    pub vm_swap: u32,
    /// Major page faults.
    pub pf_major: u64,
    /// Minor page faults.
    pub pf_minor: u64,
    /// When its last event was processed, ns since the epoch.
    pub last_event_ts: u64,
    /// Data that few events report.
    pub(crate) times: Option<Box<Times>>,
    /// The enter event that waits for its exit event.
    pub(crate) enter: Option<Box<OwnedEvent>>,
    pub(crate) last_access_ts: u64,
}

/// CPU time of a thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Time between context switches, ns.
    pub(crate) ran: u64,
    /// Ticks in user mode and in the kernel, from the last event about them.
    pub(crate) ticks: [u64; 2],
}

impl Activity {
    /// CPU time according to context switches, ns.
    pub fn ran(&self) -> u64 {
        self.times.as_ref().map_or(0, |times| times.ran)
    }

    pub(crate) fn times_mut(&mut self) -> &mut Times {
        self.times.get_or_insert_default()
    }
}

/// Cached data of a thread about its ancestors: their last change, and the time when it was determined.
///
/// Both are times of [`super::Threads`]' clock. A reader sets it; it is atomic so that several threads can
/// read a table.
#[derive(Debug, Default)]
pub(crate) struct Above {
    as_of: AtomicU64,
    changed: AtomicU64,
}

impl Above {
    pub(crate) fn get(&self, now: u64, look: impl FnOnce() -> u64) -> u64 {
        if self.as_of.load(Ordering::Acquire) == now {
            return self.changed.load(Ordering::Relaxed);
        }
        let changed = look();
        self.changed.store(changed, Ordering::Relaxed);
        self.as_of.store(now, Ordering::Release);
        changed
    }

    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Links to siblings and children.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Links {
    pub(crate) parent: Option<ThreadKey>,
    pub(crate) first_child: Option<ThreadKey>,
    pub(crate) next: Option<ThreadKey>,
    pub(crate) prev: Option<ThreadKey>,
}

impl Thread {
    /// An entry with only an id.
    pub(crate) fn unknown(tid: i64, empty: &Text) -> Self {
        let text = || empty.clone();
        Self {
            tid,
            pid: -1,
            ptid: -1,
            vtid: -1,
            vpid: -1,
            maker: 0,
            reaper_tid: -1,
            comm: text(),
            exe: text(),
            executable: Executable::new(text()),
            args: text(),
            cmdline: text(),
            env: text(),
            cgroups: text(),
            container: None,
            flags: ThreadFlags::empty(),
            fdlimit: -1,
            uid: u32::MAX,
            gid: u32::MAX,
            loginuid: u32::MAX,
            real_uid: u32::MAX,
            saved_uid: u32::MAX,
            securebits: 0,
            caps: [0; 3],
            pidns_start: 0,
            clone_ts: 0,
            exec_ts: 0,
            activity: Activity::default(),
            changed: 0,
            sure_after: 0,
            inherits_doubt: false,
            asked_after: 0,
            files: FilesKey::default(),
            directories: DirectoriesKey::default(),
            session: None,
            above: Above::default(),
            group: None,
            group_slot: 0,
            links: Links::default(),
        }
    }

    /// Whether it leads its thread group.
    pub fn is_main(&self) -> bool {
        self.tid == self.pid
    }

    /// Whether it shares its open files with its process, as far as is known.
    pub(crate) fn shares_files(&self) -> bool {
        self.is_main() || self.flags.contains(ThreadFlags::FILES)
    }

    /// Whether its ids are known.
    pub fn is_valid(&self) -> bool {
        self.tid >= 0 && self.pid >= 0 && self.ptid >= 0
    }

    /// Whether it has exited.
    pub fn is_dead(&self) -> bool {
        self.flags.contains(ThreadFlags::CLOSED)
    }

    /// Whether its pid namespace is not the host's.
    pub fn in_pid_namespace(&self) -> bool {
        self.flags.contains(ThreadFlags::CHILD_IN_PIDNS) || (self.vtid >= 0 && self.tid != self.vtid)
    }

    /// Sets the arguments, and with them the command line.
    pub(crate) fn set_args(&mut self, args: Text) {
        let mut line = Vec::with_capacity(self.comm.len() + 1 + args.len());
        line.extend_from_slice(&self.comm);
        for arg in split_nul(&args) {
            line.push(b' ');
            line.extend_from_slice(arg);
        }
        self.cmdline = line.into();
        self.args = args;
    }
}
