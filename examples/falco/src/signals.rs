//! Handling of signals.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Context, Result};
use eyas_console::signals;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::flag;
use signal_hook::low_level::pipe;

/// Whether a signal requested the end of the program.
#[derive(Clone, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    since: Arc<OnceLock<Instant>>,
}

impl Stop {
    /// Whether it was.
    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Time at which the request to end was first noticed.
    pub fn since(&self) -> Option<Instant> {
        self.is_set().then(|| *self.since.get_or_init(Instant::now))
    }

    /// The flag for other code.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }

    #[cfg(test)]
    pub fn set(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }
}

/// Signals that must not end the program from here on. SIGXFSZ: a file that reaches RLIMIT_FSIZE is an error of its
/// output. SIGCHLD: if the parent ignored it, the status of a program of `program_output` would be unknown. SIGHUP
/// and SIGUSR1: while the program still starts, SIGHUP causes a reload as soon as events are tested, and SIGUSR1
/// needs nothing, because no output is open yet. Returns a socket that receives a byte for each SIGHUP.
///
/// # Errors
/// The system does not allow it.
pub fn listen_early() -> Result<UnixStream> {
    let (hangup, signal) = UnixStream::pair().context("can't listen for SIGHUP")?;
    pipe::register(SIGHUP, signal).context("can't listen for SIGHUP")?;
    for signal in [SIGUSR1, SIGXFSZ, SIGCHLD] {
        flag::register(signal, Arc::default()).context("can't listen for signals")?;
    }
    signals::end_start_by_signals().context("can't listen for signals")?;
    Ok(hangup)
}

/// Signals that the event loop handles.
pub struct Signals {
    /// SIGINT or SIGTERM.
    pub stop: Stop,
    /// SIGUSR1.
    pub reopen: Arc<AtomicBool>,
    /// Set together with each of the others, and when a reload has an update. Only this flag is checked
    /// before each event.
    pub attention: Arc<AtomicBool>,
}

impl Signals {
    /// Starts to listen for signals.
    ///
    /// # Errors
    /// The system does not allow it.
    pub fn listen() -> Result<Self> {
        let this = Self { stop: Stop::default(), reopen: Arc::default(), attention: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            // A second signal ends the program immediately.
            flag::register_conditional_default(signal, this.stop.flag.clone())
                .and_then(|_| flag::register(signal, this.stop.flag.clone()))
                .context("can't listen for signals")?;
        }
        signals::note_started();
        flag::register(SIGUSR1, this.reopen.clone()).context("can't listen for signals")?;
        // Handlers run in the order of registration: code that sees this flag also sees the other one.
        for signal in [SIGINT, SIGTERM, SIGUSR1] {
            flag::register(signal, this.attention.clone()).context("can't listen for signals")?;
        }
        Ok(this)
    }
}
