//! Alerts on their way to a thread that writes them.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, bail};

use super::{Line, Outputs};

/// Bytes of a batch that is worth handing on.
const LARGE: usize = 64 << 10;
/// Bytes of a batch that is no longer added to; the writer must take it first.
const FULL: usize = 256 << 10;
/// Batches between the threads.
const DEPTH: usize = 4;

/// Finished alert lines.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// End in `bytes` and severity of each line.
    lines: Vec<(usize, u8)>,
    flush: bool,
    reopen: bool,
    /// Where these lines and all after them go.
    outputs: Option<Outputs>,
}

impl Batch {
    /// Adds the line that `write` appends.
    pub fn add(&mut self, severity: u8, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.lines.push((self.bytes.len(), severity));
    }

    /// Adds the lines of another batch, which is empty then.
    pub fn append(&mut self, other: &mut Self) {
        let before = self.bytes.len();
        self.bytes.append(&mut other.bytes);
        self.lines.extend(other.lines.drain(..).map(|(end, severity)| (before + end, severity)));
    }

    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let starts = std::iter::once(0).chain(self.lines.iter().map(|(end, _)| *end));
        self.lines
            .iter()
            .zip(starts)
            .map(|((end, severity), start)| Line { text: &self.bytes[start..*end], severity: *severity })
    }

    /// Whether it should be handed on soon.
    pub fn is_large(&self) -> bool {
        self.bytes.len() >= LARGE
    }

    fn is_nothing(&self) -> bool {
        self.lines.is_empty() && !self.flush && !self.reopen && self.outputs.is_none()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
        (self.flush, self.reopen) = (false, false);
    }
}

/// The outputs, and the thread that writes to them: what it has no time for is written in one go later.
pub struct Queue {
    full: Option<SyncSender<Batch>>,
    empty: Receiver<Batch>,
    batch: Batch,
    /// Whether the writer may hold back something.
    unflushed: bool,
    writer: Option<JoinHandle<Result<()>>>,
}

impl Queue {
    /// Starts the thread.
    pub fn start(mut outputs: Outputs) -> Result<Self> {
        let (full, take_full) = sync_channel::<Batch>(DEPTH);
        let (give_back, empty) = sync_channel(DEPTH + 1);
        let writer = thread::Builder::new().name("outputs".into()).spawn(move || {
            let mut ending: Vec<JoinHandle<()>> = Vec::new();
            for mut batch in take_full {
                if let Some(others) = batch.outputs.take() {
                    outputs.flush()?;
                    let before = std::mem::replace(&mut outputs, others);
                    // It may have much to say to a server that is slow, which nobody else need wait for.
                    ending.retain(|thread| !thread.is_finished());
                    let end =
                        thread::Builder::new().name("outputs before".into()).spawn(move || drop(before));
                    ending.extend(end);
                }
                if batch.reopen {
                    outputs.reopen();
                }
                outputs.send(batch.lines(), batch.flush)?;
                batch.clear();
                // Nobody may want it any more.
                let _ = give_back.try_send(batch);
            }
            let flushed = outputs.flush();
            drop(outputs);
            // What makes one panic is on standard error.
            ending.into_iter().for_each(|thread| drop(thread.join()));
            flushed
        });
        let writer = Some(writer.context("can't start the thread that writes alerts")?);
        Ok(Self { full: Some(full), empty, batch: Batch::default(), unflushed: false, writer })
    }

    /// A way in for another thread; the queue ends only when it is gone.
    ///
    /// # Errors
    /// The outputs are closed.
    pub fn side(&self) -> Result<Side> {
        self.full.clone().map(Side).context("the outputs are closed")
    }

    /// Where alerts are added; call [`Queue::offer`] then.
    pub fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Hands on what was added, if the writer has time; waits for it only when there is much.
    ///
    /// # Errors
    /// What ended the writer: standard output is gone.
    pub fn offer(&mut self) -> Result<()> {
        if self.batch.is_nothing() {
            return Ok(());
        }
        let Some(full) = &self.full else { bail!("the outputs are closed") };
        let next = self.empty.try_recv().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        let flush = batch.flush;
        let wait = batch.bytes.len() >= FULL || batch.flush || batch.reopen || batch.outputs.is_some();
        let sent = match wait {
            true => full.send(batch).map_err(|_| None),
            false => full.try_send(batch).map_err(|error| match error {
                TrySendError::Full(batch) => Some(batch),
                TrySendError::Disconnected(_) => None,
            }),
        };
        match sent {
            Ok(()) => {
                self.unflushed = !flush;
                Ok(())
            }
            Err(Some(batch)) => {
                self.batch = batch;
                Ok(())
            }
            Err(None) => self.close(),
        }
    }

    /// Has everything written, whether outputs are buffered or not.
    pub fn flush(&mut self) -> Result<()> {
        self.batch.flush = self.unflushed || !self.batch.lines.is_empty();
        self.offer()
    }

    /// Has files opened again.
    pub fn reopen(&mut self) -> Result<()> {
        self.batch.reopen = true;
        self.offer()
    }

    /// Has what is added from here on written to other outputs.
    pub fn replace(&mut self, outputs: Outputs) -> Result<()> {
        self.batch.flush = true;
        self.offer()?;
        self.batch.outputs = Some(outputs);
        self.offer()
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// As for [`Queue::offer`].
    pub fn close(&mut self) -> Result<()> {
        if let Some(full) = self.full.take() {
            // A writer that is gone says why below.
            let _ = full.send(std::mem::take(&mut self.batch));
        }
        match self.writer.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => bail!("the thread that writes alerts has failed"),
        }
    }
}

/// Where another thread than the one that tests events hands on alerts.
pub struct Side(SyncSender<Batch>);

impl Side {
    /// Hands on one alert, and waits until the writer has time for it; answers whether there is a writer.
    pub fn send(&self, severity: u8, line: &str) -> bool {
        let mut batch = Batch { flush: true, ..Batch::default() };
        batch.add(severity, |out| out.extend_from_slice(line.as_bytes()));
        self.0.send(batch).is_ok()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // Who wants to know the error calls `close`.
        let _ = self.close();
    }
}
