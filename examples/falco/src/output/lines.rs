//! Alerts as lines of a stream, of which a write may take a part only.

use std::io::{self, ErrorKind};

use super::alert::Alert;
use super::deliver::{Cx, Failure};
use super::text::reason;

/// Writes alerts as lines, and remembers where in a line it is.
#[derive(Default)]
pub struct Lines {
    /// Bytes of the first alert's line that were written.
    sent: usize,
    /// A line was begun that can't be completed: the next one must not be taken for a part of it.
    broken: bool,
    buffer: Vec<u8>,
}

impl Lines {
    /// Writes alerts by `put`, which takes a part of the bytes as `write` does, and waits for room by `wait`. Returns how
    /// many alerts were written, at least one.
    ///
    /// # Errors
    /// The first alert is not written. A reader that is gone is [`Failure::Gone`].
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

    /// What follows goes to a stream that was opened anew, which may be empty.
    pub fn restart(&mut self, is_empty: bool) {
        self.broken = !is_empty && (self.broken || self.sent > 0);
        self.sent = 0;
    }

    /// Bytes of the first alert's line that were written already.
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

    /// Notes what was written; returns how many lines are complete.
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
