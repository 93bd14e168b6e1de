//! Files that the command line names and that can be read only once: FIFOs, such as `<(COMMAND)` of a shell, and
//! standard input. Their bytes are kept, because a reload reads all files again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use eyas_console::ShowPath;
use eyas_console::file::{self, MAX_TEXT};

/// Bytes of each stream.
static READ: OnceLock<HashMap<PathBuf, Vec<u8>>> = OnceLock::new();

/// Reads the streams among these files; `capture` is the option `-e`. Call this before signals are handled: they end
/// the wait for a writer.
///
/// # Errors
/// A stream cannot be read, has no writer, or is the capture, too.
pub fn read<'a>(named: impl Iterator<Item = &'a PathBuf>, capture: Option<&Path>) -> Result<()> {
    let mut read = HashMap::new();
    for path in named.filter(|path| file::is_stream(path)) {
        if read.contains_key(path) {
            continue;
        }
        if file::is_stdin(path) && capture == Some(Path::new("-")) {
            bail!("{} and -e - are the same file: write one of the two to a file first", path.shown());
        }
        let bytes = file::wait_for(path, MAX_TEXT)
            .with_context(|| format!("Could not open file {} for reading", path.shown()))?;
        read.insert(path.clone(), bytes);
    }
    let _ = READ.set(read);
    Ok(())
}

/// The bytes of the stream with this name, if the command line has it.
pub fn get(path: &Path) -> Option<&'static [u8]> {
    READ.get()?.get(path).map(Vec::as_slice)
}
