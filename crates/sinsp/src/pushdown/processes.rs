//! Verdicts on processes: the user-space side of the protocol. [`eyas_events::verdicts`] describes the shared memory.
//!
//! User space writes a verdict in two steps. First it reads the counts of the process, and then the position after the events
//! that are published. Once the state has processed all of these events, it contains every change that the counts include. Then
//! user space finds the groups of the process, and writes them with these counts. If another change of the process has begun
//! meanwhile, the current counts differ, and the words exclude nothing.

use std::mem::take;

use eyas_events::verdicts::{
    Counts, KIND_SLOTS, KINDS, LINEAGE, MAX_ID, SLOTS, VerdictTable, WORDS, groups, kind_groups, kind_slot,
    kind_words, slot, words,
};

use super::groups::{Groups, reported_kind};
use crate::view::EventView;

/// Number of events of a process between two checks for a verdict. Many processes end before the first check.
const SETTLED: u8 = 3;
/// Maximum number of processes that wait for a verdict.
const MAX_BATCH: usize = 256;

/// Writes verdicts.
#[derive(Clone, Debug)]
pub struct ProcessVerdicts<M> {
    /// Indexed by slot: number of events since the last check for a verdict.
    seen: Box<[u8]>,
    /// Processes for which a verdict was requested.
    asked: Vec<u32>,
    /// Processes whose counts were read, with these counts.
    batch: Vec<(u32, Counts)>,
    /// The state must process the events up to here before the batch is judged.
    mark: Option<M>,
    written: u64,
    /// Number of lost events at the last step.
    lost: u64,
    /// Number of changes of processes that no event showed.
    sure: u64,
    /// Set from a loss until verdicts may be written again.
    after_loss: Option<AfterLoss<M>>,
}

/// The condition for writing verdicts again after a loss.
#[derive(Clone, Debug)]
enum AfterLoss<M> {
    /// The probe has reported the loss.
    Report,
    /// The state has processed the report, and is in doubt about no process.
    State(M),
}

impl<M> Default for ProcessVerdicts<M> {
    fn default() -> Self {
        Self::of_slots(SLOTS)
    }
}

impl<M> ProcessVerdicts<M> {
    fn of_slots(slots: usize) -> Self {
        Self {
            seen: vec![0; slots].into(),
            asked: Vec::new(),
            batch: Vec::new(),
            mark: None,
            written: 0,
            lost: 0,
            sure: 0,
            after_loss: None,
        }
    }

    /// Notes an event of the process. From time to time, this requests a verdict if the process has none.
    #[inline]
    pub fn note(&mut self, table: &impl VerdictTable<Mark = M>, id: u32) {
        let at = slot(id);
        let seen = &mut self.seen[at];
        if *seen < SETTLED {
            *seen += 1;
            return;
        }
        *seen = 0;
        if id < MAX_ID && self.asked.len() < MAX_BATCH && !has_verdict(table, id) {
            self.asked.push(id);
        }
    }

    /// Notes an event. If it is the first of a new process, or of a new program, this writes which groups of rules the name and the
    /// container exclude, unless another process of that kind came before.
    #[inline]
    pub fn learn(&mut self, table: &mut impl VerdictTable<Mark = M>, groups: &Groups, view: &EventView<'_>) {
        if let Some(kind) = reported_kind(view) {
            self.learn_kind(table, &kind, view.sure_of_processes(), || groups.of_kind(view));
        }
    }

    /// The same for a kind that an event has reported. `of_kind` returns the groups that a process of this kind may be in.
    fn learn_kind(
        &mut self,
        table: &mut impl VerdictTable<Mark = M>,
        kind: &[u8],
        sure: Option<u64>,
        of_kind: impl FnOnce() -> u64,
    ) {
        let key = table.key(kind);
        if key == 0 || self.after_loss.is_some() || sure != Some(self.sure) {
            return;
        }
        let at = kind_slot(key);
        let known = std::array::from_fn(|word| table.word(at, word));
        if kind_groups(known, key) != u64::MAX {
            return;
        }
        for (word, value) in kind_words(key, of_kind()).into_iter().enumerate() {
            table.set_word(at, word, value);
        }
    }

