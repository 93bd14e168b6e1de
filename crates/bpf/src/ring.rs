//! A kernel ring buffer, read without copying.

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::Error;

/// Mark on a record that is still being written.
const BUSY: u32 = 1 << 31;
/// Mark on a record that its writer gave up.
const DISCARDED: u32 = 1 << 30;
/// Length and page offset before each record.
const RECORD_HEADER: u64 = 8;

/// The frames of one CPU, oldest first.
pub struct Ring {
    /// The position up to which frames are consumed; ours to write.
    consumer: NonNull<AtomicU64>,
    /// The position up to which frames are written; the kernel's.
    producer: NonNull<AtomicU64>,
    /// The data, mapped twice in a row so that every record lies in one piece.
    data: NonNull<u8>,
    page: usize,
    size: usize,
}

// SAFETY: the pointers are to mappings that this value owns alone; the kernel shares them by atomics only.
unsafe impl Send for Ring {}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Ring {
    /// Maps the ring buffer of `size` data bytes behind `fd`.
    pub(crate) fn map(fd: BorrowedFd<'_>, size: usize) -> Result<Self, Error> {
        let page = rustix::param::page_size();
        let fail =
            |cause: rustix::io::Errno| Error::Kernel { step: "map a ring buffer", cause: cause.to_string() };
        // SAFETY: a fresh mapping at an address of the kernel's choosing aliases nothing.
        let consumer = unsafe {
            mmap(std::ptr::null_mut(), page, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, fd, 0)
        }
        .map_err(fail)?;
        // SAFETY: as above; producer page and data, which the kernel maps twice.
        let producer = unsafe {
            mmap(std::ptr::null_mut(), page + 2 * size, ProtFlags::READ, MapFlags::SHARED, fd, page as u64)
        };
        let producer = match producer {
            Ok(producer) => producer,
            Err(cause) => {
                // SAFETY: the mapping was made above and nothing refers to it yet.
                let _ = unsafe { munmap(consumer, page) };
                return Err(fail(cause));
            }
        };
        let null = || Error::Kernel { step: "map a ring buffer", cause: "a null address".into() };
        let consumer = NonNull::new(consumer.cast()).ok_or_else(null)?;
        let data = NonNull::new(producer.cast::<u8>().wrapping_add(page)).ok_or_else(null)?;
        let producer = NonNull::new(producer.cast()).ok_or_else(null)?;
        Ok(Self { consumer, producer, data, page, size })
    }

    fn consumed(&self) -> &AtomicU64 {
        // SAFETY: the page is mapped as long as `self` lives and holds an aligned u64 at its start.
        unsafe { self.consumer.as_ref() }
    }

    /// The length word of the oldest record.
    #[inline]
    fn head(&self) -> Option<(u64, u32)> {
        let at = self.consumed().load(Ordering::Relaxed);
        // SAFETY: as for the consumer's page; the kernel writes it with release semantics.
        let end = unsafe { self.producer.as_ref() }.load(Ordering::Acquire);
        if at >= end {
            return None;
        }
        let offset = (at as usize) & (self.size - 1);
        // SAFETY: `offset` is below `size`, records are aligned to 8 bytes, and the data is mapped twice.
        let word = unsafe { self.data.add(offset).cast::<AtomicU32>().as_ref() }.load(Ordering::Acquire);
        (word & BUSY == 0).then_some((at, word))
    }

    /// The oldest frame, if one is finished; it stays until [`Ring::consume`].
    #[inline]
    pub fn peek(&self) -> Option<&[u8]> {
        let (at, word) = self.head()?;
        let len = (word & !DISCARDED) as usize;
        if word & DISCARDED != 0 || len > self.size - RECORD_HEADER as usize {
            return Some(&[]);
        }
        let offset = ((at + RECORD_HEADER) as usize) & (self.size - 1);
        // SAFETY: `offset` and `len` are at most `size` each and the data is mapped twice; the record is
        // finished, so nobody writes it until the consumer's position passes it, which needs `&mut self`.
        Some(unsafe { std::slice::from_raw_parts(self.data.add(offset).as_ptr(), len) })
    }

    /// Gives the oldest frame's room back to the kernel.
    #[inline]
    pub fn consume(&mut self) {
        if let Some((at, word)) = self.head() {
            let len = u64::from(word & !DISCARDED);
            let next = at + (len + RECORD_HEADER).next_multiple_of(8);
            self.consumed().store(next, Ordering::Release);
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: both mappings were made by `map` with these lengths, and nothing borrows from them now.
        unsafe {
            let _ = munmap(self.consumer.as_ptr().cast(), self.page);
            let _ = munmap(self.producer.as_ptr().cast(), self.page + 2 * self.size);
        }
    }
}
