//! `stdout_output`: alerts on standard output.

use anyhow::Result;
use rustix::fs::FileType;

use super::lines::Lines;
use super::{Alert, Cx, Failure, Output, Reload, Row};
use crate::config::Config;

/// Bytes that one write to a pipe takes without waiting for a reader twice.
const PIPE_BYTES: usize = 4096;

/// The row of this output.
pub const ROW: Row = Row {
    name: "stdout_output",
    unit: "alert",
    keys: &[],
    reload: Reload::WhenChanged,
    is_enabled: |config| config.stdout_output.enabled,
    place: |_| "standard output".to_owned(),
    open,
};

struct Stdout {
    lines: Lines,
    /// Bytes that are written at once.
    most: usize,
}

fn open(_: &Config) -> Result<Box<dyn Output>> {
    // A write to a pipe returns when all is in it: of a slow reader nothing would be seen meanwhile.
    let is_file = rustix::fs::fstat(std::io::stdout())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    let most = if is_file { usize::MAX } else { PIPE_BYTES };
    Ok(Box::new(Stdout { lines: Lines::default(), most }))
}

impl Output for Stdout {
    fn most(&self) -> usize {
        usize::MAX
    }

    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        let most = self.most;
        let put = |bytes: &[u8]| {
            // Ends with a line if it can, so that nothing else comes between the parts of one.
            let cut = &bytes[..bytes.len().min(most)];
            let line = cut.iter().rposition(|byte| *byte == b'\n').map_or(cut.len(), |end| end + 1);
            match eyas_console::write(&cut[..line]) {
                Ok(()) => Ok(line),
                Err((0, error)) => Err(error),
                Err((written, _)) => Ok(written),
            }
        };
        self.lines.write(alerts, cx, put, || Ok(()))
    }
}
