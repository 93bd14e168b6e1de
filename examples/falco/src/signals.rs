//! Handling of signals.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Instant;

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::flag;
use signal_hook::low_level::pipe;

/// The status of a program that a signal ended is this and its number.
const SIGNALLED: i32 = 128;

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

/// Whether signals end the program because it still starts.
static STARTS: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Signals that must not end the program from here on. SIGXFSZ: a file that reaches RLIMIT_FSIZE is an error of its
/// output. SIGCHLD: if the parent ignored it, the status of a program of `program_output` would be unknown. SIGHUP
/// and SIGUSR1: while the program still starts, SIGHUP causes a reload as soon as events are tested, and SIGUSR1
/// needs nothing, because no output is open yet. SIGINT and SIGTERM end the program, also the first process of a
/// container, for which the kernel ignores signals without a handler, and a program that a shell started in the
/// background with SIGINT ignored. Returns a socket that receives a byte for each SIGHUP.
///
/// # Errors
/// The system does not allow it.
pub fn listen_early() -> Result<UnixStream> {
    unblock();
    let (hangup, signal) = UnixStream::pair().context("can't listen for SIGHUP")?;
    pipe::register(SIGHUP, signal).context("can't listen for SIGHUP")?;
    for signal in [SIGUSR1, SIGXFSZ, SIGCHLD] {
        flag::register(signal, Arc::default()).context("can't listen for signals")?;
    }
    STARTS.store(true, Ordering::Relaxed);
    for signal in [SIGINT, SIGTERM] {
        let registered = match std::process::id() {
            // It cannot end by a signal.
            1 => flag::register_conditional_shutdown(signal, SIGNALLED + signal, STARTS.clone()),
            _ if is_ignored(signal) => flag::register_conditional_default(signal, STARTS.clone()),
            _ => continue,
        };
        registered.context("can't listen for signals")?;
    }
    Ok(hangup)
}

/// Whether the parent ignored the signal, and so this program does.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Unblocks the signals that this program handles; the parent may have blocked them.
fn unblock() {
    let mut handled = SigSet::empty();
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGCHLD] {
        handled.add(signal);
    }
    // It fails only for an unknown action.
    let _ = handled.thread_unblock();
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
        STARTS.store(false, Ordering::Relaxed);
        flag::register(SIGUSR1, this.reopen.clone()).context("can't listen for signals")?;
        // Handlers run in the order of registration: code that sees this flag also sees the other one.
        for signal in [SIGINT, SIGTERM, SIGUSR1] {
            flag::register(signal, this.attention.clone()).context("can't listen for signals")?;
        }
        Ok(this)
    }
}
