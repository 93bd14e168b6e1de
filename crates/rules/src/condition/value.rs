//! Constants typed by the field that they are compared with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use eyas_fields::{FieldType, Net};

use super::opdef::Constants;

/// Longest text or byte constant.
const MAX_LEN: usize = 255;

/// A typed constant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Num(i128),
    Double(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    Ip(IpAddr),
    Net(Net),
}

/// Why a text is not a constant of a type.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused {
    /// The reference's message, if it refuses the text, too.
    pub(crate) message: String,
    /// What is expected, if the message does not say it.
    pub(crate) hint: &'static str,
}

impl Refused {
    fn new(message: impl Into<String>, hint: &'static str) -> Self {
        Self { message: message.into(), hint }
    }
}

impl From<Refused> for String {
    fn from(refused: Refused) -> Self {
        match refused.hint {
            "" => refused.message,
            hint => format!("{}: {hint}", refused.message),
        }
    }
}

/// Types the text of a constant.
pub(crate) fn constant(ty: FieldType, written: Constants, text: &[u8]) -> Result<Constant, Refused> {
    use FieldType as T;
    let shown = || String::from_utf8_lossy(text).into_owned();
    let utf8 =
        || std::str::from_utf8(text).map_err(|_| Refused::new(format!("'{}' is not UTF-8", shown()), ""));
    Ok(match ty {
        T::Int { bits } => Constant::Num(signed(utf8()?, bits)?),
        T::Uint { bits } => Constant::Num(unsigned(utf8()?, bits)?),
        T::RelTime | T::AbsTime => Constant::Num(unsigned(utf8()?, 64)?),
        T::Port => Constant::Num(port(utf8()?)?),
        T::Double => {
            // The reference reads a number of 32 bits here.
            Constant::Double(f64::from(integer(utf8()?)? as i32))
        }
        T::Bool => match text {
            b"true" => Constant::Bool(true),
            b"false" => Constant::Bool(false),
            _ => {
                let message = format!("filter error: unrecognized boolean value {}", shown());
                return Err(Refused::new(message, "expected true or false"));
            }
        },
        T::Ip => Constant::Ip(ip(utf8()?)?),
        T::Net => Constant::Net(net(utf8()?)?),
        T::Str | T::Bytes => Constant::Bytes(bytes(ty, written, text)?),
        _ => return Err(Refused::new("this type of field can't be compared with a constant", "")),
    })
}

fn bytes(ty: FieldType, written: Constants, text: &[u8]) -> Result<Vec<u8>, Refused> {
    let text = match written {
        Constants::Hex => hex(text)?,
        Constants::Plain | Constants::Syntax => text.to_vec(),
    };
    if text.len() > MAX_LEN {
        return Err(Refused::new(format!("the value has {} bytes, the limit is {MAX_LEN}", text.len()), ""));
    }
    if ty == FieldType::Str && text.contains(&0) {
        return Err(Refused::new("a NUL byte never occurs in a text", ""));
    }
    Ok(text)
}

fn hex(text: &[u8]) -> Result<Vec<u8>, Refused> {
    let digits: Option<Vec<u32>> = text.iter().map(|b| char::from(*b).to_digit(16)).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0).ok_or_else(|| {
        let message = "filter error: bcontains and bstartswith operator support hex strings only";
        Refused::new(message, "expected an even number of hexadecimal digits")
    })?;
    Ok(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

/// A decimal integer after blanks; saturates at 64 bits.
fn integer(text: &str) -> Result<i64, Refused> {
    wide(text).map(|n| n.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}

fn wide(text: &str) -> Result<i128, Refused> {
    let digits = text.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refused::new(format!("{text} is not a valid number"), "expected decimal digits"));
    }
    let value = digits.bytes().try_fold(0_i128, |n, b| n.checked_mul(10)?.checked_add(i128::from(b - b'0')));
    let value = value.unwrap_or(i128::MAX);
    Ok(if negative { -value } else { value })
}

fn signed(text: &str, bits: u8) -> Result<i128, Refused> {
    let value = integer(text)?;
    Ok(match bits {
        8 => i128::from(value as i8),
        16 => i128::from(value as i16),
        32 => i128::from(value as i32),
        _ => i128::from(value),
    })
}

fn unsigned(text: &str, bits: u8) -> Result<i128, Refused> {
    let value = wide(text)?;
    // A negative number wraps around; a number beyond 64 bits becomes the largest one, whatever its sign.
    let value = if value.unsigned_abs() > u64::MAX.into() { u64::MAX } else { value as u64 };
    Ok(match bits {
        8 => i128::from(value as u8),
        16 => i128::from(value as u16),
        32 => i128::from(value as u32),
        _ => i128::from(value),
    })
}

