//! Where alerts go.
//!
//! ```text
//! event loop ──> Outputs ──> Channel: Queue ──> thread ──> Output: stdout, file, ...
//!                   └──────> Channel: ...
//! ```
//! An output is a row of [`OUTPUTS`] and a file here. Each that is enabled has a bounded queue and a thread of its own.
//! The event loop never waits for one: alerts that find no room in a queue are lost to that output alone, and counted. A
//! replay, whose events can wait, does so as long as the output makes progress.

use std::io::{self, ErrorKind};

use anyhow::Result;

use crate::config::Config;

mod alert;
mod channel;
mod file;
mod http;
mod hub;
mod lines;
mod losses;
mod metrics_file;
mod outputs;
mod program;
mod queue;
mod reload;
mod stdout;
mod syslog;

pub use alert::{Alert, Batch};
pub use channel::{Channel, Cx};
pub use hub::{Counts, Hub, Settings};
pub use metrics_file::ROW as METRICS_FILE;
pub use outputs::Outputs;
pub use reload::Change;

/// All outputs.
pub const OUTPUTS: &[Row] = &[stdout::ROW, syslog::ROW, file::ROW, program::ROW, http::ROW];

/// An output.
pub struct Row {
    /// Its section of the configuration; also its name in messages and metrics.
    pub name: &'static str,
    /// What it delivers, one of them.
    pub unit: &'static str,
    /// Keys beside its section that it depends on.
    pub keys: &'static [&'static str],
    /// When a reload opens it again.
    pub reload: Reload,
    /// Whether the configuration enables it.
    pub is_enabled: fn(&Config) -> bool,
    /// Where its alerts go, for messages.
    pub place: fn(&Config) -> String,
    /// Opens it. This may take long: it is called in the output's own thread.
    pub open: fn(&Config) -> Result<Box<dyn Output>>,
}

/// When a reload opens an output again. Else it goes on as it is, with what waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// When its part of the configuration has changed.
    WhenChanged,
    /// At every reload.
    Always,
}

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
