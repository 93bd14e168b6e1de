//! Verdicts on processes, which user space writes and the probe reads: which groups of rules can't match a process.
//!
//! Each process has a slot by its id. There the probe counts the events by which the process may change, before it makes such an
//! event (*begun*) and after it has published it (*ended*); one slot more counts those that change processes below, too. User
//! space writes words: groups that are excluded, and a stamp of the counts that it knew. A word is valid only as long as its stamp
//! equals the current counts, and for the process whose id it has. A word that is 0 excludes nothing.

/// Slots of processes; behind them is one for changes that others see.
pub const SLOTS: usize = 1 << 16;
/// Which slot that is.
pub const LINEAGE: usize = SLOTS;
/// Words of a slot.
pub const WORDS: usize = 3;
/// Groups of a word, in its lowest bits.
pub const GROUPS_OF_WORD: u32 = 24;
/// Groups at most.
pub const GROUPS: u32 = 64;
/// Groups that depend on the process alone: those of the first word. All others depend on processes above it, too.
pub const OWN_GROUPS: u32 = GROUPS_OF_WORD;
/// Where the part of the process's id is that the slot does not show.
pub const ID_SHIFT: u32 = 58;
/// Ids of processes are smaller: the kernel's own limit.
pub const MAX_ID: u32 = 1 << 22;

const GROUP_BITS: u64 = (1 << GROUPS_OF_WORD) - 1;

/// How often a process has begun to change, and how often processes above it may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// By the process's own slot.
    pub own: u32,
    /// By the slot [`LINEAGE`].
    pub lineage: u32,
}

impl Counts {
    /// What a word has to have beside its groups to hold.
    const fn stamp(self, word: usize, id: u32) -> u64 {
        // The numbers only grow, so that a sum stays the same only if both do.
        let sum = if word == 0 { self.own as u64 } else { self.own as u64 + self.lineage as u64 };
        sum << GROUPS_OF_WORD | ((id as u64) >> 16) << ID_SHIFT
    }
}

/// The slot of a process.
pub const fn slot(id: u32) -> usize {
    id as usize & (SLOTS - 1)
}

/// The words that exclude all groups but these, of a process with an id below [`MAX_ID`].
pub fn words(id: u32, counts: Counts, groups: u64) -> [u64; WORDS] {
    core::array::from_fn(|word| {
        let excluded = !groups >> (word as u32 * GROUPS_OF_WORD) & GROUP_BITS;
        // One that excludes nothing says nothing.
        if excluded == 0 { 0 } else { excluded | counts.stamp(word, id) }
    })
}

/// The groups that words do not exclude.
pub fn groups(words: [u64; WORDS], id: u32, counts: Counts) -> u64 {
    words.into_iter().enumerate().fold(u64::MAX, |groups, (at, word)| {
        let holds = word & !GROUP_BITS == counts.stamp(at, id);
        if holds { groups & !((word & GROUP_BITS) << (at as u32 * GROUPS_OF_WORD)) } else { groups }
    })
}

/// What the probe and user space share.
pub trait VerdictTable {
    /// How far events have come.
    type Mark;

    /// How many changes have begun by a slot, if as many have ended.
    fn settled(&self, slot: usize) -> Option<u32>;

    /// How many have begun.
    fn begun(&self, slot: usize) -> u32;

    /// A word of a slot.
    fn word(&self, slot: usize, word: usize) -> u64;

    /// Writes a word of a slot.
    fn set_word(&mut self, slot: usize, word: usize, value: u64);

    /// How far the events have come that are published now.
    fn mark(&self) -> Self::Mark;

    /// Whether all events up to there were taken in.
    fn is_past(&self, mark: &Self::Mark) -> bool;

    /// How many events were lost, and whether some of them are to be reported yet.
    fn lost(&self) -> (u64, bool);
}

/// The constants that the probe has of all this, by their names there.
pub const CONSTANTS: &[(&str, u64)] = &[
    ("SLOTS", SLOTS as u64),
    ("LINEAGE", LINEAGE as u64),
    ("WORDS", WORDS as u64),
    ("GROUPS_OF_WORD", GROUPS_OF_WORD as u64),
    ("ID_SHIFT", ID_SHIFT as u64),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_for_their_process_and_their_counts() {
        let counts = Counts { own: 7, lineage: 9 };
        for id in [1, 65_535, 65_537, MAX_ID - 1] {
            for wanted in [0, 1, 1 << 23 | 1 << 24, u64::MAX, 0x5555_5555_5555_5555] {
                let words = words(id, counts, wanted);
                assert_eq!(groups(words, id, counts), wanted);
                assert_eq!(groups(words, id, Counts { own: 8, ..counts }), u64::MAX);
                // Who has the same slot.
                assert_eq!(groups(words, id ^ 1 << 16, counts), u64::MAX);
                let of_process = (1 << OWN_GROUPS) - 1;
                let others_changed = groups(words, id, Counts { lineage: 10, ..counts });
                assert_eq!(others_changed, wanted | !of_process);
            }
        }
        assert_eq!(groups([0; WORDS], 5, Counts::default()), u64::MAX);
    }
}
