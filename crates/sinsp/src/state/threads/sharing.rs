//! Data that threads share: open files, directories, and data of the process.
//!
//! As in the kernel, a thread refers to a table of open files (`files_struct`) and to a pair of directories
//! (`fs_struct`) to which any other thread may refer, too, even one of another process. The session belongs
//! to the thread group (`signal_struct`).

use rustc_hash::FxHashSet;

use super::shared::{Shared, copy, release, share};
use super::{Directories, DirectoriesKey, FdTable, FilesKey, Session, Thread, ThreadKey, Threads};
use crate::state::{Text, ThreadFlags};

/// The new path if it is `old` or below `old`, which was renamed to `new`.
fn moved(path: &[u8], old: &[u8], new: &[u8]) -> Option<Text> {
    let rest = path.strip_prefix(old).filter(|rest| rest.is_empty() || rest.starts_with(b"/"))?;
    Some([new, rest].concat().into())
}

impl Threads {
    /// Open files of the thread.
    #[inline]
    pub fn fds<'a>(&'a self, thread: &'a Thread) -> Option<&'a FdTable> {
        self.files.get(thread.files).map(Shared::value)
    }

    /// Mutable open files of the thread.
    pub(crate) fn fds_mut(&mut self, key: ThreadKey) -> Option<&mut FdTable> {
        let files = self.at(key)?.files;
        self.files.get_mut(files).map(|shared| &mut shared.value)
    }

    /// All tables of open files, in no particular order.
    pub(crate) fn file_tables(&self) -> impl Iterator<Item = &FdTable> {
        self.files.values().map(Shared::value)
    }

    /// Like [`Threads::file_tables`], mutable.
    pub(crate) fn file_tables_mut(&mut self) -> impl Iterator<Item = &mut FdTable> {
        self.files.values_mut().map(|shared| &mut shared.value)
    }

    /// Working directory of the thread, ending in `/`.
    pub fn cwd<'a>(&'a self, thread: &'a Thread) -> &'a [u8] {
        match self.directories.get(thread.directories).map(|shared| &*shared.value.cwd) {
            None | Some(b"") if self.main_of(thread).is_none() => b"./",
            known => known.unwrap_or_default(),
        }
    }

    /// Working and root directory of the thread; `None` if unknown.
    #[inline]
    pub fn directories<'a>(&'a self, thread: &'a Thread) -> Option<&'a Directories> {
        self.directories.get(thread.directories).map(Shared::value)
    }

    /// Session, process group and terminal of the thread's process.
    pub fn session(&self, thread: &Thread) -> Session {
        match thread.group.and_then(|group| self.groups.get(group)) {
            Some(group) => group.session,
            None => thread.session.as_deref().copied().unwrap_or_default(),
        }
    }

    /// Sets the working directory of the thread, and of all threads that share its directories.
    pub(crate) fn set_cwd(&mut self, key: ThreadKey, cwd: &[u8]) {
        self.change_directories(key, |directories| &mut directories.cwd, cwd);
    }

    /// Like [`Threads::set_cwd`], for the root directory.
    pub(crate) fn set_root(&mut self, key: ThreadKey, root: &[u8]) {
        self.change_directories(key, |directories| &mut directories.root, root);
    }

    /// Updates directories below a renamed one, or below two that were exchanged. It affects threads that
    /// see the same mounts as the renaming thread, as far as that is known.
    pub(crate) fn move_directory(&mut self, key: ThreadKey, old: &[u8], new: &[u8], is_exchange: bool) {
        let Some(container) = self.at(key).map(|thread| thread.container.clone()) else { return };
        let is_near = |thread: &&Thread| thread.container == container;
        let near: FxHashSet<DirectoriesKey> = self.iter().filter(is_near).map(|t| t.directories).collect();
        for key in near {
            let Some(shared) = self.directories.get_mut(key) else { continue };
            let mut has_moved = false;
            for path in [&mut shared.value.cwd, &mut shared.value.root] {
                let back = || moved(path, new, old).filter(|_| is_exchange);
                if let Some(there) = moved(path, old, new).or_else(back) {
                    *path = there;
                    has_moved = true;
                }
            }
            if has_moved {
                self.clock += 1;
                shared.value.changed = self.clock;
            }
        }
    }

    fn change_directories(
        &mut self,
        key: ThreadKey,
        which: impl Fn(&mut Directories) -> &mut Text,
        path: &[u8],
    ) {
        let Some(directories) = self.at(key).map(|thread| thread.directories) else { return };
        let Some(shared) = self.directories.get_mut(directories) else { return };
        let slot = which(&mut shared.value);
        if **slot != *path {
            *slot = path.into();
            self.clock += 1;
            shared.value.changed = self.clock;
        }
    }

