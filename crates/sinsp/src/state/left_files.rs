//! Plain files that are not tracked, because no rule depends on them.

use eyas_scap::{Suspects, is_direct};

use super::{Fd, FdKind, State};

impl State {
    /// Begins (`on`) or ends a time in which the source may filter out events that open and close plain
    /// files. At the beginning the state removes such files, because their descriptors may refer to others
    /// later. At the end it looks up all files in the running system.
    pub(crate) fn leave_out_files(&mut self, on: bool, ts: u64, can_ask: bool) {
        if on == self.leaves_out_files {
            return;
        }
        self.leaves_out_files = on;
        if !on {
            self.doubt_these(ts, Suspects::ALL, can_ask);
            return;
        }
        for table in self.threads.file_tables_mut() {
            let files: Vec<i64> =
                table.iter().filter(|(num, fd)| is_left_out(*num, fd)).map(|(num, _)| num).collect();
            self.stats.fds_removed += files.len() as u64;
            files.into_iter().for_each(|num| drop(table.remove(num)));
        }
    }

    /// Whether the file is not tracked: the event of its close may be missing, and no rule depends on it.
    pub(super) fn leaves_out(&self, num: i64, fd: &Fd) -> bool {
        self.leaves_out_files && is_left_out(num, fd)
    }
}

/// Whether the entry may be a plain file. Files of namespaces are tracked.
pub(super) fn is_left_out(num: i64, fd: &Fd) -> bool {
    let is_namespace = || fd.name.windows(4).any(|part| part == b"/ns/");
    matches!(fd.kind, FdKind::File | FdKind::OldFile)
        && fd.name.starts_with(b"/")
        && !is_namespace()
        && !is_direct(num)
}
