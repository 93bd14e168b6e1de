//! Sockets: created, bound, connected, used.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use eyas_events::{EventFlags, EventType, FlagTable, param};
use eyas_scap::{RawEvent, unix_name};

use super::enter::take_enter;
use super::{described, file, identity};
use crate::state::mapped::{End, unmapped, unmapped_pair};
use crate::state::proc_query::ProcQuery;
use crate::state::recent_names::RecentNames;
use crate::state::{Current, PendingChange};
use crate::state::{Fd, FdKind, L4, Role, Socket, State, ThreadKey};

pub(in crate::state) mod names;
mod rights;

const AF_UNIX: u8 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const AF_NETLINK: u8 = 16;
const SOCK_STREAM: u64 = 1;
const SOCK_DGRAM: u64 = 2;
const SOCK_RAW: u64 = 3;
const SOCK_PACKET: u64 = 10;
const SOCK_TYPE_MASK: u64 = 0xff;
const SOCK_CLOEXEC: u64 = 0o2_000_000;
const IPPROTO_ICMP: u64 = 1;
const IPPROTO_TCP: u64 = 6;
const IPPROTO_UDP: u64 = 17;
const IPPROTO_ICMPV6: u64 = 58;
/// UDP-Lite: UDP whose checksum may cover only a part of the data.
const IPPROTO_UDPLITE: u64 = 136;
const IPPROTO_RAW: u64 = 255;
/// Multipath TCP, with which Go programs listen.
const IPPROTO_MPTCP: u64 = 262;
const EINPROGRESS: i64 = -115;

/// Whether a result means that the connection failed: ENETDOWN to ECONNRESET, ETIMEDOUT to EHOSTUNREACH. After other errors, an
/// existing connection continues.
const fn is_failure(res: i64) -> bool {
    matches!(res, -104..=-100 | -113..=-110)
}

pub(super) fn apply(
    state: &mut State,
    raw: &RawEvent<'_>,
    now: &mut Current,
    query: &mut Option<ProcQuery<'_>>,
) {
    use EventType as E;
    match raw.ty {
        E::SOCKET_SOCKET_X => {
            socket(state, raw, now);
            described::complete(state, raw, now);
        }
        E::SOCKET_SOCKETPAIR_X => socketpair(state, raw, now),
        E::SOCKET_BIND_X => bind(state, raw, now),
        E::SOCKET_LISTEN_X => listen(state, raw, now),
        E::SOCKET_CONNECT_X => connect(state, raw, now),
        E::SOCKET_ACCEPT_5_X | E::SOCKET_ACCEPT4_6_X => {
            accept(state, raw, now);
            described::complete(state, raw, now);
        }
        E::SOCKET_SENDTO_X => transfer(state, raw, now, param::SOCKET_SENDTO_X::tuple, Direction::Out),
        E::SOCKET_SENDMSG_X => transfer(state, raw, now, param::SOCKET_SENDMSG_X::tuple, Direction::Out),
        E::SOCKET_SENDMMSG_X => transfer(state, raw, now, param::SOCKET_SENDMMSG_X::tuple, Direction::Out),
        E::SOCKET_SEND_X => transfer(state, raw, now, param::SOCKET_SEND_X::tuple, Direction::Out),
        E::SOCKET_RECVFROM_X => transfer(state, raw, now, param::SOCKET_RECVFROM_X::tuple, Direction::In),
        E::SOCKET_RECVMSG_X => {
            transfer(state, raw, now, param::SOCKET_RECVMSG_X::tuple, Direction::In);
            rights::receive(state, raw, now, param::SOCKET_RECVMSG_X::msgcontrol, query);
        }
        E::SOCKET_RECVMMSG_X => {
            transfer(state, raw, now, param::SOCKET_RECVMMSG_X::tuple, Direction::In);
            rights::receive(state, raw, now, param::SOCKET_RECVMMSG_X::msgcontrol, query);
        }
        E::SOCKET_RECV_X => transfer(state, raw, now, param::SOCKET_RECV_X::tuple, Direction::In),
        E::SOCKET_GETSOCKOPT_X => {
            pending_error(state, raw, now);
            described::complete(state, raw, now);
        }
        // Read and write report no ends.
        _ if raw.int(0).is_some_and(|res| res >= 0) => {
            used(state, raw, now);
            if raw.has_more_params() {
                decided_by_file(state, raw, now);
            }
        }
        // A read that failed may have made descriptors before.
        _ => described::made(state, raw, now),
    }
    let reads = raw.info().is_some_and(|info| info.flags.contains(EventFlags::READS_FROM_FD));
    if reads && raw.int(0).is_some_and(|res| res > 0) {
        names::observe(state, raw, now);
    }
}

