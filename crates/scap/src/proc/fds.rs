//! The open files of a process.

use std::sync::{Arc, PoisonError};

use rustix::fs::{FileType, Statx};
use rustix::path::DecInt;

use super::dir::{Dir, Lazy};
use super::known::{Found, Listed};
use super::scan::Scan;
use super::sockets::{Own, Sockets};
use super::{code, parse};
use crate::{FdDetail, FdEntry};
use eyas_events::FlagTable;

/// The directories of a process's files.
struct Links {
    fd: Dir,
    info: Dir,
}

impl Links {
    fn of(dir: &Dir) -> Option<Self> {
        Some(Self { fd: dir.subdir("fd").ok()?, info: dir.subdir("fdinfo").ok()? })
    }
}

/// The sockets of a process's network namespace, read when one is needed.
pub(super) struct Network<'a> {
    process: &'a Lazy<'a>,
    /// Inode of the namespace, if known.
    namespace: Option<u64>,
    sockets: Option<Arc<Sockets>>,
    /// Whether the sockets are current.
    is_current: bool,
}

impl<'a> Network<'a> {
    pub(super) fn of(process: &'a Lazy<'a>, namespace: Option<u64>) -> Self {
        Self { process, namespace, sockets: None, is_current: false }
    }
}

/// The kernel's name of a memory file that `memfd_secret` made.
pub(crate) const SECRET: &[u8] = b"secretmem";
/// The link of a memory file that `memfd_secret` made, and the number of its file system.
const SECRET_LINK: &[u8] = b"/secretmem (deleted)";
const SECRET_MAGIC: u64 = 0x5345_434d;
/// The number of the file system of message queues.
const QUEUES_MAGIC: u64 = 0x1980_0202;

/// Flag in `fdinfo`.
pub(super) const O_CLOEXEC: u64 = 0o2_000_000;

