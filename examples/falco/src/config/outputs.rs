//! Settings that outputs share, and the section of each output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shape::Shape::{self, Section};
use super::shape::{U64, choice};

/// `outputs_queue:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct OutputsQueue {
    /// Maximum number of queued alerts; 0 if only their size is limited.
    pub capacity: usize,
}

/// Keys of `outputs_queue`.
pub const QUEUE: Shape = Section(&[("capacity", U64)]);

choice! {
    /// The schema of the JSON objects that an output writes.
    #[derive(Default)]
    JsonSchema {
        /// Falco's format, as text or JSON according to `json_output` and related keys.
        #[default]
        Falco = "falco",
        /// Elastic Common Schema.
        Ecs = "ecs",
        /// Detection Findings of the Open Cybersecurity Schema Framework.
        Ocsf = "ocsf",
    }
}

/// The key of outputs that write lines.
pub const JSON_SCHEMA: (&str, Shape) = ("json_schema", JsonSchema::SHAPE);

/// The sections of outputs by name. Each output knows the type of its own section.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Sections(BTreeMap<String, Value>);

impl Sections {
    /// The section of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Removes a section and returns it.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Inserts a section.
    pub fn put(&mut self, name: &str, section: Value) {
        self.0.insert(name.to_owned(), section);
    }
}
