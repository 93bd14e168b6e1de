//! What rules are compiled from.

use std::sync::Arc;

use eyas_fields::{BufferFormat, Schema};

use super::definitions::Tables;
use crate::diagnostic::SourceFile;
use crate::output::Extra;

/// Codes from which on a condition is said to have no event type.
pub(super) const MANY_CODES: usize = 100;
/// Errors that are looked for after the first one of a file.
pub(super) const MAX_FURTHER: usize = 50;

/// What rules are compiled from.
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) schema: &'a dyn Schema,
    pub(super) tables: &'a Tables,
    pub(super) extras: &'a [Extra],
    /// Names of the fields that have one text in every event.
    pub(super) constants: &'a [String],
    /// How alerts write raw bytes.
    pub(super) buffers: BufferFormat,
    pub(super) files: &'a [Arc<SourceFile>],
}
