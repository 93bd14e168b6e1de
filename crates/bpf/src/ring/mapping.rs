//! Memory of a BPF map in this process.

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::Error;

/// Memory of a map; unmapped when dropped.
pub(crate) struct Mapping {
    pub(super) start: NonNull<u8>,
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

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `new` made the mapping with this length, and what borrows from it is gone.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}
