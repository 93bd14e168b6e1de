//! The sockets of a network namespace, by inode.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::code;
use super::dir::Dir;
use super::ends::{End, ICMP, of_ends};
use super::parse;
use crate::FdDetail;

mod credit;
mod own;

pub(super) use own::Own;

use credit::{Credit, PARTS};

/// Maximum length of a line of a table; longer lines are skipped.
const CHUNK: usize = 1 << 16;

/// The sockets of several network namespaces.
#[derive(Default)]
pub(super) struct Tables {
    by_namespace: HashMap<u64, Table>,
    /// Whether old tables are read again.
    renews: bool,
    credit: Credit,
}

struct Table {
    sockets: Arc<Sockets>,
    read_at: Instant,
    /// Duration of the read.
    took: Duration,
}

/// Maximum age of a table that contains the socket; more if its read took long.
const FRESH: Duration = Duration::from_millis(100);
/// Maximum number of network namespaces with cached tables.
const MAX_NAMESPACES: usize = 64;

impl Tables {
    /// Tables that are read again when they are old; [`Tables::default`] reads each once.
    pub(super) fn renewed() -> Self {
        Self { renews: true, ..Self::default() }
    }

    /// The sockets of a namespace, and whether they are current. If they are, a socket that they lack is in no table of the
    /// kernel. Calls `read` if the sockets are unknown, or if they lack the wanted socket and reads have not taken too much time
    /// lately. `None` if `read` fails.
    pub(super) fn get(
        &mut self,
        namespace: u64,
        inode: u64,
        read: impl FnOnce() -> Option<Sockets>,
    ) -> Option<(Arc<Sockets>, bool)> {
        let may_read = self.credit.is_left(Instant::now());
        let is_usable = |table: &Table| {
            let is_fresh = table.read_at.elapsed() < FRESH.max(PARTS * table.took);
            !self.renews || if table.sockets.has(inode) { is_fresh } else { !may_read }
        };
        if let Some(table) = self.by_namespace.get(&namespace).filter(|table| is_usable(table)) {
            return Some((Arc::clone(&table.sockets), !self.renews));
        }
        if self.renews && self.by_namespace.len() >= MAX_NAMESPACES {
            self.by_namespace.clear();
        }
        let read_at = Instant::now();
        let sockets = Arc::new(read()?);
        let took = read_at.elapsed();
        self.credit.spend(took);
        self.by_namespace.insert(namespace, Table { sockets: Arc::clone(&sockets), read_at, took });
        Some((sockets, true))
    }
}

#[derive(Default)]
pub(super) struct Sockets {
    by_inode: HashMap<u64, FdDetail>,
}

impl Sockets {
    /// Reads the tables for a process; tables that the kernel lacks are empty.
    pub(super) fn read(process: &Dir, limit: usize) -> Self {
        let mut sockets = Self::default();
        let Ok(net) = process.subdir("net") else { return sockets };
        let mut buffer = vec![0; CHUNK];
        let tables: [(&str, Line); 12] = [
            ("tcp", |line| inet(line, 2)),
            ("tcp6", |line| inet(line, 2)),
            ("udp", |line| inet(line, 3)),
            ("udp6", |line| inet(line, 3)),
            ("udplite", |line| inet(line, 3)),
            ("udplite6", |line| inet(line, 3)),
            ("raw", raw),
            ("raw6", raw),
            ("icmp", ping),
            ("icmp6", ping),
            ("netlink", netlink),
            // Its lines may be forged, so it comes last.
            ("unix", unix),
        ];
        for (name, parse) in tables {
            // If a table is missing or ends early, only the names of its sockets are missing.
            let _ = each_line(&net, name, &mut buffer, |line| {
                if let Some((inode, detail)) = parse(line)
                    && inode != 0
                {
                    sockets.add(inode, detail);
                }
                sockets.by_inode.len() < limit
            });
        }
        sockets
    }

    /// Adds a socket. The name of a Unix socket may contain a line feed, after which it looks like the line of another socket. So a
    /// socket of another family stays what it is, and one with two different lines has no name.
    fn add(&mut self, inode: u64, detail: FdDetail) {
        match self.by_inode.entry(inode) {
            Entry::Occupied(mut known) => match (known.get(), &detail) {
                (FdDetail::Unix { .. }, FdDetail::Unix { .. }) if *known.get() != detail => {
                    known.insert(own::unnamed());
                }
                (_, FdDetail::Unix { .. }) => {}
                _ => drop(known.insert(detail)),
            },
            Entry::Vacant(place) => drop(place.insert(detail)),
        }
    }

