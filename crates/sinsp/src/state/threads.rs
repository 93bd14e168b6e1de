use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use eyas_scap::Suspects;
use rustc_hash::FxHashMap;
use slotmap::{Key, SlotMap};

use super::keys::{DirectoriesKey, FilesKey, GroupKey, ThreadKey};
use super::{Activity, Directories, FdTable, Session, Thread};

mod family;
mod lost;
mod shared;
mod sharing;

use lost::Losses;
use shared::Shared;

/// Number of remembered exits, to distinguish a late clone event from a new process.
const MAX_EXITS: usize = 8192;
/// Maximum number of visited ancestors, as a guard against loops.
const MAX_ANCESTORS: usize = 4096;

/// The thread table: entries, groups and families.
#[derive(Debug)]
pub struct Threads {
    entries: SlotMap<ThreadKey, Thread>,
    files: SlotMap<FilesKey, Shared<FdTable>>,
    directories: SlotMap<DirectoriesKey, Shared<Directories>>,
    by_tid: FxHashMap<i64, ThreadKey>,
    groups: SlotMap<GroupKey, Group>,
    by_pid: FxHashMap<i64, GroupKey>,
    max: usize,
    exits: VecDeque<(i64, i64, u64)>,
    recent: FxHashMap<i64, (i64, u64)>,
    last: (i64, Option<ThreadKey>),
    /// A counter of changes; no two tables ever have the same value.
    clock: u64,
    /// Time of the last change of a thread with descendants, or of its place in the tree. It invalidates
    /// the cached data about ancestors ([`Above`]).
    lineage: u64,
    /// Losses of events. The state of a thread from before the last loss is in doubt: see
    /// [`Threads::is_doubted`].
    losses: Losses,
    /// Whether thread groups have ever shared files or directories.
    is_shared: bool,
}

/// Bits for the changes of one table before its clock reaches that of the next table: 2^40 changes, months
/// of events.
const CLOCK_BITS: u32 = 40;

/// The first number of a table's versions, so that the versions of two tables are never equal.
pub(crate) fn first_version() -> u64 {
    static TABLES: AtomicU64 = AtomicU64::new(1);
    TABLES.fetch_add(1, Ordering::Relaxed) << CLOCK_BITS
}

impl Default for Threads {
    fn default() -> Self {
        let clock = first_version();
        Self {
            clock,
            lineage: clock,
            entries: SlotMap::default(),
            files: SlotMap::default(),
            directories: SlotMap::default(),
            by_tid: FxHashMap::default(),
            groups: SlotMap::default(),
            by_pid: FxHashMap::default(),
            max: 262_144,
            exits: VecDeque::new(),
            recent: FxHashMap::default(),
            last: (-1, None),
            losses: Losses::default(),
            is_shared: false,
        }
    }
}

/// Threads that share a process id.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pid: i64,
    session: Session,
    /// Number of members that have not exited.
    pub(crate) alive: u32,
    /// Whether orphans among its descendants become its children.
    pub(crate) reaper: bool,
    members: Vec<Option<ThreadKey>>,
    holes: usize,
}

impl Threads {
    pub(crate) fn with_max(max: usize) -> Self {
        Self { max, ..Self::default() }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no thread is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of known open files, each counted once for every table that has it. Visits every table.
    pub fn open_files(&self) -> usize {
        self.file_tables().map(FdTable::len).sum()
    }

    /// The thread with this id.
    pub fn get(&self, tid: i64) -> Option<&Thread> {
        self.entries.get(self.key(tid)?)
    }

    /// All threads, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Thread> {
        self.entries.values()
    }

    /// The leader of the thread's group, or the thread itself if it needs no leader.
    #[inline]
    pub fn main_of<'a>(&'a self, thread: &'a Thread) -> Option<&'a Thread> {
        if thread.is_main() { Some(thread) } else { self.get(thread.pid) }
    }

    /// The leader of the parent process.
    pub fn parent_of<'a>(&'a self, thread: &'a Thread) -> Option<&'a Thread> {
        let main = self.main_of(thread)?;
        self.main_of(self.get(main.ptid)?)
    }

    /// Leaders of the ancestor processes, nearest first. Ends at an unknown one and at a loop.
    pub fn ancestors<'a>(&'a self, thread: &'a Thread) -> Ancestors<'a> {
        Ancestors { threads: self, at: self.main_of(thread), slow: self.main_of(thread), steps: 0 }
    }

