//! The rings that the probe writes events to. `bpf/ring.h` is the other side.

use std::mem::offset_of;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::mm::ProtFlags;

use crate::Error;
use crate::skel::types;

mod frame;
mod mapping;
mod reader;
mod shared;

use shared::{SEGMENT, STRIDE, Shared, UNCLAIMABLE};

pub(crate) use frame::LENGTH_AT;
pub use frame::LOSS;
pub(crate) use mapping::{Mapping, bytes_of};
pub use reader::{Ring, Skipped};
pub(crate) use shared::MAX_CPUS;

/// Size and location of each CPU's ring.
pub(crate) struct Plan {
    /// For each CPU, the size in bytes and the first segment.
    rings: Vec<(usize, usize)>,
    pub(crate) segments: usize,
}

impl Plan {
    /// Plans rings of these sizes, each 0 or a power of two.
    pub(crate) fn new(sizes: impl Iterator<Item = usize>) -> Self {
        let mut segments = 0;
        let place = |size: usize| {
            let first = segments;
            segments += size.div_ceil(SEGMENT);
            (size, first)
        };
        let rings = sizes.map(place).collect();
        Self { rings, segments }
    }
}

/// Counters of a CPU; see [`crate::CpuDrops`].
#[derive(Clone, Copy)]
pub(crate) enum Counter {
    Made,
    Full,
    TooLarge,
    /// Events of programs that could not claim a ring.
    Unclaimed,
    Faults,
    /// Events that the filter rejected.
    Filtered,
    /// Filtered events whose process is in no group that may match.
    ByProcess,
    /// When the first event was lost that no frame reports yet.
    LostSince,
}

/// Counters of all CPUs.
#[derive(Clone)]
pub(crate) struct Counters(Arc<Shared>);

impl Counters {
    pub(crate) fn get(&self, cpu: usize, which: Counter) -> u64 {
        let at = match which {
            Counter::Made => offset_of!(types::cpu, made),
            Counter::Full => offset_of!(types::cpu, full),
            Counter::TooLarge => offset_of!(types::cpu, too_large),
            Counter::Unclaimed => offset_of!(types::cpu, unclaimed),
            Counter::Faults => offset_of!(types::cpu, faults),
            Counter::Filtered => offset_of!(types::cpu, filtered),
            Counter::ByProcess => offset_of!(types::cpu, by_process),
            Counter::LostSince => offset_of!(types::cpu, lost_since),
        };
        self.0.word(cpu, at).load(Ordering::Relaxed)
    }

    /// Position at which the ring's next event is published, in bytes since the first event.
    pub(crate) fn head(&self, cpu: usize) -> u64 {
        self.0.head(cpu).load(Ordering::Acquire)
    }

    /// Position up to which user space has read.
    pub(crate) fn tail(&self, cpu: usize) -> u64 {
        self.0.tail(cpu).load(Ordering::Acquire)
    }

    /// Number of lost events, for any reason.
    pub(crate) fn lost(&self, cpu: usize) -> u64 {
        self.0.word(cpu, offset_of!(types::cpu, lost)).load(Ordering::Acquire)
    }

    /// Events lost that no frame reports yet.
    pub(crate) fn pending_losses(&self, cpu: usize) -> u64 {
        let word = |at| self.0.word(cpu, at).load(Ordering::Acquire);
        let reported = word(offset_of!(types::cpu, reported));
        word(offset_of!(types::cpu, lost)).saturating_sub(reported)
    }

    /// Whether the CPU has a ring, in which frames report its losses.
    pub(crate) fn has_ring(&self, cpu: usize) -> bool {
        self.0.half(cpu, offset_of!(types::cpu, size)).load(Ordering::Relaxed) > 0
    }
}

/// Maps the rings of a plan, one for each CPU.
pub(crate) fn map(
    cpus: BorrowedFd<'_>,
    segments: BorrowedFd<'_>,
    plan: &Plan,
) -> Result<(Counters, Vec<Ring>), Error> {
    let shared = Arc::new(Shared {
        cpus: Mapping::new(cpus, 0, size_of::<types::bss_cpus>(), ProtFlags::READ | ProtFlags::WRITE)?,
        segments: Mapping::new(segments, 0, plan.segments * STRIDE, ProtFlags::READ)?,
    });
    Ok((Counters(Arc::clone(&shared)), share_out(&shared, plan)))
}

/// The rings of a plan; sets their locations for the programs.
fn share_out(shared: &Arc<Shared>, plan: &Plan) -> Vec<Ring> {
    shared.busy(MAX_CPUS).store(UNCLAIMABLE, Ordering::Relaxed);
    let ring = |(cpu, &(size, first)): (usize, &(usize, usize))| {
        // The strictest order leaves a quarter of the ring free.
        shared.half(cpu, offset_of!(types::cpu, roomy)).store((size - size / 4) as u32, Ordering::Relaxed);
        shared.half(cpu, offset_of!(types::cpu, first_segment)).store(first as u32, Ordering::Relaxed);
        shared.half(cpu, offset_of!(types::cpu, size)).store(size as u32, Ordering::Release);
        Ring::new(Arc::clone(shared), cpu, first, size)
    };
    plan.rings.iter().enumerate().map(ring).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_segments_for_all_its_bytes() {
        let plan = Plan::new([8 << 20, 4096, 0, SEGMENT].into_iter());
        assert_eq!(plan.rings, [(8 << 20, 0), (4096, 8), (0, 9), (SEGMENT, 9)]);
        assert_eq!(plan.segments, 10);
    }
}
