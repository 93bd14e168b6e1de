//! How far a replay has come, on a terminal that shows nothing else.

use std::fs::File;
use std::io::{IsTerminal, Read, stderr, stdout};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

/// The file, with a bar on standard error that shows how much of it was read; `None` where nobody would
/// see the bar, where alerts go to the same terminal, and where the file can't be opened: who opens it
/// then says why.
pub fn of(path: &Path) -> Option<Box<dyn Read + Send>> {
    if !stderr().is_terminal() || stdout().is_terminal() {
        return None;
    }
    // To open a FIFO would wait for whoever writes to it.
    let len = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    let file = File::open(path).ok()?;
    let style = ProgressStyle::with_template("{bar:40} {percent}% of {total_bytes}, {eta} left").ok()?;
    let bar = ProgressBar::new(len).with_style(style).with_finish(indicatif::ProgressFinish::AndClear);
    Some(Box::new(bar.wrap_read(file)))
}
