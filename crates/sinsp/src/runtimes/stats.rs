//! What look-ups came to: failures are counted, and the last one is kept.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::wire::Error;
use crate::lookups::RuntimeStats;

/// The counters that all tasks share.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Mutex<RuntimeStats>>);

impl Tally {
    pub(super) fn stats(&self) -> RuntimeStats {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn lookup(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).lookups += 1;
    }

    /// Counts an exchange that failed, and logs it if the one before failed in another way.
    pub(super) fn failure(&self, socket: &Path, error: &Error) {
        let text = format!("{}: {error}", socket.display());
        let mut stats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stats.failures += 1;
        #[cfg(feature = "tracing")]
        if stats.last_error.as_deref() == Some(&text) {
            tracing::debug!(socket = %socket.display(), %error, "a container runtime failed again");
        } else {
            tracing::warn!(socket = %socket.display(), %error, "a container runtime failed");
        }
        stats.last_error = Some(text);
    }
}
