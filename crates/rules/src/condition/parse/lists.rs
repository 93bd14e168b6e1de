//! Conditions with references to lists. The items of a list are parsed once for all conditions.

use std::sync::Arc;

use super::super::ast::{Expr, Span, Values};
use super::Parser;
use super::list_use::{ListUse, PLACEHOLDER, expanded_position};

/// Parses a condition that refers to lists. Spans are those of the text with all lists expanded.
///
/// `None` if it is no condition, or if a list is used outside a set. Then the expanded text must be parsed.
pub(crate) fn parse_with_lists(text: &str, source: u32, lists: &[ListUse]) -> Option<Expr> {
    let mut parser = Parser { lists, ..Parser::new(text, source) };
    let expr = parser.whole().ok()?;
    (parser.taken == lists.len()).then_some(expr)
}

/// Parses the items of a list, which may name other lists. `None` if the items are no values.
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
        let (start, end) = (expanded_position(start, self.lists), expanded_position(self.at, self.lists));
        Span { source: self.source, start: start as u32, end: end as u32 }
    }

    /// The list at this position, if any.
    pub(super) fn list(&mut self) -> Option<(Arc<Values>, Span)> {
        let index = self.lists.binary_search_by_key(&self.at, |list| list.at).ok()?;
        let values = self.lists[index].values.clone()?;
        let start = self.at;
        self.at += PLACEHOLDER.len();
        self.taken += 1;
        Some((values, self.span(start)))
    }
}
