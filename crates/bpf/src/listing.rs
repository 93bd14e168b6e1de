//! Results of BPF iterators: every thread, and every open file of every process.

use std::io::{ErrorKind, Read};

use eyas_events::HEADER_LEN;
use libbpf_rs::{Iter, Link};

use crate::Error;
use crate::ring::LENGTH_AT;

/// Size of a read; the kernel returns at most one seq buffer.
const CHUNK: usize = 64 << 10;
/// Size of a record without its name.
const RECORD: usize = 40;
/// Maximum length of a path, with its NUL.
const MAX_LEN: usize = 4097;
/// Maximum size of a thread's frame, limited by an iterator's buffer.
const MAX_FRAME: usize = 32 << 10;

/// Kind of a file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A path, from the root of its mount namespace.
    Path,
    /// No name: a pipe.
    Pipe,
    /// No name: a socket.
    Socket,
    /// The kind of anonymous inode, such as `[eventfd]`.
    Anonymous,
    /// Another kind, which `/proc` shows.
    Other,
}

/// An open file of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFile<'a> {
    /// Process.
    pub pid: u32,
    /// Start of the process, ns since the epoch.
    pub start: u64,
    /// Descriptor.
    pub fd: u32,
    /// Inode.
    pub ino: u64,
    /// Device of the file, in the 32 bits of `stat`.
    pub dev: u32,
    /// The kernel's flags of `open`, with `O_CLOEXEC` if an exec closes it.
    pub flags: u32,
    /// Type and permissions, as in `stat`.
    pub mode: u16,
    /// Kind of `name`.
    pub kind: FileKind,
    /// Its name; empty if there is none. Of a socket: its family (a byte), and the address that it is bound
    /// to: an IP address and a port in host order, or the bytes of a Unix address.
    pub name: &'a [u8],
}

/// Calls `each` with every open file that the iterator of `link` finds, by process.
pub(crate) fn files(link: &Link, mut each: impl FnMut(OpenFile<'_>)) -> Result<(), Error> {
    read(link, "list open files", RECORD + MAX_LEN, |bytes| {
        let (file, len) = parse(bytes)?;
        each(file);
        Some(len)
    })
}

/// Calls `each` with a frame of the type `ITER_TASK_E` for every thread that the iterator of `link` finds.
pub(crate) fn tasks(link: &Link, mut each: impl FnMut(&[u8])) -> Result<(), Error> {
    read(link, "list threads", MAX_FRAME, |bytes| {
        let len = u32::from_ne_bytes(*bytes.get(LENGTH_AT..)?.first_chunk()?) as usize;
        each(bytes.get(..len.max(HEADER_LEN))?);
        Some(len.max(HEADER_LEN))
    })
}

/// Reads all records of an iterator. `take` handles the record at the beginning of some bytes, of at most
/// `longest` bytes, and returns its length, or `None` if the record is incomplete.
fn read(
    link: &Link,
    step: &'static str,
    longest: usize,
    mut take: impl FnMut(&[u8]) -> Option<usize>,
) -> Result<(), Error> {
    let fail = |cause: String| Error::Kernel { step, cause };
    let mut source = Iter::new(link).map_err(|cause| fail(cause.to_string()))?;
    let mut buffer = vec![0; CHUNK + longest];
    let mut filled = 0;
    loop {
        let count = match source.read(&mut buffer[filled..]) {
            Ok(0) if filled == 0 => return Ok(()),
            Ok(0) => return Err(fail("half a record".into())),
            Ok(count) => count,
            Err(cause) if [ErrorKind::Interrupted, ErrorKind::WouldBlock].contains(&cause.kind()) => continue,
            Err(cause) => return Err(fail(cause.to_string())),
        };
        filled += count;
        let mut at = 0;
        while let Some(len) = take(&buffer[at..filled]) {
            at += len;
        }
        if at == 0 && filled > longest {
            return Err(fail("a record that makes no sense".into()));
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}

/// The first record, and its length; `None` if it is incomplete.
fn parse(bytes: &[u8]) -> Option<(OpenFile<'_>, usize)> {
    let u64_at = |at: usize| Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let u32_at = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let u16_at = |at: usize| Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let end = RECORD + u32_at(36)? as usize;
    let name = bytes.get(RECORD..end)?;
    let kind = match u16_at(34)? {
        0 => FileKind::Path,
        1 => FileKind::Pipe,
        2 => FileKind::Socket,
        3 => FileKind::Anonymous,
        _ => FileKind::Other,
    };
    let file = OpenFile {
        start: u64_at(0)?,
        ino: u64_at(8)?,
        pid: u32_at(16)?,
        fd: u32_at(20)?,
        dev: u32_at(24)?,
        flags: u32_at(28)?,
        mode: u16_at(32)?,
        kind,
        name: name.strip_suffix(&[0]).unwrap_or(name),
    };
    Some((file, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_the_probe_writes_them() {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&7_u64.to_ne_bytes());
        bytes.extend_from_slice(&8_u64.to_ne_bytes());
        [1_u32, 2, 3, 4].iter().for_each(|word| bytes.extend_from_slice(&word.to_ne_bytes()));
        [5_u16, 3].iter().for_each(|word| bytes.extend_from_slice(&word.to_ne_bytes()));
        bytes.extend_from_slice(&3_u32.to_ne_bytes());
        bytes.extend_from_slice(b"[x\0");
        let expected = OpenFile {
            start: 7,
            ino: 8,
            pid: 1,
            fd: 2,
            dev: 3,
            flags: 4,
            mode: 5,
            kind: FileKind::Anonymous,
            name: b"[x",
        };
        assert_eq!(parse(&bytes), Some((expected, bytes.len())));
        assert_eq!(parse(&bytes[..bytes.len() - 1]), None);
        assert_eq!(parse(&[]), None);
    }
}