    pub(super) fn has(&self, inode: u64) -> bool {
        self.by_inode.contains_key(&inode)
    }

    pub(super) fn get(&self, inode: u64) -> Option<FdDetail> {
        self.by_inode.get(&inode).cloned()
    }
}

type Line = fn(&[u8]) -> Option<(u64, FdDetail)>;

/// Calls `line` with each line of a table after its heading, until `line` returns that it has enough.
fn each_line(
    net: &Dir,
    name: &str,
    buffer: &mut [u8],
    mut line: impl FnMut(&[u8]) -> bool,
) -> Result<(), Errno> {
    let file = rustix::fs::openat(net.fd(), name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut filled = 0;
    let mut heading = true;
    loop {
        let count = match rustix::io::read(&file, &mut buffer[filled..]) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        };
        filled += count;
        let mut start = 0;
        while let Some(end) = buffer[start..filled].iter().position(|byte| *byte == b'\n') {
            let text = &buffer[start..start + end];
            start += end + 1;
            if !std::mem::take(&mut heading) && !line(text) {
                return Ok(());
            }
        }
        if start == 0 && filled == buffer.len() {
            filled = 0;
        } else {
            buffer.copy_within(start..filled, 0);
            filled -= start;
        }
    }
}

/// `sl local_address rem_address st queues timer retransmits uid timeout inode …`
fn inet(line: &[u8], l4: u8) -> Option<(u64, FdDetail)> {
    let mut words = parse::words(line);
    let local = address(words.nth(1)?)?;
    let remote = address(words.next()?)?;
    let inode = parse::decimal(words.nth(6)?)?;
    Some((inode, of_ends(local, remote, l4)))
}

/// The same of a raw socket, whose line has its protocol instead of a port.
fn raw(line: &[u8]) -> Option<(u64, FdDetail)> {
    let mut words = parse::words(line);
    let (local, protocol) = address(words.nth(1)?)?;
    let (remote, _) = address(words.next()?)?;
    let inode = parse::decimal(words.nth(6)?)?;
    let l4 = if matches!(protocol, IPPROTO_ICMP | IPPROTO_ICMPV6) { ICMP } else { 5 };
    Some((inode, of_ends((local, 0), (remote, 0), l4)))
}

/// The same of a datagram socket for ICMP, whose line has an identifier instead of a port.
fn ping(line: &[u8]) -> Option<(u64, FdDetail)> {
    inet(line, ICMP)
}

const IPPROTO_ICMP: u16 = 1;
const IPPROTO_ICMPV6: u16 = 58;

