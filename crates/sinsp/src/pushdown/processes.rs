//! Verdicts on processes: the half of the protocol that user space has. [`eyas_events::verdicts`] says what both share.
//!
//! A verdict is written in two steps. First the process's counts are read, and how far the events have come that are published by
//! then. When the state has taken in all of these, it has every change that the counts include, so the groups that the process is in
//! are found and written with these counts. If the process has begun to change meanwhile, its counts are others, and
//! the words say nothing.

use std::mem::take;

use eyas_events::verdicts::{Counts, LINEAGE, MAX_ID, SLOTS, VerdictTable, WORDS, groups, slot, words};

/// Events of a process, since it had no verdict, after which it gets one: many processes end sooner.
const SETTLED: u8 = 3;
/// Processes that get a verdict at once.
const MAX_BATCH: usize = 256;

/// Verdicts that are being written.
#[derive(Clone, Debug)]
pub struct ProcessVerdicts<M> {
    /// By slot: events of processes without a verdict.
    seen: Box<[u8]>,
    /// Processes that are to get one.
    asked: Vec<u32>,
    /// Those whose counts are known, with these.
    batch: Vec<(u32, Counts)>,
    /// What the state has to take in before the batch is judged.
    mark: Option<M>,
    written: u64,
    /// How many events were lost.
    lost: u64,
    /// How often processes have changed otherwise than by their events.
    sure: u64,
    /// Since a loss, none are written.
    after_loss: Option<AfterLoss<M>>,
}

/// What is waited for before verdicts are written again.
#[derive(Clone, Debug)]
enum AfterLoss<M> {
    /// That the loss is reported;
    Report,
    /// that the state has taken that in, and is sure of all again.
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

    /// An event of the process was delivered: now and then, it gets a verdict if it has none.
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
        // The counts before the mark: the changes that they include are published by then.
        let Some(lineage) = table.settled(LINEAGE) else { return };
        self.batch.extend(self.asked.drain(..).filter_map(|id| {
            let own = table.settled(slot(id))?;
            Some((id, Counts { own, lineage }))
        }));
        self.mark = Some(table.mark());
    }

    /// Whether events were lost that the state may lack. Then no verdict holds.
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
            // Somebody else has doubts.
            None => {
                self.clear(table);
                self.after_loss = Some(AfterLoss::Report);
            }
            Some(AfterLoss::Report) if !is_pending => self.after_loss = Some(AfterLoss::State(table.mark())),
            Some(AfterLoss::State(mark)) if is_sure && table.is_past(mark) => self.after_loss = None,
            Some(_) => {}
        }
        true
    }

    /// Takes all verdicts back.
    pub fn clear(&mut self, table: &mut impl VerdictTable<Mark = M>) {
        self.asked.clear();
        self.batch.clear();
        self.mark = None;
        self.seen.fill(0);
        for slot in 0..SLOTS {
            (0..WORDS).for_each(|word| table.set_word(slot, word, 0));
        }
    }

    /// How many verdicts were written.
    pub fn written(&self) -> u64 {
        self.written
    }
}

/// Whether what was written about the process holds, or there is nothing to be written.
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
