//! Lists in the text of a condition.

use std::sync::Arc;

use super::super::ast::Values;

/// Placeholder for a list's items in a condition.
pub(crate) const PLACEHOLDER: &str = "\u{1a}";

/// A list in a condition.
#[derive(Clone, Debug)]
pub(crate) struct ListUse {
    /// Byte of its placeholder.
    pub(crate) at: usize,
    /// Length of its items' text.
    pub(crate) len: usize,
    /// Number of bytes that the lists before it add to the text.
    pub(crate) before: usize,
    /// Its items; `None` if their text is no list of values.
    pub(crate) values: Option<Arc<Values>>,
}

/// Position of a byte after all lists are expanded.
pub(super) fn expanded_position(at: usize, lists: &[ListUse]) -> usize {
    let before = lists.partition_point(|list| list.at < at);
    before.checked_sub(1).and_then(|last| lists.get(last)).map_or(at, |last| {
        // The expanded text does not contain the placeholder.
        at + last.before + last.len - PLACEHOLDER.len()
    })
}