    /// Environment of the thread's process, each entry ended by NUL.
    pub fn env<'a>(&'a self, thread: &'a Thread) -> &'a [u8] {
        self.main_of(thread).map_or(b"", |main| &main.env)
    }

    /// Threads of the thread's process that have not exited.
    pub fn alive_in_group(&self, thread: &Thread) -> u32 {
        thread.group.and_then(|key| self.groups.get(key)).map_or(0, |group| group.alive)
    }

    #[inline]
    pub(crate) fn key(&self, tid: i64) -> Option<ThreadKey> {
        if self.last.0 == tid && self.last.1.is_some() {
            return self.last.1;
        }
        self.by_tid.get(&tid).copied()
    }

    /// Like [`Threads::key`], with a cache of the last result, because consecutive events often have the same
    /// thread.
    #[inline]
    pub(crate) fn lookup(&mut self, tid: i64) -> Option<ThreadKey> {
        if self.last.0 != tid || self.last.1.is_none() {
            self.last = (tid, self.by_tid.get(&tid).copied());
        }
        self.last.1
    }

    #[inline]
    pub(crate) fn at(&self, key: ThreadKey) -> Option<&Thread> {
        self.entries.get(key)
    }

    /// The mutable entry. It invalidates cached results for the thread and its descendants.
    pub(crate) fn at_mut(&mut self, key: ThreadKey) -> Option<&mut Thread> {
        let thread = self.entries.get_mut(key)?;
        self.clock += 1;
        thread.changed = self.clock;
        let has_siblings = |group: GroupKey| self.groups.get(group).is_some_and(|g| g.members.len() > 1);
        // Others may use it as their leader although it is none.
        let is_taken_for_leader = !thread.is_main() && self.by_pid.contains_key(&thread.tid);
        let has_others = thread.links.first_child.is_some() || thread.group.is_some_and(has_siblings);
        if has_others || is_taken_for_leader {
            self.lineage = self.clock;
        }
        Some(thread)
    }

    /// Sets bits that no field shows.
    pub(crate) fn set_securebits(&mut self, key: ThreadKey, bits: u8) {
        if let Some(thread) = self.entries.get_mut(key) {
            thread.securebits = bits;
        }
    }

    /// Mutable data that the thread's events change frequently.
    #[inline]
    pub(crate) fn activity_mut(&mut self, key: ThreadKey) -> Option<&mut Activity> {
        self.entries.get_mut(key).map(|thread| &mut thread.activity)
    }

    /// Slot of the entry, and the time of the last change of its data, of its process's and, with
    /// `lineage`, of its ancestors'.
    #[inline]
    pub(crate) fn version(&self, key: ThreadKey, thread: &Thread, lineage: bool) -> (u32, u64) {
        // The lower half is the index in the table, which is small and reused.
        let slot = key.data().as_ffi() as u32;
        // A thread without a group does not notice changes of its process.
        if thread.group.is_none() {
            return (slot, self.clock);
        }
        let main = if thread.is_main() { 0 } else { self.main_of(thread).map_or(0, |main| main.changed) };
        let directories = self.directories(thread).map_or(0, |directories| directories.changed);
        let own = thread.changed.max(main).max(directories);
        (slot, if lineage { own.max(self.version_above(thread)) } else { own })
    }

    /// Time of the last change of an ancestor process.
    fn version_above(&self, thread: &Thread) -> u64 {
        thread.above.get(self.lineage, || {
            // The entries of one step upwards. After contradictory events they may differ from those of the
            // step before.
            let step = |at: &Thread| {
                let main = self.main_of(at);
                let maker = main.and_then(|main| self.get(main.ptid));
                let parent = maker.and_then(|maker| self.main_of(maker));
                [Some(at), main, maker, parent].into_iter().flatten().map(|t| t.changed).max().unwrap_or(0)
            };
            let own = [Some(thread), self.main_of(thread)].into_iter().flatten();
            own.chain(self.ancestors(thread)).map(step).max().unwrap_or(0)
        })
    }

    pub(crate) fn group_of(&mut self, key: ThreadKey) -> Option<&mut Group> {
        let group = self.entries.get(key)?.group?;
        self.groups.get_mut(group)
    }

    /// Key of the entry that holds the open files, directory and environment of the thread.
    pub(crate) fn main_key(&self, key: ThreadKey) -> Option<ThreadKey> {
        let thread = self.entries.get(key)?;
        if thread.is_main() { Some(key) } else { self.key(thread.pid) }
    }

