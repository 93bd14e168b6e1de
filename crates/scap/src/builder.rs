//! Builds events, and checks each parameter against its row.

use eyas_events::{EventFlags, EventType, ParamType};

use crate::io_uring::Mark;
use crate::{IoUring, RawEvent, SlicePlace};

/// Makes an event of a type from its parameters.
///
/// A parameter that is not set is empty (length 0).
///
/// ```
/// use eyas_events::{EventType, param::SYSCALL_CLOSE_X};
/// let event = eyas_scap::EventBuilder::new(EventType::SYSCALL_CLOSE_X)
///     .tid(7)
///     .int(SYSCALL_CLOSE_X::res, 0)
///     .int(SYSCALL_CLOSE_X::fd, 3)
///     .build();
/// assert_eq!(event.as_raw().int(SYSCALL_CLOSE_X::fd), Some(3));
/// ```
#[derive(Clone, Debug)]
pub struct EventBuilder {
    ts: u64,
    tid: i64,
    ty: EventType,
    cpu: u16,
    mark: Mark,
    decided: Vec<u8>,
    state_only: bool,
    params: Vec<Vec<u8>>,
}

impl EventBuilder {
    /// An event of this type with all parameters of its row empty.
    pub fn new(ty: EventType) -> Self {
        let params = vec![Vec::new(); ty.info().map_or(0, |info| info.params.len())];
        let (mark, decided) = (Mark::default(), Vec::new());
        Self { ts: 0, tid: -1, ty, cpu: 0, state_only: false, mark, decided, params }
    }

    /// Time in ns since the epoch.
    pub fn ts(mut self, ts: u64) -> Self {
        self.ts = ts;
        self
    }

    /// Thread that makes the event.
    pub fn tid(mut self, tid: i64) -> Self {
        self.tid = tid;
        self
    }

    /// Number of the CPU.
    pub fn cpu(mut self, cpu: u16) -> Self {
        self.cpu = cpu;
        self
    }

    /// Sets the event's `io_uring` request.
    pub fn io_uring(mut self, request: IoUring) -> Self {
        self.mark = Mark::new(request);
        self
    }

    /// Sets the decision of a security hook during the call: an event of that hook.
    pub fn decision(mut self, hook: &OwnedEvent) -> Self {
        self.decided.clone_from(&hook.body);
        self
    }

    /// Marks the last parameter as the description of the descriptor, as the probe does for a direct
    /// descriptor.
    #[doc(hidden)]
    pub fn described(mut self) -> Self {
        self.mark = self.mark.described();
        self
    }

    /// Marks the event as that of a call that the kernel did not run: see [`RawEvent::was_skipped_by_seccomp`].
    #[doc(hidden)]
    pub fn skipped_by_seccomp(mut self) -> Self {
        self.mark = Mark::skipped_by_seccomp();
        self
    }

    /// Marks the event of a request that failed: see [`RawEvent::closed_with_error`].
    #[doc(hidden)]
    pub fn closed_with_error(mut self) -> Self {
        self.mark = self.mark.closing_with_error();
        self
    }

    /// Marks the event as for the state only, so that readers do not show it.
    pub fn state_only(mut self) -> Self {
        self.state_only = true;
        self
    }

    /// Sets a number, cut to the parameter's size in the row (8 bytes if it varies).
    pub fn int(self, index: usize, value: i64) -> Self {
        self.uint(index, value as u64)
    }

    /// Sets a number, cut to the parameter's size in the row (8 bytes if it varies).
    pub fn uint(self, index: usize, value: u64) -> Self {
        let size = self.row_type(index).and_then(ParamType::size).unwrap_or(8).min(8);
        self.bytes(index, &value.to_le_bytes()[..size])
    }

    /// Sets a text; adds the final NUL.
    pub fn text(self, index: usize, value: &[u8]) -> Self {
        let mut bytes = value.to_vec();
        bytes.push(0);
        self.bytes(index, &bytes)
    }

