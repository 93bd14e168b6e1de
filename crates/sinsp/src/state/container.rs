use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use super::Text;

mod cgroup;
mod kind;
mod layouts;

pub(crate) use cgroup::{SHORT_ID, are_whole, completed, id_of_cgroups, kind_of_cgroups};
pub(crate) use kind::Kind;
pub use layouts::Engines;
pub(crate) use layouts::Layouts;

/// Maximum number of containers with metadata.
pub(super) const MAX: usize = 16_384;

/// Containers by id.
#[derive(Debug, Default)]
pub struct Containers {
    pub(super) by_id: FxHashMap<Text, Container>,
    /// Grows with every change.
    pub(super) changes: u64,
}

/// Metadata of a container, from an event or a runtime.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// The metadata, in the JSON form of container events.
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
