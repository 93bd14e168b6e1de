//! Kinds of files that are not tracked, because no rule uses them.

use eyas_events::filter::UnusedFiles;
use eyas_scap::Suspects;

use super::untracked::is_unused;
use super::{Fd, State};

impl State {
    /// Begins or ends a time in which the source may filter out such events. At the beginning the state removes such files,
    /// because their descriptors may refer to others later. At the end it looks up all files in the running system.
    pub(crate) fn set_unused_files(&mut self, now: UnusedFiles, ts: u64, can_ask: bool) {
        let before = std::mem::replace(&mut self.unused_files, now);
        if before == now {
            return;
        }
        if before.flags() & !now.flags() != 0 {
            self.doubt_these(ts, Suspects::ALL, can_ask);
        }
        for table in self.threads.file_tables_mut() {
            let files: Vec<i64> =
                table.iter().filter(|(num, fd)| is_unused(now, *num, fd)).map(|(num, _)| num).collect();
            self.stats.fds_removed += files.len() as u64;
            files.into_iter().for_each(|num| drop(table.remove(num)));
        }
    }

    /// Whether the file is not tracked: the event of its close may be missing, and no rule depends on it.
    pub(super) fn is_untracked(&self, num: i64, fd: &Fd) -> bool {
        is_unused(self.unused_files, num, fd)
    }
}
