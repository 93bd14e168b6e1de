//! The flight recorder: what happened before an alert, in memory.
//!
//! ```text
//!   snapshot | events | events | …    snapshot | events | …    snapshot | events
//!   └──────── a chunk ─────────┘      └──── a chunk ────┘      └── the newest ─┘
//! ```
//! Each chunk can be read by itself. The oldest is dropped as a whole when the memory is used up, or when all its events are
//! older than the pre-roll.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Result;
use eyas::scap::{Frames, Snapshot, Writer};
use rustix::time::{ClockId, clock_gettime};

use super::pool::{MOST, Pool};
use super::written::{is_full, write};

/// Compressing begins when this part of the memory is used up: before, all that it does is to cost.
const SHORT: f64 = 0.75;
/// Compressing may take this part of a core …
const OF_A_CORE: f64 = 0.002;
/// … or this part of what the program uses, whichever is more. What there is no time for stays as it is.
const OF_THE_PROGRAM: f64 = 0.01;
/// About what compressing a byte takes.
const NS_A_BYTE: u64 = 20;
/// States are kept as they are, unless one takes more than one in so many parts of the memory.
const STATES: usize = 16;

/// The limits of a flight recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long before an alert a capture begins, ns.
    pub pre_roll: u64,
    /// Bytes that may be kept.
    pub memory: usize,
}

/// The last events, with the state before them.
pub struct FlightRecorder {
    limits: Limits,
    chunks: VecDeque<Chunk>,
    /// Bytes of all chunks.
    size: usize,
    compression: Compression,
    pool: Pool,
}

/// A snapshot and the events after it.
struct Chunk {
    state: State,
    /// The state is another one than that which the chunk before leads to.
    is_apart: bool,
    batches: Vec<Batch>,
    /// How many of the batches are compressed: those that came first.
    compressed: usize,
}

/// The state of the system.
enum State {
    /// With its size, bytes.
    Plain(Box<Snapshot>, usize),
    Compressed(Vec<u8>),
}

impl State {
    fn size(&self) -> usize {
        match self {
            Self::Plain(_, size) => *size,
            Self::Compressed(bytes) => bytes.len(),
        }
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        match self {
            Self::Plain(snapshot, _) => writer.snapshot(snapshot)?,
            Self::Compressed(bytes) => writer.append(bytes)?,
        }
        Ok(())
    }
}

/// Events one after the other.
enum Batch {
    Plain(Frames),
    Compressed { bytes: Vec<u8>, events: u64, first: u64, last: u64 },
}

impl Batch {
    fn size(&self) -> usize {
        match self {
            Self::Plain(frames) => frames.size(),
            Self::Compressed { bytes, .. } => bytes.len(),
        }
    }

    /// Has the buffer used again, as far as `most` bytes of buffers go.
    fn give_back(self, pool: &Pool, most: usize) {
        if let Self::Plain(frames) = self {
            pool.put(frames, most);
        }
    }

    /// Times of the first and the last event, ns.
    fn span(&self) -> (u64, u64) {
        match self {
            Self::Plain(frames) => frames.span(),
            Self::Compressed { first, last, .. } => (*first, *last),
        }
    }
}

impl FlightRecorder {
    /// Nothing yet; buffers that are no longer needed go to `pool`.
    pub fn new(limits: Limits, pool: Pool) -> Self {
        Self { limits, chunks: VecDeque::new(), size: 0, compression: Compression::begin(), pool }
    }

