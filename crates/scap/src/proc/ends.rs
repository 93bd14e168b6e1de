//! Ends of sockets: addresses and ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::FdDetail;

pub(crate) const AF_INET: u8 = 2;
pub(crate) const AF_INET6: u8 = 10;
/// Code of ICMP in captures.
pub(super) const ICMP: u8 = 4;

/// Address and port.
pub(crate) type End = (IpAddr, u16);

/// A socket with two ends; without a remote end it listens, or waits for datagrams.
pub(crate) fn of_ends(local: End, remote: End, l4: u8) -> FdDetail {
    if remote.0.is_unspecified() && remote.1 == 0 {
        return FdDetail::ServerSocket { addr: plain(local), l4 };
    }
    match (plain(local), plain(remote)) {
        (local, remote) if local.0.is_ipv4() == remote.0.is_ipv4() => FdDetail::Socket { local, remote, l4 },
        _ => FdDetail::Socket { local, remote, l4 },
    }
}

/// Converts an IPv4-mapped address of an IPv6 socket to IPv4.
pub(super) fn plain((ip, port): End) -> End {
    (ip.to_canonical(), port)
}

/// An address of an event: its family, its address, its port.
#[cfg(feature = "live")]
pub(crate) fn end(bytes: &[u8]) -> Option<End> {
    let (family, rest) = bytes.split_first()?;
    match *family {
        AF_INET => end_v4(rest),
        AF_INET6 => end_v6(rest),
        _ => None,
    }
}

pub(crate) fn end_v4(bytes: &[u8]) -> Option<End> {
    let ip: [u8; 4] = *bytes.first_chunk()?;
    Some((Ipv4Addr::from(ip).into(), u16::from_le_bytes(*bytes.get(4..)?.first_chunk()?)))
}

pub(crate) fn end_v6(bytes: &[u8]) -> Option<End> {
    let ip: [u8; 16] = *bytes.first_chunk()?;
    Some((Ipv6Addr::from(ip).into(), u16::from_le_bytes(*bytes.get(16..)?.first_chunk()?)))
}
