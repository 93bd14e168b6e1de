//! Where rules come from.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::error::{Error, shown};

/// Maximum size of a file that [`RuleSource::read`] reads, bytes.
const MAX_BYTES: u64 = 64 << 20;

/// A rules file: its name for messages, and its YAML text, which need not be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSource {
    name: String,
    bytes: Vec<u8>,
}

impl RuleSource {
    /// Rules in memory. Messages begin with the name.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: text.into() }
    }

    /// Reads a regular file of at most 64 MiB. Messages begin with its path.
    ///
    /// # Errors
    /// The path cannot be read, is no regular file, or is too large.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = bytes_of(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source: Arc::new(source) })?;
        Ok(Self::new(shown(path), bytes))
    }

    /// Name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
    // Otherwise opening a FIFO would wait for its writer.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(invalid("expected a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_BYTES {
        true => Err(invalid(format!("the file is larger than {MAX_BYTES} bytes"))),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn messages_show_every_byte_of_a_path() {
        let absent = Path::new(OsStr::from_bytes(b"/nowhere/a\xff\n.yaml"));
        let error = RuleSource::read(absent).unwrap_err().to_string();
        assert!(error.starts_with(r"cannot read the rules file /nowhere/a\xff\n.yaml: "), "{error}");
    }
}