impl Scan<'_> {
    /// The files of a process by number; `None` if they cannot be listed.
    pub(super) fn fds(&mut self, network: &mut Network<'_>) -> Option<Vec<FdEntry>> {
        let links = Links::of(network.process.get()?)?;
        let mut numbers = links.fd.numbers(self.shared.options.max_fds).ok()?;
        numbers.sort_unstable();
        // A file that was closed meanwhile is left out.
        Some(numbers.into_iter().filter_map(|number| self.file(&links, number, network)).collect())
    }

    /// The same for a process whose files are partly known.
    pub(super) fn known_fds(&mut self, network: &mut Network<'_>, listed: Vec<Listed>) -> Vec<FdEntry> {
        let mut links = None;
        let mut entry = |number, found| match found {
            Found::Entry(entry) => Some(entry),
            Found::Socket(ino, own) => {
                let name = format!("socket:[{ino}]").into_bytes();
                Some(self.socket(network, number, (ino, own), name))
            }
            Found::Nothing => {
                links = links.take().or_else(|| Links::of(network.process.get()?));
                self.file(links.as_ref()?, number, network)
            }
        };
        let entries = listed.into_iter().filter_map(|Listed { number, close_on_exec, found }| {
            let mut entry = entry(number, found)?;
            // `/proc` also shows the flag that some files were opened with, for all their copies.
            set_close_on_exec(&mut entry, close_on_exec);
            Some(entry)
        });
        entries.collect()
    }

    /// One file; `None` if it was closed meanwhile.
    fn file(&mut self, links: &Links, number: u32, network: &mut Network<'_>) -> Option<FdEntry> {
        let link = links.fd.link(DecInt::new(number), &mut self.buffers).ok()?;
        let fd = i64::from(number);
        let mut entry = if link.starts_with(b"/memfd:") {
            let name = parse::undeleted(&link[b"/memfd:".len()..]).to_vec();
            let ino = links.fd.stat(DecInt::new(number)).map_or(0, |stat| stat.stx_ino);
            FdEntry::new(fd, ino, other(code::MEMFD, name))
        } else if link == SECRET_LINK && links.fd.is_of_file_system(DecInt::new(number), SECRET_MAGIC) {
            let ino = links.fd.stat(DecInt::new(number)).map_or(0, |stat| stat.stx_ino);
            FdEntry::new(fd, ino, other(code::MEMFD, SECRET.to_vec()))
        } else if link.starts_with(b"/") {
            let mut path = link.to_vec();
            // A message queue's file system is mounted where no path leads, or below a directory.
            if !path[1..].contains(&b'/') && links.fd.is_of_file_system(DecInt::new(number), QUEUES_MAGIC) {
                path.splice(..0, *b"(unreachable)");
            }
            let stat = links.fd.stat(DecInt::new(number)).ok()?;
            if parse::undeleted(&path).len() < path.len() && !is_name_of(network.process, &path, &stat) {
                path.truncate(parse::undeleted(&path).len());
            }
            let detail = match FileType::from_raw_mode(u32::from(stat.stx_mode)) {
                FileType::Directory => other(code::DIRECTORY, path),
                _ => {
                    let info = links.info.read(DecInt::new(number), 4096, &mut self.buffers);
                    let flags = info.ok().and_then(|text| info_number(text, b"flags:", 8)).unwrap_or(0);
                    FdDetail::File {
                        open_flags: portable_open_flags(flags),
                        path,
                        dev: device(stat.stx_dev_major, stat.stx_dev_minor),
                        mount_id: 0,
                    }
                }
            };
            FdEntry::new(fd, stat.stx_ino, detail)
        } else if link.starts_with(b"socket:") {
            let ino = parse::bracketed(link).unwrap_or(0);
            let name = link.to_vec();
            self.socket(network, number, (ino, Own::Unknown), name)
        } else if link.starts_with(b"pipe:") {
            let ino = parse::bracketed(link).unwrap_or(0);
            FdEntry::new(fd, ino, other(code::PIPE, link.to_vec()))
        } else if let Some(kind) = link.strip_prefix(b"anon_inode:") {
            let (code, name) = anonymous(kind);
            let name = match code {
                code::PIDFD => self.pidfd_name(&links.info, number),
                _ => name.to_vec(),
            };
            let ino = self.anonymous_inode(&links.fd, number, code);
            FdEntry::new(fd, ino, other(code, name))
        } else {
            // Files without a path: a namespace (`net:[…]`), or a file that is not mounted any more.
            let name = link.to_vec();
            let ino = parse::bracketed(link).unwrap_or(0);
            FdEntry::new(fd, ino, other(code::UNSUPPORTED, name))
        };
        let info = links.info.read(DecInt::new(number), 4096, &mut self.buffers);
        let flags = info.ok().and_then(|text| info_number(text, b"flags:", 8));
        entry.close_on_exec |= flags.is_some_and(|flags| flags & O_CLOEXEC != 0);
        Some(entry)
    }

    /// A socket of the process; if no table contains it, it keeps the link's name.
    fn socket(
        &mut self,
        network: &mut Network<'_>,
        number: u32,
        (ino, own): (u64, Own),
        name: Vec<u8>,
    ) -> FdEntry {
        let is_known = network.sockets.as_ref().is_some_and(|sockets| sockets.has(ino));
        if !is_known && !network.is_current {
            let read = self.sockets(network, ino);
            network.is_current = read.as_ref().is_some_and(|(_, is_current)| *is_current);
            network.sockets = read.map(|(sockets, _)| sockets);
        }
        let found = network.sockets.as_ref().and_then(|sockets| sockets.get(ino));
        let protocol = || {
            let links = network.process.get()?.subdir("fd").ok()?;
            links.protocol(DecInt::new(number))
        };
        // In old tables, a new socket is missing, whatever it is.
        let is_missing = found.is_none() && !network.is_current && !matches!(own, Own::Unix(_));
        let known = if is_missing { None } else { own.checked(found, protocol) };
        let detail = known.unwrap_or_else(|| other(code::UNSUPPORTED, name));
        FdEntry::new(i64::from(number), ino, detail)
    }

    /// Inode of an anonymous file: one for all, except for kinds with their own inodes.
    fn anonymous_inode(&mut self, links: &Dir, number: u32, code: u8) -> u64 {
        let shared =
            matches!(code, code::EVENT | code::SIGNALFD | code::EVENTPOLL | code::INOTIFY | code::TIMERFD);
        if let (true, Some(ino)) = (shared, self.anonymous_inode) {
            return ino;
        }
        let ino = links.stat(DecInt::new(number)).map_or(0, |stat| stat.stx_ino);
        if shared {
            self.anonymous_inode = Some(ino);
        }
        ino
    }

    /// Sockets of a network namespace, and whether they are those of now. Its tables are read at first use, and again for a socket
    /// that they lack.
    fn sockets(&mut self, network: &Network<'_>, ino: u64) -> Option<(Arc<Sockets>, bool)> {
        let ask = || network.process.get()?.namespace("ns/net", &mut self.buffers);
        let namespace = network.namespace.or_else(ask)?;
        let mut known = self.shared.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(namespace, ino, || {
            Some(Sockets::read(network.process.get()?, self.shared.options.max_sockets))
        })
    }

    fn pidfd_name(&mut self, infos: &Dir, number: u32) -> Vec<u8> {
        let info = infos.read(DecInt::new(number), 4096, &mut self.buffers);
        let Some(pid) = info.ok().and_then(|text| info_number(text, b"Pid:", 10)) else { return Vec::new() };
        use std::os::unix::ffi::OsStringExt;
        self.shared.options.root.join(format!("proc/{pid}")).into_os_string().into_vec()
    }
}

