//! `priority:`

use eyas::rules::Priority;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use super::shape::Shape;

/// Allowed values.
pub const SHAPE: Shape = Shape::Choice(&[
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "informational",
    "info",
    "debug",
]);

pub fn serialize<S: Serializer>(priority: &Priority, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(priority.name())
}

pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Priority, D::Error> {
    let name = String::deserialize(from)?;
    Priority::parse(&name).ok_or_else(|| Error::custom(format!("no priority is called `{name}`")))
}
