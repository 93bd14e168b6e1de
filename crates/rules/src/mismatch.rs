//! Rules and events of different schemas.

use std::fmt;

use eyas_fields::SchemaId;

/// Rules, or a condition, meet events or rules of another schema: the numbers of their fields stand for different fields, so
/// nothing is tested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct SchemaMismatch {
    /// Source of what was compiled before.
    pub expected: String,
    /// Its schema.
    pub expected_id: SchemaId,
    /// Source of the rules that were given; `None` of an event, which does not name it.
    pub given: Option<String>,
    /// Schema of what was given.
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
