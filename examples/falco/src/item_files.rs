//! The files with the items of lists (`items_file`).

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::file;

/// Identity of a file's contents: device, inode, size, modification time and change time.
pub type Identity = [i64; 7];

/// The identity of this file; `None` if it does not exist.
pub fn identity(path: &Path) -> Option<Identity> {
    let meta = std::fs::metadata(path).ok()?;
    let (file, size) = (meta.ino() as i64, meta.len() as i64);
    // The files in a directory are checked separately. The times of the directory also change for unrelated
    // files, so they are ignored.
    Some(match meta.is_dir() {
        true => [meta.dev() as i64, file, 0, 0, 0, 0, 0],
        false => {
            let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
            let [written, written_ns, changed, changed_ns] = times;
            [meta.dev() as i64, file, size, written, written_ns, changed, changed_ns]
        }
    })
}

/// The files that lists name with `items_file`, and their state before they were read.
#[derive(Clone, Default)]
pub struct ItemFiles(Arc<Mutex<BTreeMap<PathBuf, Option<Identity>>>>);

impl ItemFiles {
    /// The files that were read so far.
    pub fn all(&self) -> BTreeMap<PathBuf, Option<Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the file with this name in a rules file.
    ///
    /// # Errors
    /// As of [`file::read_text`].
    pub fn read(&self, rules: &str, name: &str) -> io::Result<String> {
        let path = Path::new(rules).parent().unwrap_or(Path::new("")).join(name);
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read.entry(path.clone()).or_insert_with(|| identity(&path));
        drop(read);
        file::read_text(&path)
    }
}
