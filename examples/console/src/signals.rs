//! Signals that the parent of this program blocked or ignored.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The status of a program that a signal ended is this and its number.
const SIGNALLED: i32 = 128;

/// Whether SIGINT and SIGTERM end the program because it still starts.
static STARTS: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Unblocks the signals that the programs handle. From here on, SIGINT and SIGTERM end the program, also a program that a shell
/// started in the background with SIGINT ignored, and the first process of a container, for which the kernel ignores signals
/// without a handler.
///
/// # Errors
/// The system does not allow it.
pub fn end_start_by_signals() -> io::Result<()> {
    STARTS.store(true, Ordering::Relaxed);
    for signal in [SIGINT, SIGTERM] {
        match std::process::id() {
            // It cannot end by a signal.
            1 => flag::register_conditional_shutdown(signal, SIGNALLED + signal, STARTS.clone())?,
            _ if is_ignored(signal) => flag::register_conditional_default(signal, STARTS.clone())?,
            _ => continue,
        };
    }
    unblock();
    Ok(())
}

/// The program handles SIGINT and SIGTERM itself from here on.
pub fn note_started() {
    STARTS.store(false, Ordering::Relaxed);
}

/// Whether the parent ignored the signal, and so this program does.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Unblocks the signals that the programs handle; the parent may have blocked them.
fn unblock() {
    let mut handled = SigSet::empty();
    for signal in [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGUSR1,
        Signal::SIGCHLD,
        Signal::SIGXFSZ,
        Signal::SIGWINCH,
    ] {
        handled.add(signal);
    }
    // It fails only for an unknown action.
    let _ = handled.thread_unblock();
}
