//! Descriptors that a message brought or a call made, in the probe's format.

use std::borrow::Cow;

use eyas_events::{EventType, FlagTable};
use rustix::fs::FileType;

use crate::proc::code;
use crate::proc::ends::{AF_INET, AF_INET6, End, end_v4, end_v6, of_ends};
use crate::proc::fds::{SECRET, anonymous, other};
use crate::{FdDetail, FdEntry, RawEvent};

/// Descriptor, flags, inode, device, mode, length of the name.
const HEAD: usize = 24;
/// The mode of a pidfd, because no file has all bits of the type.
const PIDFD_MODE: u16 = 0xf000;
/// The mode of a record that names the thread whose descriptors follow.
const HOLDER_MODE: u16 = 0xe000;
const AF_UNIX: u8 = 1;
const AF_NETLINK: u8 = 16;
const O_CLOEXEC: u32 = FlagTable::FILE_FLAGS.value("O_CLOEXEC");

/// A descriptor that a supervisor (seccomp) has put into the table of another thread.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedFd {
    /// The thread, by its id on the host; 0 if the probe does not know it.
    pub tid: i64,
    /// The file, as the thread's table had it after the call. `None` if the descriptor was closed, or the thread is unknown.
    pub entry: Option<FdEntry>,
}

impl<'a> RawEvent<'a> {
    /// The descriptors that the call brought or made, as the kernel has them, of live events and of captures that eyas wrote:
    /// those of a message (`SCM_RIGHTS`, `SCM_PIDFD`), another process's file (`pidfd_getfd`), a pidfd (`pidfd_open`,
    /// `CLONE_PIDFD`), those of calls that make files without a path (`ioctl`, `bpf`, `fanotify_init` and the like), those that
    /// a read from fanotify or from a userfaultfd makes, and the one that an exec makes for an interpreter (binfmt_misc).
    pub fn received_fds(&self) -> impl Iterator<Item = FdEntry> + use<'a> {
        let at = place(self.ty).and_then(|place| Some(self.info()?.params.len() + place));
        let mut rest = at.and_then(|at| self.own_param(at)).unwrap_or_default();
        std::iter::from_fn(move || {
            let (entry, len) = parse(rest)?;
            rest = &rest[len..];
            Some(entry)
        })
    }

    /// A parameter that does not describe the file of a request.
    pub(crate) fn own_param(&self, at: usize) -> Option<&'a [u8]> {
        self.param(at).filter(|_| self.place_of_direct() != Some(at))
    }
}

impl RawEvent<'_> {
    /// The descriptor that a call of this event (`SECCOMP_IOCTL_NOTIF_ADDFD`) has put into another thread's table.
    pub fn added_fd(&self) -> Option<AddedFd> {
        let bytes = self.own_param(self.info()?.params.len() + place(self.ty)?)?;
        let (holder, rest) = bytes.split_at_checked(HEAD + size_of::<u32>())?;
        if mode(holder)? != HOLDER_MODE {
            return None;
        }
        let tid = u32::from_le_bytes(*holder.last_chunk()?);
        Some(AddedFd { tid: tid.into(), entry: parse(rest).map(|(entry, _)| entry) })
    }

    /// The index of the parameter that describes descriptors, of [`RawEvent::received_fds`] or [`RawEvent::direct_fd`].
    pub fn described_param(&self) -> Option<usize> {
        if self.mark.is_described() {
            return self.nparams().checked_sub(1);
        }
        Some(self.info()?.params.len() + place(self.ty)?)
    }

    /// The file of an `io_uring` request, if it is a direct descriptor; its number is that of the event's
    /// parameter.
    pub fn direct_fd(&self) -> Option<FdEntry> {
        parse(self.param(self.place_of_direct()?)?).map(|(entry, _)| entry)
    }

    /// The descriptor that an `io_uring` request made from such a file (`fixed_fd_install`).
    pub fn installed_fd(&self) -> Option<FdEntry> {
        let described = self.param(self.place_of_direct()?)?;
        let (_, len) = parse(described)?;
        parse(&described[len..]).map(|(entry, _)| entry)
    }

    fn place_of_direct(&self) -> Option<usize> {
        self.nparams().checked_sub(1).filter(|_| self.mark.is_described())
    }
}

