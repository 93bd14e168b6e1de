//! The packaged programs, and helpers for files in `target/dist`.

use std::path::{Path, PathBuf};

use crate::shell::root;

/// The programs that are packaged.
pub const PROGRAMS: [&str; 2] = ["falco", "sysdig"];

/// Cargo arguments of the build.
pub const BUILD: [&str; 7] = ["build", "--locked", "--release", "-p", "eyas-falco", "-p", "eyas-sysdig"];

/// The output directory.
pub fn dist() -> PathBuf {
    root().join("target/dist")
}

/// Copies a file, and creates missing parent directories.
pub fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let parent = to.parent().map_or(Ok(()), std::fs::create_dir_all);
    let copied = parent.and_then(|()| std::fs::copy(from, to));
    copied.map(|_| ()).map_err(|error| format!("can't copy {} to {}: {error}", from.display(), to.display()))
}

/// Writes a file, and creates missing parent directories.
pub fn write(to: &Path, bytes: &[u8]) -> Result<(), String> {
    let parent = to.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = parent.and_then(|()| std::fs::write(to, bytes));
    written.map_err(|error| format!("can't write {}: {error}", to.display()))
}

/// Removes a directory, if it exists.
pub fn remove(dir: &Path) -> Result<(), String> {
    if !dir.exists() {
        return Ok(());
    }
    std::fs::remove_dir_all(dir).map_err(|error| format!("can't remove {}: {error}", dir.display()))
}
