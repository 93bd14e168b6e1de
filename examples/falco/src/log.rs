//! Log lines on standard error, in Falco's form.

use std::borrow::Cow;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use eyas::fields::{is_shown, write_escape};
use eyas::sinsp::service;
use jiff::Zoned;

use crate::config::{Config, LogLevel};
use crate::{console, system_log};

/// Severity of a log line; a smaller number is more severe, as in syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// A failure.
    Error = 3,
    /// A possible mistake.
    Warning = 4,
    /// Normal operation.
    Info = 6,
    /// Details of operation.
    Debug = 7,
}

static MAX: AtomicU8 = AtomicU8::new(Level::Info as u8);
static ISO: AtomicBool = AtomicBool::new(false);
static STDERR: AtomicBool = AtomicBool::new(true);
static SYSLOG: AtomicBool = AtomicBool::new(false);

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Emergency | LogLevel::Alert | LogLevel::Critical | LogLevel::Error => Self::Error,
            LogLevel::Warning => Self::Warning,
            LogLevel::Notice | LogLevel::Info | LogLevel::Informational => Self::Info,
            LogLevel::Debug | LogLevel::Trace => Self::Debug,
        }
    }
}

/// Applies the `log_*` and `time_format_iso_8601` keys of the configuration.
pub fn configure(config: &Config) {
    MAX.store(Level::from(config.log_level) as u8, Ordering::Relaxed);
    STDERR.store(config.log_stderr, Ordering::Relaxed);
    SYSLOG.store(config.log_syslog, Ordering::Relaxed);
    ISO.store(config.time_format_iso_8601, Ordering::Relaxed);
}

/// Writes one line, if its level is enabled.
pub fn log(level: Level, message: &str) {
    if level as u8 > MAX.load(Ordering::Relaxed) {
        return;
    }
    let message = &*lines(message);
    if SYSLOG.load(Ordering::Relaxed) {
        system_log::send(level as u8, message.trim_end());
    }
    if !STDERR.load(Ordering::Relaxed) {
        return;
    }
    let form = if ISO.load(Ordering::Relaxed) { "%Y-%m-%dT%H:%M:%S%z" } else { "%a %b %d %H:%M:%S %Y" };
    console::print_error(&format!("{}: {}\n", Zoned::now().strftime(form), message.trim_end()));
}

/// The text of a plugin or a library as one line: it may repeat what others have written.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text.trim_end(), is_shown)
}

/// The text of another program, whose lines and tabs are kept.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_shown(c) || matches!(c, '\n' | '\t'))
}

/// The text with escapes, as in alerts, for characters that could change what a terminal shows.
fn escaped(text: &str, is_shown: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&is_shown) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_shown(c) {
            true => out.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            false => write_escape(&mut out, c),
        }
    }
    String::from_utf8_lossy(&out).into_owned().into()
}

/// Logs panics of all threads. The standard hook would block on standard error.
pub fn log_panics() {
    service::report_restarts_by(|text| log(Level::Error, text));
    std::panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed");
        let at = panic.location().map(|at| format!(" at {at}")).unwrap_or_default();
        let what = service::message(panic.payload());
        let trace = match std::env::var_os("RUST_BACKTRACE") {
            Some(_) => format!("\n{}", std::backtrace::Backtrace::force_capture()),
            None => String::new(),
        };
        log(Level::Error, &format!("a bug: thread '{name}' panicked{at}: {what}{trace}"));
    }));
}

/// Logs a line at [`Level::Info`].
pub fn info(message: &str) {
    log(Level::Info, message);
}

/// Logs a line at [`Level::Warning`].
pub fn warning(message: &str) {
    log(Level::Warning, message);
}

/// Minimum time between two reports of the same recurring event.
const SILENCE: Duration = Duration::from_secs(60);

/// Limits the rate of reports about a recurring event: the first is reported at once, later ones once a
/// minute with their number.
#[derive(Debug, Default)]
pub struct RateLimit {
    reported: Option<Instant>,
    unreported: u64,
}

impl RateLimit {
    /// Records an occurrence. Returns the number of occurrences since the last report, if a report is due.
    pub fn record(&mut self) -> Option<u64> {
        self.unreported += 1;
        if self.reported.is_some_and(|reported| reported.elapsed() < SILENCE) {
            return None;
        }
        self.reported = Some(Instant::now());
        Some(std::mem::take(&mut self.unreported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_change_a_terminal_are_escaped() {
        let kept = lines("two\n\tlines: é");
        assert!(matches!(kept, Cow::Borrowed("two\n\tlines: é")));
        assert_eq!(one_line("a\n\u{1b}[31mb\u{202e}\r\n"), "a\\n\\u001b[31mb\\u202e");
    }

    #[test]
    fn repeated_occurrences_are_reported_once_a_minute() {
        let mut limit = RateLimit::default();
        assert_eq!((limit.record(), limit.record(), limit.record()), (Some(1), None, None));
        assert_eq!(limit.unreported, 2);
        limit.reported = Instant::now().checked_sub(SILENCE);
        assert_eq!((limit.record(), limit.unreported), (Some(3), 0));
    }
}
