//! Reads directories and small files, with directory descriptors and reused buffers.

use std::cell::OnceCell;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, Statx, StatxFlags};
use rustix::io::Errno;
use rustix::path::{Arg, DecInt};

/// Maximum length of a link.
const LINK: usize = 4096;

/// Buffers of a scan.
pub(super) struct Buffers {
    file: Vec<u8>,
    link: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { file: vec![0; 8192], link: vec![0; LINK] }
    }
}

/// An open directory.
pub(super) struct Dir {
    fd: OwnedFd,
}

/// A subdirectory with a number as its name, opened at first use.
pub(super) struct Lazy<'a> {
    parent: &'a Dir,
    number: u32,
    dir: OnceCell<Option<Dir>>,
}

impl<'a> Lazy<'a> {
    pub(super) fn new(parent: &'a Dir, number: u32) -> Self {
        Self { parent, number, dir: OnceCell::new() }
    }

    /// `None` if there is none (any more).
    pub(super) fn get(&self) -> Option<&Dir> {
        self.dir.get_or_init(|| self.parent.dir(self.number).ok()).as_ref()
    }
}

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

impl Dir {
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        rustix::fs::openat(CWD, path, FLAGS, Mode::empty()).map(|fd| Self { fd })
    }

    pub(super) fn subdir(&self, name: &str) -> Result<Self, Errno> {
        rustix::fs::openat(&self.fd, name, FLAGS, Mode::empty()).map(|fd| Self { fd })
    }

    /// The subdirectory with a number as its name.
    pub(super) fn dir(&self, number: u32) -> Result<Self, Errno> {
        rustix::fs::openat(&self.fd, DecInt::new(number), FLAGS, Mode::empty()).map(|fd| Self { fd })
    }

    /// The entries that are numbers, at most `limit`.
    pub(super) fn numbers(&self, limit: usize) -> Result<Vec<u32>, Errno> {
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut entries = RawDir::new(&self.fd, &mut buffer);
        let mut numbers = Vec::new();
        while let Some(entry) = entries.next() {
            let Some(number) = super::parse::decimal(entry?.file_name().to_bytes()) else { continue };
            let Ok(number) = u32::try_from(number) else { continue };
            if numbers.len() >= limit {
                break;
            }
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// The bytes of a file of `/proc` that returns everything in one read, at most `limit`.
    pub(super) fn read<'b>(
        &self,
        name: impl Arg,
        limit: usize,
        buffers: &'b mut Buffers,
    ) -> Result<&'b [u8], Errno> {
        self.read_until(name, limit, buffers, false)
    }

    /// The bytes of a file that needs several reads, at most `limit`.
    pub(super) fn read_all<'b>(
        &self,
        name: impl Arg,
        limit: usize,
        buffers: &'b mut Buffers,
    ) -> Result<&'b [u8], Errno> {
        self.read_until(name, limit, buffers, true)
    }

    fn read_until<'b>(
        &self,
        name: impl Arg,
        limit: usize,
        buffers: &'b mut Buffers,
        to_end: bool,
    ) -> Result<&'b [u8], Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())?;
        let buffer = &mut buffers.file;
        let mut filled = 0;
        while filled < limit {
            if filled == buffer.len() {
                buffer.resize(buffer.len() * 2, 0);
            }
            let end = buffer.len().min(limit);
            match rustix::io::read(&fd, &mut buffer[filled..end]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error),
            }
            // More data exists only if the buffer was too short; this saves a call per file.
            if filled < end && !to_end {
                break;
            }
        }
        Ok(&buffer[..filled])
    }

    /// Where a link points to.
    pub(super) fn link<'b>(&self, name: impl Arg, buffers: &'b mut Buffers) -> Result<&'b [u8], Errno> {
        let length = rustix::fs::readlinkat_raw(&self.fd, name, &mut buffers.link[..])?;
        Ok(&buffers.link[..length])
    }

    /// Inode of the namespace in a link such as `ns/net`.
    pub(super) fn namespace(&self, name: &str, buffers: &mut Buffers) -> Option<u64> {
        super::parse::bracketed(self.link(name, buffers).ok()?)
    }

    /// Attributes of a link's target, without a request to a file server.
    pub(super) fn stat(&self, name: impl Arg) -> Result<Statx, Errno> {
        let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
        rustix::fs::statx(&self.fd, name, flags, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)
    }

    /// Whether a link's target is in a file system with this magic number.
    pub(super) fn is_of_file_system(&self, name: impl Arg, magic: u64) -> bool {
        let file = rustix::fs::openat(&self.fd, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let found = file.and_then(|file| rustix::fs::fstatfs(&file));
        found.is_ok_and(|found| found.f_type as u64 == magic)
    }

    /// The access control list of a link's target, if it has one.
    pub(super) fn acl(&self, name: &str) -> Option<Vec<u8>> {
        let path = format!("/proc/self/fd/{}/{name}", self.fd.as_raw_fd());
        let mut list = vec![0; LINK];
        let length = rustix::fs::getxattr(path, "system.posix_acl_access", &mut list[..]).ok()?;
        list.truncate(length);
        Some(list)
    }

    /// The name of the protocol of the socket to which a link of `fd` leads, such as `TCPv6`.
    pub(super) fn protocol(&self, name: DecInt) -> Option<Vec<u8>> {
        let path = format!("/proc/self/fd/{}/{}", self.fd.as_raw_fd(), name.as_str());
        let mut protocol = vec![0; 64];
        let length = rustix::fs::getxattr(path, "system.sockprotoname", &mut protocol[..]).ok()?;
        protocol.truncate(length);
        Some(protocol)
    }

    /// The directory's descriptor, for other calls.
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }
}
