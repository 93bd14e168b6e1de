use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;
use slotmap::{Key, SlotMap, new_key_type};

use super::thread::Links;
use super::{Activity, FdTable, Text, Thread, ThreadFlags};

new_key_type! {
    /// Names a thread entry; never again another one.
    pub struct ThreadKey;
    pub(crate) struct GroupKey;
}

/// Exits that are remembered to tell a late clone event from a new process.
const MAX_EXITS: usize = 8192;
/// Ancestors that are followed at most, as a guard against loops.
const MAX_ANCESTORS: usize = 4096;

/// The thread table: entries, groups and families.
#[derive(Debug)]
pub struct Threads {
    entries: SlotMap<ThreadKey, Thread>,
    by_tid: FxHashMap<i64, ThreadKey>,
    groups: SlotMap<GroupKey, Group>,
    by_pid: FxHashMap<i64, GroupKey>,
    max: usize,
    exits: VecDeque<(i64, i64, u64)>,
    recent: FxHashMap<i64, (i64, u64)>,
    last: (i64, Option<ThreadKey>),
    /// Counts changes; no two tables ever have the same time.
    clock: u64,
    /// When anything last changed that a thread may see of threads above it.
    lineage: u64,
    /// How often events were lost. What was known of a thread before the last loss is in doubt: see
    /// [`Threads::is_doubted`].
    losses: u32,
}

/// Changes that a table may see before its clock reaches the next table's: 2^40, months of events.
const CLOCK_BITS: u32 = 40;

impl Default for Threads {
    fn default() -> Self {
        static TABLES: AtomicU64 = AtomicU64::new(1);
        let clock = TABLES.fetch_add(1, Ordering::Relaxed) << CLOCK_BITS;
        Self {
            clock,
            lineage: clock,
            entries: SlotMap::default(),
            by_tid: FxHashMap::default(),
            groups: SlotMap::default(),
            by_pid: FxHashMap::default(),
            max: 262_144,
            exits: VecDeque::new(),
            recent: FxHashMap::default(),
            last: (-1, None),
            losses: 0,
        }
    }
}

