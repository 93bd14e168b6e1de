//! Destinations of results: standard output, or a file other than the captures that are read.

use std::io::{self, LineWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use eyas_console::ShowPath;

/// Standard output, by lines. Its errors name it.
#[derive(Debug)]
pub struct Output(LineWriter<Unbuffered>);

impl Output {
    pub fn new() -> Self {
        Self(LineWriter::new(Unbuffered))
    }
}

/// Standard output. The standard library's takes what a descriptor that is not open for writing refuses,
/// and fails if a descriptor that does not block has no room.
#[derive(Debug)]
pub struct Unbuffered;

impl Write for Unbuffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match eyas_console::write(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err((0, error)) => Err(error),
            Err((written, _)) => Ok(written),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn named(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

/// Refuses to write to a capture that will be read, because opening the output would empty it.
///
/// # Errors
/// Both are the same file.
pub fn refuse_input(option: &str, path: &Path, read: &[PathBuf]) -> Result<()> {
    let file = |path: &Path| std::fs::metadata(path).ok().filter(|metadata| metadata.is_file());
    let Some(output) = file(path) else { return Ok(()) };
    let is_output = |path: &PathBuf| {
        file(path).is_some_and(|input| (input.dev(), input.ino()) == (output.dev(), output.ino()))
    };
    if read.iter().any(is_output) {
        bail!("{option} {}: this is the capture that is read; name another file", path.shown());
    }
    Ok(())
}
