//! Reusable buffers for events: to get memory from the system costs more than to write the events.

use std::sync::{Arc, Mutex, PoisonError};

use eyas::scap::Frames;

/// Maximum number of bytes of buffers that are kept without a flight recorder.
pub const MAX_POOLED: usize = 12 << 20;
/// Extra size of a new buffer: the last event of a batch may be longer than the rest of the batch's size.
const ROOM: usize = 64 << 10;

/// Empty buffers, shared by the threads that fill and empty them.
#[derive(Clone, Default)]
pub struct Pool(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    buffers: Vec<Frames>,
    /// Capacity of all buffers, bytes.
    bytes: usize,
}

impl Pool {
    /// An empty buffer for a batch of this many bytes.
    pub fn take(&self, batch: usize) -> Frames {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(buffer) = kept.buffers.pop() {
            kept.bytes -= buffer.capacity();
            // A much larger buffer would take more memory than is counted for its events.
            if (batch..=2 * (batch + ROOM)).contains(&buffer.capacity()) {
                return buffer;
            }
        }
        Frames::with_capacity(batch + ROOM)
    }

    /// Takes a buffer back, unless the pool already has `most` bytes.
    pub fn put(&self, mut frames: Frames, most: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + frames.capacity() <= most {
            frames.clear();
            kept.bytes += frames.capacity();
            kept.buffers.push(frames);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_fit_their_batches_and_are_bounded() {
        let pool = Pool::default();
        let large = pool.take(1 << 20);
        let room = large.capacity();
        pool.put(large, MAX_POOLED);
        assert_eq!(pool.take(1 << 20).capacity(), room);
        pool.put(Frames::with_capacity(room), MAX_POOLED);
        assert!(pool.take(1 << 17).capacity() < room, "a small batch in a large buffer");
        (0..100).for_each(|_| pool.put(Frames::with_capacity(1 << 20), MAX_POOLED));
        let kept = pool.0.lock().unwrap();
        assert!((MAX_POOLED / 2..=MAX_POOLED).contains(&kept.bytes), "{}", kept.bytes);
        assert_eq!(kept.bytes, kept.buffers.iter().map(Frames::capacity).sum::<usize>());
    }
}
