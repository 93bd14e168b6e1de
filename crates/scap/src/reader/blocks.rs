//! The blocks before the events: their types and contents.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::bytes::complete::take;
use nom::number::Endianness;
use nom::number::complete::u8 as byte;
use nom::number::{u16, u32, u64};
use nom::{IResult, Parser};

use crate::snapshot::CLOSED_BY_EXEC;
use crate::{FdDetail, FdEntry, Group, Interface, MachineInfo, Snapshot, ThreadEntry, User};

/// Section header; the same in either byte order.
pub(crate) const SECTION: u32 = 0x0A0D_0D0A;
/// An event of the current form, without flags, of ordinary size.
pub(crate) const EVENT: u32 = 0x216;
/// Body bytes of a machine info block.
const MACHINE_LEN: usize = 180;

/// Kind of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Section,
    Machine,
    /// With the version of the list.
    Threads(u8),
    /// With a length before each entry?
    Fds {
        sized: bool,
    },
    Interfaces {
        sized: bool,
    },
    Users {
        sized: bool,
    },
    Event {
        v2: bool,
        flags: bool,
        large: bool,
    },
    Unknown,
}

pub(crate) fn kind(block: u32) -> Kind {
    match block {
        SECTION => Kind::Section,
        0x201 | 0x8002_ABCD => Kind::Machine,
        0x202 | 0x8000_ABCD => Kind::Threads(1),
        0x207 | 0x8013_ABCD => Kind::Threads(2),
        0x209 | 0x8014_ABCD => Kind::Threads(3),
        0x210..=0x215 => Kind::Threads((block - 0x210) as u8 + 4),
        0x203 | 0x8001_ABCD => Kind::Fds { sized: false },
        0x218 => Kind::Fds { sized: true },
        0x205 | 0x8011_ABCD => Kind::Interfaces { sized: false },
        0x219 => Kind::Interfaces { sized: true },
        0x206 | 0x8012_ABCD => Kind::Users { sized: false },
        0x220 => Kind::Users { sized: true },
        0x204 | 0x8010_ABCD => Kind::Event { v2: false, flags: false, large: false },
        0x208 => Kind::Event { v2: false, flags: true, large: false },
        EVENT => Kind::Event { v2: true, flags: false, large: false },
        0x217 => Kind::Event { v2: true, flags: true, large: false },
        0x221 => Kind::Event { v2: true, flags: false, large: true },
        0x222 => Kind::Event { v2: true, flags: true, large: true },
        _ => Kind::Unknown,
    }
}

/// Whether a block contains a network packet, as in pcapng files.
pub(crate) fn is_packet(block: u32) -> bool {
    matches!(block, 2 | 3 | 6)
}

/// Name of a block type.
pub(crate) fn name(block: u32) -> &'static str {
    match kind(block) {
        Kind::Section => "section header",
        Kind::Machine => "machine",
        Kind::Threads(_) => "process list",
        Kind::Fds { .. } => "open files",
        Kind::Interfaces { .. } => "interface list",
        Kind::Users { .. } => "user list",
        Kind::Event { .. } => "event",
        Kind::Unknown => "unknown",
    }
}

type Bytes<'a> = &'a [u8];
type Fail = String;

/// Memory limit of a snapshot, and the remaining part, bytes.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    pub(crate) limit: usize,
    left: Cell<usize>,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, left: Cell::new(limit) }
    }

    /// Resets it for another snapshot.
    pub(crate) fn reset(&mut self) {
        self.left.set(self.limit);
    }

    fn take(&self, bytes: usize) -> Result<(), Fail> {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.unwrap_or(0));
        let what =
            || format!("what precedes the events takes more memory than the limit of {} bytes", self.limit);
        left.map(drop).ok_or_else(what)
    }
}

