//! Suggestions of similar words.

use std::collections::BTreeMap;

/// Maximum length of a word with a suggestion, bytes.
const MAX_LEN: usize = 64;

/// Maximum number of comparisons of a [`Similar`]; after that it finds nothing.
const MAX_COMPARED: usize = 500_000;

/// A word for which similar ones are searched.
struct SearchWord<'w> {
    word: &'w str,
    lower: String,
    /// Maximum number of edits to a similar word.
    limit: usize,
}

impl<'w> SearchWord<'w> {
    fn new(word: &'w str) -> Option<Self> {
        // One edit in three characters; with more, it is another word.
        let limit = (word.chars().count() / 3).clamp(1, 4);
        let fits = !word.is_empty() && word.len() <= MAX_LEN;
        fits.then(|| Self { word, lower: word.to_ascii_lowercase(), limit })
    }

    /// Number of edits to the candidate, if it is similar.
    fn distance(&self, candidate: &str) -> Option<usize> {
        if candidate == self.word || candidate.len().abs_diff(self.word.len()) > self.limit {
            return None;
        }
        let distance = match candidate.eq_ignore_ascii_case(self.word) {
            true => 0,
            false => strsim::osa_distance(&self.lower, &candidate.to_ascii_lowercase()),
        };
        (distance <= self.limit).then_some(distance)
    }
}

/// The most similar known word, if it is similar enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let sought = SearchWord::new(word)?;
    let near = known.into_iter().filter_map(|candidate| Some((sought.distance(candidate)?, candidate)));
    near.min().map(|(_, word)| word)
}

/// Known words, arranged for many searches.
pub(crate) struct Similar<'a> {
    /// Words by length, each with a set of its letters.
    words: BTreeMap<usize, Vec<(u64, &'a str)>>,
    /// Remaining number of comparisons.
    left: usize,
}

/// A bit for each letter of a word; some letters share a bit.
fn letters(word: &str) -> u64 {
    word.chars().fold(0, |all, c| all | 1 << (u32::from(c.to_ascii_lowercase()) % 64))
}

impl<'a> Similar<'a> {
    pub(crate) fn new(known: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words: BTreeMap<usize, Vec<(u64, &'a str)>> = BTreeMap::new();
        for word in known {
            words.entry(word.len()).or_default().push((letters(word), word));
        }
        Self { words, left: MAX_COMPARED }
    }

    /// Like [`nearest`].
    pub(crate) fn nearest(&mut self, word: &str) -> Option<&'a str> {
        let sought = SearchWord::new(word)?;
        let own = letters(word);
        let mut best: Option<(usize, &str)> = None;
        let lengths = word.len().saturating_sub(sought.limit)..=word.len() + sought.limit;
        for (letters, candidate) in self.words.range(lengths).flat_map(|(_, words)| words) {
            // An edit removes a letter, adds one, or both.
            if (own ^ letters).count_ones() as usize > 2 * sought.limit {
                continue;
            }
            self.left = self.left.checked_sub(1)?;
            if let Some(distance) = sought.distance(candidate)
                && best.is_none_or(|best| (distance, *candidate) < best)
            {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, word)| word)
    }
}

/// `did you mean …?`, if a known word is similar.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|found| format!("did you mean `{found}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["proc.name", "proc.pname", "fd.name", "evt.type"];
        assert_eq!(nearest("proc.nam", known), Some("proc.name"));
        assert_eq!(nearest("porc.name", known), Some("proc.name"));
        assert_eq!(nearest("Evt.Type", known), Some("evt.type"));
        assert_eq!(nearest("container.id", known), None);
        assert_eq!(nearest("x", ["yz"]), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), known), None);
    }

    #[test]
    fn similar_finds_the_same_word_as_nearest() {
        let known: Vec<String> = (0..2000).map(|n| format!("{:x}_{}", n * 7919 % 4096, n % 13)).collect();
        let known = || known.iter().map(String::as_str);
        let mut similar = Similar::new(known());
        for n in 0..500 {
            let word = format!("{:X}_{}", n * 104_729 % 4096, n % 17);
            assert_eq!(similar.nearest(&word), nearest(&word, known()), "{word}");
        }
        assert!(similar.left < MAX_COMPARED);
        similar.left = 3;
        assert_eq!(similar.nearest("fff_0"), None, "it gives up");
    }
}
