//! Lists in the text of a condition.

use std::sync::Arc;

use super::super::ast::Values;

/// What stands in a condition in the place of a list's items.
pub(crate) const PLACEHOLDER: &str = "\u{1a}";

/// A list in a condition.
#[derive(Clone, Debug)]
pub(crate) struct ListUse {
    /// Byte of its placeholder.
    pub(crate) at: usize,
    /// Length of its items' text.
    pub(crate) len: usize,
    /// By how much the lists before it lengthen the text.
    pub(crate) before: usize,
    /// Its items; `None` where their text is no list of values.
    pub(crate) values: Option<Arc<Values>>,
}

/// Where a byte is once all lists are put in.
pub(super) fn put_in(at: usize, lists: &[ListUse]) -> usize {
    let before = lists.partition_point(|list| list.at < at);
    before.checked_sub(1).and_then(|last| lists.get(last)).map_or(at, |last| {
        // The placeholder is a part of the text that is not there then.
        at + last.before + last.len - PLACEHOLDER.len()
    })
}
