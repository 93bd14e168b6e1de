//! Statistics of lookups: failures by socket, with the last one of each.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eyas_fields::path_text;

use super::wire::Error;
use crate::lookups::{RuntimeStats, SocketStats};

/// Maximum number of sockets with separate counters.
const MAX_SOCKETS: usize = 256;

/// The counters that all tasks share.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Mutex<RuntimeStats>>);

impl Tally {
    fn lock(&self) -> MutexGuard<'_, RuntimeStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stats(&self) -> RuntimeStats {
        self.lock().clone()
    }

    pub(super) fn lookup(&self) {
        self.lock().lookups += 1;
    }

    /// Records that the runtime responds.
    pub(super) fn success(&self, socket: &Path) {
        let mut stats = self.lock();
        if let Some(failing) = stats.sockets.iter_mut().find(|stats| stats.socket == socket) {
            failing.error = None;
        }
    }

    /// Counts a failed exchange. Programs log it: see [`RuntimeStats::sockets`].
    pub(super) fn failure(&self, socket: &Path, error: &Error) {
        let text = error.to_string();
        let mut stats = self.lock();
        stats.failures += 1;
        stats.last_error = Some(format!("{}: {text}", path_text(socket.as_os_str().as_encoded_bytes())));
        let known = stats.sockets.iter().position(|stats| stats.socket == socket);
        let at = known.unwrap_or_else(|| {
            if stats.sockets.len() >= MAX_SOCKETS {
                stats.sockets.remove(0);
            }
            stats.sockets.push(SocketStats::new(socket, 0, None));
            stats.sockets.len() - 1
        });
        let failing = &mut stats.sockets[at];
        failing.failures += 1;
        #[cfg(feature = "tracing")]
        tracing::debug!(socket = %socket.display(), %error, "a container runtime failed");
        failing.error = Some(text);
    }
}
