//! Input of the compilation of rules.

use std::sync::Arc;

use eyas_fields::{BufferFormat, Schema};

use super::definitions::Tables;
use crate::diagnostic::SourceFile;
use crate::output::Extra;

/// Number of codes from which on eyas warns that a condition has no event type.
pub(super) const MANY_CODES: usize = 100;
/// Errors that are looked for after the first one of a file.
pub(super) const MAX_FURTHER: usize = 50;

/// Input of the compilation of rules.
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    /// The fields of the source that a rule is of; where no rule is compiled, of the first source.
    pub(super) schema: &'a dyn Schema,
    /// The fields of all sources.
    pub(super) schemas: &'a [Arc<dyn Schema>],
    pub(super) tables: &'a Tables,
    pub(super) extras: &'a [Extra],
    /// Names of the fields that have one text in every event.
    pub(super) constants: &'a [String],
    /// How alerts write raw bytes.
    pub(super) buffers: BufferFormat,
    pub(super) files: &'a [Arc<SourceFile>],
}

impl<'a> Setup<'a> {
    /// Position of the source with this name.
    pub(super) fn source(&self, name: &str) -> Option<usize> {
        self.schemas.iter().position(|schema| schema.source() == name)
    }

    /// For rules of the source at a position.
    pub(super) fn for_source(&self, at: usize) -> Setup<'a> {
        Setup { schema: &*self.schemas[at], ..*self }
    }
}
