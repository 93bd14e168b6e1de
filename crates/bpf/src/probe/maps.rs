//! Maps that other processes may write: those that only BPF programs write are frozen, and others are
//! compared.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};

use libbpf_rs::{MapCore, MapFlags, MapHandle, Object};
use rustix::time::{ClockId, clock_gettime};

/// Maps that only BPF programs write.
const OF_PROGRAMS: &[&str] = &[
    "answers",
    "called_at_exit",
    "called_from",
    "called_programs",
    "decisions",
    "directories",
    "entries_by_tid",
    "entries_of_calls",
    "entries_of_requests",
    "execveat_tids",
    "fence",
    "filtered_by_type",
    "judged_opens",
    "kept_calls",
    "kept_calls_by_tid",
    "kept_paths",
    "kept_paths_by_tid",
    "last_mounts",
    "long_names",
    "lost_by_cpu",
    "mounts_before",
    "notified",
    "peers_of_threads",
    "requests",
    "ring_segments",
    "scratches",
    "silent_rings",
    "touches",
    "touches_of_requests",
];

/// Freezes the maps that only BPF programs write, so that the kernel refuses writes by any process,
/// including this one. The rings must be mapped before. Kernels without this feature leave the maps
/// writable.
pub(super) fn close(object: &Object) {
    for map in object.maps().filter(|map| map.name().to_str().is_some_and(|name| OF_PROGRAMS.contains(&name)))
    {
        let _ = MapHandle::try_from(&map).and_then(|map| map.freeze());
    }
}

/// Ids of excluded threads.
#[derive(Debug, Default)]
pub(super) struct ExcludedIds {
    /// Ids that this process has set.
    set: BTreeSet<Vec<u8>>,
    /// Ids that BPF programs have added.
    added: BTreeSet<Vec<u8>>,
    /// Time when this process has set them, in ticks since boot. BPF programs add only threads that start
    /// later.
    since: u64,
}

impl ExcludedIds {
    /// Makes it from the new ids.
    pub(super) fn new(ids: &[u32], since: u64) -> Self {
        let set = ids.iter().map(|id| id.to_ne_bytes().to_vec()).collect();
        Self { set, added: BTreeSet::new(), since }
    }

    /// Whether other processes have changed the excluded ids; restores them. `names` means that threads are
    /// excluded by name, `proc_has_them` that ids are those in `/proc`.
    ///
    /// BPF programs add the children of excluded threads. So a new id is certainly wrong only if its thread
    /// started before, if the thread does not exist, or if no thread is excluded.
    pub(super) fn are_changed(&mut self, map: &impl MapCore, names: bool, proc_has_them: bool) -> bool {
        let ids: BTreeSet<Vec<u8>> = map.keys().collect();
        let mut right = ids.clone();
        if self.set.is_empty() && !names {
            right.clear();
        } else if proc_has_them {
            let is_older = |id: &Vec<u8>| started(id).is_some_and(|at| at < self.since);
            // The id of a thread that ends meanwhile is removed from the map first.
            let is_nobody =
                |id: &Vec<u8>| started(id).is_none() && matches!(map.lookup(id, MapFlags::ANY), Ok(Some(_)));
            let is_known = |id: &Vec<u8>| self.set.contains(id) || self.added.contains(id);
            right.retain(|id| is_known(id) || !is_older(id) && !is_nobody(id));
            // BPF programs remove ids when their threads end.
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

/// The current time, in ticks since boot, like the start times in `/proc`.
pub(super) fn ticks() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let per_second = rustix::param::clock_ticks_per_second();
    (time.tv_sec as u64) * per_second + (time.tv_nsec as u64) * per_second / 1_000_000_000
}

/// Start of a thread, in ticks since boot; `None` if it does not exist.
fn started(id: &[u8]) -> Option<u64> {
    let id = u32::from_ne_bytes(id.try_into().ok()?);
    let stat = fs::read(format!("/proc/{id}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name, which may contain any characters, ends at the last parenthesis; the third field follows.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Restores the right keys of a map with these keys.
pub(super) fn put_right(map: &impl MapCore, keys: &BTreeSet<Vec<u8>>, right: &BTreeSet<Vec<u8>>) {
    for key in keys.difference(right) {
        let _ = map.delete(key);
    }
    for key in right.difference(keys) {
        let _ = map.update(key, &[1], MapFlags::ANY);
    }
}

/// Whether the kernel refuses writes to the map by this process.
pub(super) fn is_frozen(map: BorrowedFd<'_>) -> bool {
    let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", map.as_raw_fd())).unwrap_or_default();
    about.lines().any(|line| line.strip_prefix("frozen:").is_some_and(|value| value.trim() == "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_read_whatever_the_thread_s_name() {
        let start = || started(&(rustix::thread::gettid().as_raw_nonzero().get() as u32).to_ne_bytes());
        let before = start();
        for name in [&b"x) R 1 (y"[..], b"\xff\xfe", b"a\nb"] {
            fs::write("/proc/thread-self/comm", name).unwrap();
            assert_eq!(start(), before);
        }
        assert!(before.is_some());
    }
}