/// Sets whether an exec closes the descriptor.
fn set_close_on_exec(entry: &mut FdEntry, on: bool) {
    entry.close_on_exec = on;
    if let FdDetail::File { open_flags, .. } = &mut entry.detail {
        let flag = flag("O_CLOEXEC");
        *open_flags = (*open_flags & !flag) | if on { flag } else { 0 };
    }
}

/// Whether a path leads to the file, so that its end is not the kernel's mark of a deleted file.
fn is_name_of(process: &Lazy<'_>, path: &[u8], file: &Statx) -> bool {
    let below = [b"root", path].concat();
    let found = process.get().and_then(|process| process.stat(&*below).ok());
    found.is_some_and(|found| {
        (found.stx_ino, found.stx_dev_major, found.stx_dev_minor)
            == (file.stx_ino, file.stx_dev_major, file.stx_dev_minor)
    })
}

pub(crate) fn other(type_code: u8, name: Vec<u8>) -> FdDetail {
    FdDetail::Other { type_code, name }
}

/// Kind of an anonymous inode, and the name that its file gets.
pub(crate) fn anonymous(kind: &[u8]) -> (u8, &[u8]) {
    let code = match kind {
        b"[eventfd]" => code::EVENT,
        b"[signalfd]" => code::SIGNALFD,
        b"[eventpoll]" => code::EVENTPOLL,
        b"inotify" | b"[inotify]" => code::INOTIFY,
        b"[timerfd]" => code::TIMERFD,
        b"[io_uring]" => code::IO_URING,
        b"[userfaultfd]" => code::USERFAULTFD,
        b"[pidfd]" => code::PIDFD,
        kind if kind.starts_with(b"bpf") || kind.starts_with(b"[bpf") || kind == b"btf" => code::BPF,
        _ => return (code::UNSUPPORTED, kind),
    };
    (code, b"")
}

fn info_number(text: &[u8], key: &[u8], base: u32) -> Option<u64> {
    let value = parse::lines(text).find_map(|line| line.strip_prefix(key))?;
    parse::number(value.trim_ascii(), base)
}

