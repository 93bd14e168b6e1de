//! What an event is about, and what remains to be done after the rules saw it.

use std::sync::Arc;

use super::{Fd, Text, ThreadKey};

/// What the event is about.
#[derive(Debug, Default)]
pub(crate) struct Current {
    /// Its thread.
    pub(crate) thread: Option<ThreadKey>,
    /// Its descriptor.
    pub(crate) fd: Option<i64>,
    /// Of a context switch: how long its thread ran, ns.
    pub(crate) ran: u64,
    /// Of an event about CPU time: ticks of the thread since the last such event, as user and in the kernel.
    pub(crate) ticks: [u64; 2],
    /// What remains to be done after the rules saw it.
    pub(crate) rest: Rest,
}

/// What an event changes only after the rules saw it.
#[derive(Debug, Default)]
pub(crate) enum Rest {
    #[default]
    Nothing,
    /// The thread is gone.
    Exit,
    /// The descriptor is closed.
    Close(i64),
    /// The descriptor's socket has the ends again that it had before.
    Restore(i64, Arc<Fd>),
    /// The descriptor's file has another name: the one that was asked for, and the kernel's.
    Rename(i64, Text, Option<Text>),
    /// The container that it reports, which may be gone.
    Container { id: Text, is_gone: bool },
}
