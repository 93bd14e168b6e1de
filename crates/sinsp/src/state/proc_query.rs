//! Lookups of threads in the running system.

use std::sync::Arc;

use eyas_scap::{FdEntry, ThreadEntry};

use super::{State, Thread, ThreadKey};

/// Looks up a thread in the running system: returns it with its open files, or `None` if it has ended.
pub(crate) type ProcQuery<'a> = &'a mut dyn FnMut(i64) -> Option<(ThreadEntry, Vec<FdEntry>)>;

/// Looks up a thread in /proc, or else adds an entry with only the id. Without room in the table, or beyond
/// the budget, there is no lookup; the thread's next event tries again.
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
            state.ensure_leader(&entry, query);
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
