//! How events come into a file.

use std::io::ErrorKind;

use eyas::scap::{Error, Frames, Writer};

/// Events that were written.
#[derive(Default)]
pub struct Written {
    pub written: u64,
    /// Those that were not, as they are longer than the format allows.
    pub too_long: u64,
}

/// Whether a capture has as many bytes as it may have; `limit` 0 stands for any number.
pub fn is_full(writer: &Writer, limit: u64) -> bool {
    limit > 0 && writer.written() >= limit
}

/// Writes events, until the capture has `limit` bytes, unless that is 0.
///
/// # Errors
/// The output takes no more.
pub fn write(frames: &Frames, writer: &mut Writer, limit: u64) -> Result<Written, Error> {
    let mut done = Written::default();
    for event in frames.iter() {
        match writer.event(&event) {
            Ok(()) => done.written += 1,
            Err(Error::Write(error)) if error.kind() == ErrorKind::InvalidInput => done.too_long += 1,
            Err(error) => return Err(error),
        }
        if is_full(writer, limit) {
            break;
        }
    }
    Ok(done)
}
