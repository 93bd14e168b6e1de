//! What time it is.

use std::time::SystemTime;

/// Nanoseconds since the epoch, as events have their times; 0 before it.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
