//! An output that runs: its queue, its losses, and the thread that delivers.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

use super::losses::{Losses, Reason, Report};
use super::queue::{Limits, Load, Order, Queue};
use super::{Alert, Failure, Output, Row};
use crate::config::Config;
use crate::log::{self, Level, log};
use crate::service::Service;

/// How long the worker waits before it tries again what cannot be done now.
const RETRY: Duration = Duration::from_millis(250);

/// An output that runs.
pub struct Channel {
    row: &'static Row,
    /// Where alerts go, for messages.
    place: String,
    queue: Queue,
    losses: Losses,
    /// Wakes a worker that waits for a descriptor.
    wake: OwnedFd,
    /// Why alerts wait, where the output knows it.
    hint: Mutex<Option<String>>,
    /// Nobody will ever take an alert again.
    gone: AtomicBool,
    /// The worker is delivering.
    busy: AtomicBool,
}

impl Channel {
    /// Opens the output and starts its thread. An output that takes longer than `patience` to open is not waited for.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn start(
        row: &'static Row,
        config: &Arc<Config>,
        limits: Limits,
        patience: Duration,
    ) -> Result<Arc<Self>> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .with_context(|| format!("{}: can't make an event descriptor", row.name))?;
        let channel = Arc::new(Self::new(row, config, limits, wake));
        // The worker sends once, and waits until that is received or nobody receives any more.
        let (send, opened) = sync_channel(0);
        let (own, config, mut send) = (Arc::clone(&channel), Arc::clone(config), Some(send));
        Service::start(row.name, move || own.work(&config, &mut send))
            .with_context(|| format!("{}: can't start its thread", row.name))?;
        match opened.recv_timeout(patience) {
            Ok(outcome) => outcome?,
            Err(RecvTimeoutError::Timeout) => {
                let ms = patience.as_millis();
                channel.warn(&format!("not open after {ms} ms; alerts wait for it"));
            }
            // Its thread panicked, and starts again.
            Err(RecvTimeoutError::Disconnected) => {}
        }
        Ok(channel)
    }

    fn new(row: &'static Row, config: &Config, limits: Limits, wake: OwnedFd) -> Self {
        Self {
            row,
            place: (row.place)(config),
            queue: Queue::new(limits),
            losses: Losses::default(),
            wake,
            hint: Mutex::default(),
            gone: AtomicBool::new(false),
            busy: AtomicBool::new(false),
        }
    }

    /// The row of the output.
    pub fn row(&self) -> &'static Row {
        self.row
    }

    /// Changes how much may wait.
    pub fn set_limits(&self, limits: Limits) {
        self.queue.set_limits(limits);
    }

    /// Hands alerts over. While `patience` allows it, waits for room; what finds none is lost and counted.
    pub fn push(&self, alerts: &[Alert], patience: impl Fn(Duration) -> bool) {
        let taken = self.queue.push(alerts, patience);
        let reason = if self.is_gone() { Reason::Failed(GONE.into()) } else { Reason::QueueFull };
        self.losses.add((alerts.len() - taken) as u64, reason);
    }

    /// Has the destination opened again.
    pub fn reopen(&self) {
        self.queue.reopen();
        self.wake();
    }

    /// Takes no more alerts, and has the worker end when it has delivered the others.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Waits for the worker's end while `patience` allows it, which is given how long there was no progress since `began`;
    /// returns whether it came.
    pub fn wait(&self, began: Instant, patience: impl Fn(Duration) -> bool) -> bool {
        self.queue.wait_for_end(began, patience)
    }

    /// Gives up what waits after `ms` milliseconds.
    pub fn abandon(&self, ms: u128) {
        let left = self.queue.abandon();
        self.losses.add(left, Reason::Undelivered(ms));
        self.wake();
    }

    /// Whether the worker has ended.
    pub fn has_ended(&self) -> bool {
        self.wait(Instant::now(), |_| false)
    }

    /// Whether nobody will ever take an alert again.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// What waits.
    pub fn load(&self) -> Load {
        self.queue.load()
    }

    /// Alerts lost so far, and those of them that found no room in the queue.
    pub fn lost(&self) -> (u64, u64) {
        self.losses.counts()
    }

    /// Where alerts go, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Why the output counts as stuck, if nothing has moved for `patience` while alerts wait.
    pub fn stuck(&self, patience: Duration) -> Option<String> {
        let Load { alerts, still, .. } = self.load();
        let still = still.filter(|still| *still >= patience)?;
        let hint = self.hint().as_deref().map(|hint| format!(", {hint}")).unwrap_or_default();
        let name = self.row.name;
        let still = match still.as_secs() {
            0 => format!("{} ms", still.as_millis()),
            seconds => format!("{seconds} s"),
        };
        let waiting = super::counted(alerts as u64, self.row.unit);
        let (wait, was) = if alerts == 1 { ("waits", "it was not") } else { ("wait", "none was") };
        Some(format!("{name}: {waiting} {wait}, {was} taken for {still}{hint}"))
    }

    /// Logs what was lost, if that is due.
    pub fn report(&self, is_over: bool) {
        let (name, place) = (self.row.name, &self.place);
        match self.losses.report(self.row.unit, self.load().delivered, is_over) {
            Some(Report::Lost(text)) => log(Level::Error, &format!("{name}: {text} ({place})")),
            Some(Report::Works(text)) => log::info(&format!("{name}: {text} ({place})")),
            None => {}
        }
    }

    fn warn(&self, text: &str) {
        log::warning(&format!("{}: {text} ({})", self.row.name, self.place));
    }

    fn hint(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.hint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // Where the counter is full, the worker is awake.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// The thread: delivers until the end. Called again if that panics.
    fn work(&self, config: &Config, opened: &mut Option<SyncSender<Result<()>>>) {
        if self.busy.swap(false, Ordering::Relaxed) {
            let lost = self.queue.settle(1, false);
            self.losses.add(lost, Reason::Failed("its thread panicked".into()));
        }
        if let Some(mut output) = self.open(config, opened) {
            self.deliver(&mut *output);
        }
        self.queue.end();
    }

    /// Opens the output, however long that takes; nothing if nobody wants it any more.
    fn open(&self, config: &Config, opened: &mut Option<SyncSender<Result<()>>>) -> Option<Box<dyn Output>> {
        loop {
            let outcome = (self.row.open)(config);
            let (outcome, output) = match outcome {
                Ok(output) => (Ok(()), Some(output)),
                Err(error) => (Err(error), None),
            };
            let error = outcome.as_ref().err().map(|error| format!("{error:#}"));
            let told = opened.take().is_some_and(|opened| opened.send(outcome).is_ok());
            if output.is_some() || told {
                return output;
            }
            *self.hint() = error;
            self.queue.pause(RETRY);
            if !self.queue.is_wanted() {
                return None;
            }
        }
    }

    fn deliver(&self, output: &mut dyn Output) {
        let cx = Cx { channel: self };
        let mut run = Vec::new();
        loop {
            match self.queue.next(output.most(), &mut run) {
                Order::Deliver => {
                    self.busy.store(true, Ordering::Relaxed);
                    let outcome = output.deliver(&run, &cx);
                    self.busy.store(false, Ordering::Relaxed);
                    if !self.settle(outcome) {
                        return;
                    }
                }
                Order::Reopen => {
                    if let Err(error) = output.reopen() {
                        self.warn(&format!("can't open again: {error}"));
                    }
                }
                Order::Close => return output.close(&cx),
                Order::Abandon => return output.abandon(&cx),
            }
        }
    }

    /// Notes what became of a run; returns whether the output goes on.
    fn settle(&self, outcome: Result<usize, Failure>) -> bool {
        match outcome {
            Ok(delivered) => {
                self.queue.settle(delivered, true);
                self.hint().take();
            }
            Err(Failure::Lost(why)) => {
                let lost = self.queue.settle(1, false);
                self.losses.add(lost, Reason::Failed(why));
            }
            Err(Failure::Later(why)) => {
                *self.hint() = Some(why);
                self.queue.pause(RETRY);
            }
            Err(Failure::Interrupted) => {}
            Err(Failure::Gone) => {
                self.gone.store(true, Ordering::Release);
                let left = self.queue.abandon();
                self.losses.add(left, Reason::Failed(GONE.into()));
                return false;
            }
        }
        true
    }
}

