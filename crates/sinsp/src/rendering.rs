use std::sync::Arc;

use eyas_fields::BufferFormat;

use crate::names::Services;

/// Format of parameters in `evt.args` and the like, and of names of sockets.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Rendering {
    /// Format of I/O buffers.
    pub buffers: BufferFormat,
    /// Maximum length of lists, and of buffers in the format [`BufferFormat::Dots`], bytes. Longer ones are
    /// cut, and end in three dots. `None` for no limit.
    pub longest: Option<usize>,
    /// Names of ports, which replace numbers.
    pub services: Option<Arc<Services>>,
}
