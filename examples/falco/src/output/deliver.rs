//! The trait of outputs, and the context for delivery.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

use super::alert::Alert;
use super::losses::{Losses, Reason};
use super::queue::{Limits, Queue};

/// Delivers alerts in its own thread.
pub trait Output: Send {
    /// Maximum number of alerts for one call of [`Output::deliver`].
    fn most(&self) -> usize {
        1
    }

    /// Delivers alerts, starting with the first one. Returns the number of delivered alerts. Waits only
    /// through `cx`.
    ///
    /// # Errors
    /// Why the first alert is not delivered.
    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure>;

    /// Reopens the destination, for example after log rotation.
    ///
    /// # Errors
    /// Why the destination cannot be opened; the next alert causes another attempt.
    fn reopen(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// Ends the output after everything is delivered. May wait through `cx`.
    fn close(&mut self, cx: &Cx<'_>) {
        let _ = cx;
    }

    /// Ends at once.
    fn abandon(&mut self, cx: &Cx<'_>) {
        let _ = cx;
    }
}

/// Why sent alerts wait.
pub const NO_REPLY: &str = "the server has not replied yet";

/// Why alerts for a FIFO wait.
pub const NO_READER: &str = "the FIFO has lost its reader";

/// Separates the reason of a failed delivery from the time of the next attempt.
pub const AGAIN: &str = "; the next attempt is in";

/// Why an alert is not delivered.
#[derive(Debug)]
pub enum Failure {
    /// The alert is lost.
    Lost(String),
    /// It cannot be delivered now, but maybe later.
    Later(String),
    /// The worker must handle another order first.
    Interrupted,
    /// Neither this alert nor any later one will be delivered, because the reader is gone.
    Gone,
}

/// State that a running output shares with the threads that send it alerts.
pub struct State {
    /// Alerts that were not delivered yet.
    pub queue: Queue,
    /// Alerts that are lost.
    pub losses: Losses,
    /// Number of alerts that were dropped while the worker was delivering them: they are delivered, and counted as lost.
    late: AtomicU64,
    /// Wakes a worker that waits for a file descriptor.
    wake: OwnedFd,
    /// Why alerts wait, if the output knows the reason.
    hint: Mutex<Option<String>>,
}

impl State {
    /// Creates the state with an empty queue.
    ///
    /// # Errors
    /// The system allows no further file descriptor.
    pub fn new(limits: Limits) -> Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .context("can't make an event descriptor")?;
        let (queue, losses) = (Queue::new(limits), Losses::default());
        Ok(Self { queue, losses, late: AtomicU64::new(0), wake, hint: Mutex::default() })
    }

    /// Records that the worker has delivered this many alerts.
    pub fn note_delivered(&self, count: usize) {
        let late = count as u64 - self.queue.remove_handled(count, true);
        self.late.fetch_add(late, Ordering::Relaxed);
    }

    /// Why alerts wait.
    pub fn hint(&self) -> MutexGuard<'_, Option<String>> {
        self.hint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes a worker that waits for a file descriptor, so that it checks for another order.
    pub fn wake(&self) {
        // If the counter is full, the worker is already awake.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}

/// Context of an output during delivery.
pub struct Cx<'c> {
    pub(super) state: &'c State,
}

impl Cx<'_> {
    /// Waits until the file descriptor is writable.
    ///
    /// # Errors
    /// [`Failure::Interrupted`] if there is another order.
    pub fn wait_writable(&self, fd: impl AsFd) -> Result<(), Failure> {
        self.wait(fd, PollFlags::OUT)
    }

    /// Waits until the file descriptor is readable.
    ///
    /// # Errors
    /// As for [`Cx::wait_writable`].
    pub fn wait_readable(&self, fd: impl AsFd) -> Result<(), Failure> {
        self.wait(fd, PollFlags::IN)
    }

    fn wait(&self, fd: impl AsFd, flags: PollFlags) -> Result<(), Failure> {
        loop {
            if self.state.queue.interrupts() {
                return Err(Failure::Interrupted);
            }
            let mut fds = [PollFd::new(&fd, flags), PollFd::new(&self.state.wake, PollFlags::IN)];
            match poll(&mut fds, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(Failure::Later(std::io::Error::from(error).to_string())),
            }
            let [ready, woken] = fds.map(|fd| !fd.revents().is_empty());
            if woken {
                let _ = rustix::io::read(&self.state.wake, &mut [0; 8]);
            }
            if ready {
                return Ok(());
            }
        }
    }

    /// Sets the reason why the output waits, for messages.
    pub fn hint(&self, why: &str) {
        let mut hint = self.state.hint();
        if hint.as_deref() != Some(why) {
            *hint = Some(why.to_owned());
        }
    }

    /// Records that a part of an alert was delivered.
    pub fn progress(&self) {
        self.state.queue.progress();
    }

    /// Whether there is another order than to deliver.
    pub fn is_interrupted(&self) -> bool {
        self.state.queue.interrupts()
    }

    /// Records that this many alerts, counted as delivered, are lost after all.
    pub fn lose_delivered(&self, count: u64, why: &str) {
        let late = self.state.late.load(Ordering::Relaxed).min(count);
        self.state.late.fetch_sub(late, Ordering::Relaxed);
        let count = count - late;
        self.state.queue.uncount_delivered(count);
        self.state.losses.add(count, Reason::Failed(why.into()));
    }
}

/// Calls a test with a context for an output.
#[cfg(test)]
pub fn with_cx<T>(test: impl FnOnce(&Cx<'_>) -> T) -> T {
    let state = State::new(Limits { alerts: 1, bytes: 1, gather: std::time::Duration::ZERO }).unwrap();
    test(&Cx { state: &state })
}
