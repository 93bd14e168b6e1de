//! Lost events, and their possible types and thread groups.

use eyas_events::{EventClass, EventType};

/// Lost events of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The CPU.
    pub cpu: u16,
    /// Time of the first lost event, ns since the epoch.
    pub since: u64,
    /// Time of the last lost event, ns since the epoch.
    pub until: u64,
    /// Number of lost events.
    pub events: u64,
    /// Types and processes of the lost events.
    pub of: Suspects,
}

/// Number of 64-bit words with a bit for each type, and of the Bloom filter of thread groups.
const WORDS: usize = 16;

/// The possible types and thread groups of lost events: a count by class, a bit for each type, and a Bloom
/// filter of the thread groups that made them or that they were about. What it excludes is certain to be
/// excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspects {
    classes: [u64; EventClass::ALL.len()],
    types: [u64; WORDS],
    groups: [u64; WORDS],
}

/// The two bits of a thread group; `note_group` of the probe's `losses.h` sets the same bits.
fn bits(group: i64) -> [usize; 2] {
    let hash = (group as u32).wrapping_mul(0x9e37_79b1);
    [(hash >> 22) as usize, (hash >> 12) as usize % (64 * WORDS)]
}

fn has(words: &[u64; WORDS], bit: usize) -> bool {
    words.get(bit / 64).is_none_or(|word| word >> (bit % 64) & 1 != 0)
}

impl Suspects {
    /// Nothing.
    pub const NONE: Self = Self { classes: [0; 8], types: [0; WORDS], groups: [0; WORDS] };
    /// Events of any type and thread group, for losses without details.
    pub const ALL: Self = Self { classes: [0; 8], types: [u64::MAX; WORDS], groups: [u64::MAX; WORDS] };

    /// Adds an event of this type, of a thread group.
    pub fn note(&mut self, ty: EventType, group: i64) {
        self.classes[EventClass::of(ty) as usize] += 1;
        let code = usize::from(ty.0) % (64 * WORDS);
        self.types[code / 64] |= 1 << (code % 64);
        self.note_group(group);
    }

    /// Adds a thread group: any of the events may be of this one.
    pub fn note_group(&mut self, group: i64) {
        for bit in bits(group) {
            self.groups[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Adds the possibilities of other losses.
    pub fn merge(&mut self, other: &Self) {
        self.classes.iter_mut().zip(other.classes).for_each(|(count, more)| *count += more);
        self.types.iter_mut().zip(other.types).for_each(|(word, more)| *word |= more);
        self.groups.iter_mut().zip(other.groups).for_each(|(word, more)| *word |= more);
    }

    /// These events, of any thread group.
    #[must_use]
    pub fn of_anybody(self) -> Self {
        Self { groups: [u64::MAX; WORDS], ..self }
    }

    /// Whether an event of this type may be lost.
    pub fn may_be(&self, ty: EventType) -> bool {
        has(&self.types, usize::from(ty.0))
    }

    /// Whether an event of this thread group may be lost.
    pub fn may_be_of(&self, group: i64) -> bool {
        bits(group).into_iter().all(|bit| has(&self.groups, bit))
    }

    /// The possible types.
    pub fn types(&self) -> impl Iterator<Item = EventType> {
        let types = self.types;
        (0..EventType::COUNT as u16).map(EventType).filter(move |ty| has(&types, usize::from(ty.0)))
    }

    /// Number of lost events of a class, if known.
    pub fn count(&self, class: EventClass) -> u64 {
        self.classes[class as usize]
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        self.classes.into_iter().chain(self.types).chain(self.groups)
    }

    fn words_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        self.classes.iter_mut().chain(&mut self.types).chain(&mut self.groups)
    }

    /// Parses the part of a probe's frame that follows the time of the last of `events` losses. If the classes do not add up to
    /// `events`, another program noted a loss at the same time, and the result is [`Suspects::ALL`].
    #[cfg(feature = "live")]
    pub(crate) fn parse(bytes: &[u8], events: u64) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<8>();
        let mut words = words.iter().map(|word| u64::from_ne_bytes(*word));
        let mut next = || words.next();
        let mut out = Self::NONE;
        for word in out.words_mut() {
            *word = next()?;
        }
        Some(if out.classes.iter().sum::<u64>() < events { Self::ALL } else { out })
    }
}

impl Loss {
    /// A loss with only a number and a time.
    pub const fn unknown(cpu: u16, since: u64, until: u64, events: u64) -> Self {
        Self { cpu, since, until, events, of: Suspects::ALL }
    }

