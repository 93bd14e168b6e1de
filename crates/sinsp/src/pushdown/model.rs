//! Verdicts on processes in a replay, which has no probe. This models both sides of the protocol, so rows reject the same events
//! as in a live capture, or more.

use eyas_events::filter::flags::{CHANGES, IF_ZERO, LINEAGE as CHANGES_LINEAGE};
use eyas_events::verdicts::{
    Counts, KIND_KEYS, KIND_SLOTS, KINDS, LINEAGE, MAX_ID, SLOTS, VerdictTable, WORDS, groups, kind_groups,
    kind_key, kind_slot, slot,
};

use super::groups::{change_flags, kind_params, reported_kind};
use super::{ProcessVerdicts, Pushdown};
use crate::state::{ProcessChange, changes_process};
use crate::view::EventView;

/// The model of the probe's table.
#[derive(Debug)]
struct Table {
    begun: Box<[u32]>,
    words: Box<[[u64; WORDS]]>,
    /// By slot: the process, and the key of its kind.
    keys: Box<[(u32, u64)]>,
    salt: u64,
    /// Number of events that the state has processed.
    events: u64,
}

impl VerdictTable for Table {
    type Mark = u64;

    fn settled(&self, slot: usize) -> Option<u32> {
        Some(self.begun(slot))
    }

    fn begun(&self, slot: usize) -> u32 {
        self.begun[slot]
    }

    fn word(&self, slot: usize, word: usize) -> u64 {
        self.words[slot][word]
    }

    fn set_word(&mut self, slot: usize, word: usize, value: u64) {
        self.words[slot][word] = value;
    }

    fn mark(&self) -> u64 {
        self.events + LATENCY
    }

    fn is_past(&self, mark: &u64) -> bool {
        self.events >= *mark
    }

    fn lost(&self) -> (u64, bool) {
        (0, false)
    }

    fn key(&self, kind: &[u8]) -> u64 {
        kind_key(kind, &SECRET, self.salt)
    }

    fn renew_kinds(&mut self) {
        // A replay needs no secret.
        self.salt = self.salt.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

const SECRET: [u64; KIND_KEYS] = {
    let mut secret = [0; KIND_KEYS];
    let mut at = 0;
    while at < KIND_KEYS {
        secret[at] = (at as u64 + 1).wrapping_mul(0xd1b5_4a32_d192_ed03);
        at += 1;
    }
    secret
};

/// Number of events between the time when the counts are read and the verdict.
const LATENCY: u64 = 8;

/// Verdicts on the processes of a replay.
#[derive(Debug)]
pub struct Model {
    table: Table,
    verdicts: ProcessVerdicts<u64>,
    /// Number of events that rows rejected because the process is in none of the groups.
    by_process: u64,
}

impl Default for Model {
    fn default() -> Self {
        let (begun, words) = (vec![0; SLOTS + 1].into(), vec![[0; WORDS]; KIND_SLOTS + KINDS].into());
        let table = Table { begun, words, keys: vec![(0, 0); SLOTS].into(), salt: 0, events: 0 };
        Self { table, verdicts: ProcessVerdicts::default(), by_process: 0 }
    }
}

impl Model {
    /// Whether a rule may match the event, according to the rows of its type and the verdict on its process. Call this for each
    /// event that is shown.
    pub fn may_match(&mut self, rows: &Pushdown, event: &EventView<'_>) -> bool {
        if rows.groups().is_empty() {
            return rows.may_match(event);
        }
        let id = event.thread().and_then(|thread| u32::try_from(thread.pid).ok()).filter(|id| *id < MAX_ID);
        self.change(event, id);
        self.table.events += 1;
        let groups = id.map_or(u64::MAX, |id| self.groups(id));
        let may_match = rows.may_match_in(event, groups);
        if !may_match && rows.may_match(event) {
            self.by_process += 1;
        }
        if let Some(id) = id.filter(|_| may_match) {
            self.verdicts.note(&self.table, id);
        }
        self.verdicts.learn(&mut self.table, rows.groups(), event);
        let judge = |id: u32| rows.groups().of_process(event, id.into());
        self.verdicts.step(&mut self.table, event.sure_of_processes(), judge);
        may_match
    }

    fn groups(&self, id: u32) -> u64 {
        let counts = Counts { own: self.table.begun(slot(id)), lineage: self.table.begun(LINEAGE) };
        let of_kind = match self.table.keys[slot(id)] {
            (of, key) if of == id && key != 0 => kind_groups(self.table.words[kind_slot(key)], key),
            _ => u64::MAX,
        };
        groups(self.table.words[slot(id)], id, counts) & of_kind
    }

    /// Notes the kind that the event reports, as the probe does.
    fn note_kind(&mut self, event: &EventView<'_>, id: u32) {
        let tid = event.thread().map_or(0, |thread| thread.tid);
        let key = reported_kind(event).map_or(0, |kind| self.table.key(&kind));
        let old = &mut self.table.keys[slot(id)];
        if tid == i64::from(id) {
            *old = (id, key);
        } else if old.0 == id && old.1 != key {
            *old = (id, 0);
        }
    }

    /// Counts the change of an event, as the probe does.
    fn change(&mut self, event: &EventView<'_>, id: Option<u32>) {
        let flags = change_flags(event.event().ty, true);
        if flags & CHANGES == 0 {
            return;
        }
        if flags & IF_ZERO != 0 && event.event().result() != Some(0) {
            // A capture may lack the child's own event.
            let child = event.event().result().and_then(|child| u32::try_from(child).ok());
            child.into_iter().for_each(|child| self.begin(child));
            return;
        }
        // If the thread is unknown, any process may have changed.
        let Some(id) = id else {
            self.verdicts.clear(&mut self.table);
            return;
        };
        self.begin(id);
        let ty = event.event().ty;
        if kind_params(ty).is_some() {
            if event.event().result() == Some(0) {
                self.note_kind(event, id);
            }
        } else if changes_process(ty) == Some(ProcessChange::Shown) && self.table.keys[slot(id)].0 == id {
            self.table.keys[slot(id)].1 = 0;
        }
        let thread = event.thread();
        let has_others = thread.is_some_and(|thread| event.state().threads.has_below(thread));
        if flags & CHANGES_LINEAGE != 0 && has_others {
            self.table.begun[LINEAGE] = self.table.begun[LINEAGE].wrapping_add(1);
        }
    }

    fn begin(&mut self, id: u32) {
        let begun = &mut self.table.begun[slot(id)];
        *begun = begun.wrapping_add(1);
        self.table.words[slot(id)] = [0; WORDS];
    }

    /// Number of verdicts written, and of events that rows rejected because of them.
    pub fn counts(&self) -> [u64; 2] {
        [self.verdicts.written(), self.by_process]
    }
}