    /// Sets bytes.
    pub fn bytes(mut self, index: usize, value: &[u8]) -> Self {
        if index >= self.params.len() {
            self.params.resize(index + 1, Vec::new());
        }
        self.params[index] = value.to_vec();
        self
    }

    /// Leaves out the parameters from `count` on, as events of older versions do.
    pub fn truncate(mut self, count: usize) -> Self {
        self.params.truncate(count);
        self
    }

    fn row_type(&self, index: usize) -> Option<ParamType> {
        Some(self.ty.info()?.params.get(index)?.ty)
    }

    /// Returns the finished event. Parameters that exceed the range of a length are cut.
    pub fn build(self) -> OwnedEvent {
        let mut body = Vec::new();
        let wide = is_wide(self.ty);
        let longest = if wide { u32::MAX as usize } else { usize::from(u16::MAX) };
        for param in &self.params {
            push_len(&mut body, wide, param.len().min(longest));
        }
        for param in &self.params {
            body.extend_from_slice(&param[..param.len().min(longest)]);
        }
        OwnedEvent {
            ts: self.ts,
            tid: self.tid,
            ty: self.ty,
            cpu: self.cpu,
            state_only: self.state_only,
            began: 0,
            place: SlicePlace::default(),
            mark: self.mark,
            decided: self.decided,
            nparams: self.params.len() as u32,
            body,
        }
    }
}

/// Whether parameter lengths of this type have 32 bits.
pub(crate) fn is_wide(ty: EventType) -> bool {
    ty.info().is_some_and(|info| info.flags.contains(EventFlags::LARGE_PAYLOAD))
}

pub(crate) fn push_len(body: &mut Vec<u8>, wide: bool, len: usize) {
    match wide {
        true => body.extend_from_slice(&(len as u32).to_le_bytes()),
        false => body.extend_from_slice(&(len as u16).to_le_bytes()),
    }
}

/// An event that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEvent {
    pub(crate) ts: u64,
    pub(crate) tid: i64,
    pub(crate) ty: EventType,
    pub(crate) cpu: u16,
    pub(crate) state_only: bool,
    pub(crate) began: u64,
    pub(crate) place: SlicePlace,
    pub(crate) mark: Mark,
    pub(crate) decided: Vec<u8>,
    pub(crate) nparams: u32,
    pub(crate) body: Vec<u8>,
}

impl Default for OwnedEvent {
    /// An event of the first type, without parameters.
    fn default() -> Self {
        EventBuilder::new(EventType(0)).truncate(0).build()
    }
}

impl OwnedEvent {
    /// The event, borrowed as from a source.
    pub fn as_raw(&self) -> RawEvent<'_> {
        let raw = RawEvent::from_parts(self.ts, self.tid, self.ty, self.cpu, self.nparams, &self.body);
        let mut raw = raw.unwrap_or_else(|| unreachable!("lengths and data were laid out together"));
        (raw.state_only, raw.began) = (self.state_only, self.began);
        (raw.place, raw.mark) = (self.place, self.mark);
        raw.with_decided(&self.decided)
    }

    /// Copies `raw` into the existing memory.
    pub fn assign(&mut self, raw: RawEvent<'_>) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        body.extend_from_slice(raw.body());
        *self = Self::around(raw, body);
    }

    fn around(raw: RawEvent<'_>, body: Vec<u8>) -> Self {
        Self {
            ts: raw.ts,
            tid: raw.tid,
            ty: raw.ty,
            cpu: raw.cpu,
            state_only: raw.state_only,
            began: raw.began,
            place: raw.place,
            mark: raw.mark,
            decided: raw.decided.to_vec(),
            nparams: raw.nparams() as u32,
            body,
        }
    }
}

impl From<RawEvent<'_>> for OwnedEvent {
    fn from(raw: RawEvent<'_>) -> Self {
        Self::around(raw, raw.body().to_vec())
    }
}
