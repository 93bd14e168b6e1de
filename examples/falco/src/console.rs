//! Standard output and standard error while the program detects.
//!
//! Before that, callers write themselves. From [`detach`] on, threads do: both may be pipes that nobody reads, and nothing
//! that detects may wait for them. Alerts on standard output have a queue of their own, see `output`.

use std::io;
use std::time::Duration;

mod texts;

use texts::Texts;

static OUT: Texts = Texts::new("output", |text| {
    // Who reads alerts there hears of an error by their output.
    let _ = eyas_console::print(text);
});
static ERR: Texts = Texts::new("log", eyas_console::print_error);

/// Has threads write what is printed from here on: no caller waits any more. What finds no room is left out.
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

/// Waits until standard output has every text, as long as `patience` allows it, which is given how long nothing was
/// written; what is left then is given up. Returns whether it has.
pub fn finish_output(patience: impl Fn(Duration) -> bool) -> bool {
    OUT.finish(patience)
}

/// The same for standard error.
pub fn finish_error(patience: impl Fn(Duration) -> bool) -> bool {
    ERR.finish(patience)
}
