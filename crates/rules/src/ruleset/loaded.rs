//! The definitions of the loaded sources, and the options with which they were loaded.

use std::sync::Arc;

use eyas_fields::{BufferFormat, Schema};

use super::compilation::Compilation;
use super::definitions::Tables;
use super::lint::Unavailable;
use super::result::LoadResult;
use super::setup::Setup;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::output::Extra;

/// Options of loading. They are fixed before the first source.
#[derive(Clone)]
pub(super) struct Options {
    /// The schema of each event source. There is at least one.
    pub(super) schemas: Vec<Arc<dyn Schema>>,
    pub(super) extras: Vec<Extra>,
    /// Names of the fields with a constant text, sorted.
    pub(super) constants: Vec<String>,
    /// Fields that never have a value in this configuration.
    pub(super) unavailable: Unavailable,
    /// Names and versions of the plugins that files may require.
    pub(super) plugins: Vec<(String, [u64; 3])>,
    pub(super) buffers: BufferFormat,
}

/// Everything that is known of the sources so far.
pub(super) struct Loaded {
    pub(super) options: Options,
    pub(super) tables: Tables,
    pub(super) files: Vec<Arc<SourceFile>>,
    /// One for each source.
    pub(super) results: Vec<LoadResult>,
    /// Warnings about ignored rules, which are for other event sources.
    pub(super) ignored: Vec<Diagnostic>,
    pub(super) compilation: Compilation,
}

impl Loaded {
    pub(super) fn new(options: Options, tables: Tables) -> Self {
        let (files, results, ignored) = (Vec::new(), Vec::new(), Vec::new());
        Self { options, tables, files, results, ignored, compilation: Compilation::default() }
    }

    pub(super) fn setup(&self) -> Setup<'_> {
        let Options { schemas, extras, constants, buffers, .. } = &self.options;
        Setup {
            schema: &*schemas[0],
            schemas,
            tables: &self.tables,
            extras,
            constants,
            buffers: *buffers,
            files: &self.files,
        }
    }
}
