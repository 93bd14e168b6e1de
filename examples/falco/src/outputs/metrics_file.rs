//! `metrics.output_file`: not an output of alerts, but a file that must not block the program either.

use super::file;
use crate::output::Row;
use anyhow::Context;
use eyas_console::ShowPath;

/// The row of this file.
pub const ROW: Row = Row {
    name: "metrics.output_file",
    unit: "snapshot",
    is_enabled: |config| !config.metrics.output_file.as_os_str().is_empty(),
    place: |config| config.metrics.output_file.shown(),
    open: |config| file::open(&config.metrics.output_file, true).context("metrics.output_file"),
    ..Row::BARE
};
