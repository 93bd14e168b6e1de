//! `config_files:`

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, List, Text, TextOr};

/// An entry of `config_files:`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum ConfigFile {
    /// Appended.
    Path(PathBuf),
    /// A path with a strategy.
    Entry {
        /// File or directory.
        path: PathBuf,
        /// `append`, `override` or `add-only`; anything else is treated as `append`, with a warning.
        #[serde(default)]
        strategy: Option<String>,
    },
}

/// Elements of the list.
pub const SHAPE: Shape = List(&TextOr(&[("path", Text), ("strategy", Text)]));

impl ConfigFile {
    /// File or directory.
    pub fn path(&self) -> &Path {
        match self {
            Self::Path(path) | Self::Entry { path, .. } => path,
        }
    }

    /// Merge strategy of the entry, if it has one.
    pub fn strategy(&self) -> Option<&str> {
        match self {
            Self::Path(_) => None,
            Self::Entry { strategy, .. } => strategy.as_deref(),
        }
    }
}
