//! The text of a scalar, with the position of every byte in the file.

use crate::token::Run;

/// The text so far.
#[derive(Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    runs: Vec<Run>,
}

impl Text {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a byte that is unchanged from the file.
    pub(super) fn copy(&mut self, byte: u8, source: usize) {
        let (value, source) = (self.len() as u32, source as u32);
        match self.runs.last_mut() {
            Some(run)
                if run.is_copy && run.source + run.width == source && run.value + run.width == value =>
            {
                run.width += 1;
            }
            _ => self.runs.push(Run { value, source, width: 1, is_copy: true }),
        }
        self.bytes.push(byte);
    }

    /// Adds a replacement for a range of the file.
    pub(super) fn make(&mut self, text: &[u8], source: (usize, usize)) {
        let (value, width) = (self.len() as u32, (source.1 - source.0) as u32);
        self.runs.push(Run { value, source: source.0 as u32, width, is_copy: false });
        self.bytes.extend_from_slice(text);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        let kept = self.runs.partition_point(|run| (run.value as usize) < len);
        self.runs.truncate(kept);
        if let Some(run) = self.runs.last_mut().filter(|run| run.is_copy) {
            run.width = run.width.min(len as u32 - run.value);
        }
    }

    /// Length without trailing bytes from `set`.
    pub(super) fn trimmed(&self, set: &[u8]) -> usize {
        self.bytes.iter().rposition(|byte| !set.contains(byte)).map_or(0, |at| at + 1)
    }

    /// The text, and the positions of its bytes in the file.
    pub(super) fn finish(self) -> (String, Vec<Run>) {
        let text = String::from_utf8(self.bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        (text, self.runs)
    }
}
