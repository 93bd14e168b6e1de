//! Metadata of containers, from the sockets of container runtimes, in the background.
//!
//! ```text
//!   Inspector ──request──> queue ──> worker thread: Docker, Podman: HTTP; containerd, CRI-O: gRPC
//!       ^                               │ repeated with longer pauses, until a runtime knows it
//!       │                               │ and whenever a runtime's stream of events reports a new container
//!       └──────────────── queue <───────┘
//! ```
//!
//! A runtime can neither delay events or another runtime nor fill memory: every exchange has a timeout,
//! every runtime has its own slots, and every response, every text in it and every queue has a maximum
//! size.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::lookups::{ContainerLookup, Mailbox, RuntimeStats, mailbox};
use crate::service::Service;
use crate::state::SHORT_ID;

mod containerd;
mod cri;
mod docker;
mod id;
mod image;
mod metadata;
mod options;
mod pursuit;
mod shared;
mod sources;
mod spec;
mod stats;
mod storage;
mod task;
#[cfg(test)]
mod tests;
mod watch;
mod wire;
mod worker;

pub use options::{Api, Endpoint, Options};

/// Maximum number of waiting ids and results. Requests without room are repeated later.
const QUEUE: usize = 1024;

/// Lookups in the runtimes of this machine, in a separate thread. Dropping this ends the thread.
#[derive(Debug)]
pub struct Runtimes {
    requests: mpsc::Sender<String>,
    results: Mailbox<serde_json::Value>,
    tally: stats::Tally,
}

impl Runtimes {
    /// Starts the thread. With [`Options::follow`], it follows the runtimes' events at once.
    ///
    /// # Errors
    /// The system cannot start a thread or create its event loop.
    pub fn start(options: Options) -> std::io::Result<Self> {
        let (requests, mut incoming) = mpsc::channel(QUEUE);
        let (sender, results) = mailbox(QUEUE);
        let tally = stats::Tally::default();
        let shared = Arc::new(shared::Shared::new(options, sender, tally.clone(), requests.downgrade()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        if shared.options.follow {
            runtime.spawn(watch::follow_all(shared.clone()));
        }
        Service::start(task::THREAD, move || runtime.block_on(worker::serve(&shared, &mut incoming)))?;
        Ok(Self { requests, results, tally })
    }
}

impl ContainerLookup for Runtimes {
    fn request(&mut self, id: &[u8]) -> bool {
        match id::checked(id) {
            Some(id) => self.requests.try_send(id.to_owned()).is_ok(),
            None => true,
        }
    }

    fn take_result(&mut self) -> Option<serde_json::Value> {
        self.results.take()
    }

    fn stats(&self) -> RuntimeStats {
        self.tally.stats()
    }
}
