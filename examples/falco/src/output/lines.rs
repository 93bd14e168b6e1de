//! Writes alerts as lines to a stream that may accept a part of a write.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

use rustix::fs::{FileType, fstat};

use super::alert::Alert;
use super::deliver::{Cx, Failure};
use super::text::reason;

/// Number of bytes of one write that a pipe accepts as a whole.
const PIPE_BYTES: usize = 4096;

/// Maximum number of bytes of one write to this file. A longer write to a pipe returns only when all bytes are in the pipe,
/// so progress of a slow reader would be invisible until then, and other writers would split lines.
pub fn most_of(file: impl AsFd) -> usize {
    let kind = fstat(file).map(|stat| FileType::from_raw_mode(stat.st_mode));
    if kind == Ok(FileType::RegularFile) { usize::MAX } else { PIPE_BYTES }
}

/// At most `most` bytes of these lines. Ends with a complete line if possible, so that no other output splits a line.
pub fn whole_lines(bytes: &[u8], most: usize) -> &[u8] {
    let cut = &bytes[..bytes.len().min(most)];
    let end = cut.iter().rposition(|byte| *byte == b'\n').map_or(cut.len(), |end| end + 1);
    &cut[..end]
}

/// Writes alerts as lines, and remembers the position in the current line.
#[derive(Default)]
pub struct Lines {
    /// Number of bytes of the first alert's line that were written.
    sent: usize,
    /// Whether the stream ends with an incomplete line. The next line must not be mistaken for a part of
    /// it.
    broken: bool,
    buffer: Vec<u8>,
}

impl Lines {
    /// Writes alerts with `put`, which like `write` may accept only a part of the bytes, and waits for room
    /// with `wait`. Returns the number of written alerts, at least one.
    ///
    /// # Errors
    /// The first alert was not written. If the reader is gone, the error is [`Failure::Gone`].
    pub fn write(
        &mut self,
        alerts: &[Alert],
        cx: &Cx<'_>,
        mut put: impl FnMut(&[u8]) -> io::Result<usize>,
        wait: impl Fn() -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        loop {
            self.fill(alerts);
            match put(&self.buffer) {
                Ok(0) => return Err(self.fail(ErrorKind::WriteZero.into())),
                Ok(written) => {
                    let whole = self.advance(alerts, written);
                    if whole > 0 {
                        return Ok(whole);
                    }
                    cx.progress();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait()?,
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    /// Records that the stream was reopened, and whether it is empty.
    pub fn restart(&mut self, is_empty: bool) {
        self.broken = !is_empty && (self.broken || self.sent > 0);
        self.sent = 0;
    }

    /// Number of bytes of the first alert's line that were already written.
    pub fn sent(&self) -> usize {
        self.sent
    }

    fn fill(&mut self, alerts: &[Alert]) {
        self.buffer.clear();
        if self.broken {
            self.buffer.push(b'\n');
        }
        let start = self.buffer.len() + self.sent;
        for alert in alerts {
            self.buffer.extend_from_slice(&alert.text);
            self.buffer.push(b'\n');
        }
        self.buffer.drain(start - self.sent..start);
    }

    /// Records the written bytes. Returns the number of complete lines.
    fn advance(&mut self, alerts: &[Alert], mut written: usize) -> usize {
        if std::mem::take(&mut self.broken) {
            written -= 1;
        }
        let mut whole = 0;
        self.sent += written;
        for alert in alerts {
            let Some(rest) = self.sent.checked_sub(alert.text.len() + 1) else { break };
            self.sent = rest;
            whole += 1;
        }
        whole
    }

    fn fail(&mut self, error: io::Error) -> Failure {
        if error.kind() == ErrorKind::BrokenPipe {
            return Failure::Gone;
        }
        self.broken |= self.sent > 0;
        self.sent = 0;
        Failure::Lost(reason(&error))
    }
}
