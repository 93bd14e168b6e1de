//! Check of who may change the file of a plugin.

use std::path::{Path, PathBuf};

use rustix::fs::{Mode, Stat, stat};

use crate::error::LoadError;

/// Checks that only its owner and root can change a file, or replace it in one of its directories.
///
/// A file that does not exist passes the check: the dynamic linker reports it with a better message, and
/// searches other directories for names without a slash.
///
/// # Errors
/// Other users can change or replace the file.
pub(crate) fn check(path: &Path) -> Result<(), LoadError> {
    let Ok(path) = path.canonicalize() else { return Ok(()) };
    let Ok(found) = stat(&path) else { return Ok(()) };
    let mode = Mode::from_raw_mode(found.st_mode);
    if mode.intersects(Mode::WGRP | Mode::WOTH) {
        return Err(refusal(path, &found));
    }
    // A user who may write to a directory can replace the files in it, unless the directory is sticky.
    for directory in path.ancestors().skip(1) {
        let Ok(found) = stat(directory) else { continue };
        let mode = Mode::from_raw_mode(found.st_mode);
        if mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX) {
            return Err(refusal(directory.to_owned(), &found));
        }
    }
    Ok(())
}

fn refusal(path: PathBuf, found: &Stat) -> LoadError {
    LoadError::Writable { path, mode: Mode::from_raw_mode(found.st_mode).bits() & 0o7777 }
}
