//! Memory that the probe and this process share: the state of every CPU, and the bytes of all rings.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::frame;
use super::mapping::Mapping;
use crate::skel::types;

/// Size of a ring's part in one segment, bytes.
pub(super) const SEGMENT: usize = 1 << 20;
/// Distance between the beginnings of two segments.
pub(super) const STRIDE: usize = size_of::<types::ring_segment>();
/// Value of `busy` without a ring: `UNCLAIMABLE` of `ring.h`.
pub(super) const UNCLAIMABLE: u32 = 2;
/// Maximum number of CPUs with a ring. A common state for the others follows their states.
pub(crate) const MAX_CPUS: usize = size_of::<types::bss_cpus>() / size_of::<types::cpu>() - 1;

const _: () = assert!(STRIDE >= SEGMENT + frame::MAX_EVENT && STRIDE.is_multiple_of(64 << 10));

/// Memory that the probe and this process share: the state of every CPU, and the segments of all rings.
pub(super) struct Shared {
    pub(super) cpus: Mapping,
    pub(super) segments: Mapping,
}

impl Shared {
    pub(super) fn word(&self, cpu: usize, at: usize) -> &AtomicU64 {
        assert!(cpu <= MAX_CPUS && at.is_multiple_of(8) && at < size_of::<types::cpu>());
        // SAFETY: the mapping holds a `cpu` for each number up to `MAX_CPUS`, of which this is an aligned word; the
        // kernel changes it whole.
        unsafe { self.cpus.start.add(cpu * size_of::<types::cpu>() + at).cast().as_ref() }
    }

    /// Half of a word.
    pub(super) fn half(&self, cpu: usize, at: usize) -> &AtomicU32 {
        // SAFETY: an aligned half of a word that `word` returns, of which nothing else is used whole.
        unsafe { &*std::ptr::from_ref(self.word(cpu, at & !7)).cast::<AtomicU32>().add(at / 4 % 2) }
    }

    pub(super) fn head(&self, cpu: usize) -> &AtomicU64 {
        self.word(cpu, offset_of!(types::cpu, head))
    }

    pub(super) fn tail(&self, cpu: usize) -> &AtomicU64 {
        self.word(cpu, offset_of!(types::cpu, tail))
    }

    pub(super) fn busy(&self, cpu: usize) -> &AtomicU32 {
        self.half(cpu, offset_of!(types::cpu, busy))
    }
}
