use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Fd;

/// Descriptors below this are found by index.
const DENSE: usize = 1024;
/// Most open files of a process that are kept.
pub(crate) const MAX: usize = 4096;

/// Open files of a process. Copies are cheap: the files are shared until one is changed.
#[derive(Clone, Debug, Default)]
pub struct FdTable {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug, Default)]
struct Inner {
    low: Vec<Option<Slot>>,
    high: FxHashMap<i64, Slot>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Slot {
    fd: Arc<Fd>,
    close_on_exec: bool,
}

impl FdTable {
    /// The open file behind a descriptor.
    #[inline]
    pub fn get(&self, num: i64) -> Option<&Fd> {
        self.slot(num).map(|slot| &*slot.fd)
    }

    #[inline]
    fn slot(&self, num: i64) -> Option<&Slot> {
        match usize::try_from(num) {
            Ok(index) if index < DENSE => self.inner.low.get(index)?.as_ref(),
            Ok(_) => self.inner.high.get(&num),
            Err(_) => None,
        }
    }

    /// Number of open files.
    pub fn len(&self) -> usize {
        self.inner.len
    }

    /// Whether no file is known to be open.
    pub fn is_empty(&self) -> bool {
        self.inner.len == 0
    }

    /// Descriptors with what they stand for; those below 1,024 first and in order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Fd)> {
        let low = self.inner.low.iter().enumerate().filter_map(|(n, s)| Some((n as i64, &*s.as_ref()?.fd)));
        low.chain(self.inner.high.iter().map(|(n, s)| (*n, &*s.fd)))
    }

    /// Puts an open file behind a descriptor; `false` if the table is full.
    pub(crate) fn insert(&mut self, num: i64, fd: Arc<Fd>, close_on_exec: bool) -> bool {
        let replaces = self.slot(num).is_some();
        if num < 0 || (!replaces && self.inner.len >= MAX) {
            return false;
        }
        let inner = Arc::make_mut(&mut self.inner);
        let slot = Slot { fd, close_on_exec };
        match num as usize {
            index if index < DENSE => {
                if inner.low.len() <= index {
                    inner.low.resize(index + 1, None);
                }
                inner.low[index] = Some(slot);
            }
            _ => drop(inner.high.insert(num, slot)),
        }
        inner.len += usize::from(!replaces);
        true
    }

    /// Forgets a descriptor; answers whether it was known.
    pub(crate) fn remove(&mut self, num: i64) -> bool {
        if self.slot(num).is_none() {
            return false;
        }
        let inner = Arc::make_mut(&mut self.inner);
        match num as usize {
            index if index < DENSE => inner.low[index] = None,
            _ => drop(inner.high.remove(&num)),
        }
        inner.len -= 1;
        true
    }

    /// The open file behind a descriptor, to be changed for this process alone.
    pub(crate) fn get_mut(&mut self, num: i64) -> Option<&mut Fd> {
        self.slot_mut(num).map(|slot| Arc::make_mut(&mut slot.fd))
    }

    /// The open file behind a descriptor, to be shared with another one.
    pub(crate) fn share(&self, num: i64) -> Option<Arc<Fd>> {
        self.slot(num).map(|slot| slot.fd.clone())
    }

    fn slot_mut(&mut self, num: i64) -> Option<&mut Slot> {
        self.slot(num)?;
        let inner = Arc::make_mut(&mut self.inner);
        match num as usize {
            index if index < DENSE => inner.low.get_mut(index)?.as_mut(),
            _ => inner.high.get_mut(&num),
        }
    }

    pub(crate) fn set_close_on_exec(&mut self, num: i64, on: bool) {
        if self.slot(num).is_some_and(|slot| slot.close_on_exec != on)
            && let Some(slot) = self.slot_mut(num)
        {
            slot.close_on_exec = on;
        }
    }

    /// Forgets what a program that is executed does not inherit.
    pub(crate) fn exec(&mut self) {
        self.retain(|_, slot| !slot.close_on_exec);
    }

    /// Descriptors from `first` to `last`, both included.
    pub(crate) fn range(&self, first: i64, last: i64) -> Vec<i64> {
        self.iter().map(|(num, _)| num).filter(|num| (first..=last).contains(num)).collect()
    }

    fn retain(&mut self, keep: impl Fn(i64, &Slot) -> bool) {
        let goes = |(num, slot): (i64, &Slot)| !keep(num, slot);
        let low = self.inner.low.iter().enumerate().filter_map(|(n, s)| Some((n as i64, s.as_ref()?)));
        if !low.chain(self.inner.high.iter().map(|(n, s)| (*n, s))).any(goes) {
            return;
        }
        let inner = Arc::make_mut(&mut self.inner);
        for (num, slot) in inner.low.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(|s| !keep(num as i64, s)) {
                *slot = None;
                inner.len -= 1;
            }
        }
        let before = inner.high.len();
        inner.high.retain(|num, slot| keep(*num, slot));
        inner.len -= before - inner.high.len();
    }
}
