//! The gRPC server that sends alerts to clients: `grpc` and `grpc_output`.
//!
//! ```text
//! output ──> Feed ──> Subscription ──> sub
//!             └─────> Fetch ─────────> get
//! ```
//! Services, messages and numbers are those of Falco 0.43, the last version with gRPC; `proto` has the
//! files for clients. Slow clients lose alerts, which are counted. The program never waits for a client.

use std::sync::{Arc, LazyLock};

use anyhow::Result;

use crate::config::Config;
use crate::log;

mod authority;
mod codec;
mod feed;
mod listen;
mod messages;
mod methods;
mod server;

pub use feed::{Feed, Lost};
pub use messages::alert;
use server::Server;

/// The queue that the output fills and the server empties. The program has one feed for its one server;
/// outputs may be replaced.
pub fn feed() -> &'static Arc<Feed> {
    static FEED: LazyLock<Arc<Feed>> = LazyLock::new(Arc::default);
    &FEED
}

/// Starts the server, if the configuration enables it. It serves until it is dropped.
///
/// # Errors
/// The address or a certificate is not available.
pub fn start(config: &Config) -> Result<Option<Server>> {
    if !config.grpc.enabled {
        return Ok(None);
    }
    match Server::start(&config.grpc, feed()) {
        // A replay may use the configuration of a capturing falco, which already has the socket. The replay
        // does not need the server.
        Err(error) if config.engine.is_replay() => {
            log::warning(&format!("{error:#}; the replay continues without the server"));
            feed().switch_off();
            Ok(None)
        }
        server => server.map(Some),
    }
}