/// A device number in the 32-bit form of user space.
pub(super) fn device(major: u32, minor: u32) -> u32 {
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

#[cfg(target_arch = "aarch64")]
const DIRECT_DIRECTORY_LARGEFILE: (u64, u64, u64) = (0x1_0000, 0x4000, 0x2_0000);
#[cfg(not(target_arch = "aarch64"))]
const DIRECT_DIRECTORY_LARGEFILE: (u64, u64, u64) = (0x4000, 0x1_0000, 0x8000);

/// Converts the kernel's flags of `open` to the values of the schema.
pub(super) fn portable_open_flags(kernel: u64) -> u32 {
    const PATH: u64 = 0x20_0000;
    const UNNAMED: u64 = 0x40_0000;
    let (direct, directory, largefile) = DIRECT_DIRECTORY_LARGEFILE;
    // As the probe reports them: a descriptor for a path gives no right to read or write, nor does the access mode 3, and an
    // unnamed file is no directory.
    let access: &[&str] = match kernel & 3 {
        _ if kernel & PATH != 0 => &["O_PATH"],
        0 => &["O_RDONLY"],
        1 => &["O_WRONLY"],
        2 => &["O_RDWR"],
        _ => &[],
    };
    let kernel = match kernel {
        flags if flags & PATH != 0 => flags & (directory | O_CLOEXEC),
        flags if flags & UNNAMED != 0 => flags & !directory,
        flags => flags,
    };
    let bits: [(u64, &[&str]); 12] = [
        (0x40, &["O_CREAT"]),
        (0x80, &["O_EXCL"]),
        (0x200, &["O_TRUNC"]),
        (0x400, &["O_APPEND"]),
        (0x800, &["O_NONBLOCK"]),
        (0x1000, &["O_DSYNC", "O_SYNC"]),
        (0x10_0000, &["O_SYNC"]),
        (direct, &["O_DIRECT"]),
        (directory, &["O_DIRECTORY"]),
        (largefile, &["O_LARGEFILE"]),
        (O_CLOEXEC, &["O_CLOEXEC"]),
        (UNNAMED, &["O_TMPFILE"]),
    ];
    let set = bits.iter().filter(|(bit, _)| kernel & bit != 0).flat_map(|(_, names)| *names);
    access.iter().chain(set).fold(0, |flags, name| flags | flag(name))
}

fn flag(name: &str) -> u32 {
    FlagTable::FILE_FLAGS.entries.iter().find(|(entry, _)| *entry == name).map_or(0, |(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_flags_get_the_values_of_the_schema() {
        assert_eq!(portable_open_flags(0o100_000), flag("O_RDONLY") | flag("O_LARGEFILE"));
        assert_eq!(portable_open_flags(0o2), flag("O_RDWR"));
        let log = portable_open_flags(0o1 | 0o100 | 0o2000 | 0o2_000_000);
        assert_eq!(log, flag("O_WRONLY") | flag("O_CREAT") | flag("O_APPEND") | flag("O_CLOEXEC"));
        // Of x86-64 and aarch64.
        let directory = DIRECT_DIRECTORY_LARGEFILE.1;
        assert_eq!(portable_open_flags(0o20_000_000 | directory | 0o2), flag("O_RDWR") | flag("O_TMPFILE"));
        assert_eq!(portable_open_flags(0o10_000_000 | directory | 0o2), flag("O_PATH") | flag("O_DIRECTORY"));
        assert_eq!(portable_open_flags(0o3), 0);
        for name in
            ["O_RDONLY", "O_PATH", "O_TMPFILE", "O_DIRECTORY", "O_DSYNC", "O_SYNC", "O_EXCL", "O_TRUNC"]
        {
            assert_ne!(flag(name), 0, "{name}");
        }
    }

    #[test]
    fn devices_are_packed_as_by_the_kernel() {
        assert_eq!(device(8, 1), 0x801);
        assert_eq!(device(259, 0x12345), 0x45 | 259 << 8 | 0x12300 << 12);
    }
}
