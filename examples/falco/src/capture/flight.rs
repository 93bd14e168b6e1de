//! The flight recorder: the events before an alert, in memory.
//!
//! ```text
//!   snapshot | events | events | …    snapshot | events | …    snapshot | events
//!   └──────── a chunk ─────────┘      └──── a chunk ────┘      └── the newest ─┘
//! ```
//! Each chunk can be read by itself. The recorder drops the oldest chunk as a whole when the memory is used
//! up, or when all events of that chunk are older than the pre-roll.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Result;
use eyas::scap::{Frames, Loss, Snapshot, Writer};
use rustix::time::{ClockId, clock_gettime};

use super::pool::{MAX_POOLED, Pool};
use super::written::{is_full, write};

/// Compression begins when this fraction of the memory is used. Before that, it would only cost time.
const SHORT: f64 = 0.75;
/// Compression may use this fraction of a core …
const OF_A_CORE: f64 = 0.002;
/// … or this fraction of the program's processor time, whichever is more. Batches for which there is no
/// time stay uncompressed.
const OF_THE_PROGRAM: f64 = 0.01;
/// Approximate time to compress one byte, ns.
const NS_A_BYTE: u64 = 20;
/// Compression is not worthwhile if there is time for less than 1/`FEW` of the events: the memory then holds hardly more of
/// them.
const FEW: f64 = 16.0;
/// States stay uncompressed, unless one takes more than 1/`STATES` of the memory.
const STATES: usize = 16;

/// The limits of a flight recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time before the alert at which a capture begins, ns.
    pub pre_roll: u64,
    /// Maximum number of bytes in memory.
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
    /// Losses after which this state is in doubt.
    losses: Vec<Loss>,
    /// The events of the previous chunk do not lead to this state.
    is_apart: bool,
    batches: Vec<Batch>,
    /// Number of compressed batches, which are the oldest ones.
    compressed: usize,
}

/// The state of the system.
enum State {
    /// Uncompressed, with its size in bytes.
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

    /// Returns the buffer to the pool, which keeps at most `most` bytes of buffers.
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
    /// An empty recorder. Buffers that are no longer needed go to `pool`.
    pub fn new(limits: Limits, pool: Pool) -> Self {
        Self { limits, chunks: VecDeque::new(), size: 0, compression: Compression::begin(), pool }
    }

