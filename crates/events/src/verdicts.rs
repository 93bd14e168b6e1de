//! Verdicts on processes: which groups of rules can't match a process. User space writes them, and the probe reads them.
//!
//! The id of a process selects its slot. In the slot, the probe counts the events that may change the process: before it makes
//! such an event (*begun*), and after it has published the event (*ended*). One additional slot counts the events that also
//! change descendants. User space writes words: the excluded groups, and a stamp with the counts that it knew. A word is valid
//! only while its stamp equals the current counts, and only for the process id in the stamp. The word 0 excludes nothing.
//!
//! The *kind* of a process is its name and its control groups, as the event of its start, or of the program that it executed, reports
//! them. The probe keeps a key of the kind in the process's slot: a hash of these bytes. For each key, user space writes which groups
//! the name and the container exclude, whatever else the process is. So these verdicts hold from the first call of a new process on,
//! if another process of the same kind came before.

/// Number of process slots. One more slot, [`LINEAGE`], follows them.
pub const SLOTS: usize = 1 << 16;
/// The slot that counts changes that descendants see.
pub const LINEAGE: usize = SLOTS;
/// The first slot for kinds of processes.
pub const KIND_SLOTS: usize = LINEAGE + 1;
/// Number of slots for kinds of processes.
pub const KINDS: usize = 4096;
/// Maximum length of a kind that has a key, bytes.
pub const KIND_TEXT: usize = 1024;
/// Number of secret numbers that a key depends on.
pub const KIND_KEYS: usize = KIND_TEXT / 8 + 4;
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

/// Number of changes that have begun: of a process, and of its possible ancestors.
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

/// The key of a kind: its name and its control groups, each ended by NUL. It depends on secret numbers, and on a number that changes
/// when older keys become invalid. 0 means that the kind has no key.
///
/// Each of the two NH hashes (RFC 4418) takes the same words with other secret numbers; a key is a sum of products of both with
/// odd secret numbers. Two kinds have the same slot and stamp with a probability of about 2^-47, and nobody without the secret
/// numbers can choose such kinds.
pub fn kind_key(text: &[u8], secret: &[u64; KIND_KEYS], salt: u64) -> u64 {
    if text.is_empty() || text.len() > KIND_TEXT {
        return 0;
    }
    let (mut one, mut other) = (0_u64, 0_u64);
    let mut add = |word: u64, at: usize| {
        let mix = |key: u64| {
            let low = (word as u32).wrapping_add(key as u32);
            let high = ((word >> 32) as u32).wrapping_add((key >> 32) as u32);
            u64::from(low) * u64::from(high)
        };
        one = one.wrapping_add(mix(secret[at]));
        other = other.wrapping_add(mix(secret[at + 1]));
    };
    add(text.len() as u64, 0);
    for (at, bytes) in text.chunks(8).enumerate() {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        add(u64::from_le_bytes(word), at + 1);
    }
    let [.., first, second] = *secret;
    one.wrapping_mul(first | 1).wrapping_add(other.wrapping_mul(second | 1)).wrapping_add(salt)
}

/// The slot of a key.
pub const fn kind_slot(key: u64) -> usize {
    KIND_SLOTS + (key >> (u64::BITS - KINDS.trailing_zeros())) as usize
}

/// The bits besides the groups that a word for a key has.
const fn kind_stamp(key: u64) -> u64 {
    key >> 16 << GROUPS_OF_WORD
}

/// The words of a key's slot that exclude all groups except `groups`.
pub fn kind_words(key: u64, groups: u64) -> [u64; WORDS] {
    core::array::from_fn(|word| {
        let excluded = !groups >> (word as u32 * GROUPS_OF_WORD) & GROUP_BITS;
        if excluded == 0 { 0 } else { excluded | kind_stamp(key) }
    })
}

/// The groups that words do not exclude for a key.
pub fn kind_groups(words: [u64; WORDS], key: u64) -> u64 {
    words.into_iter().enumerate().fold(u64::MAX, |groups, (at, word)| {
        let holds = word & !GROUP_BITS == kind_stamp(key);
        if holds { groups & !((word & GROUP_BITS) << (at as u32 * GROUPS_OF_WORD)) } else { groups }
    })
}

/// The memory that the probe and user space share.
pub trait VerdictTable {
    /// A position in the stream of events.
    type Mark;

    /// Number of changes that have begun in a slot, if all of them have ended; otherwise `None`.
    fn settled(&self, slot: usize) -> Option<u32>;

    /// Number of changes that have begun in a slot.
    fn begun(&self, slot: usize) -> u32;

    /// Returns a word of a slot.
    fn word(&self, slot: usize, word: usize) -> u64;

    /// Writes a word of a slot.
    fn set_word(&mut self, slot: usize, word: usize, value: u64);

    /// The position after the events that are published now.
    fn mark(&self) -> Self::Mark;

    /// Whether user space has processed all events up to this position.
    fn is_past(&self, mark: &Self::Mark) -> bool;

    /// Number of lost events, and whether the probe has yet to report some losses.
    fn lost(&self) -> (u64, bool);

    /// The key of a kind, 0 if it has none: see [`kind_key`].
    fn key(&self, kind: &[u8]) -> u64;

    /// Invalidates the present keys of all processes.
    fn renew_kinds(&mut self);
}

/// The constants of the protocol, by their names in the probe.
pub const CONSTANTS: &[(&str, u64)] = &[
    ("SLOTS", SLOTS as u64),
    ("LINEAGE", LINEAGE as u64),
    ("WORDS", WORDS as u64),
    ("GROUPS_OF_WORD", GROUPS_OF_WORD as u64),
    ("ID_SHIFT", ID_SHIFT as u64),
    ("KIND_SLOTS", KIND_SLOTS as u64),
    ("KINDS", KINDS as u64),
    ("KIND_TEXT", KIND_TEXT as u64),
    ("KIND_KEYS", KIND_KEYS as u64),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_word_is_valid_only_for_its_process_and_counts() {
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

    #[test]
    fn a_verdict_word_of_a_kind_is_valid_only_for_that_kind() {
        let secret = core::array::from_fn(|at| (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let of = |text: &[u8]| kind_key(text, &secret, 3);
        let texts: [&[u8]; 6] =
            [b"cpu=/\0", b"cpu=/a\0", b"cpu=/a\0\0", b"cpu=/b\0", &[b'x'; 1023], &[b'x'; 1024]];
        for (at, text) in texts.into_iter().enumerate() {
            let key = of(text);
            assert!(key != 0 && texts[..at].iter().all(|other| of(other) >> 16 != key >> 16));
            assert!((KIND_SLOTS..KIND_SLOTS + KINDS).contains(&kind_slot(key)));
            for wanted in [0, 1, 1 << 23 | 1 << 24, u64::MAX, 0x5555_5555_5555_5555] {
                let words = kind_words(key, wanted);
                assert_eq!(kind_groups(words, key), wanted);
                if wanted != u64::MAX {
                    assert_ne!(kind_groups(words, key ^ 1 << 16), wanted);
                    assert_ne!(kind_groups(words, key ^ 1 << 55), wanted);
                }
            }
        }
        assert_eq!([of(b""), of(&[b'x'; 1025])], [0, 0]);
        assert_ne!(of(b"cpu=/\0"), kind_key(b"cpu=/\0", &secret, 4));
    }
}