/// The position of the descriptions among the parameters after those of the event's row.
const fn place(ty: EventType) -> Option<usize> {
    use EventType as E;
    match ty {
        E::SOCKET_RECVMSG_X
        | E::SOCKET_RECVMMSG_X
        | E::SYSCALL_CLONE_20_X
        | E::SYSCALL_CLONE3_X
        | E::SYSCALL_PIDFD_OPEN_X
        | E::SYSCALL_PIDFD_GETFD_X
        | E::SYSCALL_EVENTFD_X
        | E::SYSCALL_EVENTFD2_X
        | E::SYSCALL_SIGNALFD_X
        | E::SYSCALL_SIGNALFD4_X
        | E::SYSCALL_INOTIFY_INIT_X
        | E::SYSCALL_INOTIFY_INIT1_X
        | E::SYSCALL_EPOLL_CREATE_X
        | E::SYSCALL_EPOLL_CREATE1_X
        | E::SYSCALL_USERFAULTFD_X
        | E::SYSCALL_IO_URING_SETUP_X
        | E::SYSCALL_MEMFD_CREATE_X
        | E::SYSCALL_MEMFD_SECRET_X
        | E::SYSCALL_BPF_2_X
        | E::SYSCALL_FANOTIFY_INIT_X
        | E::SYSCALL_PERF_EVENT_OPEN_X
        | E::SYSCALL_LANDLOCK_CREATE_RULESET_X
        | E::SYSCALL_MQ_OPEN_X
        | E::SYSCALL_FSOPEN_X
        | E::SYSCALL_SECCOMP_X
        | E::SOCKET_SOCKET_X
        | E::SOCKET_ACCEPT_5_X
        | E::SOCKET_ACCEPT4_6_X
        | E::SOCKET_GETSOCKOPT_X
        | E::SYSCALL_READ_X
        | E::SYSCALL_READV_X
        | E::SYSCALL_PREADV2_X => Some(0),
        // After the terminal, whether the timer is inherited, the path.
        E::SYSCALL_IOCTL_3_X | E::SYSCALL_TIMERFD_CREATE_X | E::SYSCALL_FSPICK_X => Some(1),
        // After the directory and the previous thread.
        E::SYSCALL_EXECVE_19_X | E::SYSCALL_EXECVEAT_X => Some(2),
        _ => None,
    }
}

fn mode(record: &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(*record.get(20..)?.first_chunk()?))
}

/// Parses the first descriptor; returns it and its size.
fn parse(bytes: &[u8]) -> Option<(FdEntry, usize)> {
    let u32_at = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let (fd, flags, dev, mode) = (u32_at(0)? as i32, u32_at(4)?, u32_at(16)?, mode(bytes)?);
    let ino = u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    let len = HEAD + usize::from(u16::from_le_bytes(*bytes.get(22..)?.first_chunk()?));
    let name = bytes.get(HEAD..len)?;
    let detail = match mode {
        PIDFD_MODE => pidfd(name)?,
        HOLDER_MODE => return None,
        _ => detail(name, flags, dev, mode, ino),
    };
    let mut entry = FdEntry::new(i64::from(fd), ino, detail);
    entry.close_on_exec = flags & O_CLOEXEC != 0;
    Some((entry, len))
}

fn detail(name: &[u8], open_flags: u32, dev: u32, mode: u16, ino: u64) -> FdDetail {
    let ty = FileType::from_raw_mode(mode.into());
    if name.starts_with(b"[") || !name.starts_with(b"/") && ty == FileType::Unknown {
        let (code, name) = anonymous(name);
        return other(code, name.to_vec());
    }
    if let Some(name) = name.strip_prefix(b"memfd:") {
        return other(code::MEMFD, name.to_vec());
    }
    if name == SECRET {
        return other(code::MEMFD, name.to_vec());
    }
    match ty {
        // A path is of a file that was opened with O_PATH.
        FileType::Socket if !name.starts_with(b"/") => socket(name, ino),
        FileType::Directory => other(code::DIRECTORY, name.to_vec()),
        // One that was opened by a path is a file, as for the call that opens it.
        FileType::Fifo if name.starts_with(b"pipe:") => other(code::PIPE, name.to_vec()),
        // A namespace and the like.
        _ if name.is_empty() || name.ends_with(b"]") && !name.starts_with(b"/") => {
            other(code::UNSUPPORTED, name.to_vec())
        }
        _ => FdDetail::File { open_flags, path: name.to_vec(), dev, mount_id: 0 },
    }
}

