use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use super::Text;

mod cgroup;
mod kind;
mod layouts;

pub(crate) use cgroup::{SHORT_ID, completed, id_of_cgroups, kind_of_cgroups};
pub(crate) use kind::Kind;
pub use layouts::Engines;
pub(crate) use layouts::Layouts;

/// Containers whose metadata is kept.
pub(super) const MAX: usize = 16_384;

/// Containers by id.
#[derive(Debug, Default)]
pub struct Containers {
    pub(super) by_id: FxHashMap<Text, Container>,
    /// Grows with every change.
    pub(super) changes: u64,
}

/// Metadata of a container, as an event or a runtime gave it.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// What is known, in the form in which container events carry it.
    pub json: Json,
}

impl Containers {
    /// Metadata of the container with this short id.
    pub fn get(&self, id: &[u8]) -> Option<&Container> {
        self.by_id.get(id)
    }

    /// Short ids of the containers, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &Text> {
        self.by_id.keys()
    }
}