    /// Changes session, process group and terminal of the thread's process.
    pub(crate) fn set_session(&mut self, key: ThreadKey, session: Session) {
        let Some(thread) = self.entries.get(key) else { return };
        if self.session(thread) == session {
            return;
        }
        self.clock += 1;
        match thread.group.and_then(|group| self.groups.get_mut(group)) {
            Some(group) => {
                group.session = session;
                for key in group.members.iter().flatten() {
                    if let Some(thread) = self.entries.get_mut(*key) {
                        thread.changed = self.clock;
                    }
                }
            }
            None => {
                if let Some(thread) = self.entries.get_mut(key) {
                    (thread.session, thread.changed) = (Some(Box::new(session)), self.clock);
                }
            }
        }
    }

    /// Gives a new thread the open files of `donor`, or a copy of them.
    pub(crate) fn inherit_files(&mut self, child: &mut Thread, donor: ThreadKey, shares: bool) {
        let of = self.at(donor).map(|donor| donor.files).unwrap_or_default();
        self.is_shared |= shares && !child.flags.contains(ThreadFlags::THREAD);
        let files = if shares { share(&mut self.files, of) } else { copy(&mut self.files, of) };
        release(&mut self.files, std::mem::replace(&mut child.files, files));
    }

    /// Like [`Threads::inherit_files`], for the working and root directory.
    pub(crate) fn inherit_directories(&mut self, child: &mut Thread, donor: ThreadKey, shares: bool) {
        let of = self.at(donor).map(|donor| donor.directories).unwrap_or_default();
        self.is_shared |= shares && !child.flags.contains(ThreadFlags::THREAD);
        let directories =
            if shares { share(&mut self.directories, of) } else { copy(&mut self.directories, of) };
        release(&mut self.directories, std::mem::replace(&mut child.directories, directories));
    }

    /// Completes a new thread with the shared data of its process, if known, or with new data.
    pub(super) fn complete(&mut self, thread: &mut Thread) {
        let relative = if thread.is_main() { self.member(thread.pid) } else { self.key(thread.pid) };
        let relative = relative.and_then(|key| self.entries.get(key));
        let (files, directories) = relative.map(|t| (t.files, t.directories)).unwrap_or_default();
        if !self.files.contains_key(thread.files) {
            let shared =
                if thread.shares_files() { share(&mut self.files, files) } else { FilesKey::default() };
            thread.files = match self.files.contains_key(shared) {
                true => shared,
                false => self.files.insert(Shared::new(FdTable::default())),
            };
        }
        if !self.directories.contains_key(thread.directories) {
            let shared = share(&mut self.directories, directories);
            thread.directories = match self.directories.contains_key(shared) {
                true => shared,
                false => self.directories.insert(Shared::new(Directories::default())),
            };
        }
    }

    /// A thread of the process that shares its files with the others.
    fn member(&self, pid: i64) -> Option<ThreadKey> {
        let group = self.groups.get(*self.by_pid.get(&pid)?)?;
        let shares = |key: &ThreadKey| self.entries.get(*key).is_some_and(Thread::shares_files);
        group.members.iter().flatten().copied().find(shares)
    }

    /// Releases the thread's shared data.
    pub(super) fn release(&mut self, files: FilesKey, directories: DirectoriesKey) {
        release(&mut self.files, files);
        release(&mut self.directories, directories);
    }

    /// Ends the sharing of the thread's open files.
    pub(crate) fn unshare_files(&mut self, key: ThreadKey) {
        let Some(thread) = self.entries.get_mut(key) else { return };
        if self.files.get(thread.files).is_some_and(Shared::is_shared) {
            let files = copy(&mut self.files, thread.files);
            release(&mut self.files, std::mem::replace(&mut thread.files, files));
        }
    }

    /// Ends the sharing of the thread's directories.
    pub(crate) fn unshare_directories(&mut self, key: ThreadKey) {
        let Some(thread) = self.entries.get_mut(key) else { return };
        if self.directories.get(thread.directories).is_some_and(Shared::is_shared) {
            let directories = copy(&mut self.directories, thread.directories);
            release(&mut self.directories, std::mem::replace(&mut thread.directories, directories));
        }
    }

    /// Makes the thread share the open files of `other`.
    pub(crate) fn join_files(&mut self, key: ThreadKey, other: ThreadKey) {
        let Some(of) = self.at(other).map(|other| other.files) else { return };
        self.is_shared = true;
        let files = share(&mut self.files, of);
        if let Some(thread) = self.entries.get_mut(key) {
            release(&mut self.files, std::mem::replace(&mut thread.files, files));
        }
    }

    /// Makes the thread share the directories of `other`.
    pub(crate) fn join_directories(&mut self, key: ThreadKey, other: ThreadKey) {
        let Some(of) = self.at(other).map(|other| other.directories) else { return };
        self.is_shared = true;
        let directories = share(&mut self.directories, of);
        if let Some(thread) = self.entries.get_mut(key) {
            release(&mut self.directories, std::mem::replace(&mut thread.directories, directories));
            self.clock += 1;
            thread.changed = self.clock;
        }
    }

    /// Whether the two threads share their open files.
    pub(crate) fn share_files(&self, one: &Thread, other: &Thread) -> bool {
        one.files == other.files
    }

    /// Whether the two threads share their directories.
    pub(crate) fn share_directories(&self, one: &Thread, other: &Thread) -> bool {
        one.directories == other.directories
    }
}
