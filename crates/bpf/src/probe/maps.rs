//! Maps that others may have written: those that only programs write are closed to everybody, others are compared.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};

use libbpf_rs::{MapCore, MapFlags, MapHandle, Object};
use rustix::time::{ClockId, clock_gettime};

/// What nobody but programs writes.
const OF_PROGRAMS: &[&str] = &[
    "answers",
    "decisions",
    "directories",
    "entries_by_tid",
    "entries_of_calls",
    "entries_of_requests",
    "execveat_tids",
    "fence",
    "filtered_by_type",
    "kept_calls",
    "kept_calls_by_tid",
    "kept_paths",
    "kept_paths_by_tid",
    "long_names",
    "lost_by_cpu",
    "requests",
    "ring_segments",
    "scratches",
    "touches",
    "touches_of_requests",
];

/// Has the kernel refuse what anybody but programs writes to their maps, this process included. The rings are to be mapped
/// before. Kernels that can't do it leave the maps as they are.
pub(super) fn close(object: &Object) {
    for map in object.maps().filter(|map| map.name().to_str().is_some_and(|name| OF_PROGRAMS.contains(&name)))
    {
        let _ = MapHandle::try_from(&map).and_then(|map| map.freeze());
    }
}

/// Which ids of threads are to be left out.
#[derive(Debug, Default)]
pub(super) struct ExcludedIds {
    /// Those that this process has set.
    set: BTreeSet<Vec<u8>>,
    /// Those that programs have added.
    added: BTreeSet<Vec<u8>>,
    /// When this process has set them, in ticks since boot: programs add only threads that start later.
    since: u64,
}

impl ExcludedIds {
    /// What is set from here on.
    pub(super) fn new(ids: &[u32], since: u64) -> Self {
        let set = ids.iter().map(|id| id.to_ne_bytes().to_vec()).collect();
        Self { set, added: BTreeSet::new(), since }
    }

    /// Whether others have changed which ids are left out; puts it right. `names` says whether threads are left out by name,
    /// `proc_has_them` whether ids are those that `/proc` has.
    ///
    /// Programs add the children of threads that are left out, so an id that is new is wrong for certain only if its thread
    /// started before, if there is no such thread, or if none is left out at all.
    pub(super) fn are_changed(&mut self, map: &impl MapCore, names: bool, proc_has_them: bool) -> bool {
        let ids: BTreeSet<Vec<u8>> = map.keys().collect();
        let mut right = ids.clone();
        if self.set.is_empty() && !names {
            right.clear();
        } else if proc_has_them {
            let is_older = |id: &Vec<u8>| started(id).is_some_and(|at| at < self.since);
            // A thread that ends meanwhile is taken from the map first.
            let is_nobody =
                |id: &Vec<u8>| started(id).is_none() && matches!(map.lookup(id, MapFlags::ANY), Ok(Some(_)));
            let is_known = |id: &Vec<u8>| self.set.contains(id) || self.added.contains(id);
            right.retain(|id| is_known(id) || !is_older(id) && !is_nobody(id));
            // The programs take ids away when their threads end.
            right.extend(self.set.difference(&ids).filter(|id| is_older(id)).cloned());
        }
        let is_changed = right != ids;
        if is_changed {
            put_right(map, &ids, &right);
        }
        self.added = right.difference(&self.set).cloned().collect();
        is_changed
    }
}

/// The time now, in ticks since boot, as `/proc` has the time when a thread started.
pub(super) fn ticks() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let per_second = rustix::param::clock_ticks_per_second();
    (time.tv_sec as u64) * per_second + (time.tv_nsec as u64) * per_second / 1_000_000_000
}

/// When a thread started, in ticks since boot; `None` if there is none.
fn started(id: &[u8]) -> Option<u64> {
    let id = u32::from_ne_bytes(id.try_into().ok()?);
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Its name, which may hold anything, ends at the last parenthesis; then come the fields from the third on.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Makes the keys of a map, which are these, those that are right.
pub(super) fn put_right(map: &impl MapCore, keys: &BTreeSet<Vec<u8>>, right: &BTreeSet<Vec<u8>>) {
    for key in keys.difference(right) {
        let _ = map.delete(key);
    }
    for key in right.difference(keys) {
        let _ = map.update(key, &[1], MapFlags::ANY);
    }
}

/// Whether the kernel refuses what this process writes to the map.
pub(super) fn is_frozen(map: BorrowedFd<'_>) -> bool {
    let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", map.as_raw_fd())).unwrap_or_default();
    about.lines().any(|line| line.strip_prefix("frozen:").is_some_and(|value| value.trim() == "1"))
}