/// Reads one metadata block's body into the snapshot; returns the problem if it is damaged.
pub(crate) fn read(
    kind: Kind,
    body: &[u8],
    order: Endianness,
    budget: &Budget,
    into: &mut Snapshot,
) -> Result<(), Fail> {
    let cursor = Cursor { rest: body, order, budget };
    match kind {
        Kind::Machine => into.machine = Some(cursor.machine()?),
        Kind::Threads(version) => into.threads.extend(cursor.threads(version)?),
        Kind::Fds { sized } => {
            budget.take(size_of::<(i64, Vec<FdEntry>)>())?;
            into.fds.push(cursor.fds(sized)?);
        }
        Kind::Interfaces { sized } => into.interfaces = cursor.interfaces(sized)?,
        Kind::Users { sized } => (into.users, into.groups) = cursor.users(sized)?,
        Kind::Section | Kind::Event { .. } | Kind::Unknown => {}
    }
    Ok(())
}

/// A cursor over bytes, which reads one field after another.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: Bytes<'a>,
    order: Endianness,
    budget: &'a Budget,
}

impl<'a> Cursor<'a> {
    fn run<T>(&mut self, result: IResult<Bytes<'a>, T>, what: &str) -> Result<T, Fail> {
        match result {
            Ok((rest, value)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(_) => Err(format!("{what} does not fit, {} bytes are left", self.rest.len())),
        }
    }

    fn u8(&mut self, what: &str) -> Result<u8, Fail> {
        self.run(byte(self.rest), what)
    }

    fn u16(&mut self, what: &str) -> Result<u16, Fail> {
        self.run(u16(self.order).parse(self.rest), what)
    }

    fn u32(&mut self, what: &str) -> Result<u32, Fail> {
        self.run(u32(self.order).parse(self.rest), what)
    }

    fn u64(&mut self, what: &str) -> Result<u64, Fail> {
        self.run(u64(self.order).parse(self.rest), what)
    }

    fn i64(&mut self, what: &str) -> Result<i64, Fail> {
        self.u64(what).map(|v| v as i64)
    }

    fn bytes(&mut self, len: usize, what: &str) -> Result<Bytes<'a>, Fail> {
        self.run(take(len).parse(self.rest), what)
    }

    fn string(&mut self, limit: usize, what: &str) -> Result<Vec<u8>, Fail> {
        let len = usize::from(self.u16(what)?);
        if len > limit {
            return Err(format!("{what} has {len} bytes, the limit is {limit}"));
        }
        self.budget.take(len)?;
        self.bytes(len, what).map(<[u8]>::to_vec)
    }

    /// Whether another entry follows; fewer bytes are padding.
    fn entry_follows(&self) -> bool {
        self.rest.len() >= 4
    }

    /// A cursor over the next entry, which has its length before it; `inclusive` if the length includes
    /// itself.
    fn sized(&mut self, inclusive: bool, what: &str) -> Result<Self, Fail> {
        let len = self.u32(what)? as usize;
        let len = if inclusive { len.checked_sub(4) } else { Some(len) };
        let len = len.ok_or_else(|| format!("{what} has a length below 4"))?;
        Ok(Self { rest: self.bytes(len, what)?, ..*self })
    }

    fn machine(mut self) -> Result<MachineInfo, Fail> {
        if self.rest.len() != MACHINE_LEN {
            return Err(format!("machine info has {} bytes, expected {MACHINE_LEN}", self.rest.len()));
        }
        let (cpus, memory, max_pid) = (self.u32("cpus")?, self.u64("memory")?, self.u64("max_pid")?);
        let hostname = self.bytes(128, "hostname")?.split(|b| *b == 0).next().unwrap_or_default().to_vec();
        let (boot_ts, flags) = (self.u64("boot time")?, self.u64("flags")?);
        Ok(MachineInfo { cpus, memory, max_pid, hostname, boot_ts, flags })
    }

    fn interfaces(mut self, sized: bool) -> Result<Vec<Interface>, Fail> {
        let mut list = Vec::new();
        while self.entry_follows() {
            let mut entry = if sized { self.sized(false, "interface")? } else { self };
            self.budget.take(size_of::<Interface>())?;
            list.push(entry.interface()?);
            if !sized {
                self = entry;
            }
        }
        Ok(list)
    }

