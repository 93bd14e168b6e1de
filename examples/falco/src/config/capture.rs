//! `capture:`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eyas_console::ShowPath;
use serde::{Deserialize, Serialize};

use super::shape::Shape::{self, Bool, Section, Text};
use super::shape::{U32, U64, choice};
use super::units::{self, as_text};
use crate::capture::Limits;

/// Maximum value for the size limit of a file, MiB, as in Falco's schema.
const MAX_FILE_SIZE: u64 = 1 << 20;

choice! {
    /// Which alerts start captures.
    Mode {
        /// Alerts of rules with `capture: true`.
        Rules = "rules",
        /// Any.
        AllRules = "all_rules",
    }
}

/// Alerts start captures.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Capture {
    /// Whether the feature is enabled.
    pub enabled: bool,
    /// Prefix of file names.
    pub path_prefix: PathBuf,
    /// Alerts that start captures.
    pub mode: Mode,
    /// Duration of a capture after an alert, unless the rule has its own, ms.
    pub default_duration: u32,
    /// Maximum size of a file, MiB; 0 for no limit.
    pub max_file_size_mb: u64,
    /// Time before the alert at which a capture begins, such as `30s`; `0s` disables the pre-roll.
    #[serde(deserialize_with = "as_text")]
    pub pre_roll: String,
    /// Maximum memory for events before an alert, such as `64MiB`.
    #[serde(deserialize_with = "as_text")]
    pub memory: String,
}

/// Keys of the section.
pub const SHAPE: Shape = Section(&[
    ("enabled", Bool),
    ("path_prefix", Text),
    ("mode", Mode::SHAPE),
    ("default_duration", U32),
    ("max_file_size_mb", U64),
    ("pre_roll", Text),
    ("memory", Text),
]);

impl Default for Capture {
    fn default() -> Self {
        Self {
            enabled: false,
            path_prefix: "/tmp/falco".into(),
            mode: Mode::Rules,
            default_duration: 5000,
            max_file_size_mb: 0,
            pre_roll: "0s".into(),
            memory: "64MiB".into(),
        }
    }
}

/// Minimum memory for events before an alert, bytes.
const LEAST_MEMORY: usize = 1 << 20;

impl Capture {
    /// The limits of the flight recorder; `None` if it is off. Values that cannot be parsed turn it off;
    /// `check` rejects them.
    pub fn flight(&self) -> Option<Limits> {
        let pre_roll = self.pre_roll().ok().filter(|ns| self.enabled && *ns > 0)?;
        Some(Limits { pre_roll, memory: self.memory().ok()? })
    }

    /// ns.
    fn pre_roll(&self) -> Result<u64> {
        let text = &self.pre_roll;
        let ns = units::milliseconds(text).and_then(|ms| ms.checked_mul(1_000_000));
        ns.with_context(|| {
            format!("capture.pre_roll is `{text}`: expected a number with a unit, as 30s, 500ms or 2m; 0s turns it off")
        })
    }

    /// Maximum memory, bytes.
    fn memory(&self) -> Result<usize> {
        let text = &self.memory;
        let bytes = units::bytes(text).and_then(|bytes| usize::try_from(bytes).ok());
        let bytes = bytes.with_context(|| {
            format!("capture.memory is `{text}`: expected a number of bytes, which may have a unit, as 64MiB or 1GiB")
        })?;
        if bytes < LEAST_MEMORY {
            bail!("capture.memory is `{text}`, {bytes} bytes: expected at least 1MiB");
        }
        Ok(bytes)
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.max_file_size_mb > MAX_FILE_SIZE {
            bail!("capture.max_file_size_mb is {}: expected 0 to {MAX_FILE_SIZE}", self.max_file_size_mb);
        }
        self.pre_roll()?;
        self.memory()?;
        if !self.enabled {
            return Ok(());
        }
        let path = &self.path_prefix;
        let Some(parent) = path.parent().filter(|_| path.file_name().is_some()) else {
            bail!(
                "capture.path_prefix is `{}`: expected a directory and the beginning of a name, as /tmp/falco",
                path.shown()
            );
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        if !parent.is_dir() {
            bail!(
                "capture.path_prefix is `{}`: the directory {} does not exist; create it, or choose another one",
                path.shown(),
                parent.shown()
            );
        }
        Ok(())
    }
}
