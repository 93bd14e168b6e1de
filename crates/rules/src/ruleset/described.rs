//! A schema with the queries of the ruleset.

use std::sync::Arc;

use eyas_fields::Schema;

use crate::condition::{Source, operand_prefix};
use crate::diagnostic::condition::field_names;

/// A schema with the queries of the ruleset.
pub(super) struct Described<'a>(pub(super) &'a dyn Schema);

/// The schemas of all sources.
pub(super) struct Sources<'a>(pub(super) &'a [Arc<dyn Schema>]);

impl<'a> Sources<'a> {
    /// The schema of that source.
    pub(super) fn of(&self, source: &str) -> Option<Described<'a>> {
        self.0.iter().find(|schema| schema.source() == source).map(|schema| Described(&**schema))
    }

    /// Names of the sources.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|schema| schema.source())
    }
}

impl Described<'_> {
    /// Whether the text is a field, or a transformer of fields.
    pub(super) fn is_operand(&self, text: &str) -> bool {
        operand_prefix(text)
            .is_ok_and(|(operand, len)| len == text.len() && Source::resolve(&operand, self.0).is_ok())
    }

    pub(super) fn field_names(&self) -> impl Iterator<Item = &str> {
        field_names(self.0)
    }
}
