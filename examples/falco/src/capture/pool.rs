//! Buffers of events that are used again: memory from the system costs more than what is written to it.

use std::sync::{Arc, Mutex, PoisonError};

use eyas::scap::Frames;

/// Most bytes of buffers that are kept where no flight recorder has memory for them.
pub const MOST: usize = 12 << 20;
/// Room in a new buffer beside that for a batch: its last event may be longer than what is left of that.
const ROOM: usize = 64 << 10;

/// Empty buffers, which whoever fills them and whoever empties them share.
#[derive(Clone, Default)]
pub struct Pool(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    buffers: Vec<Frames>,
    /// Room in all of them, bytes.
    bytes: usize,
}

impl Pool {
    /// An empty buffer for a batch of so many bytes.
    pub fn take(&self, batch: usize) -> Frames {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(buffer) = kept.buffers.pop() {
            kept.bytes -= buffer.capacity();
            // One that is far larger would take more memory than is counted for its events.
            if (batch..=2 * (batch + ROOM)).contains(&buffer.capacity()) {
                return buffer;
            }
        }
        Frames::with_capacity(batch + ROOM)
    }

    /// Takes a buffer back, unless there are `most` bytes of them.
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
        pool.put(large, MOST);
        assert_eq!(pool.take(1 << 20).capacity(), room);
        pool.put(Frames::with_capacity(room), MOST);
        assert!(pool.take(1 << 17).capacity() < room, "a small batch in a large buffer");
        (0..100).for_each(|_| pool.put(Frames::with_capacity(1 << 20), MOST));
        let kept = pool.0.lock().unwrap();
        assert!((MOST / 2..=MOST).contains(&kept.bytes), "{}", kept.bytes);
        assert_eq!(kept.bytes, kept.buffers.iter().map(Frames::capacity).sum::<usize>());
    }
}
