//! IPv4-mapped IPv6 addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Address and port.
pub(super) type End = (IpAddr, u16);

/// Both ends as IPv4, if both are IPv4-mapped.
pub(super) fn unmapped_pair(one: End, other: End) -> Option<(End, End)> {
    // Two unset ends do not show the family.
    let is_mapped = |end: End| matches!(end.0, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    if !is_mapped(one) && !is_mapped(other) {
        return None;
    }
    Some((unmap(one)?, unmap(other)?))
}

/// Like [`unmapped_pair`], for one end.
pub(super) fn unmapped(end: End) -> End {
    unmap(end).unwrap_or(end)
}

/// The end as IPv4, if it is IPv4-mapped or unset: a socket that is bound to `::` accepts IPv4, too. The macros of Falco's rules
/// leave out listeners on all addresses by `fd.ip != "0.0.0.0"`, so these must not be listeners on `::`.
fn unmap((ip, port): End) -> Option<End> {
    match ip {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Some((Ipv4Addr::UNSPECIFIED.into(), port)),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map(|v4| (v4.into(), port)),
        IpAddr::V4(_) => Some((ip, port)),
    }
}
