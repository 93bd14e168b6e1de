//! Control messages: ancillary data of a message.

use super::text::Words;

/// Size of a header, bytes: length including the header, level, type.
const HEADER: usize = 16;
const SOL_SOCKET: u32 = 1;
const SCM_RIGHTS: u32 = 1;
const SCM_CREDENTIALS: u32 = 2;

/// Keeps messages with file descriptors or with ids of processes and users. Other messages may have
/// addresses (`IP_PKTINFO`, `IPV6_PKTINFO`, `IP_RECVERR`, …), so their bytes are replaced. Bytes that are
/// not a message, or that come from a 32-bit program, are replaced, too.
pub fn redact(bytes: &[u8], words: &Words) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(header) = rest.first_chunk::<HEADER>() {
        let number =
            |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let len = u64::from_ne_bytes([
            header[0], header[1], header[2], header[3], header[4], header[5], header[6], header[7],
        ]);
        let Some(len) = usize::try_from(len).ok().filter(|len| (HEADER..=rest.len()).contains(len)) else {
            break;
        };
        let (message, after) = rest.split_at(len);
        let is_kept = number(8) == SOL_SOCKET && matches!(number(12), SCM_RIGHTS | SCM_CREDENTIALS);
        out.extend_from_slice(header);
        match is_kept {
            true => out.extend_from_slice(&message[HEADER..]),
            false => out.extend(words.buffer(&message[HEADER..])),
        }
        let gap = (len.next_multiple_of(8) - len).min(after.len());
        out.resize(out.len() + gap, 0);
        rest = &after[gap..];
    }
    out.extend(words.buffer(rest));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: u32, ty: u32, body: &[u8]) -> Vec<u8> {
        let mut out = ((HEADER + body.len()) as u64).to_ne_bytes().to_vec();
        out.extend(level.to_ne_bytes());
        out.extend(ty.to_ne_bytes());
        out.extend(body);
        out.resize(out.len().next_multiple_of(8), 0);
        out
    }

    #[test]
    fn descriptors_are_kept_and_addresses_are_replaced() {
        let words = Words::new(b"a key");
        let rights = message(SOL_SOCKET, SCM_RIGHTS, &7_u32.to_ne_bytes());
        // IP_PKTINFO: an interface and two addresses.
        let info = message(0, 8, &[2, 0, 0, 0, 10, 1, 2, 3, 10, 1, 2, 3]);
        let all = [&rights[..], &info, &rights].concat();
        let redacted = redact(&all, &words);
        assert_eq!(redacted.len(), all.len());
        assert!(redacted.starts_with(&rights) && redacted.ends_with(&rights));
        assert!(!redacted.windows(4).any(|bytes| bytes == [10, 1, 2, 3]), "{redacted:?}");
        // Cut, and with lengths that are none.
        for cut in 0..all.len() {
            assert_eq!(redact(&all[..cut], &words).len(), cut);
            let left = redact(&all[..cut], &words);
            assert!(!left.windows(4).any(|bytes| bytes == [10, 1, 2, 3]), "{cut}");
        }
        let wrong = [&u64::MAX.to_ne_bytes()[..], &info].concat();
        assert!(!redact(&wrong, &words).windows(4).any(|bytes| bytes == [10, 1, 2, 3]));
    }
}
