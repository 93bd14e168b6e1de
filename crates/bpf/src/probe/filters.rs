//! The tables of filters that programs read.

use eyas_events::filter::Filter;

use crate::ring::Mapping;

/// The half of the map that programs use, and its tables.
#[derive(Default)]
pub(super) struct Filters {
    pub(super) mapping: Option<Mapping>,
    /// Number of the half, from 1; the last one used if none is in use.
    pub(super) half: u32,
    /// The filter that programs use.
    pub(super) in_use: Option<Filter>,
}
