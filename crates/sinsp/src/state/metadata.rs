//! Metadata of containers and their users, from runtimes, files and events.

use eyas_events::EventType;
use eyas_scap::{Group, OwnedEvent, User};
use rustc_hash::FxHashSet;
use serde_json::Value as Json;

use super::container::MAX;
use super::{Accounts, Container, Reports, State, Text, id_of_cgroups, reports};

impl State {
    /// Events that report all containers, and their users and groups.
    pub(super) fn metadata(&self, ts: u64) -> Vec<OwnedEvent> {
        let mut containers: Vec<_> = self.containers.by_id.iter().collect();
        containers.sort_unstable_by_key(|(id, _)| *id);
        let mut events: Vec<_> =
            containers.iter().map(|(_, known)| reports::container(ts, &known.json)).collect();
        for (id, users, groups) in self.users.of_containers() {
            let user = |user: &&User| reports::user(ts, EventType::USER_ADDED_E, Some(id), user);
            let group = |group: &&Group| reports::group(ts, EventType::GROUP_ADDED_E, Some(id), group);
            events.extend(users.iter().map(user));
            events.extend(groups.iter().map(group));
        }
        events
    }

    /// Adds the metadata of a container from an event or a runtime: one JSON object, at top level or below
    /// `container`. Skips an object without an id; returns the container's id.
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
        if let Some(namespace) = json.get("namespace").and_then(Json::as_str)
            && self.layouts.add_namespace(namespace.as_bytes())
        {
            self.reassign();
        }
        if self.containers.by_id.get(&id).is_none_or(|known| known.json != json) {
            self.containers.changes += 1;
            self.containers.by_id.insert(id.clone(), Container { json });
        }
        Some(id)
    }

    /// Like [`State::add_container`], and reports changes.
    pub(crate) fn learn_container(&mut self, json: Json, reports: &mut Reports) {
        let changes = self.containers.changes;
        if let Some(id) = self.add_container(json)
            && self.containers.changes != changes
            && let Some(container) = self.containers.get(&id)
        {
            reports.container(&container.json);
        }
    }

    /// Determines the containers of processes again, because more cgroups are containers now.
    fn reassign(&mut self) {
        self.unshown_changes += 1;
        let keys: Vec<_> = self.threads.iter().filter_map(|thread| self.threads.key(thread.tid)).collect();
        for key in keys {
            let Some(thread) = self.threads.at(key) else { continue };
            let id = id_of_cgroups(&thread.cgroups, &self.layouts).map(Text::from);
            if thread.container != id
                && let Some(thread) = self.threads.at_mut(key)
            {
                thread.container = id;
            }
        }
    }

    /// Removes a container and its users.
    pub(super) fn remove_container(&mut self, id: &Text) {
        self.containers.changes += 1;
        self.containers.by_id.remove(id);
        self.users.retain_containers(|other| other != id);
    }

    /// Adds the users and groups of a container.
    pub(crate) fn add_accounts(&mut self, accounts: Accounts, reports: &mut Reports) {
        if self.users.is_full() {
            self.forget_containers();
        }
        let Accounts { container, users, groups } = accounts;
        self.users.replace(container, users, groups, reports);
    }

    /// Makes room: removes containers without processes, because no event needs them any more.
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
