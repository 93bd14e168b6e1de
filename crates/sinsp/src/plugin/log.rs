//! Messages of plugins.

use std::sync::Arc;

/// Severity of a plugin's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The program cannot continue.
    Fatal = 1,
    /// Needs action at once.
    Critical,
    /// Something failed.
    Error,
    /// Something is wrong, but the program continues.
    Warning,
    /// Normal, yet significant.
    Notice,
    /// Normal.
    Info,
    /// For developers.
    Debug,
    /// Everything.
    Trace,
}

/// The log for messages of plugins. Any thread may call it.
pub type Log = Arc<dyn Fn(Severity, &str) + Send + Sync>;