    /// Changes the limits.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        self.trim();
    }

    /// Begins a chunk. `is_apart` means that the previous events do not lead to this state: some are
    /// missing, or another capture begins. After these losses, the state is in doubt.
    ///
    /// # Errors
    /// The snapshot does not fit the file format.
    pub fn begin(&mut self, snapshot: Box<Snapshot>, losses: Vec<Loss>, is_apart: bool) -> Result<()> {
        let size = snapshot.size();
        let state = match size > self.limits.memory / STATES {
            true => {
                let compress = || Writer::compress(|writer| writer.snapshot(&snapshot));
                State::Compressed(self.compression.time(compress)?)
            }
            false => State::Plain(snapshot, size),
        };
        self.size += state.size();
        self.chunks.push_back(Chunk { state, losses, is_apart, batches: Vec::new(), compressed: 0 });
        self.trim();
        Ok(())
    }

    /// Adds events.
    pub fn add(&mut self, frames: Frames) {
        let Some(chunk) = self.chunks.back_mut() else { return self.pool.put(frames, MAX_POOLED) };
        self.size += frames.size();
        chunk.batches.push(Batch::Plain(frames));
        self.trim();
    }

    /// Compresses uncompressed batches, the oldest first, while memory is short and the time limit allows
    /// it.
    pub fn compress(&mut self) {
        let enough = (self.limits.memory as f64 * SHORT) as usize;
        if self.size < enough || !self.compression.is_worthwhile(self.size, self.span()) {
            return;
        }
        for chunk in &mut self.chunks {
            while let Some(batch) = chunk.batches.get_mut(chunk.compressed) {
                if self.size < enough || !self.compression.has_time(batch.size()) {
                    return;
                }
                if let Batch::Plain(frames) = batch
                    && let Some(compressed) = self.compression.time(|| compressed(frames))
                {
                    self.size = self.size - frames.size() + compressed.size();
                    std::mem::replace(batch, compressed).give_back(&self.pool, MAX_POOLED);
                }
                chunk.compressed += 1;
            }
        }
    }

    /// Writes the events of the pre-roll before the event at `ts`, starting with the newest chunk that
    /// begins before the pre-roll. Stops when the capture has `limit` bytes, unless `limit` is 0. Returns
    /// the number of written events, or `None` if the recorder is empty.
    ///
    /// # Errors
    /// The writer fails.
    pub fn write(&self, writer: &mut Writer, ts: u64, limit: u64) -> Result<Option<u64>> {
        let since = ts.saturating_sub(self.limits.pre_roll);
        let is_before = |chunk: &Chunk| chunk.batches.first().is_some_and(|batch| batch.span().0 <= since);
        let from = self.chunks.iter().rposition(is_before).unwrap_or(0);
        let mut events = None;
        for chunk in self.chunks.iter().skip(from) {
            if events.is_none() || chunk.is_apart {
                chunk.state.write(writer)?;
                // The losses since the first chunk were written with the events, and are not counted again.
                let is_first = events.is_none();
                let count = |loss: &Loss| if is_first { *loss } else { Loss { events: 0, ..*loss } };
                writer.losses(&chunk.losses.iter().map(count).collect::<Vec<_>>());
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

    /// Time from the first event to the last one, ns.
    fn span(&self) -> u64 {
        let mut batches = self.chunks.iter().flat_map(|chunk| &chunk.batches);
        let first = batches.next().map_or(0, |batch| batch.span().0);
        batches.next_back().map_or(0, |batch| batch.span().1).saturating_sub(first)
    }

    /// Drops the oldest chunks, while they take too much memory or are too old.
    fn trim(&mut self) {
        let newest = self.chunks.iter().rev().find_map(|chunk| chunk.batches.last());
        let since = newest.map_or(0, |batch| batch.span().1).saturating_sub(self.limits.pre_roll);
        while self.size > self.limits.memory || self.is_first_too_old(since) {
            let Some(chunk) = self.chunks.pop_front() else { return };
            self.size -= chunk.state.size() + chunk.batches.iter().map(Batch::size).sum::<usize>();
            // The memory of the recorder includes empty buffers.
            let most = self.limits.memory.saturating_sub(self.size).max(MAX_POOLED);
            chunk.batches.into_iter().for_each(|batch| batch.give_back(&self.pool, most));
        }
    }

    fn is_first_too_old(&self, since: u64) -> bool {
        let second = self.chunks.get(1).and_then(|chunk| chunk.batches.first());
        second.is_some_and(|batch| batch.span().0 <= since)
    }
}

/// The same events, compressed; `None` if compression fails.
fn compressed(frames: &Frames) -> Option<Batch> {
    let (first, last) = frames.span();
    let mut events = 0;
    let written = Writer::compress(|writer| {
        events = write(frames, writer, 0)?.written;
        Ok(())
    });
    Some(Batch::Compressed { bytes: written.ok()?, events, first, last })
}

/// Processor time that compression has used and may use.
struct Compression {
    began: Instant,
    /// Processor time of the program before that.
    before: Duration,
    spent: Duration,
}

impl Compression {
    fn begin() -> Self {
        Self { began: Instant::now(), before: used(ClockId::ProcessCPUTime), spent: Duration::ZERO }
    }

    /// Whether there is time to compress this many more bytes.
    fn has_time(&self, bytes: usize) -> bool {
        self.spent + Duration::from_nanos(NS_A_BYTE * bytes as u64) < self.allowed()
    }

    /// Whether there is time to compress more than a few of the events, if this many bytes come in this time, ns.
    fn is_worthwhile(&self, bytes: usize, span: u64) -> bool {
        let part_of_a_core = self.allowed().div_duration_f64(self.began.elapsed());
        part_of_a_core * span as f64 * FEW >= (NS_A_BYTE * bytes as u64) as f64
    }

    /// Time for compression since the beginning.
    fn allowed(&self) -> Duration {
        let program = used(ClockId::ProcessCPUTime).saturating_sub(self.before).mul_f64(OF_THE_PROGRAM);
        program.max(self.began.elapsed().mul_f64(OF_A_CORE))
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
