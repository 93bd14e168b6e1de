//! DNS messages. A capture contains only the beginning of a message, so the parser reads a message up to
//! the cut. It reads a malformed message up to the mistake.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;

/// The port of name servers.
pub(crate) const PORT: u16 = 53;
const HEADER: usize = 12;
/// Maximum length of a name as text, and maximum number of compression pointers in it.
const MAX_NAME: usize = 255;
const MAX_JUMPS: usize = 16;
/// Maximum number of answers that are read.
const MAX_ANSWERS: usize = 32;
const IS_ANSWER: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const INTERNET: u16 = 1;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;

/// A question and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The name in the question, in lower case, without the last dot.
    pub(crate) query: SmallVec<[u8; 64]>,
    pub(crate) is_answer: bool,
    pub(crate) addresses: SmallVec<[IpAddr; 4]>,
}

/// Parses a message; over TCP, a length may precede it.
pub(crate) fn parse(bytes: &[u8], is_tcp: bool) -> Option<Message> {
    let prefixed = || {
        let (length, rest) = bytes.split_first_chunk()?;
        // A capture contains at most as many bytes as the length.
        (usize::from(u16::from_be_bytes(*length)) >= rest.len().min(HEADER)).then_some(rest)
    };
    is_tcp.then(prefixed).flatten().and_then(message).or_else(|| message(bytes))
}

fn message(bytes: &[u8]) -> Option<Message> {
    let flags = number(bytes, 2)?;
    let (questions, answers) = (number(bytes, 4)?, number(bytes, 6)?);
    // Only messages with one question are parsed.
    if flags & OPCODE != 0 || questions != 1 || bytes.len() < HEADER {
        return None;
    }
    let mut query = SmallVec::new();
    // Its type and class follow the name.
    let mut at = name(bytes, HEADER, Some(&mut query))? + 4;
    let is_answer = flags & IS_ANSWER != 0;
    let mut message = Message { query, is_answer, addresses: SmallVec::new() };
    for _ in 0..usize::from(answers).min(MAX_ANSWERS) {
        match answer(bytes, &mut at) {
            Some(Some(address)) => message.addresses.push(address),
            Some(None) => {}
            None => break,
        }
    }
    Some(message)
}

/// Parses an answer; returns its address, if it has one, and moves `at` to the next answer. `None` if the
/// message is cut.
fn answer(bytes: &[u8], at: &mut usize) -> Option<Option<IpAddr>> {
    let fields = name(bytes, *at, None)?;
    let (ty, class, len) = (number(bytes, fields)?, number(bytes, fields + 2)?, number(bytes, fields + 8)?);
    let data = bytes.get(fields + 10..)?.get(..usize::from(len))?;
    *at = fields + 10 + usize::from(len);
    Some(match (ty, class) {
        (TYPE_A, INTERNET) => <[u8; 4]>::try_from(data).ok().map(|ip| Ipv4Addr::from(ip).into()),
        (TYPE_AAAA, INTERNET) => <[u8; 16]>::try_from(data).ok().map(|ip| Ipv6Addr::from(ip).into()),
        _ => None,
    })
}

/// Reads the name at `at`; returns the position after it.
fn name(bytes: &[u8], mut at: usize, mut out: Option<&mut SmallVec<[u8; 64]>>) -> Option<usize> {
    let (mut behind, mut jumps, mut len) = (None, 0, 0);
    loop {
        let first = *bytes.get(at)?;
        match first >> 6 {
            0 if first == 0 => return Some(behind.unwrap_or(at + 1)),
            0 => {
                let label = bytes.get(at + 1..)?.get(..usize::from(first))?;
                len += label.len() + 1;
                if len > MAX_NAME {
                    return None;
                }
                if let Some(out) = out.as_deref_mut() {
                    if !out.is_empty() {
                        out.push(b'.');
                    }
                    // A dot inside a label, or an invalid character, would make it another name.
                    let plain = |b: u8| b.is_ascii_graphic() && b != b'.';
                    out.extend(label.iter().map(|b| if plain(*b) { b.to_ascii_lowercase() } else { b'?' }));
                }
                at += 1 + label.len();
            }
            3 => {
                behind.get_or_insert(at + 2);
                let target = usize::from(number(bytes, at)? & 0x3fff);
                jumps += 1;
                // A pointer must lead backwards; otherwise the loop might not end.
                if target >= at || jumps > MAX_JUMPS {
                    return None;
                }
                at = target;
            }
            _ => return None,
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A message with a question, an alias and its addresses.
    pub(crate) fn sample(query: &str, is_answer: bool, addresses: &[IpAddr]) -> Vec<u8> {
        let mut out =
            vec![0x12, 0x34, if is_answer { 0x81 } else { 1 }, 0x80, 0, 1, 0, addresses.len() as u8 + 1];
        out.extend([0; 4]);
        for label in query.split('.') {
            out.push(label.len() as u8);
            out.extend(label.as_bytes());
        }
        out.extend([0, 0, 1, 0, 1]);
        let record = |out: &mut Vec<u8>, ty: u8, data: &[u8]| {
            out.extend([0xc0, 12, 0, ty, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
            out.extend(data);
        };
        record(&mut out, 5, b"\x05other\xc0\x0c");
        for address in addresses {
            match address {
                IpAddr::V4(ip) => record(&mut out, 1, &ip.octets()),
                IpAddr::V6(ip) => record(&mut out, 28, &ip.octets()),
            }
        }
        out
    }

    fn addresses() -> [IpAddr; 2] {
        ["93.184.216.34".parse().unwrap(), "2606:2800::1".parse().unwrap()]
    }

    #[test]
    fn questions_and_answers_are_read() {
        let bytes = sample("WWW.Example.org", true, &addresses());
        let message = parse(&bytes, false).unwrap();
        assert_eq!((&*message.query, message.is_answer), (&b"www.example.org"[..], true));
        assert_eq!(*message.addresses, addresses());
        let length = (bytes.len() as u16).to_be_bytes();
        assert_eq!(parse(&[&length, &*bytes].concat(), true), Some(message.clone()));
        // The length was read separately.
        assert_eq!(parse(&bytes, true), Some(message));
        assert!(!parse(&sample("a", false, &[]), false).unwrap().is_answer);
    }

    #[test]
    fn the_addresses_of_a_truncated_message_are_a_prefix_of_all() {
        let bytes = sample("www.example.org", true, &addresses());
        let mut most = 0;
        for end in 0..=bytes.len() {
            let found = parse(&bytes[..end], false).map_or(0, |message| message.addresses.len());
            assert!(found >= most, "{end}");
            most = found;
        }
        assert_eq!(most, 2);
    }

    #[test]
    fn no_message_breaks_the_reader() {
        let bytes = sample("www.example.org", true, &addresses());
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..200_000_u32 {
            let mut broken = bytes.clone();
            for _ in 0..=round % 4 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = seed as usize % broken.len();
                broken[at] = (seed >> 32) as u8;
            }
            if let Some(message) = parse(&broken, round % 2 == 0) {
                assert!(message.query.len() <= MAX_NAME && message.addresses.len() <= MAX_ANSWERS);
                assert!(message.query.iter().all(u8::is_ascii_graphic));
            }
        }
        // Pointers into the name itself, and forwards.
        for pointer in [12, 13, 200] {
            let mut endless = bytes.clone();
            (endless[12], endless[13]) = (0xc0, pointer);
            assert_eq!(parse(&endless, false), None);
        }
    }
}
