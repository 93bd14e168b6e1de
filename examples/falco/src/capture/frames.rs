//! Events on their way to a file.

use eyas::events::EventType;
use eyas::scap::RawEvent;

/// Events one after the other, in one buffer.
#[derive(Default)]
pub struct Frames {
    bodies: Vec<u8>,
    heads: Vec<Head>,
}

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

    /// How much memory they take, bytes.
    pub fn size(&self) -> usize {
        self.bodies.len() + self.heads.len() * size_of::<Head>()
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
