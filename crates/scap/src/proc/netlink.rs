//! Network interfaces and their addresses, from the kernel (`RTM_GETADDR`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice};

use super::options::Options;
use crate::Interface;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_BROADCAST: u16 = 4;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Maximum number of addresses.
const LIMIT: usize = 16_384;

/// The addresses of this network namespace, IPv4 first as in captures.
pub(super) fn interfaces(options: &Options) -> Vec<Interface> {
    // Without netlink, addresses cannot be listed.
    let mut interfaces = dump().unwrap_or_default();
    interfaces.sort_by_key(|interface| interface.addr.is_ipv6());
    for interface in &mut interfaces {
        let name = String::from_utf8_lossy(&interface.name).into_owned();
        let device = name.split(':').next().unwrap_or_default();
        let path = options.root.join("sys/class/net").join(device).join("speed");
        let speed = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
        interface.link_speed = speed.unwrap_or(0);
    }
    interfaces
}

fn dump() -> Result<Vec<Interface>, Errno> {
    let socket =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    // Header (length, type, flags, sequence, port), then an `ifaddrmsg` of zeros, which means every family.
    let mut request = [0u8; 24];
    request[0..4].copy_from_slice(&24u32.to_ne_bytes());
    request[4..6].copy_from_slice(&RTM_GETADDR.to_ne_bytes());
    request[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    request[8..12].copy_from_slice(&1u32.to_ne_bytes());
    rustix::io::write(&socket, &request)?;

    let mut interfaces = Vec::new();
    let mut buffer = vec![0u8; 65536];
    while interfaces.len() < LIMIT {
        let count = match rustix::io::read(&socket, &mut buffer[..]) {
            Ok(0) => break,
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        };
        let mut rest = &buffer[..count];
        while let Some((kind, body, next)) = message(rest) {
            rest = next;
            match kind {
                NLMSG_DONE | NLMSG_ERROR => return Ok(interfaces),
                RTM_NEWADDR => {
                    let name = |index| netdevice::index_to_name(&socket, index).ok().map(String::into_bytes);
                    interfaces.extend(address(body, name));
                }
                _ => {}
            }
        }
    }
    Ok(interfaces)
}

/// Splits off the first message: its type and body.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(0..4)?.try_into().ok()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let body = bytes.get(16..length)?;
    Some((kind, body, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// Splits off the first attribute: its type and value.
fn attribute(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::from(u16::from_ne_bytes(bytes.get(0..2)?.try_into().ok()?));
    let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?);
    let value = bytes.get(4..length)?;
    Some((kind, value, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// `ifaddrmsg`: family, prefix length, flags, scope, index; then attributes.
fn address(body: &[u8], name_of: impl Fn(u32) -> Option<Vec<u8>>) -> Option<Interface> {
    let (family, prefix) = (*body.first()?, *body.get(1)?);
    let index = u32::from_ne_bytes(body.get(4..8)?.try_into().ok()?);
    let mut rest = body.get(8..)?;
    let (mut peer, mut local, mut label, mut broadcast) = (None, None, None, None);
    while let Some((kind, value, next)) = attribute(rest) {
        rest = next;
        match kind {
            IFA_ADDRESS => peer = ip(family, value),
            IFA_LOCAL => local = ip(family, value),
            IFA_BROADCAST => broadcast = ip(family, value),
            IFA_LABEL => label = Some(value.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()),
            _ => {}
        }
    }
    let addr = local.or(peer)?;
    let unspecified = match addr {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    Some(Interface {
        name: label.or_else(|| name_of(index)).unwrap_or_default(),
        addr,
        netmask: mask(family, prefix),
        broadcast: broadcast.unwrap_or(unspecified),
        link_speed: 0,
    })
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => Some(IpAddr::from(<[u8; 4]>::try_from(value).ok()?)),
        AF_INET6 => Some(IpAddr::from(<[u8; 16]>::try_from(value).ok()?)),
        _ => None,
    }
}

fn mask(family: u8, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match family {
        AF_INET => {
            IpAddr::V4(Ipv4Addr::from(u32::MAX.checked_shl(32u32.saturating_sub(prefix)).unwrap_or(0)))
        }
        _ => IpAddr::V6(Ipv6Addr::from(u128::MAX.checked_shl(128u32.saturating_sub(prefix)).unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_an_interface() {
        let all = interfaces(&Options::default());
        // A new network namespace has no address until the interface is up.
        for lo in all.iter().filter(|i| i.addr == IpAddr::V4(Ipv4Addr::LOCALHOST)) {
            assert_eq!(lo.name, b"lo");
            assert_eq!(lo.netmask, IpAddr::V4(Ipv4Addr::new(255, 0, 0, 0)));
        }
    }

    #[test]
    fn masks() {
        assert_eq!(mask(AF_INET, 0), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        assert_eq!(mask(AF_INET, 24).to_string(), "255.255.255.0");
        assert_eq!(mask(AF_INET6, 64).to_string(), "ffff:ffff:ffff:ffff::");
        assert_eq!(mask(AF_INET6, 128).to_string(), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    }
}
