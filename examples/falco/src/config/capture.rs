//! `capture:`

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Section, Text};
use super::shape::{U32, U64, choice};

/// The largest limit of a file, MiB: that of Falco's schema.
const MAX_FILE_SIZE: u64 = 1 << 20;

choice! {
    /// Which alerts start captures.
    Mode {
        /// Those of rules with `capture: true`.
        Rules = "rules",
        /// Any.
        AllRules = "all_rules",
    }
}

/// Alerts start captures.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Capture {
    /// On or off.
    pub enabled: bool,
    /// What the names of the files begin with.
    pub path_prefix: PathBuf,
    /// Which alerts.
    pub mode: Mode,
    /// How long a capture lasts after an alert whose rule says nothing else, ms.
    pub default_duration: u32,
    /// Size of a file at which it ends, MiB; 0 for none.
    pub max_file_size_mb: u64,
}

/// What the section may have.
pub const SHAPE: Shape = Section(&[
    ("enabled", Bool),
    ("path_prefix", Text),
    ("mode", Mode::SHAPE),
    ("default_duration", U32),
    ("max_file_size_mb", U64),
]);

impl Default for Capture {
    fn default() -> Self {
        Self {
            enabled: false,
            path_prefix: "/tmp/falco".into(),
            mode: Mode::Rules,
            default_duration: 5000,
            max_file_size_mb: 0,
        }
    }
}

impl Capture {
    pub(super) fn check(&self) -> Result<()> {
        if self.max_file_size_mb > MAX_FILE_SIZE {
            bail!("capture.max_file_size_mb is {}: expected 0 to {MAX_FILE_SIZE}", self.max_file_size_mb);
        }
        if !self.enabled {
            return Ok(());
        }
        let path = &self.path_prefix;
        let Some(parent) = path.parent().filter(|_| path.file_name().is_some()) else {
            bail!(
                "capture.path_prefix is `{}`: expected a directory and the beginning of a name, as /tmp/falco",
                path.display()
            );
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        if !parent.is_dir() {
            bail!(
                "capture.path_prefix is `{}`: there is no directory {}; make it, or choose another",
                path.display(),
                parent.display()
            );
        }
        Ok(())
    }
}
