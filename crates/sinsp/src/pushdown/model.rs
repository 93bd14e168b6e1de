//! Verdicts on processes in a replay, which has no probe. This models both sides of the protocol, so rows reject the same events
//! as in a live capture, or more.

use eyas_events::filter::flags::{CHANGES, IF_ZERO, LINEAGE as CHANGES_LINEAGE};
use eyas_events::verdicts::{Counts, LINEAGE, MAX_ID, SLOTS, VerdictTable, WORDS, groups, slot};

use super::groups::change_flags;
use super::{ProcessVerdicts, Pushdown};
use crate::view::EventView;

/// The model of the probe's table.
#[derive(Debug)]
struct Table {
    begun: Box<[u32]>,
    words: Box<[[u64; WORDS]]>,
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
}

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
        let (begun, words) = (vec![0; SLOTS + 1].into(), vec![[0; WORDS]; SLOTS].into());
        let table = Table { begun, words, events: 0 };
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
        let judge = |id: u32| rows.groups().of_process(event, id.into());
        self.verdicts.step(&mut self.table, event.sure_of_processes(), judge);
        may_match
    }

    fn groups(&self, id: u32) -> u64 {
        let counts = Counts { own: self.table.begun(slot(id)), lineage: self.table.begun(LINEAGE) };
        groups(self.table.words[slot(id)], id, counts)
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
