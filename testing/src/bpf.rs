//! BPF objects of this process. Other processes may have probes at the same time.

use std::collections::BTreeSet;

/// Ids of the BPF maps of which this process has descriptors.
#[must_use]
pub fn own_bpf_maps() -> BTreeSet<u32> {
    ids("map_id:")
}

/// Ids of the BPF programs of which this process has descriptors.
#[must_use]
pub fn own_bpf_programs() -> BTreeSet<u32> {
    ids("prog_id:")
}

/// The numbers after `key` in the descriptions of all descriptors: proc_pid_fdinfo(5).
fn ids(key: &str) -> BTreeSet<u32> {
    let files = std::fs::read_dir("/proc/self/fdinfo").into_iter().flatten().flatten();
    // The directory's own descriptor is closed when the others are read.
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    texts
        .filter_map(|text| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok()))
        .collect()
}
