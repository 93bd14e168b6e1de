use core::fmt;
use core::net::IpAddr;

/// A value of a field, borrowed from the event that returned it.
///
/// The list is complete: an engine handles every kind, and the compiler checks that it does.
///
/// Absence is expressed by the `Option` around it: a field that has no value yields `None`, never an
/// empty string.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A truth value.
    Bool(bool),
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width: ports, flags and times (ns) too.
    Uint(u64),
    /// A floating point number.
    Double(f64),
    /// Text from the kernel: bytes without NUL, not necessarily UTF-8.
    Str(&'a [u8]),
    /// Raw bytes, such as an I/O buffer.
    Bytes(&'a [u8]),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// An IPv4 or IPv6 network.
    Net(Net),
    /// The values of a list field, in order.
    List(&'a [Value<'a>]),
}

impl<'a> Value<'a> {
    /// The text of a string or byte value.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Value::Str(s) | Value::Bytes(s) => Some(s),
            _ => None,
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Str(text.as_bytes())
    }
}

/// An IP network: an address and the number of significant leading bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Net {
    /// Any address of the network.
    pub addr: IpAddr,
    /// Prefix length in bits: 0 to 32 for IPv4, 0 to 128 for IPv6.
    pub prefix: u8,
}

impl Net {
    /// Whether `ip` is in this network; an address of the other family never is.
    pub fn contains(&self, ip: IpAddr) -> bool {
        fn same(a: u128, b: u128, width: u32, prefix: u8) -> bool {
            let shift = width.saturating_sub(u32::from(prefix));
            shift >= width || (a >> shift) == (b >> shift)
        }
        match (self.addr, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32, self.prefix),
            (IpAddr::V6(a), IpAddr::V6(b)) => self.prefix == 0 || same(a.into(), b.into(), 128, self.prefix),
            _ => false,
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_net_holds_the_addresses_that_share_its_prefix() {
        let net = Net { addr: "10.1.2.3".parse().unwrap(), prefix: 8 };
        assert!(net.contains("10.200.0.1".parse().unwrap()));
        assert!(!net.contains("11.0.0.1".parse().unwrap()));
        assert!(!net.contains("::1".parse().unwrap()));
        let all = Net { addr: "0.0.0.0".parse().unwrap(), prefix: 0 };
        assert!(all.contains("255.1.2.3".parse().unwrap()));
        let host = Net { addr: "fe80::1".parse().unwrap(), prefix: 128 };
        assert!(host.contains("fe80::1".parse().unwrap()));
        assert!(!host.contains("fe80::2".parse().unwrap()));
    }
}
