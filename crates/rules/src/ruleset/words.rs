//! An index of definitions by words, to find those that a list with that name affects.

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};
use smallvec::SmallVec;

/// A definition, by its position in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    List(u32),
    Macro(u32),
    Rule(u32),
}

/// Definitions by the hashes of their words.
#[derive(Default)]
pub(super) struct Words(FxHashMap<u64, SmallVec<[Unit; 2]>>);

impl Words {
    /// Adds the words of a definition; its earlier words stay.
    pub(super) fn add<'w>(&mut self, unit: Unit, words: impl IntoIterator<Item = &'w str>) {
        for word in words {
            let units = self.0.entry(FxBuildHasher.hash_one(word)).or_default();
            if units.last() != Some(&unit) {
                units.push(unit);
            }
        }
    }

    /// Definitions that contain the word, and perhaps a few others.
    pub(super) fn of(&self, word: &str) -> &[Unit] {
        self.0.get(&FxBuildHasher.hash_one(word)).map_or(&[], |units| units)
    }
}

/// Whether names of lists end at this byte.
pub(super) fn is_edge_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'(' | b')' | b',' | b'=')
}

/// Words of a text that may be names of lists, each with its first byte.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let words = text.split(|c: char| c.is_ascii() && is_edge_byte(c as u8)).filter(|word| !word.is_empty());
    words.map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}
