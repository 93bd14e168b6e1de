//! What the loader asks of a schema.

use eyas_fields::Schema;

use crate::condition::{Source, operand_prefix};
use crate::diagnostic::condition::field_names;

/// A schema with what the loader asks of it.
pub(super) struct Described<'a>(pub(super) &'a dyn Schema);

impl Described<'_> {
    /// Itself, if it is of that source.
    pub(super) fn of(&self, source: &str) -> Option<&Self> {
        (self.source() == source).then_some(self)
    }

    pub(super) fn source(&self) -> &str {
        self.0.source()
    }

    /// Whether the text is a field, or a transformer of fields.
    pub(super) fn is_operand(&self, text: &str) -> bool {
        operand_prefix(text)
            .is_ok_and(|(operand, len)| len == text.len() && Source::resolve(&operand, self.0).is_ok())
    }

    pub(super) fn field_names(&self) -> impl Iterator<Item = &str> {
        field_names(self.0)
    }
}