    /// Adds another loss: the result lasts from the beginning of the first to the end of the last.
    pub fn merge(&mut self, other: &Self) {
        (self.since, self.until) = (self.since.min(other.since), self.until.max(other.until));
        self.events = self.events.saturating_add(other.events);
        self.of.merge(&other.of);
    }

    /// Length of a loss in a capture, in bytes.
    pub(crate) const LEN: usize = 2 + 8 * (3 + EventClass::ALL.len() + 2 * WORDS);

    /// The form in captures: CPU, times, number of events and suspects, in little-endian order.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        out.extend(self.cpu.to_le_bytes());
        let numbers = [self.since, self.until, self.events].into_iter().chain(self.of.words());
        numbers.for_each(|number| out.extend(number.to_le_bytes()));
        out
    }

    /// Parses what [`Loss::to_bytes`] returned.
    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let (cpu, numbers) = bytes.split_at(2);
        let cpu = u16::from_le_bytes([cpu[0], cpu[1]]);
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number));
        let mut next = || numbers.next().unwrap_or(0);
        let (since, until, events) = (next(), next(), next());
        let mut of = Suspects::NONE;
        of.words_mut().for_each(|word| *word = next());
        Self { cpu, since, until, events, of }
    }
}

/// Losses after which no event was written yet, at most one for each CPU.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Vec<Loss>);

impl Waiting {
    pub(crate) fn note(&mut self, losses: &[Loss]) {
        for loss in losses {
            match self.0.iter_mut().find(|known| known.cpu == loss.cpu) {
                Some(known) => known.merge(loss),
                None => self.0.push(*loss),
            }
        }
    }

    /// The first losses, at most `most`.
    pub(crate) fn first(&self, most: usize) -> &[Loss] {
        &self.0[..self.0.len().min(most)]
    }

    pub(crate) fn take(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.0)
    }

    /// Removes the first `count` losses, which were written.
    pub(crate) fn drop_first(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspects_contain_what_was_noted_and_few_false_positives() {
        let mut of = Suspects::NONE;
        for group in 1000..1020 {
            of.note(EventType::SYSCALL_OPENAT_2_X, group);
        }
        assert!((1000..1020).all(|group| of.may_be_of(group)));
        let others = (2000..12_000).filter(|group| of.may_be_of(*group)).count();
        assert!(others < 200, "{others} of 10,000 others");
        assert_eq!(of.types().collect::<Vec<_>>(), [EventType::SYSCALL_OPENAT_2_X]);
        assert_eq!((of.count(EventClass::File), of.count(EventClass::Net)), (20, 0));
        let mut both = Suspects::NONE;
        both.note(EventType::PROCEXIT_1_E, 7);
        both.merge(&of);
        assert!(both.may_be(EventType::PROCEXIT_1_E) && both.may_be_of(7) && both.may_be_of(1019));
        assert!(
            Suspects::ALL.may_be_of(1) && Suspects::ALL.may_be(EventType(9)) && of.of_anybody().may_be_of(1)
        );
        assert!(!Suspects::NONE.may_be_of(1) && Suspects::NONE.types().next().is_none());
    }

    #[test]
    fn losses_of_a_cpu_are_merged_and_survive_encoding() {
        let mut of = Suspects::NONE;
        of.note(EventType::SYSCALL_OPENAT_2_X, 77);
        let (first, second) = (Loss { cpu: 3, since: 5, until: 9, events: 2, of }, Loss::unknown(3, 4, 8, 7));
        for loss in [first, second] {
            let bytes = loss.to_bytes();
            assert_eq!(bytes.len(), Loss::LEN);
            assert_eq!(Loss::from_bytes(bytes.first_chunk().unwrap()), loss);
        }
        let mut waiting = Waiting::default();
        waiting.note(&[first, Loss { cpu: 1, ..first }]);
        waiting.note(&[second]);
        let [joined, other] = *waiting.first(9) else { panic!("{waiting:?}") };
        assert_eq!((joined.cpu, joined.since, joined.until, joined.events), (3, 4, 9, 9));
        assert!(joined.of.may_be_of(1) && !other.of.may_be_of(1));
        waiting.drop_first(1);
        assert_eq!(waiting.first(9), [other]);
    }

    #[cfg(feature = "live")]
    #[test]
    fn an_incomplete_report_means_all_suspects() {
        let mut words = [0_u64; 40];
        (words[0], words[8], words[24]) = (2, 1 << 5, 1 << 7);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let of = Suspects::parse(&bytes, 2).unwrap();
        assert!(of.may_be(EventType(5)) && !of.may_be(EventType(6)) && of.count(EventClass::Process) == 2);
        assert_eq!(Suspects::parse(&bytes, 3), Some(Suspects::ALL));
        assert_eq!(Suspects::parse(&bytes[8..], 2), None);
    }
}
