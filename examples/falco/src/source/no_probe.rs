//! The memory of verdicts in a build without a probe.

use eyas::events::verdicts::VerdictTable;

/// There is none.
#[derive(Debug)]
pub enum ProcessTable {}

impl ProcessTable {
    /// Number of events filtered out because of verdicts.
    pub fn left_out(&self) -> u64 {
        match *self {}
    }
}

impl VerdictTable for ProcessTable {
    type Mark = ();

    fn settled(&self, _: usize) -> Option<u32> {
        match *self {}
    }

    fn begun(&self, _: usize) -> u32 {
        match *self {}
    }

    fn word(&self, _: usize, _: usize) -> u64 {
        match *self {}
    }

    fn set_word(&mut self, _: usize, _: usize, _: u64) {
        match *self {}
    }

    fn mark(&self) {
        match *self {}
    }

    fn is_past(&self, (): &()) -> bool {
        match *self {}
    }

    fn lost(&self) -> (u64, bool) {
        match *self {}
    }

    fn key(&self, _: &[u8]) -> u64 {
        match *self {}
    }

    fn renew_kinds(&mut self) {
        match *self {}
    }
}
