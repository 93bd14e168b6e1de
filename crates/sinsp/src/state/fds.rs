use std::sync::Arc;

use eyas_scap::is_direct;
use rustc_hash::FxHashMap;

use super::Fd;

/// Descriptors below this are stored by index.
const DENSE: usize = 1024;
/// Maximum number of open files of a process.
pub(crate) const MAX: usize = 4096;

/// Open files of a process. Copies are cheap: the files are shared until one is changed.
#[derive(Clone, Debug, Default)]
pub struct FdTable {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug, Default)]
struct Inner {
    low: Vec<Option<Arc<Fd>>>,
    /// A bit for each descriptor of `low` that an exec closes; empty if there is none.
    low_closed: Vec<u64>,
    /// Files, and whether an exec closes them.
    high: FxHashMap<i64, (Arc<Fd>, bool)>,
    len: usize,
    /// Files in the tables of `io_uring` rings. They are no descriptors of the process, and `/proc` does
    /// not list them.
    direct: FxHashMap<i64, Arc<Fd>>,
}

impl Inner {
    fn closes_on_exec(&self, num: i64) -> bool {
        match num as usize {
            index if index < DENSE => {
                self.low_closed.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 != 0)
            }
            _ => self.high.get(&num).is_some_and(|(_, closes)| *closes),
        }
    }

    fn set_close_on_exec(&mut self, num: i64, on: bool) {
        if self.closes_on_exec(num) == on {
            return;
        }
        match num as usize {
            index if index < DENSE => {
                let word = index / 64;
                if self.low_closed.len() <= word {
                    self.low_closed.resize(word + 1, 0);
                }
                self.low_closed[word] ^= 1 << (index % 64);
            }
            _ => {
                if let Some((_, closes)) = self.high.get_mut(&num) {
                    *closes = on;
                }
            }
        }
    }
}

impl FdTable {
    /// The open file of a descriptor.
    #[inline]
    pub fn get(&self, num: i64) -> Option<&Fd> {
        self.file(num).map(|fd| &**fd)
    }

    #[inline]
    fn file(&self, num: i64) -> Option<&Arc<Fd>> {
        match usize::try_from(num) {
            Ok(index) if index < DENSE => self.inner.low.get(index)?.as_ref(),
            Ok(_) if is_direct(num) => self.inner.direct.get(&num),
            Ok(_) => self.inner.high.get(&num).map(|(fd, _)| fd),
            Err(_) => None,
        }
    }

    /// Whether an exec closes the descriptor.
    pub fn closes_on_exec(&self, num: i64) -> bool {
        self.inner.closes_on_exec(num)
    }

    /// Number of open files, without those in tables of io_uring rings.
    pub fn len(&self) -> usize {
        self.inner.len
    }

    /// Whether no file is known to be open.
    pub fn is_empty(&self) -> bool {
        self.inner.len == 0
    }

