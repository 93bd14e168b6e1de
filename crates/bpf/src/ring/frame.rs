//! What the probe writes: a header, the lengths of the parameters, the parameters.

use eyas_events::{EventFlags, EventType, HEADER_LEN};

/// The largest event, which may begin at a segment's last byte.
pub(super) const MAX_EVENT: usize = 64 << 10;
/// The type of a frame that is no event: it stands where events were lost. Its header has the time of the first. It has five
/// parameters: how many they are, 32 bits; when the last was lost; how many there are of each class; a bit for each type; a
/// Bloom filter of the thread groups.
pub const LOSS: u16 = 0xffff;
/// Where a header has the frame's length.
pub(crate) const LENGTH_AT: usize = 16;
/// Frames begin at multiples of this.
pub(super) const ALIGN: u64 = 8;

/// A frame that adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) len: usize,
    /// Whether it reports losses.
    pub(super) is_loss: bool,
}

/// The frame at the beginning of `bytes`, if the parameters that its header reports fill it exactly.
#[inline]
pub(super) fn parse(bytes: &[u8]) -> Option<Frame> {
    let len = u32::from_ne_bytes(bytes.get(LENGTH_AT..LENGTH_AT + 4)?.try_into().ok()?) as usize;
    let ty = u16::from_ne_bytes(bytes.get(20..22)?.try_into().ok()?);
    // The upper half says of which request of `io_uring` the event is.
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
