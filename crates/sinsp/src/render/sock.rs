//! Socket addresses and pairs in parameters.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use eyas_scap::unix_name;

use super::Text;
use crate::names::Services;

const UNIX: u8 = 1;
const INET: u8 = 2;
const INET6: u8 = 10;

fn ipv4(bytes: &[u8]) -> Option<Ipv4Addr> {
    Some(<[u8; 4]>::try_from(bytes).ok()?.into())
}

fn ipv6(bytes: &[u8]) -> Option<Ipv6Addr> {
    Some(<[u8; 16]>::try_from(bytes).ok()?.into())
}

fn word(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// Address and port of one end: 6 bytes of IPv4, 18 of IPv6.
fn end(bytes: &[u8]) -> Option<(IpAddr, u16)> {
    let (addr, port) = bytes.split_at_checked(bytes.len().checked_sub(2)?)?;
    let port = u16::from_le_bytes(port.try_into().ok()?);
    let addr = match addr.len() {
        4 => IpAddr::V4(ipv4(addr)?),
        16 => IpAddr::V6(ipv6(addr)?),
        _ => return None,
    };
    Some((addr, port))
}

/// A `SOCKADDR` parameter.
pub(crate) fn sock_addr(bytes: &[u8], services: Option<&Services>, out: &mut Text<'_>) {
    match bytes {
        [UNIX, path @ ..] => out.push_text(&unix_name(path)),
        [INET, rest @ ..] if rest.len() == 6 => push_end(end(rest), services, out),
        [INET6, rest @ ..] if rest.len() == 18 => push_end(end(rest), services, out),
        [INET6, ..] => out.push(b"INVALID IPv6"),
        [INET, ..] => out.push(b"INVALID IPv4"),
        [family, ..] => out.print(format_args!("family {family}")),
        [] => out.push(b"<NA>"),
    }
}

fn push_end(end: Option<(IpAddr, u16)>, services: Option<&Services>, out: &mut Text<'_>) {
    let Some((addr, port)) = end else { return };
    match services.and_then(|services| services.name(port, None)) {
        Some(name) => out.print(format_args!("{addr}:{name}")),
        None => out.print(format_args!("{addr}:{port}")),
    }
}

/// A `SOCKTUPLE` parameter.
pub(crate) fn sock_tuple(bytes: &[u8], services: Option<&Services>, out: &mut Text<'_>) {
    match bytes {
        [UNIX, rest @ ..] if rest.len() >= 17 => {
            if let (Some(source), Some(destination)) = (word(&rest[..8]), word(&rest[8..16])) {
                out.print(format_args!("{source:x}->{destination:x}"));
                out.push(b" ");
                out.push_text(&unix_name(&rest[16..]));
            }
        }
        [INET, rest @ ..] if rest.len() == 12 => push_pair(rest, services, out),
        [INET6, rest @ ..] if rest.len() == 36 => push_pair(rest, services, out),
        [INET6, ..] => out.push(b"INVALID IPv6"),
        [UNIX | INET, ..] => out.push(b"INVALID IPv4"),
        [family, ..] => out.print(format_args!("family {family}")),
        [] => out.push(b"NULL"),
    }
}

fn push_pair(bytes: &[u8], services: Option<&Services>, out: &mut Text<'_>) {
    let (source, destination) = bytes.split_at(bytes.len() / 2);
    let (Some(source), Some(destination)) = (end(source), end(destination)) else { return };
    // A pair of IPv4-mapped addresses, as IPv4.
    let (source, destination) = mapped(source).zip(mapped(destination)).unwrap_or((source, destination));
    push_end(Some(source), services, out);
    out.push(b"->");
    push_end(Some(destination), services, out);
}

/// An unset address may be of either family.
fn mapped((addr, port): (IpAddr, u16)) -> Option<(IpAddr, u16)> {
    let IpAddr::V6(v6) = addr else { return None };
    let v4 = if v6.is_unspecified() { Some(Ipv4Addr::UNSPECIFIED) } else { v6.to_ipv4_mapped() };
    v4.map(|v4| (v4.into(), port))
}