/// Handles reads and writes that change the state because of their file: a read from fanotify or from a userfaultfd makes
/// descriptors, and a write to a file in `/proc` sets the login user.
#[cold]
fn decided_by_file(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    described::made(state, raw, now);
    if let Some(key) = now.thread {
        identity::login(state, raw, key);
    }
}

/// Parses an address of an event: family, address, port in host order.
fn end(bytes: &[u8]) -> Option<End> {
    match bytes {
        [AF_INET, rest @ ..] => end_v4(rest),
        [AF_INET6, rest @ ..] => end_v6(rest),
        _ => None,
    }
}

fn end_v4(bytes: &[u8]) -> Option<End> {
    let ip: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    Some((Ipv4Addr::from(ip).into(), u16::from_le_bytes(bytes.get(4..6)?.try_into().ok()?)))
}

fn end_v6(bytes: &[u8]) -> Option<End> {
    let ip: [u8; 16] = bytes.get(..16)?.try_into().ok()?;
    let ip = Ipv6Addr::from(ip);
    Some((ip.into(), u16::from_le_bytes(bytes.get(16..18)?.try_into().ok()?)))
}

/// A pair of addresses of an event.
enum Tuple<'a> {
    Inet { kind: FdKind, source: End, destination: End },
    Unix { source: u64, destination: u64, path: Cow<'a, [u8]> },
}

fn tuple(bytes: &[u8]) -> Option<Tuple<'_>> {
    match bytes {
        [AF_INET, rest @ ..] => {
            let (source, destination) = (end_v4(rest)?, end_v4(rest.get(6..)?)?);
            Some(Tuple::Inet { kind: FdKind::Ipv4, source, destination })
        }
        [AF_INET6, rest @ ..] => {
            let (source, destination) = (end_v6(rest)?, end_v6(rest.get(18..)?)?);
            Some(match unmapped_pair(source, destination) {
                Some((source, destination)) => Tuple::Inet { kind: FdKind::Ipv4, source, destination },
                None => Tuple::Inet { kind: FdKind::Ipv6, source, destination },
            })
        }
        [AF_UNIX, rest @ ..] => {
            let number = |at: usize| Some(u64::from_le_bytes(rest.get(at..at + 8)?.try_into().ok()?));
            Some(Tuple::Unix {
                source: number(0)?,
                destination: number(8)?,
                path: unix_name(rest.get(16..)?),
            })
        }
        _ => None,
    }
}

/// The thread and the descriptor of the event, if the descriptor is known.
fn known_fd(state: &mut State, raw: &RawEvent<'_>, now: &Current) -> Option<(ThreadKey, i64)> {
    let found = now.thread.and_then(|key| {
        let num = now.fd?;
        let thread = state.threads.at(key)?;
        state.threads.fds(thread)?.get(num)?;
        Some((key, num))
    });
    if found.is_none() && raw.int(0).is_some_and(|res| res >= 0) {
        state.stats.failed_fd_lookups += 1;
    }
    found
}

fn l4_of(ty: u64, proto: u64) -> L4 {
    match proto {
        IPPROTO_ICMP | IPPROTO_ICMPV6 => L4::Icmp,
        // A raw socket has no ports, whatever protocol it is for.
        _ if ty & SOCK_TYPE_MASK == SOCK_RAW => L4::Raw,
        IPPROTO_TCP | IPPROTO_MPTCP => L4::Tcp,
        IPPROTO_UDP | IPPROTO_UDPLITE => L4::Udp,
        IPPROTO_RAW => L4::Raw,
        0 => match ty & SOCK_TYPE_MASK {
            SOCK_STREAM => L4::Tcp,
            SOCK_DGRAM => L4::Udp,
            _ => L4::Unknown,
        },
        _ => L4::Unknown,
    }
}

