//! Events in the format for plugins: header, lengths and bytes in contiguous memory.

use std::ffi::CStr;

use eyas_events::{EventFlags, EventType, HEADER_LEN as HEADER};
use eyas_scap::RawEvent;

/// Maximum size of an event from a plugin, in bytes.
const MAX_EVENT: usize = 64 << 20;

/// A plugin passed an invalid event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault;

/// An event for a plugin.
#[derive(Clone, Copy)]
pub(crate) struct EventFrame<'a> {
    bytes: &'a [u8],
    /// Number of the event, from 1.
    pub(crate) num: u64,
    /// Name of the event's source, if it has one.
    pub(crate) source: Option<&'a CStr>,
}

impl<'a> EventFrame<'a> {
    /// The event in these bytes; `None` if they are not exactly one event.
    pub(crate) fn new(bytes: &'a [u8], num: u64, source: Option<&'a CStr>) -> Option<Self> {
        (bytes.len() >= HEADER && frame_size(bytes) == Ok(bytes.len())).then_some(Self { bytes, num, source })
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Header of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) ts: u64,
    pub(crate) tid: i64,
    len: usize,
    pub(crate) code: EventType,
    pub(crate) nparams: u32,
}

impl Header {
    /// Reads the header of a frame; `None` if the frame is too short.
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        (frame.len() >= HEADER).then(|| Self {
            ts: u64_at(frame, 0),
            tid: u64_at(frame, 8) as i64,
            len: u32_at(frame, 16) as usize,
            code: EventType(u16::from_le_bytes([frame[20], frame[21]])),
            nparams: u32_at(frame, 22),
        })
    }
}

/// Size of an event as far as its beginning shows it: first the size of the header, then also of the
/// lengths, then of the whole event.
///
/// # Errors
/// The event is invalid: unknown type, more parameters than the type has, or inconsistent lengths.
pub(crate) fn frame_size(have: &[u8]) -> Result<usize, Fault> {
    let Some(header) = Header::read(have) else { return Ok(HEADER) };
    let info = header.code.info().ok_or(Fault)?;
    let width = if info.flags.contains(EventFlags::LARGE_PAYLOAD) { 4 } else { 2 };
    let nparams = header.nparams as usize;
    if nparams > info.params.len() || header.len > MAX_EVENT {
        return Err(Fault);
    }
    let lengths = HEADER + nparams * width;
    if header.len < lengths {
        return Err(Fault);
    }
    let Some(bytes) = have.get(HEADER..lengths) else { return Ok(lengths) };
    let sum: u64 = match width {
        4 => bytes.as_chunks().0.iter().map(|len| u64::from(u32::from_le_bytes(*len))).sum(),
        _ => bytes.as_chunks().0.iter().map(|len| u64::from(u16::from_le_bytes(*len))).sum(),
    };
    if sum == (header.len - lengths) as u64 { Ok(header.len) } else { Err(Fault) }
}

/// Writes an event in the format for plugins. Leaves out parameters beyond those of the event type, because
/// plugins do not know them.
pub(crate) fn write(event: &RawEvent<'_>, out: &mut Vec<u8>) {
    out.clear();
    let info = event.info();
    let is_wide = info.is_some_and(|info| info.flags.contains(EventFlags::LARGE_PAYLOAD));
    let known = info.map_or(event.nparams(), |info| info.params.len());
    let nparams = event.nparams().min(known);
    out.extend_from_slice(&event.ts.to_le_bytes());
    out.extend_from_slice(&event.tid.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&event.ty.0.to_le_bytes());
    out.extend_from_slice(&(nparams as u32).to_le_bytes());
    let width = if is_wide { 4 } else { 2 };
    let exact = nparams * width + event.params().map(<[u8]>::len).sum::<usize>();
    if nparams == event.nparams() && exact == event.body().len() {
        out.extend_from_slice(event.body());
    } else {
        for param in event.params().take(nparams) {
            match is_wide {
                true => out.extend_from_slice(&(param.len() as u32).to_le_bytes()),
                false => out.extend_from_slice(&(param.len() as u16).to_le_bytes()),
            }
        }
        event.params().take(nparams).for_each(|param| out.extend_from_slice(param));
    }
    let len = (out.len() as u32).to_le_bytes();
    out[16..20].copy_from_slice(&len);
}

/// Converts a frame to a [`RawEvent`]; `None` if the bytes are not an event.
pub(crate) fn raw(frame: &[u8]) -> Option<RawEvent<'_>> {
    let header = Header::read(frame)?;
    RawEvent::from_parts(header.ts, header.tid, header.code, 0, header.nparams, &frame[HEADER..])
}

#[cfg(test)]
mod tests;