    fn interface(&mut self) -> Result<Interface, Fail> {
        let ty = self.u16("interface type")?;
        let name_len = usize::from(self.u16("interface name")?);
        let mut addr = || match ty {
            1 | 3 => self.v4("interface address"),
            2 | 4 => self.v6("interface address"),
            _ => Err(format!("interface type {ty} is unknown, expected 1 to 4")),
        };
        let (addr, netmask, broadcast) = (addr()?, addr()?, addr()?);
        let link_speed = if ty <= 2 { self.u64("link speed")? } else { 0 };
        self.budget.take(name_len)?;
        let name = self.bytes(name_len, "interface name")?.to_vec();
        Ok(Interface { name, addr, netmask, broadcast, link_speed })
    }

    fn v4(&mut self, what: &str) -> Result<IpAddr, Fail> {
        let bytes: [u8; 4] = self.bytes(4, what)?.try_into().unwrap_or_default();
        Ok(IpAddr::V4(Ipv4Addr::from(bytes)))
    }

    fn v6(&mut self, what: &str) -> Result<IpAddr, Fail> {
        let bytes: [u8; 16] = self.bytes(16, what)?.try_into().unwrap_or_default();
        Ok(IpAddr::V6(Ipv6Addr::from(bytes)))
    }

    fn users(mut self, sized: bool) -> Result<(Vec<User>, Vec<Group>), Fail> {
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        while self.entry_follows() {
            let mut entry = if sized { self.sized(true, "user")? } else { self };
            self.budget.take(size_of::<User>())?;
            if entry.u8("user kind")? == 0 {
                let (uid, gid) = (entry.u32("uid")?, entry.u32("gid")?);
                let name = entry.string(1024, "user name")?;
                let home = entry.string(1024, "home directory")?;
                let shell = entry.string(1024, "shell")?;
                users.push(User { uid, gid, name, home, shell });
            } else {
                let gid = entry.u32("gid")?;
                groups.push(Group { gid, name: entry.string(1024, "group name")? });
            }
            if !sized {
                self = entry;
            }
        }
        Ok((users, groups))
    }

    fn threads(mut self, version: u8) -> Result<Vec<ThreadEntry>, Fail> {
        let mut list = Vec::new();
        while self.entry_follows() {
            let mut entry = if version >= 9 { self.sized(true, "thread")? } else { self };
            self.budget.take(size_of::<ThreadEntry>())?;
            list.push(entry.thread(version)?);
            if version < 9 {
                self = entry;
            }
        }
        Ok(list)
    }

    fn thread(&mut self, version: u8) -> Result<ThreadEntry, Fail> {
        let mut t = ThreadEntry {
            tid: self.i64("tid")?,
            pid: self.i64("pid")?,
            ptid: self.i64("ptid")?,
            ..ThreadEntry::default()
        };
        if version >= 6 {
            t.sid = self.i64("sid")?;
        }
        if version >= 8 {
            t.vpgid = self.i64("vpgid")?;
        }
        t.comm = self.string(1024, "comm")?;
        t.exe = self.string(1024, "exe")?;
        if version >= 7 {
            t.exepath = self.string(1024, "exepath")?;
        }
        t.args = self.string(4096, "args")?;
        t.cwd = self.string(1024, "cwd")?;
        t.fdlimit = self.u64("fdlimit")?;
        (t.flags, t.uid, t.gid) = (self.u32("flags")?, self.u32("uid")?, self.u32("gid")?);
        if version >= 2 {
            t.vmsize_kb = self.u32("vmsize")?;
            t.vmrss_kb = self.u32("vmrss")?;
            t.vmswap_kb = self.u32("vmswap")?;
            t.pfmajor = self.u64("pfmajor")?;
            t.pfminor = self.u64("pfminor")?;
        }
        if version >= 3 {
            t.env = self.string(4096, "env")?;
        }
        if version >= 4 {
            t.vtid = self.i64("vtid")?;
            t.vpid = self.i64("vpid")?;
            t.cgroups = self.string(4096, "cgroups")?;
        }
        if version >= 5 {
            t.root = self.string(1024, "root")?;
        }
        if version >= 9 {
            self.thread_tail(&mut t)?;
        }
        Ok(t)
    }

