//! Threads that must not die silently: after a panic, a thread is restarted, and this is counted and logged.
//!
//! The threads of this crate are such threads: those of [`ExeHashes`](crate::ExeHashes),
//! [`AccountFiles`](crate::AccountFiles), [`Resolver`](crate::names::Resolver) and `runtimes::Runtimes`.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, sleep};
use std::time::Duration;

/// Delay before a thread is restarted after a panic.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);

/// Number of restarted threads.
static RESTARTS: AtomicU64 = AtomicU64::new(0);

/// Function that logs the restart of a thread.
static REPORT: OnceLock<fn(&str)> = OnceLock::new();

/// Sets the function that logs the restart of a thread. Only the first call has an effect. Without it, a restart
/// is an event of `tracing`, if that feature is enabled.
pub fn report_restarts_by(report: fn(&str)) {
    let _ = REPORT.set(report);
}

/// Number of threads that were restarted after a panic, since the program started.
pub fn restarts() -> u64 {
    RESTARTS.load(Ordering::Relaxed)
}

/// Counts and logs that a thread, or a task in it, is started again after this panic.
pub(crate) fn note_restart(name: &str, panic: &(dyn Any + Send)) {
    RESTARTS.fetch_add(1, Ordering::Relaxed);
    let line = format!("thread '{name}' panicked ({}); it is started again", message(panic));
    match REPORT.get() {
        Some(report) => report(&line),
        None => {
            #[cfg(feature = "tracing")]
            tracing::error!("{line}");
        }
    }
}

/// A thread that is restarted after a panic.
#[derive(Debug)]
pub struct Service {
    /// Nothing is sent on this channel: the end of the thread closes it.
    ended: Receiver<()>,
}

impl Service {
    /// Starts a thread that runs `work` until it returns. If `work` panics, it is called again.
    ///
    /// # Errors
    /// The system allows no further thread.
    pub fn start(name: &'static str, mut work: impl FnMut() + Send + 'static) -> io::Result<Self> {
        let (end, ended) = channel();
        thread::Builder::new().name(name.into()).spawn(move || {
            // `work` must handle half-finished state, because it may be called again.
            while let Err(panic) = catch_unwind(AssertUnwindSafe(&mut work)) {
                note_restart(name, &*panic);
                sleep(PAUSE);
            }
            drop(end);
        })?;
        Ok(Self { ended })
    }

    /// Waits for the end of the thread. Returns whether it ended within `patience`.
    pub fn wait(&self, patience: Duration) -> bool {
        self.ended.recv_timeout(patience) != Err(RecvTimeoutError::Timeout)
    }
}

/// The message of a panic, or `no message`.
pub fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_thread_that_panics_is_started_again() {
        let calls = Arc::new(AtomicU64::new(0));
        let (own, before) = (Arc::clone(&calls), restarts());
        let service = Service::start("test", move || {
            assert!(own.fetch_add(1, Ordering::Relaxed) > 0, "the first time");
        });
        assert!(service.unwrap().wait(Duration::from_secs(60)));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        assert!(restarts() > before);
    }

    #[test]
    fn nobody_waits_longer_than_they_want_to() {
        let (send, receive) = channel::<()>();
        let service = Service::start("test", move || {
            let _ = receive.recv();
        })
        .unwrap();
        assert!(!service.wait(Duration::from_millis(10)));
        drop(send);
        assert!(service.wait(Duration::from_secs(60)));
    }
}
