//! Memory of a BPF map in this process.

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::Error;

/// Memory of a map; unmapped when dropped.
pub(crate) struct Mapping {
    pub(super) start: NonNull<u8>,
    len: usize,
}

// SAFETY: only this value has the mapping; the kernel shares what it points to, by atomics.
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
    /// Anonymous memory.
    pub(super) fn anonymous(len: usize) -> Self {
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

/// Values without padding, so that they can be read as bytes.
pub(crate) trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for eyas_events::filter::TypeRow {}
impl Plain for eyas_events::filter::Row {}
impl Plain for eyas_events::filter::Range {}

/// The bytes of values.
pub(crate) fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: all bytes of such values are initialized, and any bytes may be read as such.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

impl Mapping {
    /// Writes values at an offset. Programs may read them meanwhile, byte by byte.
    pub(crate) fn write<T: Plain>(&self, at: usize, values: &[T]) {
        let bytes = bytes_of(values);
        assert!(at + bytes.len() <= self.len, "a table is larger than its map");
        // SAFETY: the address is within the mapping, which is not Rust memory: no reference to it exists
        // during the write.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.as_ptr().add(at), bytes.len());
        }
    }

    /// A copy of the present bytes from an offset on.
    pub(crate) fn bytes(&self, at: usize, len: usize) -> Vec<u8> {
        assert!(at + len <= self.len, "a table is larger than its map");
        let mut out = vec![0; len];
        // SAFETY: within the mapping; the vector is as long.
        unsafe { std::ptr::copy_nonoverlapping(self.start.as_ptr().add(at), out.as_mut_ptr(), len) };
        out
    }
}

impl Mapping {
    /// A word that may change at any time.
    pub(crate) fn word_at(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= self.len, "there is no such word");
        // SAFETY: an aligned word within the mapping, which lives as long as what is lent; the kernel changes it whole.
        unsafe { self.start.add(at).cast().as_ref() }
    }

    /// Half of a word that is never accessed as a whole.
    pub(crate) fn half_at(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4) && at + 4 <= self.len, "there is no such number");
        // SAFETY: as above, for four bytes.
        unsafe { self.start.add(at).cast().as_ref() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `new` made the mapping with this length, and what borrows from it is gone.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}
