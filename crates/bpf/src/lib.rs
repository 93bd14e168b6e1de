//! The kernel probe: CO-RE programs that turn system calls into event frames, and the rings they come
//! through.
//!
//! Should you use this crate? Only to consume raw frames; `eyas-scap` with its feature `live` merges the
//! rings into one ordered source of events.
//!
//! ```no_run
//! let (probe, mut rings) = eyas_bpf::Probe::open(&eyas_bpf::ProbeOptions::default())?;
//! for ring in &mut rings {
//!     if let Some(frame) = ring.peek() {
//!         println!("{} bytes", frame.len());
//!     }
//!     ring.consume();
//! }
//! println!("{:?}", probe.drops());
//! # Ok::<(), eyas_bpf::Error>(())
//! ```

mod bell;
mod features;
#[cfg(target_arch = "x86_64")]
mod ia32;
mod listing;
mod probe;
mod programs;
mod ring;
mod tracepoints;

pub use listing::{FileKind, OpenFile};
pub use probe::{Attach, CpuDrops, ExcludedThreads, Misses, Payloads, Probe, ProbeOptions};
pub use ring::{LOSS, Ring, Skipped};

/// Why the probe does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel or the machine lacks something: what, and what helps.
    #[error("{0}")]
    Missing(String),
    /// The kernel refused a step.
    #[error("the probe failed to {step}: {cause}")]
    Kernel {
        /// What was being done.
        step: &'static str,
        /// What the kernel said.
        cause: String,
    },
    /// A setting is out of range.
    #[error("{what} is {given}, expected {expected}")]
    Setting {
        /// Which.
        what: &'static str,
        /// What was given.
        given: u64,
        /// What is possible.
        expected: &'static str,
    },
}
