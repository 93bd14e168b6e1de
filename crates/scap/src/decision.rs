//! What a security hook of the kernel's decided: an event of its own, or what is said beside the event of the call that it was
//! part of.

use eyas_events::{EventType, Hook, hook_of, param::LSM_X};

use crate::RawEvent;

/// What a security hook of the kernel's (LSM) decided, and on what.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    event: RawEvent<'a>,
}

/// Parameters of such an event.
pub(crate) const PARAMS: usize = LSM_X::during + 1;

impl<'a> Decision<'a> {
    /// What an event says that is of a hook alone.
    fn of(event: RawEvent<'a>) -> Option<Self> {
        (event.ty == EventType::LSM_X).then_some(Self { event })
    }

    /// What stands beside an event, as parameters of one of a hook alone.
    fn beside(event: &RawEvent<'a>) -> Option<Self> {
        let body = event.decided;
        if body.is_empty() {
            return None;
        }
        let (ts, tid, cpu) = (event.ts, event.tid, event.cpu);
        Self::of(RawEvent::from_parts(ts, tid, EventType::LSM_X, cpu, PARAMS as u32, body)?)
    }

    /// Number of the hook (`eyas_events::hook_of`).
    pub fn number(&self) -> u8 {
        self.event.uint(LSM_X::hook).map_or(0, |number| number as u8)
    }

    /// The hook; `None` if this version does not know it.
    pub fn hook(&self) -> Option<&'static Hook> {
        hook_of(self.number())
    }

    /// What was decided: 0 where nobody objected, an error below 0 where somebody did. By BPF LSM it is of the modules that were asked
    /// before.
    pub fn verdict(&self) -> i64 {
        self.event.int(LSM_X::res).unwrap_or(0)
    }

    /// Path of the file or directory entry that it is about, as the kernel has it.
    pub fn path(&self) -> Option<&'a [u8]> {
        self.event.text(LSM_X::path)
    }

    /// The other object: the new path of a rename or a link, where a symbolic link leads, the name of an attribute, what is mounted.
    pub fn target(&self) -> Option<&'a [u8]> {
        self.event.text(LSM_X::target)
    }

    /// Address of a socket, as parameters have addresses.
    pub fn address(&self) -> Option<&'a [u8]> {
        self.event.param(LSM_X::addr).filter(|address| !address.is_empty())
    }

    /// A number that belongs to the hook: flags of an open, a mode, protection of memory, the id of a process or user, the command
    /// of `bpf`.
    pub fn value(&self) -> Option<i64> {
        self.event.int(LSM_X::value)
    }

    /// Type of the event of the call that it is part of, if that is captured.
    #[cfg_attr(not(feature = "live"), allow(dead_code, reason = "only live events are joined"))]
    pub(crate) fn during(&self) -> Option<EventType> {
        let during = self.event.uint(LSM_X::during).filter(|ty| *ty != 0)?;
        u16::try_from(during).ok().map(EventType)
    }
}

impl<'a> RawEvent<'a> {
    /// What a security hook of the kernel's decided, if the event is of a hook alone, or of the call that the hook was part of: of
    /// live events whose capture has the hooks, and of captures of such that eyas wrote.
    #[inline]
    pub fn decision(&self) -> Option<Decision<'a>> {
        if self.decided.is_empty() && self.ty != EventType::LSM_X {
            return None;
        }
        Decision::beside(self).or_else(|| Decision::of(*self))
    }

    /// Adds what a hook decided that the event's call was part of: the body of an event of that hook.
    pub(crate) fn with_decided(mut self, body: &'a [u8]) -> Self {
        self.decided = body;
        self
    }
}

/// The body of an event of a hook, of what stands beside an event in a capture; `None` if it is none.
pub(crate) fn body_of(count: u16, body: &[u8]) -> Option<&[u8]> {
    let whole = RawEvent::from_parts(0, 0, EventType::LSM_X, 0, PARAMS as u32, body);
    whole.filter(|_| usize::from(count) == PARAMS).map(|_| body)
}
