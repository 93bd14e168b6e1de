//! The files that were read, and their hashes.

use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use crate::clock::now;
use crate::file;

/// The files of rules and configuration.
pub struct ReadFiles {
    /// Time at which they were read, ns since the epoch.
    pub at: u64,
    /// Rules files.
    pub rules: Vec<FileHash>,
    /// Files of the configuration.
    pub config: Vec<FileHash>,
}

impl ReadFiles {
    /// Creates the list for files that were just read.
    pub fn new(rules: &[PathBuf], config: &[PathBuf]) -> Self {
        let hashes = |files: &[PathBuf]| files.iter().filter_map(|path| FileHash::of(path)).collect();
        Self { at: now(), rules: hashes(rules), config: hashes(config) }
    }
}

/// A file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHash {
    /// Its name, without directories.
    pub name: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl FileHash {
    /// `None` if the file no longer exists.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let hash = digest(&SHA256, &file::read(path, file::MAX_TEXT).ok()?);
        Some(Self { name, sha256: hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_the_contents() {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let hash = FileHash::of(Path::new("/dev/null")).unwrap();
        assert_eq!((&*hash.name, &*hash.sha256), ("null", nothing));
        assert_eq!(FileHash::of(Path::new("/nonexistent")), None);
    }
}
