//! Decides where the chunks of the flight recorder begin.

use std::time::Duration;

use super::flight::Limits;

/// A chunk begins at the latest when the events since the last one take 1/`MIN_CHUNKS` of the memory.
const MIN_CHUNKS: usize = 2;
/// If time allows, a chunk takes 1/`USUAL` of the memory, or of the pre-roll.
const USUAL: usize = 8;
/// Bytes of events in one message to the thread that keeps them: at most this number …
const WORTH_WAKING: usize = 1 << 20;
/// … or this part of the memory.
const BATCHES: usize = 32;
/// A chunk is not worthwhile for fewer bytes of events.
const SMALL: usize = 256 << 10;
/// Minimum time between two chunks, as a multiple of the time to copy the state.
const PAUSE: u64 = 1_000;

/// Decides by time and bytes when a chunk begins.
pub struct Chunks {
    pub limits: Limits,
    /// Time of the first event of the newest chunk, ns; `None` before the first chunk, and when events are
    /// missing.
    begun: Option<u64>,
    /// Events are missing.
    pub has_gap: bool,
    /// Bytes of events since then.
    bytes: usize,
    /// Time that the last copy of the state took, ns.
    cost: u64,
    /// No chunk is due before this time, ns, unless there are many bytes of events.
    not_before: u64,
}

impl Chunks {
    pub fn new(limits: Limits) -> Self {
        Self { limits, begun: None, has_gap: false, bytes: 0, cost: 0, not_before: 0 }
    }

    /// Whether a chunk should begin with the event at this time, ns. `waiting` is the number of bytes of
    /// events that were not passed on yet.
    #[inline]
    pub fn is_due(&self, ts: u64, waiting: usize) -> bool {
        let bytes = self.bytes + waiting;
        if ts < self.not_before && bytes < self.limits.memory / USUAL {
            return false;
        }
        self.is_due_now(ts, bytes)
    }

    fn is_due_now(&self, ts: u64, bytes: usize) -> bool {
        let Some(begun) = self.begun else { return true };
        let Limits { pre_roll, memory } = self.limits;
        if bytes < SMALL.min(memory / USUAL) {
            return ts.saturating_sub(begun) >= pre_roll;
        }
        let age = ts.saturating_sub(begun);
        bytes >= memory / MIN_CHUNKS
            || (age >= PAUSE.saturating_mul(self.cost)
                && (bytes >= memory / USUAL || age >= pre_roll / USUAL as u64))
    }

    /// Bytes of events that are passed on together.
    pub fn batch(&self) -> usize {
        (self.limits.memory / BATCHES).min(WORTH_WAKING)
    }

    /// Records that a chunk begins with the event at this time, ns, and how long copying the state took.
    pub fn begin(&mut self, ts: u64, cost: Duration) {
        let cost = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        let pre_roll = self.limits.pre_roll;
        let usual = pre_roll.min(PAUSE.saturating_mul(cost).max(pre_roll / USUAL as u64));
        *self =
            Self { begun: Some(ts), cost, not_before: ts.saturating_add(usual), ..Self::new(self.limits) };
    }

    /// Records that events were passed on.
    pub fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Records that events are missing. The next events then need a new chunk with its own state.
    pub fn note_gap(&mut self) {
        (self.begun, self.has_gap, self.not_before) = (None, true, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn chunks_are_parts_of_the_time_and_the_memory() {
        let mut chunks = Chunks::new(Limits { pre_roll: 8 * S, memory: 8 << 20 });
        assert!(chunks.is_due(5, 0), "none has begun");
        chunks.begin(5, Duration::from_micros(100));
        assert!(!chunks.is_due(5 + 7 * S, 100), "a few events");
        assert!(chunks.is_due(5 + 8 * S, 100), "the first events are older than the pre-roll");
        assert!(chunks.is_due(5 + S, SMALL));
        assert!(!chunks.is_due(5 + S / 2, SMALL));
        assert!(chunks.is_due(5 + S / 2, 1 << 20));
        chunks.begin(5, Duration::from_millis(10));
        assert!(!chunks.is_due(5 + S / 2, 1 << 20), "the last copy of the state took too long");
        chunks.count(3 << 20);
        assert!(chunks.is_due(5 + S / 2, 1 << 20), "half of the memory");
        chunks.begin(S, Duration::ZERO);
        chunks.note_gap();
        assert!(chunks.is_due(S, 0) && chunks.has_gap);
    }
}
