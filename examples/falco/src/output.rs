//! Delivery of alerts.
//!
//! ```text
//! event loop ──> Outputs ──> Channel: Queue ──> thread ──> Output: stdout, file, ...
//!                   └──────> Channel: ...
//! ```
//! An output is a source file and a row in `outputs`. Each enabled output has a bounded queue and its own
//! thread. The event loop never waits for an output: if a queue is full, only that output loses the alerts,
//! which are counted. In a replay, events can wait, so the loop waits as long as the output makes progress.

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
pub use deliver::{AGAIN, Cx, Failure, NO_READER, NO_REPLY, Output};
pub use dispatch::Outputs;
pub use hub::{Counts, Hub, Settings};
pub use lines::{Lines, most_of, whole_lines};
#[cfg(feature = "grpc")]
pub use queue::Limits;
pub use reload::Change;
pub use row::{Reload, Row, Section};
pub use text::reason;
