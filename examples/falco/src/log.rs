//! Log lines on standard error, in Falco's form.

use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use jiff::Zoned;

use crate::config::{Config, LogLevel};
use crate::{console, service, system_log};

/// Severity of a log line; smaller is graver, as in syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Something does not work.
    Error = 3,
    /// Something may not be what was meant.
    Warning = 4,
    /// What happens.
    Info = 6,
    /// How it happens.
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

/// Logs from here on as the `log_*` and `time_format_iso_8601` keys of the configuration say.
pub fn configure(config: &Config) {
    MAX.store(Level::from(config.log_level) as u8, Ordering::Relaxed);
    STDERR.store(config.log_stderr, Ordering::Relaxed);
    SYSLOG.store(config.log_syslog, Ordering::Relaxed);
    ISO.store(config.time_format_iso_8601, Ordering::Relaxed);
}

/// Writes one line if its level is asked for.
pub fn log(level: Level, message: &str) {
    if level as u8 > MAX.load(Ordering::Relaxed) {
        return;
    }
    if SYSLOG.load(Ordering::Relaxed) {
        system_log::send(level as u8, message.trim_end());
    }
    if !STDERR.load(Ordering::Relaxed) {
        return;
    }
    let form = if ISO.load(Ordering::Relaxed) { "%Y-%m-%dT%H:%M:%S%z" } else { "%a %b %d %H:%M:%S %Y" };
    console::print_error(&format!("{}: {}\n", Zoned::now().strftime(form), message.trim_end()));
}

/// Has panics of all threads logged: the standard hook would wait for standard error.
pub fn take_panics() {
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

/// A line at [`Level::Info`].
pub fn info(message: &str) {
    log(Level::Info, message);
}

/// A line at [`Level::Warning`].
pub fn warning(message: &str) {
    log(Level::Warning, message);
}

/// How long something that goes on happening is not said again.
const SILENCE: Duration = Duration::from_secs(60);

/// Decides when to say something that may happen all the time: at once, then once a minute with how often.
#[derive(Debug, Default)]
pub struct Seldom {
    said: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    /// It happened; how often since it was last said, if it is to be said now.
    pub fn happened(&mut self) -> Option<u64> {
        self.unsaid += 1;
        if self.said.is_some_and(|said| said.elapsed() < SILENCE) {
            return None;
        }
        self.said = Some(Instant::now());
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_said_seldom() {
        let mut seldom = Seldom::default();
        assert_eq!((seldom.happened(), seldom.happened(), seldom.happened()), (Some(1), None, None));
        assert_eq!(seldom.unsaid, 2);
        seldom.said = Instant::now().checked_sub(SILENCE);
        assert_eq!((seldom.happened(), seldom.unsaid), (Some(3), 0));
    }
}
