//! Where alerts go.
//!
//! ```text
//! event loop ──> Outputs ──> Channel: Queue ──> thread ──> Output: stdout, file, ...
//!                   └──────> Channel: ...
//! ```
//! An output is a row of [`OUTPUTS`] and a file here, which has its section of the configuration and delivers. Each that is
//! enabled has a bounded queue and a thread of its own.
//! The event loop never waits for one: alerts that find no room in a queue are lost to that output alone, and counted. A
//! replay, whose events can wait, does so as long as the output makes progress.

use std::io::{self, ErrorKind};

mod alert;
mod channel;
pub mod file;
pub mod http;
mod hub;
mod lines;
mod losses;
mod metrics_file;
mod outputs;
pub mod program;
mod queue;
mod reload;
mod row;
pub mod stdout;
pub mod syslog;

pub use alert::{Alert, Batch};
pub use channel::{Channel, Cx};
pub use hub::{Counts, Hub, Settings};
pub use metrics_file::ROW as METRICS_FILE;
pub use outputs::Outputs;
pub use reload::Change;
pub use row::{Reload, Row, Section, Sections};

/// All outputs.
pub const OUTPUTS: &[Row] = &[
    Row::of::<stdout::Settings>(),
    Row::of::<syslog::Settings>(),
    Row::of::<file::Settings>(),
    Row::of::<program::Settings>(),
    Row::of::<http::Settings>(),
];

/// Delivers alerts, in a thread of its own.
pub trait Output: Send {
    /// Most alerts that one call of [`Output::deliver`] is given.
    fn most(&self) -> usize {
        1
    }

    /// Delivers alerts from the first one on; returns how many. Where it has to wait, it does so by `cx`.
    ///
    /// # Errors
    /// Why the first alert is not delivered.
    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure>;

    /// Opens its destination again, after a rotation by someone else.
    ///
    /// # Errors
    /// Why the destination cannot be opened; the next alert is another attempt.
    fn reopen(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// Ends, as everything is delivered. May wait by `cx`.
    fn close(&mut self, cx: &Cx<'_>) {
        let _ = cx;
    }

    /// Ends at once.
    fn abandon(&mut self, cx: &Cx<'_>) {
        let _ = cx;
    }
}

/// Why an alert is not delivered.
#[derive(Debug)]
pub enum Failure {
    /// It is lost.
    Lost(String),
    /// It cannot be delivered now, but perhaps soon.
    Later(String),
    /// There is something else to do first.
    Interrupted,
    /// Neither this alert nor any other will ever be delivered: nobody reads any more.
    Gone,
}

/// What an error means to somebody who reads the log.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => "disk full".to_owned(),
        ErrorKind::QuotaExceeded => "disk quota exceeded".to_owned(),
        ErrorKind::FileTooLarge => "the file is as large as the system allows".to_owned(),
        ErrorKind::BrokenPipe => "its reader is gone".to_owned(),
        _ => error.to_string(),
    }
}

/// So many of a unit, in words.
fn counted(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests;
