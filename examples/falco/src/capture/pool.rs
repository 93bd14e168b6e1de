//! Buffers of events that are used again: memory from the system costs more than what is written to it.

use std::sync::{Arc, Mutex, PoisonError};

use super::frames::{BATCH, Frames};

/// Most buffers that are kept.
const MOST: usize = 64;
/// Room in a new buffer: the last event may be longer than what is left of a batch.
const ROOM: usize = BATCH + (64 << 10);

/// Empty buffers, which whoever fills them and whoever empties them share.
#[derive(Clone, Default)]
pub struct Pool(Arc<Mutex<Vec<Frames>>>);

impl Pool {
    /// An empty buffer.
    pub fn take(&self) -> Frames {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Frames::with_capacity(ROOM))
    }

    /// Takes a buffer back, unless there are enough.
    pub fn put(&self, mut frames: Frames) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            frames.clear();
            kept.push(frames);
        }
    }
}
