//! Pseudonyms of addresses: other addresses of the same kind, all different.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::text::Words;

/// Addresses with a pseudonym.
#[derive(Default)]
pub struct Addresses(HashMap<IpAddr, IpAddr>);

/// Rounds of the permutation.
const ROUNDS: u8 = 8;

impl Addresses {
    /// The pseudonym of an address. Remembers it.
    pub fn of(&mut self, words: &Words, ip: IpAddr) -> IpAddr {
        *self.0.entry(ip).or_insert_with(|| pseudonym(words, ip))
    }

    /// The pseudonym of an address.
    pub fn look(&self, words: &Words, ip: IpAddr) -> IpAddr {
        self.0.get(&ip).copied().unwrap_or_else(|| pseudonym(words, ip))
    }

    /// Replaces the bytes of an address; other bytes stay.
    pub fn bytes(&mut self, words: &Words, bytes: &[u8]) -> Vec<u8> {
        let ip: Option<IpAddr> = match bytes.len() {
            4 => <[u8; 4]>::try_from(bytes).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
            16 => <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).into()),
            _ => None,
        };
        match ip.map(|ip| self.of(words, ip)) {
            Some(IpAddr::V4(ip)) => ip.octets().to_vec(),
            Some(IpAddr::V6(ip)) => ip.octets().to_vec(),
            None => bytes.to_vec(),
        }
    }
}

fn pseudonym(words: &Words, ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => v4(words, ip).into(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(inner) => v4(words, inner).to_ipv6_mapped().into(),
            None => v6(words, ip).into(),
        },
    }
}

/// Number of bits that distinguish an address from others of its kind; 0 if it is the same on every
/// machine.
fn bits_v4(ip: Ipv4Addr) -> u32 {
    match ip.octets() {
        _ if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() => 0,
        [10, ..] => 24,
        [172, 16..=31, ..] => 20,
        [192, 168, ..] | [169, 254, ..] => 16,
        [100, 64..=127, ..] => 22,
        _ => 32,
    }
}

fn v4(words: &Words, ip: Ipv4Addr) -> Ipv4Addr {
    let bits = bits_v4(ip);
    let mut value = u128::from(u32::from(ip));
    // Repeat until the address is of the same kind.
    loop {
        value = permute(words, value, bits);
        let other = Ipv4Addr::from(value as u32);
        if bits_v4(other) == bits {
            return other;
        }
    }
}

fn bits_v6(ip: Ipv6Addr) -> u32 {
    match ip.segments()[0] {
        _ if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() => 0,
        0xfe80..=0xfebf => 64,
        0xfc00..=0xfdff => 112,
        _ => 124,
    }
}

fn v6(words: &Words, ip: Ipv6Addr) -> Ipv6Addr {
    let bits = bits_v6(ip);
    let mut value = u128::from(ip);
    loop {
        value = permute(words, value, bits);
        let other = Ipv6Addr::from(value);
        if bits_v6(other) == bits && other.to_ipv4_mapped().is_none() {
            return other;
        }
    }
}

/// A permutation of the numbers that differ only in the lower `bits` bits: a Feistel network. `bits` is
/// even.
fn permute(words: &Words, value: u128, bits: u32) -> u128 {
    if bits == 0 {
        return value;
    }
    let half = bits / 2;
    let mask = (1_u128 << half) - 1;
    let (mut left, mut right) = ((value >> half) & mask, value & mask);
    for round in 0..ROUNDS {
        let mut input = vec![round, bits as u8];
        input.extend_from_slice(&right.to_le_bytes());
        let digest = words.digest("address", &input);
        let mixed = digest[..16].iter().fold(0_u128, |all, byte| all << 8 | u128::from(*byte)) & mask;
        (left, right) = (right, left ^ mixed);
    }
    let above = if bits == 128 { 0 } else { value >> bits << bits };
    above | left << half | right
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn pseudonyms_of_addresses_keep_the_kind_and_are_unique() {
        let words = Words::new(b"a key of sixteen bytes");
        let mut seen = HashSet::new();
        for n in 0..=u16::MAX {
            let ip = Ipv4Addr::new(192, 168, (n >> 8) as u8, n as u8);
            let other = v4(&words, ip);
            assert!(other.octets()[..2] == [192, 168] && seen.insert(other), "{ip} {other}");
        }
        for text in ["127.0.0.1", "0.0.0.0", "::1", "::", "224.0.0.251", "255.255.255.255", "ff02::1"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(pseudonym(&words, ip), ip);
        }
        for text in ["8.8.8.8", "10.1.2.3", "172.20.0.1", "2001:db8::1", "fe80::1234", "fd00::7"] {
            let ip: IpAddr = text.parse().unwrap();
            let other = pseudonym(&words, ip);
            assert_ne!(other, ip, "{text}");
            match (ip, other) {
                (IpAddr::V4(a), IpAddr::V4(b)) => assert_eq!(bits_v4(a), bits_v4(b)),
                (IpAddr::V6(a), IpAddr::V6(b)) => assert_eq!(bits_v6(a), bits_v6(b)),
                _ => panic!("{ip} {other}"),
            }
        }
        let mapped: IpAddr = "::ffff:8.8.8.8".parse().unwrap();
        let IpAddr::V6(inner) = pseudonym(&words, mapped) else { panic!() };
        assert_eq!(inner.to_ipv4_mapped(), Some(v4(&words, Ipv4Addr::new(8, 8, 8, 8))));
    }
}
