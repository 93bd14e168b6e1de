//! Ids of containers and images.

/// The id, if runtimes give such ids: it becomes part of a path.
pub(super) fn checked(id: &[u8]) -> Option<&str> {
    let valid = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let id = std::str::from_utf8(id).ok()?;
    (id.len() <= 64 && id.bytes().next()?.is_ascii_alphanumeric() && id.as_bytes().iter().all(valid))
        .then_some(id)
}
