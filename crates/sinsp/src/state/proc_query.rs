//! Threads that the running system is asked about.

use std::sync::Arc;

use eyas_scap::{FdEntry, ThreadEntry};

use super::{State, Thread, ThreadKey};

/// Asks the running system about a thread: returns it with its open files, `None` if it is gone.
pub(crate) type ProcQuery<'a> = &'a mut dyn FnMut(i64) -> Option<(ThreadEntry, Vec<FdEntry>)>;

/// Asks /proc for a thread, else adds an entry about which only the id is known. A thread that finds no room is not asked
/// for, nor is one beyond the budget: its next event asks again.
pub(super) fn find_thread(
    state: &mut State,
    tid: i64,
    ts: u64,
    query: &mut Option<ProcQuery<'_>>,
) -> Option<ThreadKey> {
    if state.threads.is_full() {
        state.stats.threads_rejected += 1;
        return None;
    }
    if let Some(query) = query {
        if !state.lookups.take(ts) {
            state.stats.proc_lookups_deferred += 1;
            return None;
        }
        state.stats.proc_lookups += 1;
        if let Some((entry, fds)) = query(tid) {
            state.know_leader(&entry, query);
            return state.load_thread(entry, fds);
        }
    }
    state.stats.failed_thread_lookups += 1;
    let empty = state.empty();
    let mut thread = Thread::unknown(tid, &empty);
    thread.comm = Arc::from(&b"<NA>"[..]);
    thread.exe = thread.comm.clone();
    thread.cmdline = thread.comm.clone();
    state.add_thread(thread)
}