fn socket(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SOCKET_SOCKET_X as p;
    let Some(num) = raw.int(p::fd) else { return };
    now.fd = Some(num.max(-1));
    if num < 0 {
        return;
    }
    let domain = raw.uint(p::domain).unwrap_or(0);
    let (ty, proto) = (raw.uint(p::r#type).unwrap_or(0), raw.uint(p::proto).unwrap_or(0));
    let kind = match domain as u8 {
        AF_UNIX => FdKind::Unix,
        // The kernel makes a packet socket for old programs; captures of other programs show what was requested.
        AF_INET if ty & SOCK_TYPE_MASK == SOCK_PACKET => FdKind::Unknown,
        AF_INET => FdKind::Ipv4,
        AF_INET6 => FdKind::Ipv6,
        AF_NETLINK => FdKind::Netlink,
        _ => FdKind::Unknown,
    };
    let empty = state.empty();
    let mut fd = Fd::new(kind, &empty);
    if kind.is_inet() {
        fd.l4 = l4_of(ty, proto);
    }
    fd.ino = raw.socket_inode().unwrap_or(0);
    let fd = state.reuse.hold(fd);
    file::add(state, now, num, fd, ty & SOCK_CLOEXEC != 0);
    file::forget_if(state.unused_files.sockets, now, num, None);
}

fn socketpair(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SOCKET_SOCKETPAIR_X as p;
    let (Some(0..), Some(first), Some(second)) = (raw.int(p::res), raw.int(p::fd1), raw.int(p::fd2)) else {
        return;
    };
    if first == second {
        return;
    }
    let (source, destination) = (raw.uint(p::source).unwrap_or(0), raw.uint(p::peer).unwrap_or(0));
    let empty = state.empty();
    let mut fd = Fd::new(FdKind::Unix, &empty);
    fd.set_socket(Socket::Unix { source, destination });
    let close_on_exec = raw.uint(p::r#type).unwrap_or(0) & SOCK_CLOEXEC != 0;
    // The last one is the event's.
    for (num, ino) in [first, second].into_iter().zip(raw.pair_inodes().unwrap_or_default()) {
        fd.ino = ino;
        let fd = state.reuse.hold(fd.clone());
        file::add(state, now, num, fd, close_on_exec);
    }
    file::forget_if(state.unused_files.sockets, now, first, Some(second));
}

fn bind(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SOCKET_BIND_X as p;
    if raw.int(p::res).is_none_or(|res| res < 0) {
        return;
    }
    let bytes = raw.param(p::addr).unwrap_or_default();
    change_socket(state, raw, now, |fd, _| {
        if let Some(address) = end(bytes) {
            bound(fd, address, raw);
            // A datagram socket that leaves its port to the kernel is a client, if it does not receive first.
            if fd.l4 == L4::Udp && raw.port_is_chosen() {
                fd.role = Role::None;
            }
        } else if let Some(path) = unix_path(bytes) {
            fd.rename((*path).into(), raw.ts);
        } else if let Some(family) = bytes.first().filter(|_| fd.kind != FdKind::Unsupported) {
            fd.rename(file::text_name(format!("family {family}")), raw.ts);
        }
    });
}

/// Sets the address that a socket is bound to.
fn bound(fd: &mut Fd, address: End, raw: &RawEvent<'_>) {
    let addr = unmapped(address);
    if addr.1 > 0 {
        fd.kind = if addr.0.is_ipv4() { FdKind::Ipv4Server } else { FdKind::Ipv6Server };
        fd.set_socket(Socket::Server { addr });
        fd.role = Role::Server;
    }
    fd.rename(file::text_name(format!("{}:{}", address.0, address.1)), raw.ts);
}

/// Handles a socket that listens: one that was never bound, or that was connected before, has another address now.
fn listen(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    let Some(address) = raw.listening_address().and_then(end) else { return };
    let Some((key, num)) = known_fd(state, raw, now) else { return };
    let files = state.threads.at(key).and_then(|thread| state.threads.fds(thread));
    let is_known =
        |fd: &Fd| fd.role == Role::Server && fd.socket() == Socket::Server { addr: unmapped(address) };
    if !files.and_then(|files| files.get(num)).is_some_and(is_known) {
        change_socket(state, raw, now, |fd, _| {
            fd.connected = false;
            bound(fd, address, raw);
        });
    }
}

fn connect(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SOCKET_CONNECT_X as p;
    let enter = take_enter(state, raw, now);
    if raw.int(p::res).is_some_and(|res| res >= 0 || res == EINPROGRESS) {
        let seen = enter.as_ref().and_then(|enter| enter.as_raw().param(param::SOCKET_CONNECT_E::addr));
        let addresses = [seen, raw.param(p::addr)].map(Option::unwrap_or_default);
        let ends = raw.param(p::tuple).and_then(tuple);
        change_socket(state, raw, now, |fd, names| connected(fd, raw, names, addresses, ends));
    } else if raw.int(p::res).is_some_and(is_failure) {
        failed(state, raw, now);
    }
    state.reuse.recycle(enter);
}

/// Handles the pending error of a socket (`SO_ERROR`), which reports the result of a `connect` that did not wait.
fn pending_error(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    use param::SOCKET_GETSOCKOPT_X as p;
    const SOCKET: u64 = FlagTable::SOCKOPT_LEVELS.value("SOL_SOCKET") as u64;
    const ERROR: u64 = FlagTable::SOCKOPT_OPTIONS.value("SO_ERROR") as u64;
    let is_asked = raw.int(p::res) == Some(0)
        && raw.uint(p::level) == Some(SOCKET)
        && raw.uint(p::optname) == Some(ERROR);
    // The value follows its type.
    let value = raw.param(p::val).and_then(|value| value.get(1..9)?.try_into().ok());
    if is_asked && value.is_some_and(|value| is_failure(i64::from_le_bytes(value))) {
        failed(state, raw, now);
    }
}

/// Handles a failed connection: the stream is no longer connected.
fn failed(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    let Some((key, num)) = known_fd(state, raw, now) else { return };
    let files = state.threads.at(key).and_then(|thread| state.threads.fds(thread));
    if files.and_then(|files| files.get(num)).is_some_and(|fd| fd.connected && fd.l4 == L4::Tcp) {
        change_socket(state, raw, now, |fd, _| fd.connected = false);
    }
}

/// The path of a Unix address.
fn unix_path(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    bytes.strip_prefix(&[AF_UNIX]).map(unix_name)
}

/// Changes the socket of the event, for all its descriptors.
fn change_socket(
    state: &mut State,
    raw: &RawEvent<'_>,
    now: &Current,
    change: impl FnOnce(&mut Fd, &mut RecentNames),
) {
    if let Some((key, num)) = known_fd(state, raw, now) {
        file::change_file(state, key, num, raw.ts, change);
    }
}

/// Changes the event's socket, for this descriptor only.
fn with_fd(
    state: &mut State,
    raw: &RawEvent<'_>,
    now: &Current,
    change: impl FnOnce(&mut Fd, &mut RecentNames),
) {
    let Some((key, num)) = known_fd(state, raw, now) else { return };
    if let Some(fd) = state.threads.fds_mut(key).and_then(|fds| fds.get_mut(num)) {
        change(fd, &mut state.reuse.names);
    }
}

fn connected(
    fd: &mut Fd,
    raw: &RawEvent<'_>,
    names: &mut RecentNames,
    [seen, reported]: [&[u8]; 2],
    ends: Option<Tuple<'_>>,
) {
    // A stream's peer has a port; the kernel keeps the address of the one before.
    let is_stream = fd.l4 == L4::Tcp;
    let nobody = |end: End| end.1 == 0 && (end.0.is_unspecified() || is_stream);
    let is_disconnected = match &ends {
        Some(Tuple::Inet { destination, .. }) => nobody(*destination),
        Some(Tuple::Unix { source, destination, path }) => {
            path.is_empty() && (*source == 0 || *destination == 0)
        }
        None => false,
    };
    if is_disconnected {
        // AF_UNSPEC ends the connection.
        fd.connected = false;
        fd.role = Role::None;
        fd.set_socket(Socket::None);
        fd.rename(names.written(|_| ()), raw.ts);
        return;
    }
    fd.connected = true;
    // A second thread may have changed the address after the kernel read it, so the address in the event
    // may be wrong. Then the kernel's pair differs from it.
    match ends {
        Some(Tuple::Inet { kind, source, mut destination }) => {
            if let Some(seen) = end(seen).filter(|_| Some(destination) == end(reported).map(unmapped)) {
                destination = unmapped(seen);
            }
            fd.kind = kind;
            let is_new = !fd.has_ends(source, destination);
            fd.set_socket(Socket::Inet { source, destination });
            if is_new && fd.role == Role::Server && fd.l4 == L4::Udp {
                // A server's own end stays, whatever the other end is.
                fd.swap_ends();
            }
            fd.rename_by_ends(raw.ts, names);
        }
        Some(Tuple::Unix { source, destination, path }) => {
            let path =
                unix_path(seen).filter(|_| unix_path(reported).as_ref() == Some(&path)).unwrap_or(path);
            fd.kind = FdKind::Unix;
            fd.set_socket(Socket::Unix { source, destination });
            fd.rename(names.unix_name(source, destination, &path), raw.ts);
        }
        None => {
            if let Some(destination) = end(seen).or_else(|| end(reported)) {
                let any: IpAddr = match destination.0 {
                    IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                fd.set_socket(Socket::Inet { source: (any, 0), destination });
                fd.rename_by_ends(raw.ts, names);
            }
        }
    }
    // A stream that connects is a client, even if it was bound.
    if fd.role == Role::None || is_stream {
        fd.role = Role::Client;
    }
}

fn accept(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SOCKET_ACCEPT4_6_X as p;
    let Some(num) = raw.int(p::fd) else { return };
    now.fd = Some(num.max(-1));
    if num < 0 {
        return;
    }
    let flags = if raw.ty == EventType::SOCKET_ACCEPT4_6_X { raw.uint(p::flags).unwrap_or(0) } else { 0 };
    let empty = state.empty();
    let mut fd = Fd::new(FdKind::Unknown, &empty);
    match tuple(raw.param(p::tuple).unwrap_or_default()) {
        Some(Tuple::Inet { kind, source, destination }) => {
            fd.kind = kind;
            fd.l4 = L4::Tcp;
            fd.set_socket(Socket::Inet { source, destination });
            fd.rename_by_ends(raw.ts, &mut state.reuse.names);
        }
        Some(Tuple::Unix { source, destination, path }) => {
            fd.kind = FdKind::Unix;
            fd.set_socket(Socket::Unix { source, destination });
            fd.rename(state.reuse.names.unix_name(source, destination, &path), raw.ts);
        }
        None => return,
    }
    fd.role = Role::Server;
    fd.connected = true;
    fd.ino = raw.socket_inode().unwrap_or(0);
    let close_on_exec = flags & u64::from(const { FlagTable::FILE_FLAGS.value("O_CLOEXEC") }) != 0;
    let fd = state.reuse.hold(fd);
    file::add(state, now, num, fd, close_on_exec);
    file::forget_if(state.unused_files.sockets, now, num, None);
}

/// Handles data through a descriptor without addresses in the event: a stream socket, or a datagram socket
/// that sends, is connected.
fn used(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    let (Some(key), Some(num)) = (now.thread, now.fd) else { return };
    let fd = state.threads.at(key).and_then(|thread| state.threads.fds(thread)?.get(num));
    let changes = fd.is_some_and(|fd| {
        matches!(fd.kind, FdKind::Ipv4 | FdKind::Ipv6)
            && !fd.connected
            && (fd.l4 == L4::Tcp || raw.ty.is_plain_write())
    });
    if changes && let Some(fd) = state.threads.fds_mut(key).and_then(|fds| fds.get_mut(num)) {
        fd.connected = true;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// Handles data through a socket: the event shows the ends of sockets that never connected.
fn transfer(state: &mut State, raw: &RawEvent<'_>, now: &mut Current, at: usize, direction: Direction) {
    if raw.int(0).is_none_or(|res| res < 0) {
        return;
    }
    let ends = raw.param(at).and_then(tuple);
    if known_fd(state, raw, now).is_none() {
        let (Some(Tuple::Inet { kind, .. }), Direction::Out, Some(num)) = (&ends, direction, now.fd) else {
            return;
        };
        let empty = state.empty();
        let mut fd = Fd::new(*kind, &empty);
        fd.l4 = L4::Udp;
        let fd = state.reuse.hold(fd);
        file::add(state, now, num, fd, false);
        file::forget_if(state.unused_files.sockets, now, num, None);
    }
    let before = connected_datagram(state, now, &ends, direction);
    with_fd(state, raw, now, |fd, names| match ends {
        // Only connect(2) connects a datagram socket. A listening stream transfers no data, so an old
        // capture has the wrong protocol.
        _ if fd.l4 == L4::Tcp && !fd.name.is_empty() && !matches!(fd.socket(), Socket::Server { .. }) => {
            fd.connected |= fd.kind.is_inet();
        }
        Some(Tuple::Inet { kind, source, destination }) => {
            let (local, remote) = match direction {
                Direction::In => (destination, source),
                Direction::Out => (source, destination),
            };
            transferred(fd, raw, names, kind, local, remote, direction);
        }
        // Either end of a connection may lack a name. The other end keeps its name.
        Some(Tuple::Unix { path, .. }) if path.is_empty() && fd.connected && !fd.name.is_empty() => {}
        Some(Tuple::Unix { source, destination, path }) => {
            fd.kind = FdKind::Unix;
            fd.set_socket(Socket::Unix { source, destination });
            fd.rename(names.unix_name(source, destination, &path), raw.ts);
        }
        None => {}
    });
    // Only this datagram has another destination.
    if let (Some(before), Some(num)) = (before, now.fd) {
        now.pending = PendingChange::Restore(num, before);
    }
}

/// The connected datagram socket of an event that sends to another peer.
fn connected_datagram(
    state: &State,
    now: &Current,
    ends: &Option<Tuple<'_>>,
    direction: Direction,
) -> Option<Arc<Fd>> {
    let (thread, num) = (state.threads.at(now.thread?)?, now.fd?);
    let files = state.threads.fds(thread)?;
    let fd = files.get(num).filter(|fd| direction == Direction::Out && fd.connected)?;
    let goes_elsewhere = match (ends, fd.socket()) {
        (Some(Tuple::Inet { source, destination, .. }), Socket::Inet { .. }) => {
            fd.l4 != L4::Tcp && !fd.has_ends(*source, *destination)
        }
        // A stream's peer keeps its name.
        (Some(Tuple::Unix { path, .. }), Socket::Unix { .. }) => {
            !path.is_empty() && fd.role == Role::Client && !fd.name.ends_with(path)
        }
        _ => false,
    };
    if goes_elsewhere { files.share(num) } else { None }
}

/// The ends of a sent datagram. If the destination has a port but no address, the kernel uses the socket's own address if that is
/// set (IPv4 only), otherwise the loopback address.
fn destined(local: End, remote: End) -> (End, End) {
    if !remote.0.is_unspecified() || remote.1 == 0 {
        return (local, remote);
    }
    let loopback: IpAddr = match remote.0 {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let own = if local.0.is_unspecified() { loopback } else { local.0 };
    let peer = if remote.0.is_ipv4() { own } else { loopback };
    ((own, local.1), (peer, remote.1))
}

/// Sets the ends of an Internet socket from a transfer, the client first. An unset local address stays
/// unset, because the kernel chooses one for each datagram in the network namespace of the process. For a
/// loopback peer it is always the same.
fn transferred(
    fd: &mut Fd,
    raw: &RawEvent<'_>,
    names: &mut RecentNames,
    kind: FdKind,
    local: End,
    remote: End,
    direction: Direction,
) {
    let local = match remote.0 {
        IpAddr::V4(ip) if ip.is_loopback() && local.0.is_unspecified() => {
            (Ipv4Addr::LOCALHOST.into(), local.1)
        }
        IpAddr::V6(ip) if ip.is_loopback() && local.0.is_unspecified() => {
            (Ipv6Addr::LOCALHOST.into(), local.1)
        }
        _ => local,
    };
    let (local, remote) = match direction {
        Direction::Out => destined(local, remote),
        Direction::In => (local, remote),
    };
    // The call did not request the sender, so the known peer stays.
    let is_peer_unknown = remote.0.is_unspecified() && remote.1 == 0;
    if fd.has_ends(local, remote) || is_peer_unknown && fd.socket() != Socket::None {
        return;
    }
    // Only a socket has ends, whatever the known kind is.
    fd.kind = kind;
    if fd.l4 == L4::Unknown || matches!(fd.socket(), Socket::Server { .. }) {
        fd.l4 = L4::Udp;
    }
    fd.connected |= fd.l4 == L4::Tcp;
    if fd.role == Role::None {
        // A server usually receives before it sends.
        fd.role = if direction == Direction::In { Role::Server } else { Role::Client };
    }
    let (source, destination) = if fd.role == Role::Server { (remote, local) } else { (local, remote) };
    fd.set_socket(Socket::Inet { source, destination });
    fd.rename_by_ends(raw.ts, names);
}
