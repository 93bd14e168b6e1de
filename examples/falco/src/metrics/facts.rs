//! Facts that do not change while the program runs.

use std::path::PathBuf;

/// Constant facts about this program and its machine.
#[derive(Debug)]
pub struct Facts {
    /// Host name, as in alerts.
    pub hostname: String,
    /// Kernel release, as in `uname -r`.
    pub kernel_release: String,
    /// When the program started, ns since the epoch.
    pub start_ts: u64,
    /// Name of the capture engine, if there is one.
    pub engine: Option<&'static str>,
    /// Path of the machine's root file system.
    pub root: PathBuf,
}

impl Facts {
    /// Gathers the facts of a run that began at `start_ts`, ns since the epoch.
    pub fn gather(hostname: &str, start_ts: u64, is_live: bool) -> Self {
        Self {
            hostname: hostname.to_owned(),
            kernel_release: rustix::system::uname().release().to_string_lossy().into_owned(),
            start_ts,
            engine: is_live.then_some("modern_bpf"),
            root: crate::source::host_root(),
        }
    }
}
