//! The outputs: each has a source file here and a row in [`OUTPUTS`].
//!
//! The file defines the output's section of the configuration (keys, types, defaults, checks, behaviour on
//! reload) and the delivery. Everything else follows from the row: queue and thread, lost alerts, metrics
//! (`outputs.NAME.delivered`), health, and the schema of the configuration.

use anyhow::{Result, bail};

use crate::config::Config;
use crate::output::Row;

pub mod file;
#[cfg(feature = "grpc")]
mod grpc;
pub mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod metrics_file;
mod otlp;
pub mod program;
mod retry;
pub mod stdout;
pub mod syslog;

pub use metrics_file::ROW as METRICS_FILE;

/// All outputs.
pub const OUTPUTS: &[Row] = &[
    Row::of::<stdout::Settings>(),
    Row::of::<syslog::Settings>(),
    Row::of::<file::Settings>(),
    Row::of::<program::Settings>(),
    Row::of::<http::Settings>(),
    Row::of::<otlp::Settings>(),
    #[cfg(feature = "kafka")]
    Row::of::<kafka::Settings>(),
    #[cfg(feature = "grpc")]
    Row::of::<grpc::Settings>(),
];

/// Checks that alerts have a purpose: an output is enabled, or alerts start captures.
///
/// # Errors
/// No output is enabled, and alerts start no captures.
pub fn check_any(config: &Config) -> Result<()> {
    if !config.capture.enabled && !OUTPUTS.iter().any(|row| (row.is_enabled)(config)) {
        bail!(
            "No output configured, please make sure at least one output is configured and enabled: stdout_output.enabled is \
             false, too"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