    /// Adds an entry; `None` if the table is full. An entry with the same id must have been removed.
    pub(crate) fn add(&mut self, mut thread: Thread) -> Option<ThreadKey> {
        if self.entries.len() >= self.max {
            self.release(thread.files, thread.directories);
            return None;
        }
        self.complete(&mut thread);
        let tid = thread.tid;
        // It may be the leader of known threads.
        self.touch_group(tid);
        self.clock += 1;
        thread.changed = self.clock;
        let key = self.entries.insert(thread);
        self.by_tid.insert(tid, key);
        self.last = (tid, Some(key));
        Some(key)
    }

    /// Records a loss: the threads of these thread groups may have changed.
    pub(crate) fn doubt(&mut self, since: u64, of: Suspects) {
        self.losses.add(since, of);
    }

    /// Ends all doubts.
    pub(crate) fn end_doubt(&mut self) {
        self.losses.forget();
    }

    /// Whether thread groups have ever shared files or directories.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Since when the thread is in doubt, if it is.
    pub(crate) fn doubted_since(&self, thread: &Thread) -> Option<u64> {
        self.losses.doubted_since(thread)
    }

    /// Number of losses.
    pub(crate) fn losses(&self) -> u32 {
        self.losses.count()
    }

    /// Whether the thread is in doubt: events were lost since its state was last certain.
    #[inline]
    pub(crate) fn is_doubted(&self, thread: &Thread) -> bool {
        thread.sure_after < self.losses.count() && self.losses.doubted_since(thread).is_some()
    }

    /// Whether the thread was not looked up at an event since the last loss; marks it as looked up.
    pub(crate) fn ask_once(&mut self, key: ThreadKey) -> bool {
        let Some(thread) = self.entries.get_mut(key) else { return false };
        let count = self.losses.count();
        std::mem::replace(&mut thread.asked_after, count) < count
    }

    /// Marks the state of the thread as certain.
    pub(crate) fn trust(&mut self, key: ThreadKey) {
        if let Some(thread) = self.entries.get_mut(key) {
            (thread.sure_after, thread.inherits_doubt) = (self.losses.count(), false);
        }
    }

    /// Keys of the threads for which [`Threads::is_doubted`] is true.
    pub(crate) fn doubted(&self) -> impl Iterator<Item = ThreadKey> {
        self.entries.iter().filter(|(_, thread)| self.is_doubted(thread)).map(|(key, _)| key)
    }

    /// Records the exit of a child of `ptid`.
    pub(crate) fn remember_exit(&mut self, tid: i64, ptid: i64, ts: u64) {
        if self.exits.len() == MAX_EXITS
            && let Some((tid, ptid, ts)) = self.exits.pop_front()
            && self.recent.get(&tid) == Some(&(ptid, ts))
        {
            self.recent.remove(&tid);
        }
        self.exits.push_back((tid, ptid, ts));
        self.recent.insert(tid, (ptid, ts));
    }

    /// Whether `tid`, a child of `ptid`, exited at most `within` ns before `now`.
    pub(crate) fn exited_recently(&self, tid: i64, ptid: i64, now: u64, within: u64) -> bool {
        self.recent.get(&tid).is_some_and(|(p, ts)| *p == ptid && now.saturating_sub(*ts) < within)
    }

    /// Threads without an event since `before`, and entries with unknown ids.
    pub(crate) fn idle(&self, before: u64) -> (Vec<ThreadKey>, Vec<ThreadKey>) {
        let (mut idle, mut invalid) = (Vec::new(), Vec::new());
        for (key, thread) in &self.entries {
            if !thread.is_valid() {
                invalid.push(key);
            } else if thread.activity.last_access_ts < before {
                idle.push(key);
            }
        }
        (idle, invalid)
    }

    /// Whether there is no room for another thread.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.max
    }
}

/// Iterator over ancestor processes.
#[derive(Debug)]
pub struct Ancestors<'a> {
    threads: &'a Threads,
    at: Option<&'a Thread>,
    slow: Option<&'a Thread>,
    steps: usize,
}

impl<'a> Iterator for Ancestors<'a> {
    type Item = &'a Thread;

    fn next(&mut self) -> Option<&'a Thread> {
        let next = self.threads.parent_of(self.at?);
        self.steps += 1;
        if self.steps.is_multiple_of(2) {
            self.slow = self.slow.and_then(|t| self.threads.parent_of(t));
        }
        let met = next.zip(self.slow).is_some_and(|(a, b)| std::ptr::eq(a, b));
        self.at = if met || self.steps > MAX_ANCESTORS { None } else { next };
        self.at
    }
}