    /// Descriptors with their files, without those in tables of io_uring rings. Descriptors below 1,024 come first and in
    /// order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Fd)> {
        let low = self.inner.low.iter().enumerate().filter_map(|(n, fd)| Some((n as i64, &**fd.as_ref()?)));
        low.chain(self.inner.high.iter().map(|(n, (fd, _))| (*n, &**fd)))
    }

    /// Whether both have the same descriptors, each for a file of the same kind and name.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let is_same =
            |one: &Fd, other: &Fd| (one.kind, one.ino, &one.name) == (other.kind, other.ino, &other.name);
        self.len() == other.len()
            && self.iter().all(|(num, fd)| other.get(num).is_some_and(|other| is_same(fd, other)))
    }

    /// Sets the open file of a descriptor; returns `false` if the table is full.
    pub(crate) fn insert(&mut self, num: i64, fd: Arc<Fd>, close_on_exec: bool) -> bool {
        let replaces = self.file(num).is_some();
        if is_direct(num) {
            let has_room = replaces || self.inner.direct.len() < MAX;
            if has_room {
                Arc::make_mut(&mut self.inner).direct.insert(num, fd);
            }
            return has_room;
        }
        if num < 0 || (!replaces && self.inner.len >= MAX) {
            return false;
        }
        let inner = Arc::make_mut(&mut self.inner);
        match num as usize {
            index if index < DENSE => {
                if inner.low.len() <= index {
                    inner.low.resize(index + 1, None);
                }
                inner.low[index] = Some(fd);
            }
            _ => drop(inner.high.insert(num, (fd, close_on_exec))),
        }
        inner.set_close_on_exec(num, close_on_exec);
        inner.len += usize::from(!replaces);
        true
    }

    /// Makes an open descriptor refer to another file.
    pub(crate) fn replace_file(&mut self, num: i64, fd: Arc<Fd>) {
        if self.file(num).is_some() {
            let closes = self.closes_on_exec(num);
            self.insert(num, fd, closes);
        }
    }

    /// Removes a descriptor, and returns its open file.
    pub(crate) fn remove(&mut self, num: i64) -> Option<Arc<Fd>> {
        self.file(num)?;
        let inner = Arc::make_mut(&mut self.inner);
        if is_direct(num) {
            return inner.direct.remove(&num);
        }
        inner.set_close_on_exec(num, false);
        let fd = match num as usize {
            index if index < DENSE => inner.low[index].take(),
            _ => inner.high.remove(&num).map(|(fd, _)| fd),
        };
        inner.len -= 1;
        fd
    }

    /// The open file of a descriptor, mutable for this process only.
    pub(crate) fn get_mut(&mut self, num: i64) -> Option<&mut Fd> {
        self.file(num)?;
        let inner = Arc::make_mut(&mut self.inner);
        let fd = match num as usize {
            index if index < DENSE => inner.low.get_mut(index)?.as_mut(),
            _ if is_direct(num) => inner.direct.get_mut(&num),
            _ => inner.high.get_mut(&num).map(|(fd, _)| fd),
        };
        fd.map(Arc::make_mut)
    }

    /// The open file of a descriptor, to share it with another one.
    pub(crate) fn share(&self, num: i64) -> Option<Arc<Fd>> {
        self.file(num).cloned()
    }

    /// Like [`FdTable::share`], if other descriptors may refer to the same open file.
    pub(crate) fn share_if_copied(&self, num: i64) -> Option<Arc<Fd>> {
        let is_copied = |fd: &&Arc<Fd>| Arc::strong_count(&self.inner) > 1 || Arc::strong_count(fd) > 1;
        self.file(num).filter(is_copied).cloned()
    }

    /// Makes every descriptor of one open file refer to another one.
    pub(crate) fn replace(&mut self, old: &Arc<Fd>, new: &Arc<Fd>) {
        let is_it = |fd: &Arc<Fd>| Arc::ptr_eq(fd, old);
        let has_it = self.inner.low.iter().flatten().any(is_it)
            || self.inner.high.values().any(|(fd, _)| is_it(fd))
            || self.inner.direct.values().any(is_it);
        if !has_it {
            return;
        }
        let inner = Arc::make_mut(&mut self.inner);
        let low = inner.low.iter_mut().flatten();
        let others = inner.high.values_mut().map(|(fd, _)| fd).chain(inner.direct.values_mut());
        low.chain(others).filter(|fd| is_it(fd)).for_each(|fd| *fd = new.clone());
    }

    pub(crate) fn set_close_on_exec(&mut self, num: i64, on: bool) {
        if self.file(num).is_some() && self.inner.closes_on_exec(num) != on {
            Arc::make_mut(&mut self.inner).set_close_on_exec(num, on);
        }
    }

    /// Removes the files in tables of rings.
    pub(crate) fn close_rings(&mut self) {
        if !self.inner.direct.is_empty() {
            Arc::make_mut(&mut self.inner).direct.clear();
        }
    }

    /// Removes the files that an executed program does not inherit, including those of rings.
    pub(crate) fn exec(&mut self) {
        self.close_rings();
        let numbers = self.iter().map(|(num, _)| num);
        for num in numbers.filter(|num| self.inner.closes_on_exec(*num)).collect::<Vec<_>>() {
            self.remove(num);
        }
    }

    /// Descriptors from `first` to `last`, both included.
    pub(crate) fn range(&self, first: i64, last: i64) -> Vec<i64> {
        self.iter().map(|(num, _)| num).filter(|num| (first..=last).contains(num)).collect()
    }
}
