//! What each process did, and how rare that is.

use std::collections::BTreeMap;

use crate::processes::Key;

/// Deeds of a process that are kept.
const MOST: usize = 60;

/// A thing that a process did.
pub struct Deed {
    pub count: u64,
    /// Number of the first event.
    pub num: u64,
}

/// What all processes did.
#[derive(Default)]
pub struct Deeds {
    by: BTreeMap<Key, BTreeMap<String, Deed>>,
    /// Of a process: deeds that are not kept.
    pub more: BTreeMap<Key, u64>,
    /// How many processes did it.
    frequency: BTreeMap<String, u64>,
}

impl Deeds {
    pub fn add(&mut self, key: Key, text: String, num: u64) {
        let own = self.by.entry(key).or_default();
        if let Some(deed) = own.get_mut(&text) {
            deed.count += 1;
            return;
        }
        if own.len() >= MOST {
            *self.more.entry(key).or_default() += 1;
            return;
        }
        *self.frequency.entry(text.clone()).or_default() += 1;
        own.insert(text, Deed { count: 1, num });
    }

    /// What a process did, what fewest did first.
    pub fn of(&self, key: Key) -> Vec<(&str, &Deed)> {
        let mut all: Vec<_> =
            self.by.get(&key).into_iter().flatten().map(|(text, deed)| (text.as_str(), deed)).collect();
        all.sort_by_key(|(text, deed)| (self.frequency(text), deed.num));
        all
    }

    fn frequency(&self, text: &str) -> u64 {
        self.frequency.get(text).copied().unwrap_or(0)
    }

    /// How many processes did the rarest thing that this one did.
    pub fn rarity(&self, key: Key) -> u64 {
        let deeds = self.by.get(&key).into_iter().flatten();
        deeds.map(|(text, _)| self.frequency(text)).min().unwrap_or(u64::MAX)
    }

    /// All of it.
    pub fn text(&self, key: Key) -> String {
        self.by.get(&key).into_iter().flatten().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join("; ")
    }
}
