//! What is common to outputs, and the section of each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shape::Shape::{self, Section};
use super::shape::{U64, choice};

/// `outputs_queue:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct OutputsQueue {
    /// Most alerts that wait; 0 if only their size counts.
    pub capacity: usize,
}

/// What `outputs_queue` may have.
pub const QUEUE: Shape = Section(&[("capacity", U64)]);

choice! {
    /// The schema of the JSON objects that an output writes.
    #[derive(Default)]
    JsonSchema {
        /// Lines as `json_output` and its relatives say.
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

/// The sections of outputs, by their names. An output knows the type of its own.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Sections(BTreeMap<String, Value>);

impl Sections {
    /// The section of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Takes a section out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Puts a section in.
    pub fn put(&mut self, name: &str, section: Value) {
        self.0.insert(name.to_owned(), section);
    }
}
