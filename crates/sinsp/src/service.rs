//! Threads that must not die silently: after a panic, a thread is restarted, and this is counted and logged.
//!
//! The threads of this crate are such threads: those of [`ExeHashes`](crate::ExeHashes),
//! [`AccountFiles`](crate::AccountFiles), [`Resolver`](crate::names::Resolver) and `runtimes::Runtimes`.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// Delay before a thread is started again: after its first panic, or if the system could not start it.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest such delay. A thread of an output delivers nothing meanwhile.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Delays that double after each failure, up to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    /// Begins with the shortest delay.
    pub(crate) fn up_to(max: Duration) -> Self {
        Self { next: FIRST_PAUSE, max }
    }

    /// The delay after a failure. `ran` is the time since the previous start: after a long run, the next delay is the
    /// shortest again.
    pub(crate) fn after(&mut self, ran: Duration) -> Duration {
        if ran > self.max {
            self.next = FIRST_PAUSE;
        }
        let pause = self.next;
        self.next = (pause * 2).min(self.max);
        pause
    }
}

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
    report(&format!("thread '{name}' panicked ({}); it is started again", message(panic)));
}

/// Logs what happened to a thread.
fn report(line: &str) {
    match REPORT.get() {
        Some(report) => report(line),
        None => {
            #[cfg(feature = "tracing")]
            tracing::error!("{line}");
        }
    }
}

/// Starts a thread when it is first needed. If the system cannot start it, tries again later, at the earliest after a delay
/// that doubles up to half a minute.
#[derive(Debug)]
pub(crate) struct Starter<T> {
    name: &'static str,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
enum State<T> {
    New,
    Started(T),
    Failed { pauses: Backoff, due: Instant },
}

impl<T: Clone> Starter<T> {
    /// The longest delay.
    const MAX_PAUSE: Duration = Duration::from_secs(30);

    /// For a thread with this name.
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, state: Mutex::new(State::New) }
    }

    /// The result of `start`, which is called until it has succeeded once. The first failure and a later success are logged.
    ///
    /// # Errors
    /// The system could not start the thread now. `None` if it could not before, and this is not tried again yet.
    pub(crate) fn get(&self, start: impl FnOnce() -> io::Result<T>) -> Result<T, Option<io::Error>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, now) = (self.name, Instant::now());
        let failed = match &*state {
            State::Started(started) => return Ok(started.clone()),
            State::Failed { due, .. } if now < *due => return Err(None),
            State::Failed { pauses, .. } => Some(*pauses),
            State::New => None,
        };
        match start() {
            Ok(started) => {
                if failed.is_some() {
                    report(&format!("thread '{name}' is started now"));
                }
                *state = State::Started(started.clone());
                Ok(started)
            }
            Err(error) => {
                if failed.is_none() {
                    report(&format!("thread '{name}' cannot be started ({error}); it is tried again"));
                }
                let mut pauses = failed.unwrap_or_else(|| Backoff::up_to(Self::MAX_PAUSE));
                let due = now + pauses.after(Duration::ZERO);
                *state = State::Failed { pauses, due };
                Err(Some(error))
            }
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
            let (mut pauses, mut since) = (Backoff::up_to(MAX_PAUSE), Instant::now());
            while let Err(panic) = catch_unwind(AssertUnwindSafe(&mut work)) {
                note_restart(name, &*panic);
                sleep(pauses.after(since.elapsed()));
                since = Instant::now();
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
    fn delays_double_up_to_a_limit_and_are_short_again_after_a_long_run() {
        let max = Duration::from_secs(5);
        let mut pauses = Backoff::up_to(max);
        let delays: Vec<_> = (0..7).map(|_| pauses.after(max).as_millis()).collect();
        assert_eq!(delays, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pauses.after(max + Duration::from_millis(1)), FIRST_PAUSE);
        assert_eq!(pauses.after(Duration::ZERO), FIRST_PAUSE * 2);
    }

    #[test]
    fn a_thread_that_cannot_be_started_is_tried_again_but_not_at_once() {
        let starter = Starter::new("test");
        let mut tries = 0;
        let mut fail = || {
            tries += 1;
            Err(io::Error::other("no thread"))
        };
        assert_eq!(starter.get(&mut fail).unwrap_err().unwrap().to_string(), "no thread");
        let until = Instant::now() + Duration::from_secs(60);
        while starter.get(&mut fail).unwrap_err().is_none() {
            assert!(Instant::now() < until, "it is not tried again");
            sleep(Duration::from_millis(2));
        }
        assert_eq!(tries, 2);
        let started = loop {
            assert!(Instant::now() < until, "it is not tried again");
            match starter.get(|| Ok(7)) {
                Ok(started) => break started,
                Err(error) => assert!(error.is_none()),
            }
        };
        assert_eq!((started, starter.get(|| panic!("it runs")).unwrap()), (7, 7));
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