    /// Continues with requested verdicts. `judge` returns the groups that a process is in by the current state, which contains
    /// every change that the table counts as published; `sure` is what `EventView::sure_of_processes` returns.
    pub fn step(
        &mut self,
        table: &mut impl VerdictTable<Mark = M>,
        sure: Option<u64>,
        mut judge: impl FnMut(u32) -> Option<u64>,
    ) {
        if self.has_lost(table, sure.is_some()) {
            return;
        }
        if sure.is_some_and(|sure| sure != self.sure) {
            self.sure = sure.unwrap_or_default();
            self.clear(table);
        }
        if let Some(mark) = &self.mark {
            if !table.is_past(mark) {
                return;
            }
            self.mark = None;
            for (id, counts) in take(&mut self.batch) {
                if let Some(groups) = judge(id) {
                    write(table, id, counts, groups);
                    self.written += 1;
                }
            }
        }
        if self.asked.is_empty() {
            return;
        }
        self.asked.sort_unstable();
        self.asked.dedup();
        // Read the counts before the mark, so that all changes that they include are published at the mark.
        let Some(lineage) = table.settled(LINEAGE) else { return };
        self.batch.extend(self.asked.drain(..).filter_map(|id| {
            let own = table.settled(slot(id))?;
            Some((id, Counts { own, lineage }))
        }));
        self.mark = Some(table.mark());
    }

    /// Whether the state may lack lost events. Then no verdict is valid.
    fn has_lost(&mut self, table: &mut impl VerdictTable<Mark = M>, is_sure: bool) -> bool {
        let (lost, is_pending) = table.lost();
        if lost != self.lost || is_pending {
            self.lost = lost;
            if self.after_loss.is_none() {
                self.clear(table);
            }
            self.after_loss = Some(AfterLoss::Report);
        }
        match &self.after_loss {
            None if is_sure => return false,
            // The state is in doubt for another reason.
            None => {
                self.clear(table);
                self.after_loss = Some(AfterLoss::Report);
            }
            Some(AfterLoss::Report) if !is_pending => self.after_loss = Some(AfterLoss::State(table.mark())),
            Some(AfterLoss::State(mark)) if is_sure && table.is_past(mark) => {
                // The state may have found other names and control groups than those that the last events reported.
                table.renew_kinds();
                self.after_loss = None;
            }
            Some(_) => {}
        }
        true
    }

    /// Removes all verdicts.
    pub fn clear(&mut self, table: &mut impl VerdictTable<Mark = M>) {
        self.asked.clear();
        self.batch.clear();
        self.mark = None;
        self.seen.fill(0);
        table.renew_kinds();
        for slot in (0..SLOTS).chain(KIND_SLOTS..KIND_SLOTS + KINDS) {
            (0..WORDS).for_each(|word| table.set_word(slot, word, 0));
        }
    }

    /// Number of verdicts written.
    pub fn written(&self) -> u64 {
        self.written
    }
}

/// Whether the process has a valid word that excludes a group.
fn has_verdict(table: &impl VerdictTable, id: u32) -> bool {
    let at = slot(id);
    let counts = Counts { own: table.begun(at), lineage: table.begun(LINEAGE) };
    (0..WORDS).any(|word| {
        let mut one = [0; WORDS];
        one[word] = table.word(at, word);
        groups(one, id, counts) != u64::MAX
    })
}

fn write(table: &mut impl VerdictTable, id: u32, counts: Counts, groups: u64) {
    for (word, value) in words(id, counts, groups).into_iter().enumerate() {
        table.set_word(slot(id), word, value);
    }
}

#[cfg(test)]
mod tests;
