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
mod error;
mod features;
#[cfg(target_arch = "x86_64")]
mod ia32;
mod listing;
mod probe;
mod programs;
mod ring;
mod tracepoints;

#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    unused,
    unsafe_op_in_unsafe_fn
)]
mod skel {
    include!(concat!(env!("OUT_DIR"), "/probe.skel.rs"));
}

pub use error::Error;
pub use listing::{FileKind, OpenFile};
pub use probe::{Attach, CpuDrops, ExcludedThreads, Misses, Payloads, Probe, ProbeOptions, ProgramRuns};
pub use ring::{LOSS, Ring, Skipped};