    /// Goes on with other limits.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        self.trim();
    }

    /// Begins a chunk. `is_apart` says that the events before do not lead to this state: some are missing, or another
    /// capture begins.
    ///
    /// # Errors
    /// The snapshot can't be written: the format has no room for it.
    pub fn begin(&mut self, snapshot: Box<Snapshot>, is_apart: bool) -> Result<()> {
        let size = snapshot.size();
        let state = match size > self.limits.memory / STATES {
            true => {
                let compress = || Writer::compress(|writer| writer.snapshot(&snapshot));
                State::Compressed(self.compression.time(compress)?)
            }
            false => State::Plain(snapshot, size),
        };
        self.size += state.size();
        self.chunks.push_back(Chunk { state, is_apart, batches: Vec::new(), compressed: 0 });
        self.trim();
        Ok(())
    }

    /// Adds events.
    pub fn add(&mut self, frames: Frames) {
        let Some(chunk) = self.chunks.back_mut() else { return self.pool.put(frames, MOST) };
        self.size += frames.size();
        chunk.batches.push(Batch::Plain(frames));
        self.trim();
    }

    /// Compresses what is not yet, oldest first, as long as the memory is short and that may take.
    pub fn compress(&mut self) {
        let enough = (self.limits.memory as f64 * SHORT) as usize;
        for chunk in &mut self.chunks {
            while let Some(batch) = chunk.batches.get_mut(chunk.compressed) {
                if self.size < enough || !self.compression.has_time(batch.size()) {
                    return;
                }
                if let Batch::Plain(frames) = batch
                    && let Some(compressed) = self.compression.time(|| compressed(frames))
                {
                    self.size = self.size - frames.size() + compressed.size();
                    std::mem::replace(batch, compressed).give_back(&self.pool, MOST);
                }
                chunk.compressed += 1;
            }
        }
    }

    /// Writes what happened in the pre-roll before the event at `ts`: from the newest chunk on that begins before it.
    /// Ends where the capture has `limit` bytes, unless that is 0. Returns how many events were written, or `None` if
    /// nothing is kept.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, writer: &mut Writer, ts: u64, limit: u64) -> Result<Option<u64>> {
        let since = ts.saturating_sub(self.limits.pre_roll);
        let is_before = |chunk: &Chunk| chunk.batches.first().is_some_and(|batch| batch.span().0 <= since);
        let from = self.chunks.iter().rposition(is_before).unwrap_or(0);
        let mut events = None;
        for chunk in self.chunks.iter().skip(from) {
            if events.is_none() || chunk.is_apart {
                chunk.state.write(writer)?;
            }
            let events = events.get_or_insert(0);
            for batch in &chunk.batches {
                *events += match batch {
                    _ if is_full(writer, limit) => return Ok(Some(*events)),
                    Batch::Plain(frames) => write(frames, writer, limit)?.written,
                    Batch::Compressed { bytes, events, .. } => {
                        writer.append(bytes)?;
                        *events
                    }
                };
            }
        }
        Ok(events)
    }

    /// Drops the oldest chunks, as long as they are too many or too old.
    fn trim(&mut self) {
        let newest = self.chunks.iter().rev().find_map(|chunk| chunk.batches.last());
        let since = newest.map_or(0, |batch| batch.span().1).saturating_sub(self.limits.pre_roll);
        while self.size > self.limits.memory || self.is_first_too_old(since) {
            let Some(chunk) = self.chunks.pop_front() else { return };
            self.size -= chunk.state.size() + chunk.batches.iter().map(Batch::size).sum::<usize>();
            // Buffers that wait for events are of the memory, too.
            let most = self.limits.memory.saturating_sub(self.size).max(MOST);
            chunk.batches.into_iter().for_each(|batch| batch.give_back(&self.pool, most));
        }
    }

    fn is_first_too_old(&self, since: u64) -> bool {
        let second = self.chunks.get(1).and_then(|chunk| chunk.batches.first());
        second.is_some_and(|batch| batch.span().0 <= since)
    }
}

/// The same events, compressed; `None` if they can't be.
fn compressed(frames: &Frames) -> Option<Batch> {
    let (first, last) = frames.span();
    let mut events = 0;
    let written = Writer::compress(|writer| {
        events = write(frames, writer, 0)?.written;
        Ok(())
    });
    Some(Batch::Compressed { bytes: written.ok()?, events, first, last })
}

/// How much of the processors' time compressing has taken, and may take.
struct Compression {
    began: Instant,
    spent: Duration,
}

impl Compression {
    fn begin() -> Self {
        Self { began: Instant::now(), spent: Duration::ZERO }
    }

    /// Whether there is time for so many bytes more.
    fn has_time(&self, bytes: usize) -> bool {
        let program = used(ClockId::ProcessCPUTime).mul_f64(OF_THE_PROGRAM);
        let then = self.spent + Duration::from_nanos(NS_A_BYTE * bytes as u64);
        then < program.max(self.began.elapsed().mul_f64(OF_A_CORE))
    }

    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = used(ClockId::ThreadCPUTime);
        let outcome = work();
        self.spent += used(ClockId::ThreadCPUTime).saturating_sub(before);
        outcome
    }
}

fn used(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}
