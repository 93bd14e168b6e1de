//! Translates alerts to other schemas than Falco's.
//!
//! ```text
//!   record (JSON, as Falco's) ──> Record ──> ECS, OCSF
//! ```

use crate::config::JsonSchema;
use crate::output::Alert;

mod attack;
mod ecs;
mod object;
mod ocsf;
mod record;

pub use record::Record;

/// The alert as a JSON object of this schema, without an end of the line; `None` if it has no record, or if the schema is
/// Falco's.
pub fn translate(schema: JsonSchema, alert: &Alert) -> Option<String> {
    let record = Record::parse(alert.record.as_deref()?)?;
    match schema {
        JsonSchema::Falco => None,
        JsonSchema::Ecs => Some(ecs::document(&record).to_string()),
        JsonSchema::Ocsf => Some(ocsf::finding(&record, alert.severity).to_string()),
    }
}

#[cfg(test)]
mod tests;
