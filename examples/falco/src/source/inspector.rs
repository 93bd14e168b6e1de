//! The configuration of inspectors, and what falco reads of the running system.

use std::path::PathBuf;

use anyhow::Result;
use eyas::scap::{Snapshot, proc};
use eyas::sinsp::{self, Inspector};

use crate::config::Config;
use crate::names;

/// Inspector configuration for a source without live lookups.
pub fn replay_inspector(config: &Config) -> sinsp::Config {
    sinsp::Config::default()
        .with_max_threads(config.falco_libs.thread_table_size)
        .with_engines(config.container_engines.engines())
        .with_names(names::shared())
        .with_rendering(rendering(config))
}

/// Format of buffers in the arguments of calls.
pub(super) fn rendering(config: &Config) -> sinsp::Rendering {
    let mut rendering = sinsp::Rendering::default();
    rendering.buffers = config.buffers();
    rendering
}

/// An inspector for separate events without a source.
pub fn offline_inspector() -> Inspector {
    Inspector::new(sinsp::Config::default().with_names(names::shared()))
}

/// Path of the machine's root file system: `HOST_ROOT`.
pub fn host_root() -> PathBuf {
    std::env::var_os("HOST_ROOT").filter(|root| !root.is_empty()).map_or_else(|| "/".into(), Into::into)
}

/// Snapshot of the running system, for a plugin that is a source of system call events.
///
/// # Errors
/// /proc cannot be read.
pub fn running_system() -> Result<Snapshot> {
    Ok(proc::snapshot(&proc_options())?)
}

pub(super) fn proc_options() -> proc::Options {
    proc::Options { root: host_root(), ..proc::Options::default() }
}
