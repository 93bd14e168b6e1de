//! What the kernel says about one socket, apart from the tables of all sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::code;
use super::super::ends::{self, End, ICMP, plain};
use crate::FdDetail;

/// A socket's family and own address, from the kernel's structures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::proc) enum Own {
    /// The probe did not report it.
    Unknown,
    /// The name of a Unix socket in the form of `/proc`; empty if it has none.
    Unix(Vec<u8>),
    /// An Internet socket. The tables lack a stream that is bound and neither listens nor is connected.
    Bound(End),
    /// Another one.
    Other,
}

/// A Unix socket without a name.
pub(super) fn unnamed() -> FdDetail {
    FdDetail::Unix { source: 0, destination: 0, path: Vec::new() }
}

impl Own {
    /// Parses what the probe reports: the family, then the address.
    #[cfg(feature = "live")]
    pub(in crate::proc) fn of(bytes: &[u8]) -> Self {
        const AF_UNIX: u8 = 1;
        match bytes {
            [AF_UNIX, name @ ..] => Self::Unix(shown(name)),
            [] => Self::Unknown,
            _ => match ends::end(bytes) {
                Some(end) if end.1 != 0 => Self::Bound(end),
                _ => Self::Other,
            },
        }
    }

    /// The socket, from the line in the tables that has its inode. Such a line may be forged by the name of a Unix socket, so a Unix
    /// socket is one only if the kernel says so. `protocol` returns the kernel's name of the socket's protocol.
    pub(in crate::proc) fn checked(
        self,
        found: Option<FdDetail>,
        protocol: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<FdDetail> {
        let bound = match self {
            Self::Unix(path) => {
                return Some(match found {
                    Some(FdDetail::Unix { source, destination, path: listed }) if listed == path => {
                        FdDetail::Unix { source, destination, path }
                    }
                    _ => FdDetail::Unix { source: 0, destination: 0, path },
                });
            }
            Self::Bound(end) => Some(end),
            Self::Other | Self::Unknown => None,
        };
        match found {
            Some(FdDetail::Unix { .. }) => match protocol() {
                Some(protocol) if !protocol.starts_with(b"UNIX") => unused(&protocol, bound),
                _ if self != Self::Unknown => None,
                _ => found,
            },
            Some(_) => found,
            None => unused(&protocol()?, bound),
        }
    }
}

/// A Unix address as `/proc` shows it: a NUL is `@`, except the last one of a path.
#[cfg(feature = "live")]
fn shown(address: &[u8]) -> Vec<u8> {
    let name = match address.first() {
        Some(0) | None => address,
        Some(_) => address.strip_suffix(&[0]).unwrap_or(address),
    };
    name.iter().map(|byte| if *byte == 0 { b'@' } else { *byte }).collect()
}

/// A socket in none of the tables, by the kernel's name of its protocol. An Internet socket is not connected, so both ends are unset,
/// unless it is bound; a Unix socket was made in another network namespace.
fn unused(protocol: &[u8], bound: Option<End>) -> Option<FdDetail> {
    let protocol = protocol.strip_suffix(b"\0").unwrap_or(protocol);
    let (any, protocol): (IpAddr, _) = match protocol.strip_suffix(b"v6") {
        Some(protocol) => (Ipv6Addr::UNSPECIFIED.into(), protocol),
        None => (Ipv4Addr::UNSPECIFIED.into(), protocol),
    };
    let l4 = match protocol {
        b"TCP" | b"MPTCP" => 2,
        b"UDP" | b"UDP-Lite" | b"UDPLITE" => 3,
        b"PING" => ICMP,
        b"RAW" => 5,
        b"NETLINK" => return Some(FdDetail::Other { type_code: code::NETLINK, name: Vec::new() }),
        _ if protocol.starts_with(b"UNIX") => {
            return Some(unnamed());
        }
        _ => return None,
    };
    Some(match bound {
        Some(addr) => FdDetail::ServerSocket { addr: plain(addr), l4 },
        None => FdDetail::Socket { local: (any, 0), remote: (any, 0), l4 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_in_no_table_has_a_protocol() {
        let unset = |ip: &str, l4| {
            let end = (ip.parse().unwrap(), 0);
            Some(FdDetail::Socket { local: end, remote: end, l4 })
        };
        for (name, expected) in [
            (&b"TCP\0"[..], unset("0.0.0.0", 2)),
            (b"TCPv6\0", unset("::", 2)),
            (b"MPTCP\0", unset("0.0.0.0", 2)),
            (b"UDPv6", unset("::", 3)),
            (b"RAW\0", unset("0.0.0.0", 5)),
            (b"PINGv6\0", unset("::", 4)),
            (b"NETLINK\0", Some(FdDetail::Other { type_code: code::NETLINK, name: Vec::new() })),
            (b"UNIX-STREAM\0", Some(FdDetail::Unix { source: 0, destination: 0, path: Vec::new() })),
            (b"PACKET\0", None),
            (b"", None),
        ] {
            assert_eq!(unused(name, None), expected);
        }
    }

    #[cfg(feature = "live")]
    #[test]
    fn the_kernel_s_own_address_of_a_socket_comes_before_a_line_of_a_table() {
        let none = || -> Option<Vec<u8>> { unreachable!() };
        let unix = |source, path: &[u8]| Some(FdDetail::Unix { source, destination: 0, path: path.to_vec() });
        let listed = unix(7, b"/run/a");
        for (own, shown) in [
            (&b"\x01/run/a\0"[..], unix(7, b"/run/a")),
            (b"\x01/run/b\0", unix(0, b"/run/b")),
            (b"\x01\0x\ny\0z", unix(0, b"@x\ny@z")),
            (b"\x01", unix(0, b"")),
        ] {
            assert_eq!(Own::of(own).checked(listed.clone(), none), shown);
        }
        let bound = [&[2, 127, 0, 0, 1][..], &80_u16.to_le_bytes()].concat();
        let end = ("127.0.0.1".parse().unwrap(), 80);
        let tcp = || Some(b"TCP\0".to_vec());
        assert_eq!(
            Own::of(&bound).checked(listed.clone(), tcp),
            Some(FdDetail::ServerSocket { addr: end, l4: 2 })
        );
        assert_eq!(Own::of(&[2, 0, 0, 0, 0, 0, 0]), Own::Other);
        assert_eq!(Own::of(&[16]).checked(listed, || None), None);
    }
}
