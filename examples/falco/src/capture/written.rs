//! Writing events to a file.

use std::io::ErrorKind;

use eyas::scap::{Error, Frames, Writer};

/// Number of written events.
#[derive(Default)]
pub struct Written {
    pub written: u64,
    /// Number of events that were not written because they are too long for the format.
    pub too_long: u64,
}

/// Whether a capture has reached its limit, in bytes; 0 means no limit.
pub fn is_full(writer: &Writer, limit: u64) -> bool {
    limit > 0 && writer.written() >= limit
}

/// Writes events until the capture has `limit` bytes; 0 means no limit.
///
/// # Errors
/// Writing fails.
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
