//! What does not change while the program runs.

use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use crate::clock::now;
use crate::file;

/// What this program is, and where it runs; nothing of it changes.
#[derive(Debug)]
pub struct Facts {
    /// Of the machine, as alerts have it.
    pub hostname: String,
    /// Of the kernel, as `uname -r`.
    pub kernel_release: String,
    /// When the program started, ns since the epoch.
    pub start_ts: u64,
    /// What captures, if something does.
    pub engine: Option<&'static str>,
    /// Where the machine's root is seen.
    pub root: PathBuf,
}

impl Facts {
    /// Those of a run that began at `start_ts`, ns since the epoch.
    pub fn gather(hostname: &str, start_ts: u64, is_live: bool) -> Self {
        Self {
            hostname: hostname.to_owned(),
            kernel_release: rustix::system::uname().release().to_string_lossy().into_owned(),
            start_ts,
            engine: is_live.then_some("modern_bpf"),
            root: crate::source::host_root(),
        }
    }
}

/// The files that rules and configuration came from.
pub struct ReadFiles {
    /// When they were read, ns since the epoch.
    pub at: u64,
    /// Rules files.
    pub rules: Vec<FileHash>,
    /// Files of the configuration.
    pub config: Vec<FileHash>,
}

impl ReadFiles {
    /// Files that were read just now.
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
    /// Nothing if the file is gone meanwhile.
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
    fn a_file_is_known_by_what_it_holds() {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let hash = FileHash::of(Path::new("/dev/null")).unwrap();
        assert_eq!((&*hash.name, &*hash.sha256), ("null", nothing));
        assert_eq!(FileHash::of(Path::new("/nonexistent")), None);
    }
}
