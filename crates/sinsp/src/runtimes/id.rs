//! Ids of containers and images.

use crate::state::SHORT_ID;

/// The id, if runtimes give such ids: it becomes part of a path.
pub(super) fn checked(id: &[u8]) -> Option<&str> {
    let valid = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let id = std::str::from_utf8(id).ok()?;
    (id.len() <= 64 && id.bytes().next()?.is_ascii_alphanumeric() && id.as_bytes().iter().all(valid))
        .then_some(id)
}

/// Whether the requested id is this id or its short form. A name may be a prefix of another name.
pub(super) fn is_of(full: &str, wanted: &str) -> bool {
    full == wanted || (wanted.len() == SHORT_ID && full.starts_with(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_matches_the_full_one_and_a_name_only_itself() {
        let full = "7951fb549ab99ac0722a949b7e1a9a8e7e0d9c8b7a6f5e4d3c2b1a0f9e8d7c6b";
        for (full, wanted, want) in [
            (full, full, true),
            (full, &full[..SHORT_ID], true),
            (full, &full[..SHORT_ID - 1], false),
            (full, &full[..SHORT_ID + 1], false),
            ("tiny1", "tiny1", true),
            ("tiny10", "tiny1", false),
            ("a-test-container", "a-test-conta", true),
        ] {
            assert_eq!(is_of(full, wanted), want, "{full} {wanted}");
        }
    }
}
