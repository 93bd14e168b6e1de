//! `file_mode`

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Permissions of the files that this program makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl Default for FileMode {
    fn default() -> Self {
        Self(0o600)
    }
}

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{:04o}", self.0))
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let digits = text.strip_prefix("0o").unwrap_or(&text);
        let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777);
        let mode = mode.ok_or_else(|| {
            Error::custom(format!("file_mode is `{text}`: expected permissions in octal, as \"0640\""))
        })?;
        // Whoever makes a file must be able to open it again.
        if mode & 0o600 != 0o600 {
            return Err(Error::custom(format!("file_mode is `{text}`: its owner must read and write it")));
        }
        Ok(Self(mode))
    }
}
