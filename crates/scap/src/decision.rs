//! Decisions of the kernel's security hooks: as separate events, or attached to the events of their calls.

use eyas_events::{EventType, Hook, hook_of, param::LSM_X};

use crate::RawEvent;

/// A decision of a security hook of the kernel (LSM), with its objects.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    event: RawEvent<'a>,
}

/// Number of parameters of such an event.
pub(crate) const PARAMS: usize = LSM_X::during + 1;

impl<'a> Decision<'a> {
    /// The decision in a separate event of a hook.
    fn of(event: RawEvent<'a>) -> Option<Self> {
        (event.ty == EventType::LSM_X).then_some(Self { event })
    }

    /// The decision that is attached to an event, in the form of a hook's event.
    fn attached(event: &RawEvent<'a>) -> Option<Self> {
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

    /// The verdict: 0 if no module denied, otherwise a negative error. With BPF LSM, it is the verdict of
    /// the modules before it.
    pub fn verdict(&self) -> i64 {
        self.event.int(LSM_X::res).unwrap_or(0)
    }

    /// The kernel's path of the file or directory entry.
    pub fn path(&self) -> Option<&'a [u8]> {
        self.event.text(LSM_X::path)
    }

    /// The other object: the new path of a rename or a link, the target of a symbolic link, the name of an
    /// attribute, the source of a mount.
    pub fn target(&self) -> Option<&'a [u8]> {
        self.event.text(LSM_X::target)
    }

    /// Address of a socket, in the form of a parameter.
    pub fn address(&self) -> Option<&'a [u8]> {
        self.event.param(LSM_X::addr).filter(|address| !address.is_empty())
    }

    /// The hook's number: flags of an open, a mode, protection of memory, the id of a process or user, the
    /// command of `bpf`.
    pub fn value(&self) -> Option<i64> {
        self.event.int(LSM_X::value)
    }

    /// Type of the event of the surrounding call, if that is captured.
    #[cfg_attr(not(feature = "live"), allow(dead_code, reason = "only live events are joined"))]
    pub(crate) fn during(&self) -> Option<EventType> {
        let during = self.event.uint(LSM_X::during).filter(|ty| *ty != 0)?;
        u16::try_from(during).ok().map(EventType)
    }
}

impl<'a> RawEvent<'a> {
    /// The decision of a security hook, if the event is of a hook, or of the call during which the hook was
    /// called. It exists in live captures with hooks, and in their captures that eyas wrote.
    #[inline]
    pub fn decision(&self) -> Option<Decision<'a>> {
        if self.decided.is_empty() && self.ty != EventType::LSM_X {
            return None;
        }
        Decision::attached(self).or_else(|| Decision::of(*self))
    }

    /// Attaches the decision of a hook during the event's call: the body of an event of that hook.
    pub(crate) fn with_decided(mut self, body: &'a [u8]) -> Self {
        self.decided = body;
        self
    }
}

/// The body of a hook's event, from the option in a capture; `None` if it is invalid.
pub(crate) fn body_of(count: u16, body: &[u8]) -> Option<&[u8]> {
    let whole = RawEvent::from_parts(0, 0, EventType::LSM_X, 0, PARAMS as u32, body);
    whole.filter(|_| usize::from(count) == PARAMS).map(|_| body)
}
