//! Progress bar of a replay, on a terminal that shows nothing else.

use std::fs::File;
use std::io::{IsTerminal, Read, stderr, stdout};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

/// Opens the file with a progress bar on standard error. Returns `None` if the bar would be invisible, if
/// alerts go to the same terminal, or if the file cannot be opened. In the last case, the caller opens it
/// and reports the error.
pub fn of(path: &Path) -> Option<Box<dyn Read + Send>> {
    if !stderr().is_terminal() || stdout().is_terminal() {
        return None;
    }
    // Opening a FIFO would block until a writer opens it.
    let len = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    let file = File::open(path).ok()?;
    let style = ProgressStyle::with_template("{bar:40} {percent}% of {total_bytes}, {eta} left").ok()?;
    let bar = ProgressBar::new(len).with_style(style).with_finish(indicatif::ProgressFinish::AndClear);
    Some(Box::new(bar.wrap_read(file)))
}
