//! Thread groups, parents and children.

use super::{Group, GroupKey, Thread, ThreadKey, Threads};
use crate::state::ThreadFlags;
use crate::state::thread::Links;

impl Threads {
    /// Links an entry with its group and its parent; entries with unknown ids are not linked.
    pub(crate) fn link(&mut self, key: ThreadKey) {
        let Some(thread) = self.entries.get_mut(key) else { return };
        if !thread.is_valid() || thread.group.is_some() {
            return;
        }
        let session = thread.session.take().map(|session| *session).unwrap_or_default();
        let (pid, ptid) = (thread.pid, thread.ptid);
        let reaper = pid == 1 || thread.vpid == 1;
        let group = *self.by_pid.entry(pid).or_insert_with(|| {
            // Most processes have one thread.
            let members = Vec::with_capacity(1);
            self.groups.insert(Group { pid, reaper, session, members, ..Group::default() })
        });
        let Some(members) = self.groups.get_mut(group) else { return };
        members.alive += 1;
        members.members.push(Some(key));
        let slot = (members.members.len() - 1) as u32;
        let parent = if pid == 1 { None } else { self.key(ptid) };
        let parent = parent.filter(|p| *p != key && self.entries.get(*p).is_some_and(Thread::is_valid));
        let Some(thread) = self.entries.get_mut(key) else { return };
        self.clock += 1;
        thread.changed = self.clock;
        thread.group = Some(group);
        thread.group_slot = slot;
        thread.above.forget();
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

    /// Removes an entry from its parent's children.
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

    /// Marks a thread as exited; [`Threads::remove`] removes its entry.
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

    /// Revives a dead entry, because its process executed a program after all.
    pub(crate) fn revive(&mut self, key: ThreadKey) {
        let Some(thread) = self.entries.get_mut(key) else { return };
        if thread.is_dead() {
            thread.flags -= ThreadFlags::CLOSED;
            if let Some(group) = thread.group.and_then(|g| self.groups.get_mut(g)) {
                group.alive += 1;
            }
        }
    }

    /// Sets the parent of an entry; `None` for no parent.
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

    /// Invalidates cached results for all threads of a process.
    pub(super) fn touch_group(&mut self, pid: i64) {
        let Some(group) = self.by_pid.get(&pid).and_then(|group| self.groups.get(*group)) else { return };
        self.clock += 1;
        self.lineage = self.clock;
        for key in group.members.iter().flatten() {
            if let Some(thread) = self.entries.get_mut(*key) {
                thread.changed = self.clock;
            }
        }
    }

    /// Removes an entry whose id another thread has now. If it is a leader, removes all threads of its
    /// process, because the kernel does not reuse the id while one of them lives. Returns the number of
    /// removed entries.
    pub(crate) fn replace(&mut self, key: ThreadKey) -> u64 {
        let mut gone = 0;
        if self.entries.get(key).is_some_and(Thread::is_main) {
            gone += self.siblings(key).into_iter().map(|sibling| self.remove(sibling)).sum::<u64>();
        }
        gone += self.remove(key);
        debug_assert!(self.entries.get(key).is_none(), "an entry alone in its group stays");
        gone
    }

    /// Removes an entry. Its children get another parent, and a leader stays until its group is empty.
    /// Returns the number of removed entries.
    pub(crate) fn remove(&mut self, key: ThreadKey) -> u64 {
        let Some(thread) = self.entries.get(key) else { return 0 };
        if thread.group.is_none() {
            return self.erase(key);
        }
        if !thread.is_dead() {
            self.exited(key, -1);
        }
        self.reparent_children(key);
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

    /// Moves an entry to its actual process.
    pub(crate) fn set_pid(&mut self, key: ThreadKey, pid: i64) {
        let Some(thread) = self.entries.get(key).filter(|thread| thread.pid != pid) else { return };
        let session = self.session(thread);
        self.orphan(key);
        self.touch_lineage();
        let Some(thread) = self.entries.get_mut(key) else { return };
        let (group, slot, lives) = (thread.group.take(), thread.group_slot, !thread.is_dead());
        thread.session = Some(Box::new(session));
        (thread.pid, thread.changed) = (pid, self.clock);
        if let Some(group) = group {
            self.leave(group, slot, lives);
            self.link(key);
        }
    }

    /// Removes an unreferenced entry from the table, to add it again: a thread that has done nothing yet.
    pub(crate) fn detach(&mut self, key: ThreadKey) -> Option<Thread> {
        let session = self.entries.get(key).map(|thread| self.session(thread))?;
        self.orphan(key);
        let mut thread = self.entries.remove(key)?;
        self.release(std::mem::take(&mut thread.files), std::mem::take(&mut thread.directories));
        if self.by_tid.get(&thread.tid) == Some(&key) {
            self.by_tid.remove(&thread.tid);
        }
        self.last = (-1, None);
        if let Some(group) = thread.group.take() {
            self.leave(group, thread.group_slot, !thread.is_dead());
        }
        thread.session = Some(Box::new(session));
        Some(thread)
    }

    fn erase(&mut self, key: ThreadKey) -> u64 {
        self.reparent_children(key);
        self.orphan(key);
        let Some(thread) = self.entries.remove(key) else { return 0 };
        self.release(thread.files, thread.directories);
        // Threads of which it was the leader may remain.
        self.touch_group(thread.tid);
        if self.by_tid.get(&thread.tid) == Some(&key) {
            self.by_tid.remove(&thread.tid);
        }
        self.last = (-1, None);
        if let Some(group_key) = thread.group {
            self.leave(group_key, thread.group_slot, !thread.is_dead());
        }
        1
    }

    pub(super) fn touch_lineage(&mut self) {
        self.clock += 1;
        self.lineage = self.clock;
    }

    fn leave(&mut self, key: GroupKey, slot: u32, was_alive: bool) {
        let Some(group) = self.groups.get_mut(key) else { return };
        if was_alive {
            group.alive = group.alive.saturating_sub(1);
        }
        if let Some(member) = group.members.get_mut(slot as usize) {
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
            for (slot, member) in (0..).zip(members) {
                if let Some(thread) = self.entries.get_mut(member) {
                    thread.group_slot = slot;
                }
            }
        }
    }

    fn reparent_children(&mut self, key: ThreadKey) {
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

    /// The thread that inherits the children: the one that the kernel named, a living thread of the group,
    /// or the nearest ancestor that is a reaper of the same pid namespace.
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

    /// Keys of the children, the last one first.
    pub(crate) fn children(&self, key: ThreadKey) -> impl Iterator<Item = ThreadKey> {
        let first = self.entries.get(key).and_then(|thread| thread.links.first_child);
        std::iter::successors(first, |child| self.entries.get(*child)?.links.next)
    }

    /// Whether the thread's process may have descendants: it has children, or other threads, which may have children, or it adopts
    /// orphans.
    pub(crate) fn has_below(&self, thread: &Thread) -> bool {
        let Some(group) = thread.group.and_then(|group| self.groups.get(group)) else { return true };
        thread.links.first_child.is_some() || group.reaper || group.members.iter().flatten().count() > 1
    }

    /// Keys of the members of the thread's group.
    pub(crate) fn members(&self, thread: &Thread) -> impl Iterator<Item = ThreadKey> {
        let group = thread.group.and_then(|group| self.groups.get(group));
        group.into_iter().flat_map(|group| group.members.iter().flatten().copied())
    }

    /// Keys of the other members of the thread's group.
    pub(crate) fn siblings(&self, key: ThreadKey) -> Vec<ThreadKey> {
        let group = self.entries.get(key).and_then(|t| self.groups.get(t.group?));
        group.map_or_else(Vec::new, |g| g.members.iter().flatten().copied().filter(|k| *k != key).collect())
    }
}