/// Why an output that is gone loses alerts.
const GONE: &str = "its reader is gone";

/// What an output may ask for while it delivers.
pub struct Cx<'c> {
    channel: &'c Channel,
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
            if self.channel.queue.interrupts() {
                return Err(Failure::Interrupted);
            }
            let mut fds = [PollFd::new(&fd, flags), PollFd::new(&self.channel.wake, PollFlags::IN)];
            match poll(&mut fds, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(Failure::Later(std::io::Error::from(error).to_string())),
            }
            let [ready, woken] = fds.map(|fd| !fd.revents().is_empty());
            if woken {
                let _ = rustix::io::read(&self.channel.wake, &mut [0; 8]);
            }
            if ready {
                return Ok(());
            }
        }
    }

    /// Why the output waits now, for messages.
    pub fn hint(&self, why: &str) {
        let mut hint = self.channel.hint();
        if hint.as_deref() != Some(why) {
            *hint = Some(why.to_owned());
        }
    }

    /// A part of an alert was delivered.
    pub fn progress(&self) {
        self.channel.queue.progress();
    }

    /// Whether there is something else to do than to deliver.
    pub fn is_interrupted(&self) -> bool {
        self.channel.queue.interrupts()
    }

    /// So many alerts that were delivered are lost after all.
    pub fn lose_delivered(&self, count: u64, why: &str) {
        self.channel.queue.unsettle(count);
        self.channel.losses.add(count, Reason::Failed(why.into()));
    }
}

/// What an output is given that a test calls by itself.
#[cfg(test)]
pub fn with_cx<T>(test: impl FnOnce(&Cx<'_>) -> T) -> T {
    let wake = eventfd(0, EventfdFlags::NONBLOCK).unwrap();
    let limits = Limits { alerts: 1, bytes: 1, gather: false };
    test(&Cx { channel: &Channel::new(&super::OUTPUTS[0], &Config::default(), limits, wake) })
}
