//! `plugins:`

use anyhow::{Context, Result};
pub use eyas_plugin_config::{CONTAINER, PluginEntry};

use super::shape::Shape::{self, List, Section, Text, TextOrAnything};

/// Keys of the section.
pub const SHAPE: Shape = List(&Section(&[
    ("name", Text),
    ("library_path", Text),
    ("init_config", TextOrAnything),
    ("open_params", Text),
]));

/// Validates all entries.
pub fn check(plugins: &[PluginEntry]) -> Result<()> {
    let check =
        |(index, entry): (usize, &PluginEntry)| entry.check().with_context(|| format!("plugins[{index}]"));
    plugins.iter().enumerate().try_for_each(check)
}
