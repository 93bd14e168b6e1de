//! The rings that the probe writes events to. `bpf/ring.h` is the other side.

use std::mem::offset_of;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::Error;
use crate::probe::skel::types;

mod frame;
mod reader;

pub(crate) use frame::LENGTH_AT;
pub use frame::LOSS;
pub use reader::{Ring, Skipped};

/// Bytes of a ring that lie in one piece.
const PIECE: usize = 1 << 20;
/// From a piece to the next.
const STRIDE: usize = size_of::<types::piece>();
/// What `busy` is where there is no ring: `UNCLAIMABLE` of `ring.h`.
const UNCLAIMABLE: u32 = 2;
/// How many CPUs may have a ring; behind their states is one that the others share.
pub(crate) const MAX_CPUS: usize = size_of::<types::bss_cpus>() / size_of::<types::cpu>() - 1;

const _: () = assert!(STRIDE >= PIECE + frame::MAX_EVENT && STRIDE.is_multiple_of(64 << 10));

/// How large each CPU's ring is, and where it lies.
pub(crate) struct Plan {
    /// By CPU: bytes, and the first piece.
    rings: Vec<(usize, usize)>,
    pub(crate) pieces: usize,
}

impl Plan {
    /// For rings of the sizes given, each 0 or a power of two.
    pub(crate) fn new(sizes: impl Iterator<Item = usize>) -> Self {
        let mut pieces = 0;
        let place = |size: usize| {
            let first = pieces;
            pieces += size.div_ceil(PIECE);
            (size, first)
        };
        let rings = sizes.map(place).collect();
        Self { rings, pieces }
    }
}

/// What the probe and this process share: the state of every CPU, and the pieces of all rings.
struct Shared {
    cpus: Mapping,
    pieces: Mapping,
}

/// Memory of a map; unmapped when dropped.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is this value's alone; what it points to is shared with the kernel, by atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above; each word that changes is read and written by atomics.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of a BPF map, from `page` on.
    pub(crate) fn new(fd: BorrowedFd<'_>, page: u64, len: usize, rights: ProtFlags) -> Result<Self, Error> {
        let fail = |cause: String| Error::Kernel { step: "map its rings", cause };
        let (page_size, flags) = (rustix::param::page_size(), MapFlags::SHARED);
        let len = len.next_multiple_of(page_size);
        // SAFETY: a fresh mapping at an address of the kernel's choosing aliases nothing.
        let start = unsafe { mmap(std::ptr::null_mut(), len, rights, flags, fd, page * page_size as u64) };
        let start = start.map_err(|cause| fail(cause.to_string()))?;
        NonNull::new(start.cast())
            .map(|start| Self { start, len })
            .ok_or_else(|| fail("a null address".into()))
    }
}

#[cfg(test)]
impl Mapping {
    /// Memory that no map is behind.
    fn anonymous(len: usize) -> Self {
        // SAFETY: a fresh mapping at an address of the kernel's choosing aliases nothing.
        let start = unsafe {
            let rights = ProtFlags::READ | ProtFlags::WRITE;
            rustix::mm::mmap_anonymous(std::ptr::null_mut(), len, rights, MapFlags::PRIVATE)
        };
        Self { start: NonNull::new(start.unwrap().cast()).unwrap(), len }
    }
}

impl Mapping {
    /// The first word.
    pub(crate) fn first(&self) -> &AtomicU64 {
        // SAFETY: a mapping is at least a page long, and begins with one; the kernel changes words whole.
        unsafe { self.start.cast().as_ref() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `new` made the mapping with this length, and what borrows from it is gone.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// What a CPU counts; see [`crate::CpuDrops`].
#[derive(Clone, Copy)]
pub(crate) enum Counter {
    Made,
    Full,
    TooLarge,
    /// Events of programs that found no ring to claim.
    Unclaimed,
    Faults,
    /// When the first event was lost that no frame reports yet.
    LostSince,
}

impl Shared {
    fn word(&self, cpu: usize, at: usize) -> &AtomicU64 {
        assert!(cpu <= MAX_CPUS && at.is_multiple_of(8) && at < size_of::<types::cpu>());
        // SAFETY: the mapping holds a `cpu` for each number up to `MAX_CPUS`, of which this is an aligned word; the
        // kernel changes it whole.
        unsafe { self.cpus.start.add(cpu * size_of::<types::cpu>() + at).cast().as_ref() }
    }

    /// Half of a word.
    fn half(&self, cpu: usize, at: usize) -> &AtomicU32 {
        // SAFETY: an aligned half of a word that `word` returns, of which nothing else is used whole.
        unsafe { &*std::ptr::from_ref(self.word(cpu, at & !7)).cast::<AtomicU32>().add(at / 4 % 2) }
    }

    fn head(&self, cpu: usize) -> &AtomicU64 {
        self.word(cpu, offset_of!(types::cpu, head))
    }

    fn tail(&self, cpu: usize) -> &AtomicU64 {
        self.word(cpu, offset_of!(types::cpu, tail))
    }

    fn busy(&self, cpu: usize) -> &AtomicU32 {
        self.half(cpu, offset_of!(types::cpu, busy))
    }
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
            Counter::LostSince => offset_of!(types::cpu, lost_since),
        };
        self.0.word(cpu, at).load(Ordering::Relaxed)
    }

    /// Events lost that no frame reports yet.
    pub(crate) fn pending_losses(&self, cpu: usize) -> u64 {
        let word = |at| self.0.word(cpu, at).load(Ordering::Acquire);
        let told = word(offset_of!(types::cpu, told));
        word(offset_of!(types::cpu, lost)).saturating_sub(told)
    }

    /// Whether the CPU has a ring, whose frames report its losses.
    pub(crate) fn has_ring(&self, cpu: usize) -> bool {
        self.0.half(cpu, offset_of!(types::cpu, size)).load(Ordering::Relaxed) > 0
    }
}

/// Maps the rings of a plan and gives each CPU its own.
pub(crate) fn map(
    cpus: BorrowedFd<'_>,
    pieces: BorrowedFd<'_>,
    plan: &Plan,
) -> Result<(Counters, Vec<Ring>), Error> {
    let shared = Arc::new(Shared {
        cpus: Mapping::new(cpus, 0, size_of::<types::bss_cpus>(), ProtFlags::READ | ProtFlags::WRITE)?,
        pieces: Mapping::new(pieces, 0, plan.pieces * STRIDE, ProtFlags::READ)?,
    });
    Ok((Counters(Arc::clone(&shared)), share_out(&shared, plan)))
}

/// The rings of a plan, told to the programs.
fn share_out(shared: &Arc<Shared>, plan: &Plan) -> Vec<Ring> {
    shared.busy(MAX_CPUS).store(UNCLAIMABLE, Ordering::Relaxed);
    let ring = |(cpu, &(size, first)): (usize, &(usize, usize))| {
        shared.half(cpu, offset_of!(types::cpu, first_piece)).store(first as u32, Ordering::Relaxed);
        shared.half(cpu, offset_of!(types::cpu, size)).store(size as u32, Ordering::Release);
        Ring::new(Arc::clone(shared), cpu, first, size)
    };
    plan.rings.iter().enumerate().map(ring).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_pieces_for_all_its_bytes() {
        let plan = Plan::new([8 << 20, 4096, 0, PIECE].into_iter());
        assert_eq!(plan.rings, [(8 << 20, 0), (4096, 8), (0, 9), (PIECE, 9)]);
        assert_eq!(plan.pieces, 10);
    }
}
