//! Verdicts on processes: which groups of rules can't match a process. User space writes them, and the probe reads them.
//!
//! The id of a process selects its slot. In the slot, the probe counts the events that may change the process: before it makes
//! such an event (*begun*), and after it has published the event (*ended*). One additional slot counts the events that also
//! change descendants. User space writes words: the excluded groups, and a stamp with the counts that it knew. A word is valid
//! only while its stamp equals the current counts, and only for the process id in the stamp. The word 0 excludes nothing.

/// Number of process slots. One more slot, [`LINEAGE`], follows them.
pub const SLOTS: usize = 1 << 16;
/// The slot that counts changes that descendants see.
pub const LINEAGE: usize = SLOTS;
/// Number of words in a slot.
pub const WORDS: usize = 3;
/// Number of groups in a word; they are its lowest bits.
pub const GROUPS_OF_WORD: u32 = 24;
/// Maximum number of groups.
pub const GROUPS: u32 = 64;
/// Number of groups that depend only on the process: those of the first word. All others also depend on its ancestors.
pub const OWN_GROUPS: u32 = GROUPS_OF_WORD;
/// Bit position in a word of the high bits of the process id, which the slot does not identify.
pub const ID_SHIFT: u32 = 58;
/// All process ids are below this limit of the kernel.
pub const MAX_ID: u32 = 1 << 22;

const GROUP_BITS: u64 = (1 << GROUPS_OF_WORD) - 1;

/// How many changes of a process have begun, and how many of its possible ancestors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Count of the process's slot.
    pub own: u32,
    /// Count of the slot [`LINEAGE`].
    pub lineage: u32,
}

impl Counts {
    /// The bits besides the groups that a valid word has.
    const fn stamp(self, word: usize, id: u32) -> u64 {
        // Both counts only grow, so an unchanged sum means that both are unchanged.
        let sum = if word == 0 { self.own as u64 } else { self.own as u64 + self.lineage as u64 };
        sum << GROUPS_OF_WORD | ((id as u64) >> 16) << ID_SHIFT
    }
}

/// The slot of a process.
pub const fn slot(id: u32) -> usize {
    id as usize & (SLOTS - 1)
}

/// The words that exclude all groups except `groups`, for a process with an id below [`MAX_ID`].
pub fn words(id: u32, counts: Counts, groups: u64) -> [u64; WORDS] {
    core::array::from_fn(|word| {
        let excluded = !groups >> (word as u32 * GROUPS_OF_WORD) & GROUP_BITS;
        // A word that excludes nothing is 0.
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

/// The memory that the probe and user space share.
pub trait VerdictTable {
    /// A position in the stream of events.
    type Mark;

    /// How many changes a slot has begun, if all of them have ended.
    fn settled(&self, slot: usize) -> Option<u32>;

    /// How many changes a slot has begun.
    fn begun(&self, slot: usize) -> u32;

    /// Returns a word of a slot.
    fn word(&self, slot: usize, word: usize) -> u64;

    /// Writes a word of a slot.
    fn set_word(&mut self, slot: usize, word: usize, value: u64);

    /// The position after the events that are published now.
    fn mark(&self) -> Self::Mark;

    /// Whether user space has processed all events up to this position.
    fn is_past(&self, mark: &Self::Mark) -> bool;

    /// How many events were lost, and whether reports of some losses are pending.
    fn lost(&self) -> (u64, bool);
}

/// The constants of the protocol, by their names in the probe.
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
                // A process with the same slot.
                assert_eq!(groups(words, id ^ 1 << 16, counts), u64::MAX);
                let of_process = (1 << OWN_GROUPS) - 1;
                let others_changed = groups(words, id, Counts { lineage: 10, ..counts });
                assert_eq!(others_changed, wanted | !of_process);
            }
        }
        assert_eq!(groups([0; WORDS], 5, Counts::default()), u64::MAX);
    }
}
