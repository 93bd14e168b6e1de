//! Words that may have been meant.

/// Longest word that a suggestion is looked for, bytes.
const MAX_LEN: usize = 64;

/// The known word nearest to `word`, if it is near enough to have been meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_LEN {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    // One edit in three characters: more is another word.
    let limit = (word.chars().count() / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        if candidate == word || candidate.len().abs_diff(word.len()) > limit {
            continue;
        }
        let distance = if candidate.eq_ignore_ascii_case(word) {
            0
        } else {
            strsim::osa_distance(&lower, &candidate.to_ascii_lowercase())
        };
        if distance <= limit && best.is_none_or(|(d, b)| (distance, candidate) < (d, b)) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, word)| word)
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
}
