//! The error that rules and events have different schemas.

use std::fmt;

use eyas_fields::SchemaId;

/// The compiled rules (or the condition) have another schema than the given event (or the given rules). The same number
/// means different fields in both, so nothing is tested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct SchemaMismatch {
    /// Source of the compiled rules or condition.
    pub expected: String,
    /// Its schema.
    pub expected_id: SchemaId,
    /// Source of the given rules; `None` for an event, which does not contain it.
    pub given: Option<String>,
    /// Schema of the given rules or event.
    pub given_id: SchemaId,
}

impl fmt::Display for SchemaMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, expected_id, given, given_id } = self;
        match given {
            None => write!(
                f,
                "the event is of another schema ({given_id}) than the one of the source '{expected}' ({expected_id}) that \
                 the rules or the condition were compiled for: compile them for the schema of the events"
            ),
            Some(given) if given == expected => write!(
                f,
                "the ruleset can't replace the one in place: both are for the source '{given}', but the fields of their \
                 schemas differ"
            ),
            Some(given) => write!(
                f,
                "a ruleset for the source '{given}' can't replace one for '{expected}': they are of different schemas"
            ),
        }
    }
}
