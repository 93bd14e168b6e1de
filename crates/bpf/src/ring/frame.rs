//! The probe's format: a header, the lengths of the parameters, the parameters.

use eyas_events::{EventFlags, EventType, HEADER_LEN};

/// Maximum size of an event, which may begin at a segment's last byte.
pub(super) const MAX_EVENT: usize = 64 << 10;
/// The type of a loss frame, which is no event: events were lost at its position. Its header has the time
/// of the first one. It has five parameters: the number of events, 32 bits; the time of the last one; the
/// number of each class; a bit for each type; a Bloom filter of the thread groups.
pub const LOSS: u16 = 0xffff;
/// Offset of the frame's length in the header.
pub(crate) const LENGTH_AT: usize = 16;
/// Frames begin at multiples of this.
pub(super) const ALIGN: u64 = 8;

/// A well-formed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) len: usize,
    /// Whether it is a loss frame.
    pub(super) is_loss: bool,
}

/// Parses the frame at the beginning of `bytes`, if the parameters in its header fill it exactly.
#[inline]
pub(super) fn parse(bytes: &[u8]) -> Option<Frame> {
    let len = u32::from_ne_bytes(bytes.get(LENGTH_AT..LENGTH_AT + 4)?.try_into().ok()?) as usize;
    let ty = u16::from_ne_bytes(bytes.get(20..22)?.try_into().ok()?);
    // The upper half is the event's `io_uring` request.
    let count = u16::from_ne_bytes(bytes.get(22..24)?.try_into().ok()?) as usize;
    let body = bytes.get(HEADER_LEN..len).filter(|_| len <= MAX_EVENT)?;
    let (lengths, data) = body.split_at_checked(2 * count)?;
    let sum: usize = lengths.as_chunks().0.iter().map(|len| usize::from(u16::from_ne_bytes(*len))).sum();
    if sum != data.len() {
        return None;
    }
    let is_loss = ty == LOSS;
    // None of the events that the probe makes has longer lengths.
    let is_event =
        || EventType(ty).info().is_some_and(|info| !info.flags.contains(EventFlags::LARGE_PAYLOAD));
    (is_loss || is_event()).then_some(Frame { len, is_loss })
}
