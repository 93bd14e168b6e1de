//! `file_mode`

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// Permissions of files that this program creates, as text.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct FileMode(String);

impl Default for FileMode {
    fn default() -> Self {
        Self("0600".into())
    }
}

impl FileMode {
    /// The permissions.
    ///
    /// # Errors
    /// The text is not an octal number, or the owner could not open the file again.
    pub fn get(&self) -> Result<u32> {
        let Self(text) = self;
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let Some(mode) = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777) else {
            bail!("file_mode is `{text}`: expected permissions in octal, as \"0640\"");
        };
        if mode & 0o600 != 0o600 {
            bail!("file_mode is `{text}`: its owner must read and write it");
        }
        Ok(mode)
    }
}
