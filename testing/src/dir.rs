//! Directories for files that tests write.

use std::ffi::OsStr;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, Mode, mkfifoat};

/// A directory of a test's own: new and empty, and removed with everything in it once it is dropped.
#[derive(Debug)]
pub struct Dir(PathBuf);

impl Dir {
    /// Creates a directory whose name contains `name`.
    ///
    /// # Panics
    /// If it cannot be created.
    #[must_use]
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("eyas-{name}-{}-{number}", std::process::id()));
        // Remains of a killed process with the same id.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap_or_else(|error| panic!("cannot create {}: {error}", path.display()));
        Self(path)
    }

    /// Its path as text.
    ///
    /// # Panics
    /// If the name of the temporary directory is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.to_str().unwrap_or_else(|| panic!("{} is not UTF-8", self.0.display()))
    }

    /// Writes a file in it, and returns its path. As editors do, it replaces an existing file by a new one.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        let new = path.with_file_name(".new");
        let written = fs::write(&new, bytes).and_then(|()| fs::rename(&new, &path));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    /// Reads a text file in the directory.
    ///
    /// # Panics
    /// If it cannot be read, or is not UTF-8.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        let path = self.0.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    /// Makes a FIFO in the directory, and returns its path.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
        path
    }
}

impl Deref for Dir {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for Dir {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<OsStr> for Dir {
    fn as_ref(&self) -> &OsStr {
        self.0.as_os_str()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::Dir;

    #[core::prelude::v1::test]
    fn directories_of_one_name_are_different_and_go() {
        let (one, other) = (Dir::new("dir"), Dir::new("dir"));
        let path = one.write("file", "text");
        assert_ne!(one.text(), other.text());
        assert_eq!((one.read("file"), other.join("file").exists()), ("text".to_owned(), false));
        one.write("file", "other");
        assert_eq!((one.read("file"), std::fs::read_dir(&one).unwrap().count()), ("other".to_owned(), 1));
        drop(one);
        assert!(!path.exists() && other.exists());
    }
}
