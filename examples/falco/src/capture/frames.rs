//! Events on their way to a file.

use std::io::ErrorKind;

use eyas::events::EventType;
use eyas::scap::{Error, RawEvent, Writer};

/// Bytes that are worth handing on.
pub const BATCH: usize = 128 << 10;

/// Events one after the other, in one buffer.
#[derive(Default)]
pub struct Frames {
    /// Of each event its head, then its body.
    bytes: Vec<u8>,
    count: usize,
    /// Time of the first and of the last, ns since the epoch.
    first: u64,
    last: u64,
}

/// Bytes of a head: time, thread, beginning of the call, length of the body, number of parameters, type, CPU, whether it is
/// for the state only.
const HEAD: usize = 40;

/// What an event has beside its body.
struct Head {
    ts: u64,
    tid: i64,
    began: u64,
    len: u32,
    nparams: u32,
    ty: EventType,
    cpu: u16,
    state_only: bool,
}

impl Head {
    fn to_bytes(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..8].copy_from_slice(&self.ts.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.tid.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.len.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.nparams.to_le_bytes());
        bytes[24..26].copy_from_slice(&self.ty.0.to_le_bytes());
        bytes[26..28].copy_from_slice(&self.cpu.to_le_bytes());
        bytes[28] = u8::from(self.state_only);
        bytes[32..40].copy_from_slice(&self.began.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEAD]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let long = |at: usize| u64::from(word(at + 4)) << 32 | u64::from(word(at));
        let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self {
            ts: long(0),
            tid: long(8) as i64,
            len: word(16),
            nparams: word(20),
            ty: EventType(short(24)),
            cpu: short(26),
            state_only: bytes[28] != 0,
            began: long(32),
        }
    }
}

/// Events that were written.
#[derive(Default)]
pub struct Written {
    pub written: u64,
    /// Those that were not, as they are longer than the format allows.
    pub too_long: u64,
}

/// Whether a capture has as many bytes as it may have; `limit` 0 stands for any number.
pub fn is_full(writer: &Writer, limit: u64) -> bool {
    limit > 0 && writer.written() >= limit
}

impl Frames {
    /// Adds an event.
    #[inline]
    pub fn push(&mut self, event: &RawEvent<'_>) {
        let RawEvent { ts, tid, ty, cpu, state_only, began, .. } = *event;
        let (body, nparams) = (event.body(), event.nparams() as u32);
        let head = Head { ts, tid, began, len: body.len() as u32, nparams, ty, cpu, state_only };
        self.bytes.reserve(HEAD + body.len());
        self.bytes.extend_from_slice(&head.to_bytes());
        self.bytes.extend_from_slice(body);
        if self.count == 0 {
            self.first = ts;
        }
        self.last = ts;
        self.count += 1;
    }

    /// Room for so many bytes.
    pub fn with_capacity(size: usize) -> Self {
        Self { bytes: Vec::with_capacity(size), ..Self::default() }
    }

    /// Forgets the events, but keeps the room for others.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// How many bytes they are.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Times of the first and the last, ns since the epoch.
    pub fn span(&self) -> (u64, u64) {
        (self.first, self.last)
    }

    /// Writes them, until the capture has `limit` bytes, unless that is 0.
    ///
    /// # Errors
    /// The output takes no more.
    pub fn write(&self, writer: &mut Writer, limit: u64) -> Result<Written, Error> {
        let mut done = Written::default();
        for event in self.iter() {
            match writer.event(&event) {
                Ok(()) => done.written += 1,
                Err(Error::Write(error)) if error.kind() == ErrorKind::InvalidInput => done.too_long += 1,
                Err(error) => return Err(error),
            }
            if is_full(writer, limit) {
                break;
            }
        }
        Ok(done)
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The events, in order.
    pub fn iter(&self) -> impl Iterator<Item = RawEvent<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (head, behind) = rest.split_first_chunk::<HEAD>()?;
            let Head { ts, tid, began, len, nparams, ty, cpu, state_only } = Head::from_bytes(head);
            let (body, behind) = behind.split_at_checked(len as usize)?;
            rest = behind;
            let mut event = RawEvent::from_parts(ts, tid, ty, cpu, nparams, body)?;
            (event.state_only, event.began) = (state_only, began);
            Some(event)
        })
    }
}

#[cfg(test)]
mod tests {
    use eyas::events::param;
    use eyas::scap::EventBuilder;

    use super::*;

    #[test]
    fn events_come_out_as_they_went_in() {
        let close = EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(1).tid(7).cpu(2);
        let close = close.int(param::SYSCALL_CLOSE_X::res, -9).build();
        let chdir = EventBuilder::new(EventType::SYSCALL_CHDIR_X).ts(2).tid(8);
        let chdir = chdir.text(param::SYSCALL_CHDIR_X::path, b"/tmp").build();
        let mut frames = Frames::default();
        frames.push(&close.as_raw());
        let mut hidden = chdir.as_raw();
        hidden.state_only = true;
        hidden.began = 1;
        frames.push(&hidden);
        let events: Vec<RawEvent<'_>> = frames.iter().collect();
        assert_eq!((events.len(), frames.len()), (2, 2));
        assert_eq!((events[0].ts, events[0].tid, events[0].cpu), (1, 7, 2));
        assert_eq!(events[0].result(), Some(-9));
        assert_eq!(events[1].text(param::SYSCALL_CHDIR_X::path), Some(&b"/tmp"[..]));
        assert!(events[1].state_only && !events[0].state_only);
        assert_eq!((events[0].began, events[1].began), (0, 1));
    }
}