/// A pidfd, with its process.
fn pidfd(bytes: &[u8]) -> Option<FdDetail> {
    let pid = u32::from_le_bytes(*bytes.first_chunk()?);
    Some(other(code::PIDFD, format!("/proc/{pid}").into_bytes()))
}

/// A socket: its type, then its family or its ends.
fn socket(bytes: &[u8], ino: u64) -> FdDetail {
    let ends = || {
        let (ty, family, rest) = (*bytes.first()?, *bytes.get(1)?, bytes.get(2..)?);
        Some(match family {
            AF_INET => inet(ty, end_v4(rest)?, end_v4(rest.get(6..)?)?),
            AF_INET6 => inet(ty, end_v6(rest)?, end_v6(rest.get(18..)?)?),
            AF_UNIX => {
                let number = |at: usize| Some(u64::from_le_bytes(*rest.get(at..)?.first_chunk()?));
                let path = rest.get(16..)?;
                FdDetail::Unix { source: number(0)?, destination: number(8)?, path: unix_name(path).into() }
            }
            AF_NETLINK => other(code::NETLINK, Vec::new()),
            _ => return None,
        })
    };
    ends().unwrap_or_else(|| other(code::UNSUPPORTED, format!("socket:[{ino}]").into_bytes()))
}

/// The name of a Unix socket, from an event's bytes after the family or the numbers of both sockets. A NUL within an abstract name
/// becomes `@`, as in `/proc/net/unix`; NULs at the end are left out, because many programs pass more bytes than the name has.
pub fn unix_name(bytes: &[u8]) -> Cow<'_, [u8]> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let name = &bytes[..end];
    match name.contains(&0) {
        true => name.iter().map(|byte| if *byte == 0 { b'@' } else { *byte }).collect::<Vec<u8>>().into(),
        false => name.into(),
    }
}

