//! The rings that the probe writes events to, read without copying. `bpf/ring.h` is the other side.

use std::cell::Cell;
use std::mem::offset_of;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use eyas_events::HEADER_LEN;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::Error;
use crate::probe::skel::types;

/// Bytes of a ring that lie in one piece.
const PIECE: usize = 1 << 20;
/// The largest event, which may begin at a piece's last byte.
const MAX_EVENT: usize = 64 << 10;
/// From a piece to the next.
const STRIDE: usize = size_of::<types::piece>();
/// The type of a frame that is no event: in the place of events that were lost, it tells how many, 32 bits, after the
/// header, whose time is that of the first, and one length.
pub const LOSS: u16 = 0xffff;
/// Where an event's header has its length.
pub(crate) const LENGTH_AT: usize = 16;

const _: () = assert!(STRIDE >= PIECE + MAX_EVENT && STRIDE.is_multiple_of(64 << 10));

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
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is this value's alone; what it points to is shared with the kernel, by atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above; each word that changes is read and written by atomics.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(fd: BorrowedFd<'_>, len: usize, rights: ProtFlags) -> Result<Self, Error> {
        let fail = |cause: String| Error::Kernel { step: "map its rings", cause };
        let len = len.next_multiple_of(rustix::param::page_size());
        // SAFETY: a fresh mapping at an address of the kernel's choosing aliases nothing.
        let start = unsafe { mmap(std::ptr::null_mut(), len, rights, MapFlags::SHARED, fd, 0) };
        let start = start.map_err(|cause| fail(cause.to_string()))?;
        NonNull::new(start.cast())
            .map(|start| Self { start, len })
            .ok_or_else(|| fail("a null address".into()))
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
    Produced,
    Full,
    TooLarge,
    Bug,
    Faults,
    /// When the first event was lost that no frame tells of yet.
    MissedSince,
}

impl Shared {
    fn word(&self, cpu: usize, at: usize) -> &AtomicU64 {
        assert!(cpu < types_cpus() && at.is_multiple_of(8) && at < size_of::<types::cpu>());
        // SAFETY: the mapping holds a `cpu` for each number below `types_cpus`, of which this is an aligned word;
        // the kernel changes it whole.
        unsafe { self.cpus.start.add(cpu * size_of::<types::cpu>() + at).cast().as_ref() }
    }

    /// Half of a word.
    fn half(&self, cpu: usize, at: usize) -> &AtomicU32 {
        // SAFETY: an aligned half of a word that `word` answers for, of which nothing else is used whole.
        unsafe { &*std::ptr::from_ref(self.word(cpu, at & !7)).cast::<AtomicU32>().add(at / 4 % 2) }
    }
}

/// How many CPUs the probe has room for.
pub(crate) const fn types_cpus() -> usize {
    size_of::<types::bss_cpus>() / size_of::<types::cpu>()
}

/// Counters of all CPUs.
#[derive(Clone)]
pub(crate) struct Counters(Arc<Shared>);

impl Counters {
    pub(crate) fn get(&self, cpu: usize, which: Counter) -> u64 {
        let at = match which {
            Counter::Produced => offset_of!(types::cpu, produced),
            Counter::Full => offset_of!(types::cpu, full),
            Counter::TooLarge => offset_of!(types::cpu, too_large),
            Counter::Bug => offset_of!(types::cpu, bug),
            Counter::Faults => offset_of!(types::cpu, faults),
            Counter::MissedSince => offset_of!(types::cpu, missed_since),
        };
        self.0.word(cpu, at).load(Ordering::Relaxed)
    }

    /// Events lost that no frame tells of yet.
    pub(crate) fn missed(&self, cpu: usize) -> u32 {
        self.0.half(cpu, offset_of!(types::cpu, missed)).load(Ordering::Relaxed)
    }
}

/// Maps the rings of a plan and gives each CPU its own.
pub(crate) fn map(
    cpus: BorrowedFd<'_>,
    pieces: BorrowedFd<'_>,
    plan: &Plan,
) -> Result<(Counters, Vec<Ring>), Error> {
    let shared = Arc::new(Shared {
        cpus: Mapping::new(cpus, size_of::<types::bss_cpus>(), ProtFlags::READ | ProtFlags::WRITE)?,
        pieces: Mapping::new(pieces, plan.pieces * STRIDE, ProtFlags::READ)?,
    });
    let ring = |(cpu, &(size, first)): (usize, &(usize, usize))| {
        shared.half(cpu, offset_of!(types::cpu, first_piece)).store(first as u32, Ordering::Relaxed);
        shared.half(cpu, offset_of!(types::cpu, size)).store(size as u32, Ordering::Release);
        Ring { shared: Arc::clone(&shared), cpu, first, size, at: 0, end: Cell::new(0) }
    };
    let rings = plan.rings.iter().enumerate().map(ring).collect();
    Ok((Counters(shared), rings))
}

/// The frames of one CPU, oldest first.
pub struct Ring {
    shared: Arc<Shared>,
    cpu: usize,
    /// The first of its pieces.
    first: usize,
    size: usize,
    /// Where the oldest frame begins, in bytes from the first one on.
    at: u64,
    /// Up to where frames are known to be whole.
    end: Cell<u64>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("cpu", &self.cpu).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Ring {
    /// The oldest frame, if there is one; it stays until [`Ring::consume`].
    #[inline]
    pub fn peek(&self) -> Option<&[u8]> {
        if self.at == self.end.get() {
            let head = self.shared.word(self.cpu, offset_of!(types::cpu, head)).load(Ordering::Acquire);
            if self.at == head {
                return None;
            }
            self.end.set(head);
        }
        let offset = self.at as usize & (self.size - 1);
        let place = (self.first + offset / PIECE) * STRIDE + offset % PIECE;
        // SAFETY: the plan gave this ring pieces for all its bytes, and a piece has room for a whole event behind its
        // last byte. The kernel wrote the frame before it moved the head past it, and does not touch it again before
        // the tail, which only `consume` moves, and which takes `&mut self`, is past it.
        unsafe {
            let frame = self.shared.pieces.start.add(place);
            let len = frame.add(LENGTH_AT).cast::<u32>().read_unaligned() as usize;
            Some(std::slice::from_raw_parts(frame.as_ptr(), if len <= MAX_EVENT { len } else { 0 }))
        }
    }

    /// Gives the oldest frame's room back to the kernel.
    #[inline]
    pub fn consume(&mut self) {
        let Some(len) = self.peek().map(<[u8]>::len) else { return };
        // After a frame without sense nothing says where the next begins.
        self.at = if len < HEADER_LEN { self.end.get() } else { self.at + (len as u64).next_multiple_of(8) };
        self.shared.word(self.cpu, offset_of!(types::cpu, tail)).store(self.at, Ordering::Release);
    }
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
