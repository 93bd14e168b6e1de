//! Requests that came too soon after the last one. They are made at a later event, whatever it is, because no other event may
//! cause them.

use rustc_hash::FxHashMap;

use crate::state::Text;

/// Maximum number of containers.
const MAX: usize = 16_384;

/// Times are in ns of event time.
#[derive(Debug)]
pub(super) struct Postponed {
    /// The first of all times below.
    next: u64,
    host: Option<u64>,
    /// A thread of each container, and when its users may be requested.
    containers: FxHashMap<Text, (i64, u64)>,
}

impl Default for Postponed {
    fn default() -> Self {
        Self { next: u64::MAX, host: None, containers: FxHashMap::default() }
    }
}

/// What is to be requested now.
pub(super) struct Due {
    pub(super) host: bool,
    /// Threads of containers.
    pub(super) tids: Vec<i64>,
}

impl Postponed {
    /// Postpones a request for the host's users.
    pub(super) fn host(&mut self, until: u64) {
        self.host = Some(until);
        self.next = self.next.min(until);
    }

    /// Postpones a request for the users of a thread's container.
    pub(super) fn container(&mut self, id: &Text, tid: i64, until: u64) {
        if self.containers.len() < MAX || self.containers.contains_key(id) {
            self.containers.insert(id.clone(), (tid, until));
            self.next = self.next.min(until);
        }
    }

    #[inline]
    pub(super) fn is_due(&self, now: u64) -> bool {
        now >= self.next
    }

    pub(super) fn take_due(&mut self, now: u64) -> Due {
        let host = self.host.take_if(|until| *until <= now).is_some();
        let due = self.containers.extract_if(|_, (_, until)| *until <= now);
        let tids = due.map(|(_, (tid, _))| tid).collect();
        let left = self.containers.values().map(|(_, until)| *until);
        self.next = left.chain(self.host).min().unwrap_or(u64::MAX);
        Due { host, tids }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_become_due_once_each_at_its_time() {
        let mut postponed = Postponed::default();
        assert!(!postponed.is_due(u64::MAX - 1));
        postponed.container(&Text::from(&b"a"[..]), 7, 30);
        postponed.container(&Text::from(&b"a"[..]), 8, 30);
        postponed.host(20);
        assert!(!postponed.is_due(19) && postponed.is_due(20));
        let due = postponed.take_due(20);
        assert!(due.host && due.tids.is_empty() && !postponed.is_due(29));
        let due = postponed.take_due(31);
        assert!(!due.host && due.tids == [8] && !postponed.is_due(u64::MAX - 1));
    }
}
