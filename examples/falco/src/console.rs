//! Standard output and standard error while the program detects.
//!
//! Before [`detach`], callers write directly. After it, threads write: both streams may be pipes that
//! nobody reads, and detection must not wait for them. Alerts on standard output have a queue of their own,
//! see `output`.

use std::io;
use std::time::Duration;

mod texts;

use texts::Texts;

/// A reader of alerts on standard output gets the error from that output.
fn put(text: &str) {
    let _ = eyas_console::print(text);
}

static OUT: Texts = Texts::new("output", put, eyas_console::is_ready);
static ERR: Texts = Texts::new("log", eyas_console::print_error, eyas_console::is_error_ready);

/// From now on, threads write the texts, and no caller waits. Texts that do not fit the queue are dropped.
///
/// # Errors
/// The system allows no further thread.
pub fn detach() -> io::Result<()> {
    OUT.detach().and_then(|()| ERR.detach())
}

/// Prints a text to standard output.
pub fn print(text: &str) {
    OUT.push(text);
}

/// Prints a text to standard error.
pub fn print_error(text: &str) {
    ERR.push(text);
}

/// Waits until every text is on standard output, or until `patience` returns false. `patience` gets the
/// time since the last write during which the reader took nothing. Remaining texts are then dropped. Returns whether everything was written.
pub fn finish_output(patience: impl Fn(Duration) -> bool) -> bool {
    OUT.finish(patience)
}

/// The same for standard error.
pub fn finish_error(patience: impl Fn(Duration) -> bool) -> bool {
    ERR.finish(patience)
}