/// `0100007F:1F90`: 32-bit words in memory order, then the port.
fn address(text: &[u8]) -> Option<End> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let port = u16::try_from(parse::number(&text[colon + 1..], 16)?).ok()?;
    let word = |digits: &[u8]| -> Option<[u8; 4]> {
        Some(u32::try_from(parse::number(digits, 16)?).ok()?.to_ne_bytes())
    };
    let digits = &text[..colon];
    let ip = match digits.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(digits)?)),
        32 => {
            let mut bytes = [0; 16];
            for (to, from) in bytes.chunks_exact_mut(4).zip(digits.chunks_exact(8)) {
                to.copy_from_slice(&word(from)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some((ip, port))
}

/// `Num RefCount Protocol Flags Type St Inode Path`
fn unix(line: &[u8]) -> Option<(u64, FdDetail)> {
    let mut words = parse::words(line);
    let source = parse::number(words.next()?.strip_suffix(b":")?, 16)?;
    let inode_text = words.nth(5)?;
    let inode = parse::decimal(inode_text)?;
    // The path is the rest of the line after a blank, and may contain blanks.
    let end = inode_text.as_ptr() as usize - line.as_ptr() as usize + inode_text.len();
    let path = line.get(end + 1..).unwrap_or_default();
    Some((inode, FdDetail::Unix { source, destination: 0, path: path.to_vec() }))
}

/// `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`
fn netlink(line: &[u8]) -> Option<(u64, FdDetail)> {
    let inode = parse::decimal(parse::words(line).nth(9)?)?;
    Some((inode, FdDetail::Other { type_code: code::NETLINK, name: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inet_lines() {
        let line = b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 550 1 0";
        let addr = ("127.0.0.1".parse().unwrap(), 8080);
        assert_eq!(inet(line, 2), Some((550, FdDetail::ServerSocket { addr, l4: 2 })));
        let line = b"1: 0000000000000000FFFF00000100007F:0050 0000000000000000FFFF00000200007F:A000 01 0:0 00:0 0 7 0 99 1";
        let expected = FdDetail::Socket {
            local: ("127.0.0.1".parse().unwrap(), 80),
            remote: ("127.0.0.2".parse().unwrap(), 0xa000),
            l4: 2,
        };
        assert_eq!(inet(line, 2), Some((99, expected)));
        assert_eq!(inet(b"0: zz:0 1:1", 2), None);
    }

    #[test]
    fn a_raw_socket_has_a_protocol_and_no_port() {
        let end = |ip: &str| (ip.parse().unwrap(), 0);
        for (protocol, l4) in [("0001", 4), ("003A", 4), ("0011", 5), ("00FF", 5)] {
            let line = format!("1: 0100007F:{protocol} 00000000:0000 07 0:0 00:0 0 0 0 77 2");
            let unset = FdDetail::ServerSocket { addr: end("127.0.0.1"), l4 };
            assert_eq!(raw(line.as_bytes()), Some((77, unset)));
        }
        let line = b"1: 0100007F:0011 0200007F:0000 01 0:0 00:0 0 0 0 78 2";
        let connected = FdDetail::Socket { local: end("127.0.0.1"), remote: end("127.0.0.2"), l4: 5 };
        assert_eq!(raw(line), Some((78, connected)));
    }

    #[test]
    fn a_name_with_a_line_feed_forges_no_socket() {
        let mut sockets = Sockets::default();
        let mut add = |line: &str| {
            let (inode, detail) = unix(line.as_bytes()).unwrap();
            sockets.add(inode, detail);
        };
        add("ffff0001: 00000002 00000000 00010000 0001 01 546 /run/true");
        // The name of another socket continues with these.
        add("ffff0002: 00000002 00000000 00010000 0001 01 546 /run/forged");
        add("ffff0002: 00000002 00000000 00010000 0001 01 551 /run/forged");
        add("ffff0003: 00000002 00000000 00010000 0001 01 547 /run/same");
        add("ffff0003: 00000002 00000000 00010000 0001 01 547 /run/same");
        let named = |source, path: &str| {
            Some(FdDetail::Unix { source, destination: 0, path: path.as_bytes().to_vec() })
        };
        assert_eq!(sockets.get(546), Some(own::unnamed()));
        assert_eq!(sockets.get(547), named(0xffff_0003, "/run/same"));
        let line = b"0: 0100007F:1F90 0200007F:0050 01 0:0 00:0 0 0 0 550 1 0";
        let (inode, stream) = inet(line, 2).unwrap();
        sockets.add(inode, stream.clone());
        sockets.add(550, own::unnamed());
        assert_eq!(sockets.get(550), Some(stream));
        // A connection that is in no table yet.
        let forged = sockets.get(551);
        let unset = Some(FdDetail::Socket { local: UNSET, remote: UNSET, l4: 2 });
        assert_eq!(Own::Unknown.checked(forged.clone(), || Some(b"TCP".to_vec())), unset);
        assert_eq!(Own::Unknown.checked(forged.clone(), || Some(b"UNIX".to_vec())), forged);
        assert_eq!(Own::Unknown.checked(forged.clone(), || None), forged);
    }

    const UNSET: End = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

    #[test]
    fn a_unix_path_may_hold_blanks() {
        let line = b"000000007fa7b9f2: 00000002 00000000 00010000 0001 01 546 /run/a b.sock";
        let expected =
            FdDetail::Unix { source: 0x7fa7_b9f2, destination: 0, path: b"/run/a b.sock".to_vec() };
        assert_eq!(unix(line), Some((546, expected)));
        let unnamed = unix(b"0000000034389305: 00000003 00000000 00000000 0001 03   547").unwrap();
        assert_eq!(unnamed.1, FdDetail::Unix { source: 0x3438_9305, destination: 0, path: Vec::new() });
    }
}
