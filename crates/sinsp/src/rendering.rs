use std::sync::Arc;

use eyas_fields::BufferFormat;

use crate::names::Services;

/// How parameters in `evt.args` and the like, and names of sockets, are written.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Rendering {
    /// How I/O buffers are written.
    pub buffers: BufferFormat,
    /// Longer lists, and buffers written as [`BufferFormat::Dots`], are cut to as many bytes, the last three of which are
    /// dots; `None` for no limit.
    pub longest: Option<usize>,
    /// Ports have these names instead of numbers.
    pub services: Option<Arc<Services>>,
}
