//! Interning of texts and numbers: each different value gets a code, starting from 0.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashMap};

/// Size of the cache of codes by address or by number. Most values also occurred in a recent event.
const RECENT: usize = 256;
/// The code of no value.
const NONE: u32 = u32::MAX;
/// Longer texts are not stored as minimum or maximum of a row group, bytes.
const MAX_BOUND_LEN: usize = 64;

/// Different texts.
pub struct Texts {
    /// The texts in the format of a Parquet dictionary page: each after its length of four bytes.
    page: Vec<u8>,
    /// Offset of each text in the page.
    begins: Vec<u32>,
    codes: HashTable<u32>,
    /// Cache of text addresses and codes.
    recent: Box<[(usize, u32); RECENT]>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            page: Vec::new(),
            begins: Vec::new(),
            codes: HashTable::new(),
            recent: Box::new([(0, NONE); RECENT]),
        }
    }
}

impl Texts {
    /// The code of a text; new texts get a new code.
    #[inline]
    pub fn code(&mut self, text: &[u8]) -> u32 {
        match self.find(text) {
            Some(code) => code,
            None => self.insert(text),
        }
    }

    /// The code of a known text.
    #[inline]
    pub fn find(&mut self, text: &[u8]) -> Option<u32> {
        // Texts of the state do not move, so the address usually identifies the text.
        let (known, code) = self.recent[slot(text)];
        if known == text.as_ptr().addr() && self.get(code) == Some(text) {
            return Some(code);
        }
        let (page, begins) = (&self.page, &self.begins);
        let hash = FxBuildHasher.hash_one(text);
        let code = *self.codes.find(hash, |code| at(page, begins[*code as usize]) == text)?;
        self.recent[slot(text)] = (text.as_ptr().addr(), code);
        Some(code)
    }

    fn insert(&mut self, text: &[u8]) -> u32 {
        let code = self.begins.len() as u32;
        self.begins.push(self.page.len() as u32);
        self.page.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.page.extend_from_slice(text);
        let (page, begins) = (&self.page, &self.begins);
        let hash = |code: &u32| FxBuildHasher.hash_one(at(page, begins[*code as usize]));
        self.codes.insert_unique(hash(&code), code, hash);
        self.recent[slot(text)] = (text.as_ptr().addr(), code);
        code
    }

    /// The text with this code.
    #[inline]
    pub fn get(&self, code: u32) -> Option<&[u8]> {
        self.begins.get(code as usize).map(|begin| at(&self.page, *begin))
    }

    /// The page of all texts.
    pub fn page(&self) -> &[u8] {
        &self.page
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.begins.len()
    }

    /// Approximate memory usage, bytes.
    pub fn bytes(&self) -> usize {
        self.page.len() + 12 * self.begins.len()
    }

    /// The smallest and the largest text, unless one of them is too long.
    pub fn bounds(&self) -> Option<(&[u8], &[u8])> {
        let texts = || self.begins.iter().map(|begin| at(&self.page, *begin));
        let bounds = texts().min().zip(texts().max());
        bounds.filter(|(least, largest)| least.len().max(largest.len()) <= MAX_BOUND_LEN)
    }

    /// Forgets all texts.
    pub fn clear(&mut self) {
        self.page.clear();
        self.begins.clear();
        self.codes.clear();
        self.recent.fill((0, NONE));
    }
}

#[inline]
fn slot(text: &[u8]) -> usize {
    let address = text.as_ptr().addr();
    (address >> 3 ^ address >> 11 ^ text.len()) % RECENT
}

/// The text at this offset in a page.
#[inline]
fn at(page: &[u8], begin: u32) -> &[u8] {
    let rest = page.get(begin as usize..).unwrap_or_default();
    let Some((length, rest)) = rest.split_first_chunk() else { return &[] };
    &rest[..u32::from_le_bytes(*length) as usize]
}

/// Different numbers, or their bit patterns.
pub struct Numbers {
    values: Vec<i64>,
    codes: FxHashMap<i64, u32>,
    recent: Box<[(i64, u32); RECENT]>,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { values: Vec::new(), codes: FxHashMap::default(), recent: Box::new([(0, NONE); RECENT]) }
    }
}

impl Numbers {
    /// The code of a number.
    #[inline]
    pub fn code(&mut self, number: i64) -> u32 {
        match self.find(number) {
            Some(code) => code,
            None => {
                let code = self.values.len() as u32;
                self.values.push(number);
                self.codes.insert(number, code);
                code
            }
        }
    }

    /// The code of a known number.
    #[inline]
    pub fn find(&mut self, number: i64) -> Option<u32> {
        let slot = (number ^ number >> 8) as usize % RECENT;
        let (known, code) = self.recent[slot];
        if known == number && code != NONE {
            return Some(code);
        }
        let code = *self.codes.get(&number)?;
        self.recent[slot] = (number, code);
        Some(code)
    }

    /// All numbers.
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// Approximate memory usage, bytes.
    pub fn bytes(&self) -> usize {
        24 * self.values.len()
    }

    /// Forgets all numbers.
    pub fn clear(&mut self) {
        self.values.clear();
        self.codes.clear();
        self.recent.fill((0, NONE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_code() {
        let mut texts = Texts::default();
        let mut place = *b"/etc/passwd";
        assert_eq!(texts.code(&place), 0);
        place[1] = b'x';
        assert_eq!(texts.code(&place), 1, "another text at the same address");
        assert_eq!(texts.code(b"/etc/passwd"), 0);
        assert_eq!((texts.code(b""), texts.code(b""), texts.len()), (2, 2, 3));
        assert_eq!((texts.find(b"a\xff"), texts.code(b"a\xff"), texts.find(b"a\xff")), (None, 3, Some(3)));
        assert_eq!((texts.get(1), texts.get(4)), (Some(&b"/xtc/passwd"[..]), None));
        assert_eq!(texts.bounds(), Some((&b""[..], &b"a\xff"[..])));
        assert_eq!(texts.page().len(), 4 * 4 + 11 + 11 + 2);
        texts.clear();
        assert_eq!((texts.code(&place), texts.len()), (0, 1));
        for n in 0..5000 {
            assert_eq!(texts.code(n.to_string().as_bytes()), n + 1);
        }
        assert_eq!(texts.code(b"4711"), 4712);
    }

    #[test]
    fn equal_numbers_have_one_code() {
        let mut numbers = Numbers::default();
        let codes = [0, -1, 0, 256, 0, i64::MIN, -1].map(|number| numbers.code(number));
        assert_eq!(codes, [0, 1, 0, 2, 0, 3, 1]);
        numbers.clear();
        assert_eq!(numbers.code(-1), 0);
        assert_eq!(numbers.values(), [-1]);
    }
}
