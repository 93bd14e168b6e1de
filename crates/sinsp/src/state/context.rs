use eyas_scap::RawEvent;

use super::{Fd, State, Thread};

/// An event with what is known around it.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The event.
    pub event: RawEvent<'a>,
    /// Its number: 1 for the first event of the capture.
    pub num: u64,
    /// Everything known, the event itself included.
    pub state: &'a State,
    /// Thread that made the event; `None` for events of no thread.
    pub thread: Option<&'a Thread>,
    /// Descriptor that the event works on or made; below 0 where it failed to make one.
    pub fd_num: Option<i64>,
    /// The open file behind it.
    pub fd: Option<&'a Fd>,
    /// Time of the first event, ns since the epoch.
    pub first_ts: u64,
    /// Time of the event before, ns since the epoch.
    pub previous_ts: u64,
}
