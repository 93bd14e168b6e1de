//! Verdicts on processes for the filter: the memory that BPF programs and user space share.

use std::collections::HashMap;
use std::mem::offset_of;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use eyas_events::verdicts::{KIND_KEYS, KIND_SLOTS, KINDS, LINEAGE, SLOTS, VerdictTable, WORDS, kind_key};
use rustix::mm::ProtFlags;

use crate::Error;
use crate::ring::{Counter, Counters, Mapping};
use crate::skel::types;

const STRIDE: usize = size_of::<types::verdict_slot>();

/// The change counts and words of all processes.
#[derive(Clone)]
pub struct Verdicts {
    shared: Arc<Shared>,
    counters: Counters,
    cpus: usize,
}

struct Shared {
    slots: Mapping,
    /// The secret numbers of keys, and the present salt.
    secret: [u64; KIND_KEYS],
    salt: AtomicU64,
    /// The words that this process has written, without those that BPF programs have cleared since.
    written: Mutex<HashMap<usize, [u64; WORDS]>>,
}

impl std::fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verdicts").field("cpus", &self.cpus).finish_non_exhaustive()
    }
}

/// The end of the published events: a position for each ring.
#[derive(Clone, Debug)]
pub struct Published(Vec<u64>);

impl VerdictTable for Verdicts {
    type Mark = Published;

    fn settled(&self, slot: usize) -> Option<u32> {
        // Read `ended` first. A change begins before it ends, so if the later `begun` equals it, no change was under way.
        let ended = self.count(slot, offset_of!(types::verdict_slot, ended));
        let begun = self.begun(slot);
        (ended == begun).then_some(begun)
    }

    fn begun(&self, slot: usize) -> u32 {
        self.count(slot, offset_of!(types::verdict_slot, begun))
    }

    fn word(&self, slot: usize, word: usize) -> u64 {
        self.shared.slots.word_at(place(slot, word)).load(Ordering::Relaxed)
    }

    fn set_word(&mut self, slot: usize, word: usize, value: u64) {
        let mut written = self.shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        if value != 0 || written.contains_key(&slot) {
            written.entry(slot).or_default()[word] = value;
        }
        self.shared.slots.word_at(place(slot, word)).store(value, Ordering::Release);
    }

    fn mark(&self) -> Published {
        Published((0..self.cpus).map(|cpu| self.counters.head(cpu)).collect())
    }

    fn is_past(&self, published: &Published) -> bool {
        published.0.iter().enumerate().all(|(cpu, head)| self.counters.tail(cpu) >= *head)
    }

    fn lost(&self) -> (u64, bool) {
        let of = |cpu| (self.counters.lost(cpu), self.counters.pending_losses(cpu) > 0);
        (0..self.cpus).map(of).fold((0, false), |(all, any), (lost, waits)| (all + lost, any || waits))
    }

    fn key(&self, kind: &[u8]) -> u64 {
        kind_key(kind, &self.shared.secret, self.shared.salt.load(Ordering::Relaxed))
    }

    fn renew_kinds(&mut self) {
        let [salt] = super::random::numbers();
        self.shared.salt.store(salt, Ordering::Relaxed);
        self.set_salt(salt);
    }
}

/// The slots with words.
fn slots() -> impl Iterator<Item = usize> {
    (0..SLOTS).chain(KIND_SLOTS..KIND_SLOTS + KINDS)
}

fn place(slot: usize, word: usize) -> usize {
    assert!(slot < KIND_SLOTS + KINDS && word < WORDS, "there are fewer words");
    slot * STRIDE + offset_of!(types::verdict_slot, words) + 8 * word
}

impl Verdicts {
    /// Maps the programs' table. `secret`: the programs' secret numbers of keys.
    pub(super) fn map(
        table: BorrowedFd<'_>,
        secret: [u64; KIND_KEYS],
        counters: Counters,
        cpus: usize,
    ) -> Result<Self, Error> {
        let bytes = (KIND_SLOTS + KINDS) * STRIDE;
        let slots = Mapping::new(table, 0, bytes, ProtFlags::READ | ProtFlags::WRITE)?;
        let shared = Shared { slots, secret, salt: AtomicU64::new(0), written: Mutex::default() };
        let mut this = Self { shared: Arc::new(shared), counters, cpus };
        // Processes may have keys from the time of another filter.
        this.renew_kinds();
        Ok(this)
    }

    /// Shows the programs the salt of keys.
    fn set_salt(&self, salt: u64) {
        self.shared.slots.word_at(place(LINEAGE, 0)).store(salt, Ordering::Release);
    }

    fn count(&self, slot: usize, at: usize) -> u32 {
        assert!(slot <= SLOTS, "there are fewer slots");
        self.shared.slots.half_at(slot * STRIDE + at).load(Ordering::Acquire)
    }

    /// Number of events that the probe filtered out because of verdicts.
    pub fn left_out(&self) -> u64 {
        (0..self.cpus).map(|cpu| self.counters.get(cpu, Counter::ByProcess)).sum()
    }

    /// Removes all verdicts.
    pub(super) fn clear(&mut self) {
        self.renew_kinds();
        for slot in slots() {
            (0..WORDS).for_each(|word| self.set_word(slot, word, 0));
        }
    }

    /// Clears words that another process has written; returns whether there were any.
    pub(super) fn repair(&self) -> bool {
        let mut written = self.shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        let salt = self.shared.salt.load(Ordering::Relaxed);
        let mut differs = self.word(LINEAGE, 0) != salt;
        if differs {
            self.set_salt(salt);
        }
        for slot in slots() {
            let words: [u64; WORDS] = std::array::from_fn(|word| self.word(slot, word));
            if words == [0; WORDS] {
                // True of most slots.
                written.remove(&slot);
                continue;
            }
            let ours = written.get(&slot).copied().unwrap_or_default();
            if words.iter().zip(ours).any(|(word, own)| *word != 0 && *word != own) {
                let clear = |word| self.shared.slots.word_at(place(slot, word)).store(0, Ordering::Release);
                (0..WORDS).for_each(clear);
                differs = true;
            }
        }
        differs
    }
}
