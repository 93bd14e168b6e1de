//! Leaves out events of some programs in replays. In live captures, the probe does that.

use std::collections::HashSet;

use eyas::events::EventType;
use eyas::sinsp::EventView;

/// Threads of these programs, and threads that they have started.
pub struct Suppressed {
    names: Vec<Vec<u8>>,
    tids: HashSet<i64>,
    count: u64,
}

/// Length of a thread name in the kernel, bytes.
const NAME: usize = 15;

impl Suppressed {
    /// Suppresses programs with these names. The kernel keeps only 15 bytes of a name.
    pub fn new(names: &[String]) -> Self {
        let names = names.iter().map(|name| name.bytes().take(NAME).collect()).collect();
        Self { names, tids: HashSet::new(), count: 0 }
    }

    /// Whether the event is left out.
    pub fn hides(&mut self, event: &EventView<'_>) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let Some(thread) = event.thread() else { return false };
        let is_named = self.names.iter().any(|name| **name == *thread.comm);
        let is_of = |tid: i64| self.tids.contains(&tid);
        // Distinguishes a new thread from an earlier one with the same id.
        let is_new = event.event().ty.creates_thread() && event.event().result() == Some(0);
        let hides = match is_new {
            true => is_named || is_of(thread.ptid) || is_of(thread.pid) && thread.pid != thread.tid,
            false => is_named || is_of(thread.tid),
        };
        match hides && event.event().ty != EventType::PROCEXIT_1_E {
            true => self.tids.insert(thread.tid),
            false => self.tids.remove(&thread.tid),
        };
        self.count += u64::from(hides);
        hides
    }

    /// Number of events that were left out.
    pub fn count(&self) -> u64 {
        self.count
    }
}
