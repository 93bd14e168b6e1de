//! Byte strings: names, paths, lists.

use std::sync::Arc;

/// A shared byte string: a name, a path, a list of arguments.
pub type Text = Arc<[u8]>;

/// The texts of a NUL-separated list; the last NUL is optional.
pub(crate) fn split_nul(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let list = list.strip_suffix(b"\0").unwrap_or(list);
    let mut parts = list.split(|b| *b == 0);
    if list.is_empty() {
        parts.next();
    }
    parts
}
