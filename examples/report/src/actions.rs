//! Actions of each process, and how rare they are.

use std::collections::BTreeMap;

use crate::processes::Key;

/// Maximum number of kept actions per process.
const MAX: usize = 60;

/// An action of a process.
pub struct Action {
    pub count: u64,
    /// Number of the first event.
    pub num: u64,
}

/// Actions of all processes.
#[derive(Default)]
pub struct Actions {
    by: BTreeMap<Key, BTreeMap<String, Action>>,
    /// For each process, the number of actions that are not kept.
    pub more: BTreeMap<Key, u64>,
    /// For each action, the number of processes that did it.
    frequency: BTreeMap<String, u64>,
}

impl Actions {
    pub fn add(&mut self, key: Key, text: String, num: u64) {
        let own = self.by.entry(key).or_default();
        if let Some(action) = own.get_mut(&text) {
            action.count += 1;
            return;
        }
        if own.len() >= MAX {
            *self.more.entry(key).or_default() += 1;
            return;
        }
        *self.frequency.entry(text.clone()).or_default() += 1;
        own.insert(text, Action { count: 1, num });
    }

    /// Actions of a process, the rarest first.
    pub fn of(&self, key: Key) -> Vec<(&str, &Action)> {
        let mut all: Vec<_> =
            self.by.get(&key).into_iter().flatten().map(|(text, action)| (text.as_str(), action)).collect();
        all.sort_by_key(|(text, action)| (self.frequency(text), action.num));
        all
    }

    fn frequency(&self, text: &str) -> u64 {
        self.frequency.get(text).copied().unwrap_or(0)
    }

    /// Number of processes that did the rarest action of this process.
    pub fn rarity(&self, key: Key) -> u64 {
        let actions = self.by.get(&key).into_iter().flatten();
        actions.map(|(text, _)| self.frequency(text)).min().unwrap_or(u64::MAX)
    }

    /// All of it.
    pub fn text(&self, key: Key) -> String {
        self.by.get(&key).into_iter().flatten().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join("; ")
    }
}
