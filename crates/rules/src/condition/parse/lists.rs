//! Conditions in which a list stands for its items, which are parsed once for all conditions.

use std::sync::Arc;

use super::super::ast::{Expr, Span, Values};
use super::Parser;

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
fn put_in(at: usize, lists: &[ListUse]) -> usize {
    let before = lists.partition_point(|list| list.at < at);
    before.checked_sub(1).and_then(|last| lists.get(last)).map_or(at, |last| {
        // The placeholder is a part of the text that is not there then.
        at + last.before + last.len - PLACEHOLDER.len()
    })
}

/// Parses a condition with lists in it, spans as they are once all lists are put in.
///
/// `None` if it is no condition, or if a list stands anywhere but in a set: what the text says with the items put in
/// tells then.
pub(crate) fn parse_with_lists(text: &str, source: u32, lists: &[ListUse]) -> Option<Expr> {
    let mut parser = Parser { lists, ..Parser::new(text, source) };
    let expr = parser.whole().ok()?;
    (parser.taken == lists.len()).then_some(expr)
}

/// Parses the items of a list, which may name other lists. `None` if they are no values.
pub(crate) fn parse_items(text: &str, lists: &[ListUse]) -> Option<Values> {
    let mut parser = Parser { lists, ..Parser::new(text, 0) };
    let mut items = Values::default();
    parser.blanks();
    if parser.at < text.len() {
        parser.items(&mut items).ok()?;
    }
    (parser.at == text.len() && parser.taken == lists.len()).then_some(items)
}

impl Parser<'_> {
    pub(super) fn span(&self, start: usize) -> Span {
        let (start, end) = (put_in(start, self.lists), put_in(self.at, self.lists));
        Span { source: self.source, start: start as u32, end: end as u32 }
    }

    /// A list that stands here, if any.
    pub(super) fn list(&mut self) -> Option<(Arc<Values>, Span)> {
        let index = self.lists.binary_search_by_key(&self.at, |list| list.at).ok()?;
        let values = self.lists[index].values.clone()?;
        let start = self.at;
        self.at += PLACEHOLDER.len();
        self.taken += 1;
        Some((values, self.span(start)))
    }
}
