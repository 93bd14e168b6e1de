//! Lookups of threads in the running system.

use eyas_scap::proc::ThreadReader;
use eyas_scap::{FdEntry, ThreadEntry};

/// Lookup of threads that no event has reported.
pub trait ProcLookup: Send {
    /// The thread and its open files; `None` if it has ended.
    fn thread(&mut self, tid: i64) -> Option<(ThreadEntry, Vec<FdEntry>)>;

    /// The thread's name; `None` if it has ended.
    fn comm(&mut self, tid: i64) -> Option<Vec<u8>> {
        self.thread(tid).map(|(thread, _)| thread.comm)
    }
}

impl ProcLookup for ThreadReader {
    fn thread(&mut self, tid: i64) -> Option<(ThreadEntry, Vec<FdEntry>)> {
        ThreadReader::thread(self, tid)
    }

    fn comm(&mut self, tid: i64) -> Option<Vec<u8>> {
        ThreadReader::comm(self, tid)
    }
}

impl<F: FnMut(i64) -> Option<(ThreadEntry, Vec<FdEntry>)> + Send> ProcLookup for F {
    fn thread(&mut self, tid: i64) -> Option<(ThreadEntry, Vec<FdEntry>)> {
        self(tid)
    }
}
