use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value as Json;

use super::{State, Text};
use crate::lookups::Accounts;

mod cgroup;
mod kind;

pub(crate) use cgroup::{id_of_cgroups, kind_of_cgroups};
pub(crate) use kind::Kind;

/// Length of the short form of an id.
pub(crate) const SHORT_ID: usize = 12;
/// Containers whose metadata is kept.
const MAX: usize = 16_384;

/// Containers by id.
#[derive(Debug, Default)]
pub struct Containers {
    by_id: FxHashMap<Text, Container>,
    /// Grows with every change.
    pub(super) changes: u64,
}

/// Metadata of a container, as an event or a runtime gave it.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// What is known, in the form in which container events carry it.
    pub json: Json,
}

impl Containers {
    /// Metadata of the container with this short id.
    pub fn get(&self, id: &[u8]) -> Option<&Container> {
        self.by_id.get(id)
    }
}

impl State {
    /// Takes in what container events and runtimes say: one JSON object, at top level or below
    /// `container`. What has no id is passed over; returns whose metadata it is.
    pub(crate) fn add_container(&mut self, mut json: Json) -> Option<Text> {
        if let Some(inner) = json.get_mut("container") {
            json = inner.take();
        }
        let id = json.get("id").and_then(Json::as_str).map(|id| Text::from(id.as_bytes()))?;
        if self.containers.by_id.len() >= MAX && !self.containers.by_id.contains_key(&id) {
            self.forget_containers();
        }
        if self.containers.by_id.len() >= MAX {
            return None;
        }
        self.containers.changes += 1;
        self.containers.by_id.insert(id.clone(), Container { json });
        Some(id)
    }

    /// Forgets a container and its users.
    pub(super) fn remove_container(&mut self, id: &Text) {
        self.containers.changes += 1;
        self.containers.by_id.remove(id);
        self.users.retain_containers(|other| other != id);
    }

    /// Takes in the users and groups of a container.
    pub(crate) fn add_accounts(&mut self, accounts: Accounts) {
        if self.users.is_full() {
            self.forget_containers();
        }
        let Accounts { container, users, groups } = accounts;
        self.users.replace(container, users, groups);
    }

    /// Makes room: what no process is in can't be asked for any more.
    fn forget_containers(&mut self) {
        let used: FxHashSet<Text> =
            self.threads.iter().filter_map(|thread| thread.container.clone()).collect();
        self.containers.changes += 1;
        self.containers.by_id.retain(|id, _| used.contains(id));
        self.users.retain_containers(|id| used.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Thread;

    #[test]
    fn a_full_table_makes_room_for_containers_that_run() {
        let mut state = State::default();
        let empty = state.empty();
        let mut thread = Thread::unknown(7, &empty);
        (thread.pid, thread.container) = (7, Some(Text::from(&b"id-3"[..])));
        state.add_thread(thread);
        for number in 0..MAX + 1 {
            let _ = state.add_container(serde_json::json!({"container": {"id": format!("id-{number}")}}));
        }
        assert!(state.containers.get(b"id-3").is_some());
        assert!(state.containers.get(b"id-4").is_none());
        assert!(state.containers.get(format!("id-{MAX}").as_bytes()).is_some());
    }
}