/// A socket with the kernel's type (`SOCK_STREAM` is 1, `SOCK_DGRAM` 2, `SOCK_RAW` 3).
fn inet(ty: u8, local: End, remote: End) -> FdDetail {
    let l4 = match ty {
        1 => 2,
        2 => 3,
        3 => 5,
        _ => 0,
    };
    of_ends(local, remote, l4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventBuilder;

    fn reported(fd: i32, flags: u32, mode: u16, name: &[u8]) -> Vec<u8> {
        let mut out = fd.to_le_bytes().to_vec();
        out.extend(flags.to_le_bytes());
        out.extend(77_u64.to_le_bytes());
        out.extend(0x801_u32.to_le_bytes());
        out.extend([mode, name.len() as u16].map(u16::to_le_bytes).concat());
        out.extend_from_slice(name);
        out
    }

    fn received(bytes: &[u8]) -> Vec<FdEntry> {
        let ty = EventType::SOCKET_RECVMSG_X;
        let event = EventBuilder::new(ty).bytes(ty.info().unwrap().params.len(), bytes).build();
        event.as_raw().received_fds().collect()
    }

    #[test]
    fn each_kind_is_reported_by_its_mode_and_name() {
        let other = |code, name: &[u8]| FdDetail::Other { type_code: code, name: name.to_vec() };
        let opened =
            |path: &[u8]| FdDetail::File { open_flags: 1, path: path.to_vec(), dev: 0x801, mount_id: 0 };
        let (mut pair, mut listening, mut named) = (vec![1, 2], vec![1, 10], vec![1, 1]);
        pair.extend([127, 0, 0, 1, 0x90, 0x1f, 127, 0, 0, 2, 0x50, 0]);
        listening.extend([[0; 16].as_slice(), &[0x50, 0], &[0; 18]].concat());
        named.extend([7_u64.to_le_bytes(), 8_u64.to_le_bytes()].concat());
        named.extend(b"/run/a.sock\0");
        let end = |ip: &str, port| (ip.parse().unwrap(), port);
        let connected =
            FdDetail::Socket { local: end("127.0.0.1", 8080), remote: end("127.0.0.2", 80), l4: 2 };
        let server = FdDetail::ServerSocket { addr: end("::", 80), l4: 2 };
        let unix = FdDetail::Unix { source: 7, destination: 8, path: b"/run/a.sock".to_vec() };
        let cases: [(u16, &[u8], FdDetail); 14] = [
            (0o140_777, &pair, connected),
            (0o140_777, &listening, server),
            (0o140_777, &named, unix),
            (0o140_777, &[3, 16], other(code::NETLINK, b"")),
            (0o100_600, b"/etc/shadow", opened(b"/etc/shadow")),
            (0o040_755, b"/etc", other(code::DIRECTORY, b"/etc")),
            (0o010_600, b"pipe:[9]", other(code::PIPE, b"pipe:[9]")),
            (0o010_600, b"/run/fifo", opened(b"/run/fifo")),
            (0o140_777, b"/run/a.sock", opened(b"/run/a.sock")),
            (0o100_777, b"memfd:x", other(code::MEMFD, b"x")),
            (0o000_600, b"[eventfd]", other(code::EVENT, b"")),
            (0o100_444, b"mnt:[4026531832]", other(code::UNSUPPORTED, b"mnt:[4026531832]")),
            (0o140_777, &[1, 2, 127], other(code::UNSUPPORTED, b"socket:[77]")),
            (PIDFD_MODE, &[0xd2, 4, 0, 0], other(code::PIDFD, b"/proc/1234")),
        ];
        for (mode, name, expected) in cases {
            let all = [reported(5, 1, mode, name), reported(6, 1 | O_CLOEXEC, 0o100_600, b"/x")].concat();
            let found = received(&all);
            assert_eq!(found.len(), 2);
            assert_eq!(found[0].fd, 5);
            assert_eq!(found[0].detail, expected);
            assert!(found[0].ino == 77 && !found[0].close_on_exec);
            assert!(found[1].close_on_exec);
        }
    }

    #[test]
    fn an_added_descriptor_belongs_to_another_thread() {
        let added = |bytes: &[u8]| {
            let ty = EventType::SYSCALL_IOCTL_3_X;
            let event = EventBuilder::new(ty).bytes(ty.info().unwrap().params.len() + 1, bytes).build();
            assert_eq!(event.as_raw().received_fds().count(), 0);
            event.as_raw().added_fd()
        };
        let holder = |tid: u32| reported(7, 0, HOLDER_MODE, &tid.to_le_bytes());
        let all = [holder(1234), reported(7, 1, 0o100_600, b"/etc/shadow")].concat();
        let found = added(&all).unwrap();
        assert_eq!((found.tid, found.entry.unwrap().fd), (1234, 7));
        for end in holder(0).len()..all.len() {
            assert_eq!(added(&all[..end]), Some(AddedFd { tid: 1234, entry: None }));
        }
        assert_eq!(added(&holder(0)), Some(AddedFd { tid: 0, entry: None }));
        for end in 0..holder(0).len() {
            assert_eq!(added(&all[..end]), None);
        }
        let event = EventBuilder::new(EventType::SOCKET_RECVMSG_X).build();
        assert_eq!(event.as_raw().added_fd(), None);
    }

    #[test]
    fn nuls_within_an_abstract_name_are_shown() {
        for (bytes, name) in [
            (&b"/run/x\0"[..], &b"/run/x"[..]),
            (b"kern\0mid\0x\0", b"kern@mid@x"),
            (b"kern\0\0\0", b"kern"),
            (b"\0", b""),
            (b"", b""),
        ] {
            assert_eq!(&*unix_name(bytes), name);
        }
    }

    #[test]
    fn truncated_descriptions_are_skipped() {
        let all = [reported(5, 1, 0o100_600, b"/x"), reported(6, 1, 0o100_600, b"/y")].concat();
        for end in 0..all.len() {
            assert_eq!(received(&all[..end]).len(), end / (HEAD + 2));
        }
    }
}
