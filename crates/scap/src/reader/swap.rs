//! Events of a machine with the other byte order.

use eyas_events::{EventType, ParamDetail, ParamType};

use super::Frame;
use crate::builder::is_wide;

/// Converts the body of `frame` (lengths, then parameters) from the other byte order.
pub(super) fn swap(frame: &Frame, body: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    out.extend_from_slice(body);
    let size = if is_wide(frame.ty()) { 4 } else { 2 };
    let mut at = size * frame.nparams as usize;
    for index in 0..frame.nparams as usize {
        let len = out.get_mut(index * size..(index + 1) * size)?;
        len.reverse();
        let mut wide = [0; 8];
        wide[..size].copy_from_slice(len);
        let end = at.checked_add(u64::from_le_bytes(wide) as usize)?;
        swap_param(frame.ty(), index, out.get_mut(at..end)?);
        at = end;
    }
    Some(())
}

fn swap_param(ty: EventType, index: usize, bytes: &mut [u8]) {
    let Some(param) = ty.info().and_then(|info| info.params.get(index)) else { return };
    match (param.ty, param.detail) {
        (ParamType::DYN, ParamDetail::Dynamic(types)) => {
            if let Some((first, rest)) = bytes.split_first_mut()
                && let Some((ty, _)) = types.0.get(usize::from(*first))
            {
                swap_value(*ty, rest);
            }
        }
        (ty, _) => swap_value(ty, bytes),
    }
}

fn swap_value(ty: ParamType, bytes: &mut [u8]) {
    const INET: u8 = 2;
    const INET6: u8 = 10;
    const UNIX: u8 = 1;
    match ty {
        ParamType::IPV4ADDR | ParamType::IPV6ADDR => {}
        ParamType::FDLIST => {
            let (count, entries) = bytes.split_at_mut(bytes.len().min(2));
            count.reverse();
            for entry in entries.chunks_exact_mut(10) {
                entry[..8].reverse();
                entry[8..].reverse();
            }
        }
        ParamType::SOCKADDR | ParamType::SOCKTUPLE => match (bytes.first(), bytes.len()) {
            (Some(&INET), 7) => bytes[5..7].reverse(),
            (Some(&INET), 13) => {
                bytes[5..7].reverse();
                bytes[11..13].reverse();
            }
            (Some(&INET6), 19) => bytes[17..19].reverse(),
            (Some(&INET6), 37) => {
                bytes[17..19].reverse();
                bytes[35..37].reverse();
            }
            (Some(&UNIX), 17..) if ty == ParamType::SOCKTUPLE => {
                bytes[1..9].reverse();
                bytes[9..17].reverse();
            }
            _ => {}
        },
        _ if ty.size() == Some(bytes.len()) => bytes.reverse(),
        _ => {}
    }
}
