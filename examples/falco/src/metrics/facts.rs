//! What does not change while the program runs.

use std::path::PathBuf;

/// What this program is, and where it runs; nothing of it changes.
#[derive(Debug)]
pub struct Facts {
    /// Of the machine, as alerts have it.
    pub hostname: String,
    /// Of the kernel, as `uname -r`.
    pub kernel_release: String,
    /// When the program started, ns since the epoch.
    pub start_ts: u64,
    /// What captures, if something does.
    pub engine: Option<&'static str>,
    /// Where the machine's root is seen.
    pub root: PathBuf,
}

impl Facts {
    /// Those of a run that began at `start_ts`, ns since the epoch.
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