/// Threads that share a process id.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pid: i64,
    /// Members that have not exited.
    pub(crate) alive: u32,
    /// Orphans below it become its children.
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

    /// Number of files known to be open, each counted once for every process that has it. Takes a look at every entry.
    pub fn open_files(&self) -> usize {
        self.entries.values().map(|thread| thread.fds.len()).sum()
    }

    /// The thread with this id.
    pub fn get(&self, tid: i64) -> Option<&Thread> {
        self.entries.get(self.key(tid)?)
    }

    /// All threads, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Thread> {
        self.entries.values()
    }

    /// The leader of the thread's group, or the thread itself where no leader is needed.
    pub fn main_of<'a>(&'a self, thread: &'a Thread) -> Option<&'a Thread> {
        if thread.is_main() { Some(thread) } else { self.get(thread.pid) }
    }

    /// The leader of the process that made the thread's process.
    pub fn parent_of<'a>(&'a self, thread: &'a Thread) -> Option<&'a Thread> {
        let main = self.main_of(thread)?;
        self.main_of(self.get(main.ptid)?)
    }

    /// Leaders of the processes above the thread's, nearest first. Ends at unknown ones and at loops.
    pub fn ancestors<'a>(&'a self, thread: &'a Thread) -> Ancestors<'a> {
        Ancestors { threads: self, at: self.main_of(thread), slow: self.main_of(thread), steps: 0 }
    }

    /// Open files of the thread: its leader's unless it has a table of its own.
    pub fn fds<'a>(&'a self, thread: &'a Thread) -> Option<&'a FdTable> {
        let shared = thread.flags.contains(ThreadFlags::FILES) && !thread.is_main();
        if shared { self.main_of(thread).map(|main| &main.fds) } else { Some(&thread.fds) }
    }

    /// Working directory of the thread's process, ending in `/`.
    pub fn cwd<'a>(&'a self, thread: &'a Thread) -> &'a [u8] {
        self.main_of(thread).map_or(b"./", |main| &main.cwd)
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

    /// As [`Threads::key`], remembering the answer: events of one thread come in a row.
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

    /// The entry, to be changed: verdicts on it, and on those below it, are tested anew.
    pub(crate) fn at_mut(&mut self, key: ThreadKey) -> Option<&mut Thread> {
        let thread = self.entries.get_mut(key)?;
        self.clock += 1;
        thread.changed = self.clock;
        let has_siblings = |group: GroupKey| self.groups.get(group).is_some_and(|g| g.members.len() > 1);
        if thread.links.first_child.is_some() || thread.group.is_some_and(has_siblings) {
            self.lineage = self.clock;
        }
        Some(thread)
    }

    /// What the thread's events change all the time.
    #[inline]
    pub(crate) fn activity_mut(&mut self, key: ThreadKey) -> Option<&mut Activity> {
        self.entries.get_mut(key).map(|thread| &mut thread.activity)
    }

    /// Place of the entry, and the time of the last change of anything that it, its leader and, with
    /// `lineage`, those above it tell.
    #[inline]
    pub(crate) fn version(&self, key: ThreadKey, thread: &Thread, lineage: bool) -> (u32, u64) {
        // The lower half is the place in the table: small, and used again.
        let slot = key.data().as_ffi() as u32;
        if thread.is_main() {
            return (slot, if lineage { thread.changed.max(self.lineage) } else { thread.changed });
        }
        let main = self.main_of(thread).map_or(0, |main| main.changed);
        (slot, thread.changed.max(main).max(self.lineage))
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

    /// The open files that the thread changes.
    pub(crate) fn fds_mut(&mut self, key: ThreadKey) -> Option<&mut FdTable> {
        let thread = self.entries.get(key)?;
        let shared = thread.flags.contains(ThreadFlags::FILES) && !thread.is_main();
        let owner = if shared { self.key(thread.pid)? } else { key };
        self.entries.get_mut(owner).map(|thread| &mut thread.fds)
    }

    /// Adds an entry; `None` if the table is full. An entry with the same id must have been removed.
    pub(crate) fn add(&mut self, mut thread: Thread) -> Option<ThreadKey> {
        if self.entries.len() >= self.max {
            return None;
        }
        let tid = thread.tid;
        self.clock += 1;
        thread.changed = self.clock;
        if self.by_pid.contains_key(&tid) {
            self.lineage = self.clock;
        }
        let key = self.entries.insert(thread);
        self.by_tid.insert(tid, key);
        self.last = (tid, Some(key));
        Some(key)
    }

    /// Events were lost: every thread that is known may have changed unseen.
    pub(crate) fn doubt_all(&mut self) {
        self.losses = self.losses.saturating_add(1);
    }

    /// How often events were lost.
    pub(crate) fn losses(&self) -> u32 {
        self.losses
    }

    /// Whether events were lost since the thread was last known to be as it is here.
    #[inline]
    pub(crate) fn is_doubted(&self, thread: &Thread) -> bool {
        thread.sure_after < self.losses
    }

    /// Whether the running system has not been asked about the thread at an event since the last loss; from now on it
    /// has.
    pub(crate) fn ask_once(&mut self, key: ThreadKey) -> bool {
        let Some(thread) = self.entries.get_mut(key) else { return false };
        std::mem::replace(&mut thread.asked_after, self.losses) < self.losses
    }

    /// The thread is known to be as it is here.
    pub(crate) fn trust(&mut self, key: ThreadKey) {
        if let Some(thread) = self.entries.get_mut(key) {
            thread.sure_after = self.losses;
        }
    }

    /// Keys of the threads that [`Threads::is_doubted`] holds of.
    pub(crate) fn doubted(&self) -> impl Iterator<Item = ThreadKey> {
        self.entries.iter().filter(|(_, thread)| self.is_doubted(thread)).map(|(key, _)| key)
    }

    /// Joins an entry to its group and its parent; entries with unknown ids stay alone.
    pub(crate) fn link(&mut self, key: ThreadKey) {
        let Some(thread) = self.entries.get(key) else { return };
        if !thread.is_valid() || thread.group.is_some() {
            return;
        }
        let (pid, ptid, is_init) = (thread.pid, thread.ptid, thread.pid == 1 || thread.vpid == 1);
        let group = *self
            .by_pid
            .entry(pid)
            .or_insert_with(|| self.groups.insert(Group { pid, reaper: is_init, ..Group::default() }));
        let Some(members) = self.groups.get_mut(group) else { return };
        members.alive += 1;
        members.members.push(Some(key));
        let slot = members.members.len() - 1;
        let parent = if pid == 1 { None } else { self.key(ptid) };
        let parent = parent.filter(|p| *p != key && self.entries.get(*p).is_some_and(Thread::is_valid));
        let Some(thread) = self.entries.get_mut(key) else { return };
        self.clock += 1;
        thread.changed = self.clock;
        thread.group = Some(group);
        thread.group_slot = slot;
        if parent.is_none() {
            thread.ptid = 0;
        }
        self.adopt(key, parent);
    }

    /// Makes `parent` the parent of an entry that has none.
    fn adopt(&mut self, key: ThreadKey, parent: Option<ThreadKey>) {
        let first = parent.and_then(|p| self.entries.get_mut(p)?.links.first_child.replace(key));
        if let Some(next) = first.and_then(|f| self.entries.get_mut(f)) {
            next.links.prev = Some(key);
        }
        if let Some(thread) = self.entries.get_mut(key) {
            thread.links = Links { parent, next: first, prev: None, ..thread.links };
        }
    }

    /// Takes an entry out of its parent's children.
    fn orphan(&mut self, key: ThreadKey) {
        let Some(thread) = self.entries.get_mut(key) else { return };
        let Links { parent, next, prev, .. } = thread.links;
        thread.links = Links { first_child: thread.links.first_child, ..Links::default() };
        if let Some(next) = next.and_then(|n| self.entries.get_mut(n)) {
            next.links.prev = prev;
        }
        match prev {
            Some(prev) => {
                if let Some(prev) = self.entries.get_mut(prev) {
                    prev.links.next = next;
                }
            }
            None => {
                if let Some(parent) = parent.and_then(|p| self.entries.get_mut(p)) {
                    parent.links.first_child = next;
                }
            }
        }
    }

    /// Notes that a thread has exited; its entry goes with [`Threads::remove`].
    pub(crate) fn exited(&mut self, key: ThreadKey, reaper_tid: i64) {
        let Some(thread) = self.entries.get_mut(key) else { return };
        if thread.is_dead() {
            return;
        }
        thread.flags |= ThreadFlags::CLOSED;
        if thread.links.first_child.is_some() {
            thread.reaper_tid = reaper_tid;
        }
        if let Some(group) = thread.group.and_then(|g| self.groups.get_mut(g)) {
            group.alive = group.alive.saturating_sub(1);
        }
    }

    /// A dead entry lives again: its process executed a program after all.
    pub(crate) fn revive(&mut self, key: ThreadKey) {
        let Some(thread) = self.entries.get_mut(key) else { return };
        if thread.is_dead() {
            thread.flags -= ThreadFlags::CLOSED;
            if let Some(group) = thread.group.and_then(|g| self.groups.get_mut(g)) {
                group.alive += 1;
            }
        }
    }

    /// Gives an entry another parent; without one it has none.
    pub(crate) fn move_below(&mut self, key: ThreadKey, parent: Option<ThreadKey>) {
        let parent = parent.filter(|parent| *parent != key);
        let ptid = parent.and_then(|parent| self.entries.get(parent)).map_or(0, |parent| parent.tid);
        self.orphan(key);
        self.touch_lineage();
        if let Some(thread) = self.entries.get_mut(key) {
            thread.ptid = ptid;
            thread.changed = self.clock;
        }
        self.adopt(key, parent);
    }

    /// Removes an entry whose id another thread has now. With a leader go all threads of its process: the kernel does
    /// not use its id again while one of them lives. Answers how many entries are gone.
    pub(crate) fn replace(&mut self, key: ThreadKey) -> u64 {
        let mut gone = 0;
        if self.entries.get(key).is_some_and(Thread::is_main) {
            gone += self.siblings(key).into_iter().map(|sibling| self.remove(sibling)).sum::<u64>();
        }
        gone += self.remove(key);
        debug_assert!(self.entries.get(key).is_none(), "an entry alone in its group stays");
        gone
    }

    /// Removes an entry: its children find another parent; a leader stays until its group is empty.
    /// Answers how many entries are gone.
    pub(crate) fn remove(&mut self, key: ThreadKey) -> u64 {
        let Some(thread) = self.entries.get(key) else { return 0 };
        if thread.group.is_none() {
            return self.erase(key);
        }
        if !thread.is_dead() {
            self.exited(key, -1);
        }
        self.give_away_children(key);
        let Some(thread) = self.entries.get(key) else { return 0 };
        let Some(group) = thread.group.and_then(|g| self.groups.get(g)) else { return self.erase(key) };
        let (main, pid, alive) = (thread.is_main(), group.pid, group.alive);
        let mut gone = 0;
        if alive == 0 {
            if let Some(leader) = self.by_tid.get(&pid).copied()
                && leader != key
            {
                gone += self.erase(leader);
            }
            gone += self.erase(key);
        } else if !main {
            gone += self.erase(key);
        }
        gone
    }

    fn erase(&mut self, key: ThreadKey) -> u64 {
        self.give_away_children(key);
        self.orphan(key);
        let Some(thread) = self.entries.remove(key) else { return 0 };
        if thread.is_main() || thread.group.is_none() {
            // Threads may remain that looked at it.
            self.touch_lineage();
        }
        if self.by_tid.get(&thread.tid) == Some(&key) {
            self.by_tid.remove(&thread.tid);
        }
        self.last = (-1, None);
        if let Some(group_key) = thread.group {
            self.leave(group_key, thread.group_slot, !thread.is_dead());
        }
        1
    }

    fn touch_lineage(&mut self) {
        self.clock += 1;
        self.lineage = self.clock;
    }

    fn leave(&mut self, key: GroupKey, slot: usize, was_alive: bool) {
        let Some(group) = self.groups.get_mut(key) else { return };
        if was_alive {
            group.alive = group.alive.saturating_sub(1);
        }
        if let Some(member) = group.members.get_mut(slot) {
            *member = None;
            group.holes += 1;
        }
        if group.holes == group.members.len() {
            let pid = group.pid;
            self.groups.remove(key);
            self.by_pid.remove(&pid);
        } else if group.holes > 32 && group.holes * 2 > group.members.len() {
            group.members.retain(Option::is_some);
            group.holes = 0;
            let members: Vec<_> = group.members.iter().flatten().copied().collect();
            for (slot, member) in members.into_iter().enumerate() {
                if let Some(thread) = self.entries.get_mut(member) {
                    thread.group_slot = slot;
                }
            }
        }
    }

    fn give_away_children(&mut self, key: ThreadKey) {
        let Some(thread) = self.entries.get(key) else { return };
        if thread.links.first_child.is_none() {
            return;
        }
        let reaper = self.reaper_of(key);
        let reaper_tid = reaper.and_then(|r| self.entries.get(r)).map_or(0, |r| r.tid);
        if let Some(reaper) = reaper
            && self.entries.get(reaper).map(|r| r.pid) != self.entries.get(key).map(|t| t.pid)
            && let Some(group) = self.group_of(reaper)
        {
            group.reaper = true;
        }
        self.touch_lineage();
        while let Some(child) = self.entries.get(key).and_then(|t| t.links.first_child) {
            self.orphan(child);
            if let Some(thread) = self.entries.get_mut(child) {
                thread.ptid = reaper_tid;
                thread.changed = self.clock;
            }
            self.adopt(child, reaper.filter(|r| *r != child));
        }
    }

    /// Who inherits the children: whom the kernel named, a living thread of the group, or the nearest
    /// ancestor that is a reaper of the same pid namespace.
    fn reaper_of(&self, key: ThreadKey) -> Option<ThreadKey> {
        let thread = self.entries.get(key)?;
        let named = self.key(thread.reaper_tid).filter(|k| *k != key);
        if let Some(named) = named.filter(|k| self.entries.get(*k).is_some_and(Thread::is_valid)) {
            return Some(named);
        }
        let group = self.groups.get(thread.group?)?;
        let living = |k: &&ThreadKey| **k != key && self.entries.get(**k).is_some_and(|t| !t.is_dead());
        if group.alive > 0
            && let Some(sibling) = group.members.iter().flatten().find(living)
        {
            return Some(*sibling);
        }
        let namespaced = thread.in_pid_namespace();
        self.ancestors(thread)
            .take_while(|a| a.in_pid_namespace() == namespaced)
            .filter_map(|a| Some((self.groups.get(a.group?)?, a)))
            .find(|(group, _)| group.reaper && group.alive > 0)
            .and_then(|(group, _)| group.members.iter().flatten().find(living).copied())
    }

    /// Keys of the other members of the thread's group.
    pub(crate) fn siblings(&self, key: ThreadKey) -> Vec<ThreadKey> {
        let group = self.entries.get(key).and_then(|t| self.groups.get(t.group?));
        group.map_or_else(Vec::new, |g| g.members.iter().flatten().copied().filter(|k| *k != key).collect())
    }

    /// Remembers that a child of `ptid` exited.
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

    /// Removes entries with unknown ids, and those not seen since `before` that `gone` confirms.
    pub(crate) fn purge(&mut self, before: u64, mut gone: impl FnMut(i64, i64, &Text) -> bool) -> u64 {
        let stale: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, t)| {
                !t.is_valid() || (t.activity.last_access_ts < before && gone(t.pid, t.tid, &t.comm))
            })
            .map(|(key, _)| key)
            .collect();
        stale.into_iter().map(|key| self.remove(key)).sum()
    }
}

/// Iterator over the processes above a thread's.
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
