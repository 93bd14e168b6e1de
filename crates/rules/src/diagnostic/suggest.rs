//! Words that may have been meant.

use std::collections::BTreeMap;

/// Longest word that a suggestion is looked for, bytes.
const MAX_LEN: usize = 64;

/// Comparisons of words that a [`Similar`] makes: beyond, nothing is near.
const MAX_COMPARED: usize = 500_000;

/// A word to which near ones are sought.
struct Sought<'w> {
    word: &'w str,
    lower: String,
    /// Edits that a near word may need.
    limit: usize,
}

impl<'w> Sought<'w> {
    fn new(word: &'w str) -> Option<Self> {
        // One edit in three characters: more is another word.
        let limit = (word.chars().count() / 3).clamp(1, 4);
        let fits = !word.is_empty() && word.len() <= MAX_LEN;
        fits.then(|| Self { word, lower: word.to_ascii_lowercase(), limit })
    }

    /// How far the candidate is, if it is near.
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

/// The known word nearest to `word`, if it is near enough to have been meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let sought = Sought::new(word)?;
    let near = known.into_iter().filter_map(|candidate| Some((sought.distance(candidate)?, candidate)));
    near.min().map(|(_, word)| word)
}

/// Known words, arranged for many to be sought among them.
pub(crate) struct Similar<'a> {
    /// By length, each with the letters that it has.
    words: BTreeMap<usize, Vec<(u64, &'a str)>>,
    /// Comparisons that may still be made.
    left: usize,
}

/// A bit for each letter of a word, and some for two.
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

    /// As [`nearest`].
    pub(crate) fn nearest(&mut self, word: &str) -> Option<&'a str> {
        let sought = Sought::new(word)?;
        let own = letters(word);
        let mut best: Option<(usize, &str)> = None;
        let lengths = word.len().saturating_sub(sought.limit)..=word.len() + sought.limit;
        for (letters, candidate) in self.words.range(lengths).flat_map(|(_, words)| words) {
            // An edit takes a letter away, brings one, or both.
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

/// `did you mean …?`, if a known word is near.
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
    fn many_words_are_sought_as_one_is() {
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