pub(super) fn port(text: &str) -> Result<i128, Refused> {
    if text.is_empty() {
        return Ok(0);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let value: i32 = text.parse().map_err(|_| Refused::new(format!("port {text} is above 65535"), ""))?;
        return Ok(i128::from(value as u16));
    }
    service(text)
        .map(i128::from)
        .ok_or_else(|| Refused::new(format!("unrecognized protocol {text}"), "no service has this name"))
}

/// Port of a service from the system's database; without a database, from the table of well-known ones.
fn service(name: &str) -> Option<u16> {
    const KNOWN: [(&str, u16); 16] = [
        ("ftp", 21),
        ("ssh", 22),
        ("telnet", 23),
        ("smtp", 25),
        ("domain", 53),
        ("http", 80),
        ("kerberos", 88),
        ("pop3", 110),
        ("ntp", 123),
        ("imap2", 143),
        ("snmp", 161),
        ("ldap", 389),
        ("https", 443),
        ("imaps", 993),
        ("mysql", 3306),
        ("postgresql", 5432),
    ];
    let services = std::fs::read_to_string("/etc/services").unwrap_or_default();
    let listed = services.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let (first, port) = (words.next()?, words.next()?);
        let named = first == name || words.any(|alias| alias == name);
        named.then(|| port.split('/').next()?.parse().ok()).flatten()
    });
    listed.or_else(|| KNOWN.iter().find(|(n, _)| *n == name).map(|(_, port)| *port))
}

fn ip(text: &str) -> Result<IpAddr, Refused> {
    let parsed = if text.contains('.') {
        text.parse::<Ipv4Addr>().ok().map(IpAddr::from)
    } else {
        text.parse::<Ipv6Addr>().ok().map(IpAddr::from)
    };
    parsed.ok_or_else(|| Refused::new(format!("unrecognized IP address {text}"), ""))
}

fn net(text: &str) -> Result<Net, Refused> {
    let fail = || Refused::new(format!("unrecognized IP network {text}"), "expected address/prefix");
    let (addr, prefix) = text.split_once('/').ok_or_else(fail)?;
    let addr = ip(addr).map_err(|_| fail())?;
    // The reference reads the prefix length like other numbers.
    let prefix = if addr.is_ipv4() { integer(prefix).ok() } else { prefix.parse().ok() };
    let prefix = prefix.ok_or_else(fail)?;
    // The reference keeps the low 8 bits of an IPv4 prefix.
    let prefix = if addr.is_ipv4() { prefix & 0xff } else { prefix };
    let allowed = if addr.is_ipv4() { 0..=32 } else { 1..=128 };
    if !allowed.contains(&prefix) {
        let range = if addr.is_ipv4() { "the prefix is not 0 to 32" } else { "the prefix is not 1 to 128" };
        return Err(Refused { hint: range, ..fail() });
    }
    Ok(Net { addr, prefix: prefix as u8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_saturate_as_in_c() {
        let unsigned = FieldType::Uint { bits: 64 };
        let signed = FieldType::Int { bits: 64 };
        for (ty, text, want) in [
            (unsigned, "-1", i128::from(u64::MAX)),
            (unsigned, "-18446744073709551615", 1),
            (unsigned, "-18446744073709551616", i128::from(u64::MAX)),
            (unsigned, "99999999999999999999999999999999999999999999", i128::from(u64::MAX)),
            (FieldType::Uint { bits: 8 }, "257", 1),
            (FieldType::Uint { bits: 32 }, "-1", i128::from(u32::MAX)),
            (signed, "-99999999999999999999", i128::from(i64::MIN)),
            (signed, "99999999999999999999", i128::from(i64::MAX)),
            (FieldType::Int { bits: 16 }, "65535", -1),
            (FieldType::Int { bits: 32 }, " +010", 10),
        ] {
            assert_eq!(constant(ty, Constants::Plain, text.as_bytes()), Ok(Constant::Num(want)), "{text}");
        }
        for text in ["", "0x10", "1.0", "1e+2", "1 ", "--1", "+"] {
            assert!(constant(signed, Constants::Plain, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_need_an_address_of_one_family_and_a_length() {
        let net = |text: &str| constant(FieldType::Net, Constants::Plain, text.as_bytes());
        for text in ["10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/256", "fe80::/10", "::1/128"] {
            assert!(net(text).is_ok(), "{text}");
        }
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/0", "::1/129", "::1", "::ffff:1.2.3.4/100"] {
            assert!(net(text).is_err(), "{text}");
        }
    }
}
