//! Events on their way to a file.

use std::io::ErrorKind;

use eyas::events::EventType;
use eyas::scap::{Error, RawEvent, Writer};

/// Events one after the other, in one buffer.
#[derive(Default)]
pub struct Frames {
    bodies: Vec<u8>,
    heads: Vec<Head>,
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

/// Bytes of an event's parameters, on the average: so much memory is asked for at once.
const BODY: usize = 64;

struct Head {
    ts: u64,
    tid: i64,
    ty: EventType,
    cpu: u16,
    state_only: bool,
    nparams: u32,
    /// End of its body.
    end: usize,
}

impl Frames {
    /// Adds an event.
    pub fn push(&mut self, event: &RawEvent<'_>) {
        let RawEvent { ts, tid, ty, cpu, state_only, .. } = *event;
        self.bodies.extend_from_slice(event.body());
        let (nparams, end) = (event.nparams() as u32, self.bodies.len());
        self.heads.push(Head { ts, tid, ty, cpu, state_only, nparams, end });
    }

    /// Room for events of this size in all, bytes.
    pub fn with_capacity(size: usize) -> Self {
        let heads = size / (BODY + size_of::<Head>());
        Self { bodies: Vec::with_capacity(heads * BODY), heads: Vec::with_capacity(heads) }
    }

    /// How many bytes they are.
    pub fn size(&self) -> usize {
        self.bodies.len() + self.heads.len() * size_of::<Head>()
    }

    /// Times of the first and the last, ns since the epoch.
    pub fn span(&self) -> (u64, u64) {
        let time = |head: Option<&Head>| head.map_or(0, |head| head.ts);
        (time(self.heads.first()), time(self.heads.last()))
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
        self.heads.len()
    }

    /// The events, in order.
    pub fn iter(&self) -> impl Iterator<Item = RawEvent<'_>> {
        let mut start = 0;
        self.heads.iter().filter_map(move |head| {
            let body = &self.bodies[start..head.end];
            start = head.end;
            let mut event = RawEvent::from_parts(head.ts, head.tid, head.ty, head.cpu, head.nparams, body)?;
            event.state_only = head.state_only;
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
        frames.push(&hidden);
        let events: Vec<RawEvent<'_>> = frames.iter().collect();
        assert_eq!((events.len(), frames.len()), (2, 2));
        assert_eq!((events[0].ts, events[0].tid, events[0].cpu), (1, 7, 2));
        assert_eq!(events[0].result(), Some(-9));
        assert_eq!(events[1].text(param::SYSCALL_CHDIR_X::path), Some(&b"/tmp"[..]));
        assert!(events[1].state_only && !events[0].state_only);
    }
}
