//! What an output does, and what it may ask for meanwhile.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

use super::alert::Alert;
use super::losses::{Losses, Reason};
use super::queue::{Limits, Queue};

/// Delivers alerts, in a thread of its own.
pub trait Output: Send {
    /// Most alerts that one call of [`Output::deliver`] is given.
    fn most(&self) -> usize {
        1
    }

    /// Delivers alerts from the first one on; returns how many. Where it has to wait, it does so by `cx`.
    ///
    /// # Errors
    /// Why the first alert is not delivered.
    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure>;

    /// Opens its destination again, after a rotation by someone else.
    ///
    /// # Errors
    /// Why the destination cannot be opened; the next alert is another attempt.
    fn reopen(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// Ends, as everything is delivered. May wait by `cx`.
    fn close(&mut self, cx: &Cx<'_>) {
        let _ = cx;
    }

    /// Ends at once.
    fn abandon(&mut self, cx: &Cx<'_>) {
        let _ = cx;
    }
}

/// Stands between why an alert is not delivered now and when the next attempt is.
pub const AGAIN: &str = "; it is asked again in";

/// Why an alert is not delivered.
#[derive(Debug)]
pub enum Failure {
    /// It is lost.
    Lost(String),
    /// It cannot be delivered now, but perhaps soon.
    Later(String),
    /// There is something else to do first.
    Interrupted,
    /// Neither this alert nor any other will ever be delivered: nobody reads any more.
    Gone,
}

/// What an output that runs shares with those who hand it alerts.
pub struct State {
    /// Alerts that are not delivered yet.
    pub queue: Queue,
    /// Alerts that never will be.
    pub losses: Losses,
    /// Wakes a worker that waits for a descriptor.
    wake: OwnedFd,
    /// Why alerts wait, where the output knows it.
    hint: Mutex<Option<String>>,
}

impl State {
    /// Nothing waits.
    ///
    /// # Errors
    /// The system allows no further descriptor.
    pub fn new(limits: Limits) -> Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .context("can't make an event descriptor")?;
        Ok(Self { queue: Queue::new(limits), losses: Losses::default(), wake, hint: Mutex::default() })
    }

    /// Why alerts wait.
    pub fn hint(&self) -> MutexGuard<'_, Option<String>> {
        self.hint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a worker that waits for a descriptor look for another order.
    pub fn wake(&self) {
        // Where the counter is full, the worker is awake.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}

/// What an output may ask for while it delivers.
pub struct Cx<'c> {
    pub(super) state: &'c State,
}

impl Cx<'_> {
    /// Waits until the descriptor can be written to.
    ///
    /// # Errors
    /// [`Failure::Interrupted`] if there is something else to do.
    pub fn wait_writable(&self, fd: impl AsFd) -> Result<(), Failure> {
        self.wait(fd, PollFlags::OUT)
    }

    /// Waits until the descriptor can be read.
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

    /// Why the output waits now, for messages.
    pub fn hint(&self, why: &str) {
        let mut hint = self.state.hint();
        if hint.as_deref() != Some(why) {
            *hint = Some(why.to_owned());
        }
    }

    /// A part of an alert was delivered.
    pub fn progress(&self) {
        self.state.queue.progress();
    }

    /// Whether there is something else to do than to deliver.
    pub fn is_interrupted(&self) -> bool {
        self.state.queue.interrupts()
    }

    /// So many alerts that were delivered are lost after all.
    pub fn lose_delivered(&self, count: u64, why: &str) {
        self.state.queue.unsettle(count);
        self.state.losses.add(count, Reason::Failed(why.into()));
    }
}

/// What an output is given that a test calls by itself.
#[cfg(test)]
pub fn with_cx<T>(test: impl FnOnce(&Cx<'_>) -> T) -> T {
    let state = State::new(Limits { alerts: 1, bytes: 1, gather: false }).unwrap();
    test(&Cx { state: &state })
}
