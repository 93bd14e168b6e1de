//! How alerts get where they go.
//!
//! ```text
//! event loop ──> Outputs ──> Channel: Queue ──> thread ──> Output: stdout, file, ...
//!                   └──────> Channel: ...
//! ```
//! An output is a file and a row in `outputs`. Each that is enabled has a bounded queue and a thread of its own.
//! The event loop never waits for one: alerts that find no room in a queue are lost to that output alone, and counted. A
//! replay, whose events can wait, does so as long as the output makes progress.

mod alert;
mod channel;
mod deliver;
mod dispatch;
mod hub;
mod lines;
mod losses;
mod queue;
mod reload;
mod row;
mod text;
mod translated;

pub use alert::{Alert, Batch};
pub use channel::Channel;
#[cfg(test)]
pub use deliver::with_cx;
pub use deliver::{AGAIN, Cx, Failure, Output};
pub use dispatch::Outputs;
pub use hub::{Counts, Hub, Settings};
pub use lines::Lines;
#[cfg(feature = "grpc")]
pub use queue::Limits;
pub use reload::Change;
pub use row::{Reload, Row, Section};
pub use text::reason;
