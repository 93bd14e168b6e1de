//! Threads that must not die in silence: one that panics is started again, and the log says so.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, sleep};
use std::time::Duration;

/// How long a thread that panicked waits before it starts again.
const PAUSE: Duration = Duration::from_millis(200);

/// Threads that were started again.
static RESTARTS: AtomicU64 = AtomicU64::new(0);

/// Logs that a thread is started again.
static REPORT: OnceLock<fn(&str)> = OnceLock::new();

/// Has `report` log that a thread is started again. The log has a thread itself, so that it cannot be named here.
pub fn report_restarts_by(report: fn(&str)) {
    let _ = REPORT.set(report);
}

/// How many threads were started again after a panic, since the program started.
pub fn restarts() -> u64 {
    RESTARTS.load(Ordering::Relaxed)
}

/// A thread of the program.
pub struct Service {
    /// Nothing is sent: the thread's end closes it.
    ended: Receiver<()>,
}

impl Service {
    /// Starts a thread that does `work` until that returns. If `work` panics, it is called again.
    ///
    /// # Errors
    /// The system allows no further thread.
    pub fn start(name: &'static str, mut work: impl FnMut() + Send + 'static) -> io::Result<Self> {
        let (end, ended) = channel();
        thread::Builder::new().name(name.into()).spawn(move || {
            // What is half done is the concern of `work`, which knows that it may be called again.
            while let Err(panic) = catch_unwind(AssertUnwindSafe(&mut work)) {
                RESTARTS.fetch_add(1, Ordering::Relaxed);
                let why = message(&*panic);
                if let Some(report) = REPORT.get() {
                    report(&format!("thread '{name}' panicked ({why}); it is started again"));
                }
                sleep(PAUSE);
            }
            drop(end);
        })?;
        Ok(Self { ended })
    }

    /// Waits for the thread's end; returns whether it came within `patience`.
    pub fn wait(&self, patience: Duration) -> bool {
        self.ended.recv_timeout(patience) != Err(RecvTimeoutError::Timeout)
    }
}

/// What a panic says.
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
