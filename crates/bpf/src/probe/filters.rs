//! The tables of filters that programs read.

use eyas_events::filter::Filter;

use crate::ring::Mapping;

/// Which half of the map programs use, and its tables.
#[derive(Default)]
pub(super) struct Filters {
    pub(super) mapping: Option<Mapping>,
    /// From 1 on; what was used last, if none is in use.
    pub(super) half: u32,
    /// What programs use.
    pub(super) in_use: Option<Filter>,
}
