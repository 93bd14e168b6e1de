//! The kernel probe: eBPF programs that turn system calls into event frames, and the rings that the frames come through. The
//! programs are compiled once for all kernels (CO-RE): the loader adapts them to the types of the running kernel (BTF).
//!
//! Should I use this crate? Only to consume raw frames. `eyas-scap` with its feature `live` merges the rings into one
//! ordered source of events.
//!
//! ```text
//!   system call ──> program ──> ring of the CPU ──mmap──> Ring::peek, Ring::consume
//!                      ^ interest table: Probe::set_interest
//! ```
//!
//! The crate ships the programs compiled for x86-64 and aarch64. With the feature `build-from-source`, clang compiles them. The
//! build links libbpf, which needs a C compiler, libelf, zlib, make and pkg-config.
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
mod cgroup;
mod error;
mod features;
mod functions;
#[cfg(target_arch = "x86_64")]
mod ia32;
mod listing;
mod probe;
mod programs;
mod ring;
mod sharing;
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
pub use features::{Features, ProbeForm};
pub use listing::{FileKind, OpenFile};
pub use probe::{
    Attach, CpuDrops, ExcludedThreads, HookMethod, HookSource, Misses, Order, Payloads, Probe, ProbeOptions,
    ProgramRuns, Published, Tampering, Verdicts,
};
pub use ring::{LOSS, Ring, Skipped};
pub use sharing::{Sharing, share};
