//! A running output: its queue, its lost alerts, and its worker thread.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::thread::gettid;

use super::alert::Alert;
use super::deliver::{AGAIN, Cx, Failure, Output, State};
use super::losses::{Reason, Report};
use super::queue::{Limits, Load, Order};
use super::row::Row;
use super::text::counted;
use crate::config::Config;
use crate::log::{self, Level, log};
use eyas::sinsp::service::Service;

/// Delay before the worker retries.
const RETRY: Duration = Duration::from_millis(250);

/// A running output.
pub struct Channel {
    row: &'static Row,
    /// Destination of the alerts, for messages.
    place: String,
    state: State,
    /// Whether the reader of the alerts is gone for good.
    gone: AtomicBool,
    /// Whether the worker is delivering.
    busy: AtomicBool,
    /// Id of the worker's thread; 0 before it runs.
    tid: AtomicI32,
    /// Why the last alerts were lost, unless an alert was delivered since then.
    failing: Mutex<Option<String>>,
}

impl Channel {
    /// Opens the output and starts its thread. Does not wait longer than `patience` for the output to open.
    ///
    /// # Errors
    /// The output cannot be opened.
    pub fn start(
        row: &'static Row,
        config: &Arc<Config>,
        limits: Limits,
        patience: Duration,
    ) -> Result<Arc<Self>> {
        let state = State::new(limits).context(row.name)?;
        let channel = Arc::new(Self {
            row,
            place: (row.place)(config),
            state,
            gone: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            tid: AtomicI32::new(0),
            failing: Mutex::default(),
        });
        // The worker sends once, and waits until the message is received or the receiver is dropped.
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
            // The thread has panicked and is restarted.
            Err(RecvTimeoutError::Disconnected) => {}
        }
        Ok(channel)
    }

    /// The row of the output.
    pub fn row(&self) -> &'static Row {
        self.row
    }

    /// Changes the limits of the queue.
    pub fn set_limits(&self, limits: Limits) {
        self.state.queue.set_limits(limits);
    }

    /// Queues alerts. Waits for room while `patience` allows it. Alerts without room are lost and counted.
    pub fn push(&self, alerts: &[Alert], patience: impl Fn(Duration) -> bool) {
        let taken = self.state.queue.push(alerts, patience);
        let reason = if self.is_gone() { Reason::Failed(GONE.into()) } else { Reason::QueueFull };
        self.state.losses.add((alerts.len() - taken) as u64, reason);
    }

    /// Makes the worker reopen the destination.
    pub fn reopen(&self) {
        self.state.queue.reopen();
        self.state.wake();
    }

    /// Accepts no more alerts. The worker ends when it has delivered the queued ones.
    pub fn close(&self) {
        self.state.queue.close();
    }

    /// Waits for the end of the worker while `patience` allows it. `patience` gets the time without
    /// progress since `began`. Returns whether the worker has ended.
    pub fn wait(&self, began: Instant, patience: impl Fn(Duration) -> bool) -> bool {
        self.state.queue.wait_for_end(began, patience)
    }

    /// Whether the worker could run, and waits for a CPU. Then it is not its destination that holds it up.
    pub fn is_starved(&self) -> bool {
        let path = format!("/proc/self/task/{}/stat", self.tid.load(Ordering::Relaxed));
        // The state follows the name.
        let state = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'));
        std::fs::read_to_string(path).is_ok_and(state)
    }

    /// Drops the queued alerts after `ms` milliseconds without progress.
    pub fn abandon(&self, ms: u128) {
        let left = self.state.queue.abandon();
        let why = || {
            let hint = self.state.hint();
            // There is no next attempt.
            hint.as_deref().map(|hint| hint.split(AGAIN).next().unwrap_or_default().to_owned())
        };
        let reason =
            self.failing().take().map_or_else(|| Reason::Undelivered { ms, why: why() }, Reason::Failed);
        self.state.losses.add(left, reason);
        self.state.wake();
    }

    fn failing(&self) -> MutexGuard<'_, Option<String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the worker has ended.
    pub fn has_ended(&self) -> bool {
        self.wait(Instant::now(), |_| false)
    }

    /// Whether the reader of the alerts is gone for good.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Contents of the queue.
    pub fn load(&self) -> Load {
        self.state.queue.load()
    }

    /// Alerts lost so far, and how many of them because the queue was full.
    pub fn lost(&self) -> (u64, u64) {
        self.state.losses.counts()
    }

    /// Destination of the alerts, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Why the output is treated as stuck: no progress for `patience` while alerts wait. `None` if it is not
    /// stuck.
    pub fn stuck(&self, patience: Duration) -> Option<String> {
        let Load { alerts, still, .. } = self.load();
        let still = still.filter(|still| *still >= patience)?;
        let hint = self.state.hint().as_deref().map(|hint| format!(", {hint}")).unwrap_or_default();
        let name = self.row.name;
        let still = match still.as_secs() {
            0 => format!("{} ms", still.as_millis()),
            seconds => format!("{seconds} s"),
        };
        let waiting = counted(alerts as u64, self.row.unit);
        let (wait, was) = if alerts == 1 { ("waits", "it was not") } else { ("wait", "none was") };
        Some(format!("{name}: {waiting} {wait}, {was} delivered for {still}{hint}"))
    }

    /// Why alerts were lost, and where they should have gone.
    pub fn why_lost(&self) -> String {
        format!("{} ({})", self.state.losses.reasons(), self.place)
    }

    /// Logs lost alerts, if a report is due.
    pub fn report(&self, is_over: bool) {
        let (name, place) = (self.row.name, &self.place);
        match self.state.losses.report(self.row.unit, self.load().delivered, is_over) {
            Some(Report::Lost(text)) => log(Level::Error, &format!("{name}: {text} ({place})")),
            Some(Report::Works(text)) => log::info(&format!("{name}: {text} ({place})")),
            None => {}
        }
    }

    fn warn(&self, text: &str) {
        log::warning(&format!("{}: {text} ({})", self.row.name, self.place));
    }

    /// Main function of the thread: delivers alerts until the end. It is called again after a panic.
    fn work(&self, config: &Config, opened: &mut Option<SyncSender<Result<()>>>) {
        self.tid.store(gettid().as_raw_nonzero().get(), Ordering::Relaxed);
        if self.busy.swap(false, Ordering::Relaxed) {
            let lost = self.state.queue.remove_handled(1, false);
            self.state.losses.add(lost, Reason::Failed("its thread panicked".into()));
        }
        if let Some(mut output) = self.open(config, opened) {
            self.deliver(&mut *output);
        }
        self.state.queue.end();
    }

    /// Opens the output, without a timeout. Returns `None` if the output is no longer needed.
    fn open(&self, config: &Config, opened: &mut Option<SyncSender<Result<()>>>) -> Option<Box<dyn Output>> {
        loop {
            let outcome = (self.row.open)(config);
            let (outcome, output) = match outcome {
                Ok(output) => (Ok(()), Some(output)),
                Err(error) => (Err(error), None),
            };
            let error = outcome.as_ref().err().map(|error| format!("{error:#}"));
            let reported = opened.take().is_some_and(|opened| opened.send(outcome).is_ok());
            if output.is_some() || reported {
                return output;
            }
            *self.state.hint() = error;
            self.state.queue.pause(RETRY);
            if !self.state.queue.is_wanted() {
                return None;
            }
        }
    }

    fn deliver(&self, output: &mut dyn Output) {
        let cx = Cx { state: &self.state };
        let mut run = Vec::new();
        loop {
            match self.state.queue.next(output.most(), &mut run) {
                Order::Deliver => {
                    self.busy.store(true, Ordering::Relaxed);
                    let outcome = output.deliver(&run, &cx);
                    self.busy.store(false, Ordering::Relaxed);
                    if !self.record_outcome(outcome) {
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

    /// Records the outcome of a run. Returns whether the output continues.
    fn record_outcome(&self, outcome: Result<usize, Failure>) -> bool {
        match outcome {
            Ok(delivered) => {
                self.state.note_delivered(delivered);
                self.state.hint().take();
                self.failing().take();
            }
            Err(Failure::Lost(why)) => {
                let lost = self.state.queue.remove_handled(1, false);
                *self.failing() = Some(why.clone());
                self.state.losses.add(lost, Reason::Failed(why));
            }
            Err(Failure::Later(why)) => {
                *self.state.hint() = Some(why);
                self.state.queue.pause(RETRY);
            }
            Err(Failure::Interrupted) => {}
            Err(Failure::Gone) => {
                self.gone.store(true, Ordering::Release);
                let left = self.state.queue.abandon();
                self.state.losses.add(left, Reason::Failed(GONE.into()));
                return false;
            }
        }
        true
    }
}

/// Why an output without a reader loses alerts.
const GONE: &str = "its reader is gone";
