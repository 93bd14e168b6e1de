//! The gRPC server that gives alerts to who asks: `grpc` and `grpc_output`.
//!
//! ```text
//! output ──> Feed ──> Subscription ──> sub
//!             └─────> Fetch ─────────> get
//! ```
//! Services, messages and numbers are those of Falco 0.43, the last one that had them; `proto` has files of them for clients.
//! Whoever is slow to read loses alerts, which are counted; nothing here waits for a client.

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

/// What the output fills and the server empties. The program has one, as it has one server; outputs come and go.
pub fn feed() -> &'static Arc<Feed> {
    static FEED: LazyLock<Arc<Feed>> = LazyLock::new(Arc::default);
    &FEED
}

/// Starts the server that the configuration asks for. It serves until it is dropped.
///
/// # Errors
/// The address or a certificate can't be had.
pub fn start(config: &Config) -> Result<Option<Server>> {
    if !config.grpc.enabled {
        return Ok(None);
    }
    match Server::start(&config.grpc, feed()) {
        // With the configuration of a program that captures and has the socket: a replay beside it needs none.
        Err(error) if config.engine.is_replay() => {
            log::warning(&format!("{error:#}; the replay goes on without"));
            feed().switch_off();
            Ok(None)
        }
        server => server.map(Some),
    }
}