    /// Reads the fields that later versions appended, if their bytes exist.
    fn thread_tail(&mut self, t: &mut ThreadEntry) -> Result<(), Fail> {
        // A later version inserted two fields in the middle; entries of this length are from before.
        const BEFORE_INSERTION: usize = 29;
        let inserted = self.rest.len() > BEFORE_INSERTION;
        macro_rules! next {
            ($size:literal, $method:ident, $slot:expr, $map:expr) => {
                if self.rest.len() < $size {
                    return Ok(());
                }
                $slot = $map(self.$method("thread")?);
            };
        }
        let flag = |v: u8| v != 0;
        if inserted {
            next!(8, u64, t.pidns_init_start_ts, |v| v);
            next!(4, u32, t.tty, |v| v);
        }
        next!(4, u32, t.loginuid, |v| v);
        next!(1, u8, t.exe_writable, flag);
        next!(8, u64, t.caps[0], |v| v);
        next!(8, u64, t.caps[1], |v| v);
        next!(8, u64, t.caps[2], |v| v);
        next!(1, u8, t.exe_upper_layer, flag);
        next!(8, u64, t.exe_ino, |v| v);
        next!(8, u64, t.exe_ino_ctime, |v| v);
        next!(8, u64, t.exe_ino_mtime, |v| v);
        next!(1, u8, t.exe_from_memfd, flag);
        next!(1, u8, t.exe_lower_layer, flag);
        next!(8, i64, t.pgid, |v| v);
        Ok(())
    }

    fn fds(mut self, sized: bool) -> Result<(i64, Vec<FdEntry>), Fail> {
        let tid = self.i64("tid")?;
        let mut list = Vec::new();
        while self.entry_follows() {
            let mut entry = if sized { self.sized(true, "fd")? } else { self };
            self.budget.take(size_of::<FdEntry>())?;
            list.push(entry.fd(sized)?);
            if !sized {
                self = entry;
            }
        }
        Ok((tid, list))
    }

    fn fd(&mut self, sized: bool) -> Result<FdEntry, Fail> {
        let (fd, ino, ty) = (self.i64("fd")?, self.u64("inode")?, self.u8("fd type")?);
        let detail = match ty {
            3 | 4 => {
                let local = self.addr(ty == 3)?;
                let remote = self.addr(ty == 3)?;
                let (sport, dport, l4) = (self.u16("port")?, self.u16("port")?, self.u8("l4proto")?);
                FdDetail::Socket { local: (local, sport), remote: (remote, dport), l4 }
            }
            5 | 6 => {
                let addr = self.addr(ty == 5)?;
                FdDetail::ServerSocket { addr: (addr, self.u16("port")?), l4: self.u8("l4proto")? }
            }
            8 => FdDetail::Unix {
                source: self.u64("unix source")?,
                destination: self.u64("unix destination")?,
                path: self.string(1024, "unix path")?,
            },
            16 => FdDetail::File {
                open_flags: self.u32("open flags")?,
                path: self.string(1024, "path")?,
                dev: if sized && self.rest.len() >= 4 { self.u32("dev")? } else { 0 },
                mount_id: 0,
            },
            0 => FdDetail::Other { type_code: 0, name: Vec::new() },
            1 | 2 | 7 | 9..=15 | 17..=21 => {
                FdDetail::Other { type_code: ty, name: self.string(1024, "fd name")? }
            }
            _ if sized => {
                FdDetail::Other { type_code: 10, name: format!("unknown-type:[{ty}]").into_bytes() }
            }
            _ => return Err(format!("fd type {ty} is unknown and has no length")),
        };
        let mut entry = FdEntry::new(fd, ino, detail);
        entry.close_on_exec |= sized && self.rest.starts_with(CLOSED_BY_EXEC);
        Ok(entry)
    }

    fn addr(&mut self, v4: bool) -> Result<IpAddr, Fail> {
        if v4 { self.v4("address") } else { self.v6("address") }
    }
}
