//! The subject of an event, and the changes after the rules saw it.

use std::sync::Arc;

use super::{Fd, Text, ThreadKey};

/// The subject of the event.
#[derive(Debug, Default)]
pub(crate) struct Current {
    /// Its thread.
    pub(crate) thread: Option<ThreadKey>,
    /// Its descriptor.
    pub(crate) fd: Option<i64>,
    /// For a context switch, how long its thread ran, ns.
    pub(crate) ran: u64,
    /// For an event about CPU time, ticks of the thread since the last such event, in user mode and in the
    /// kernel.
    pub(crate) ticks: [u64; 2],
    /// The change that is made after the rules saw the event.
    pub(crate) pending: PendingChange,
    /// Descriptors of directories that the event reports, each with its previous entry.
    pub(crate) bases: Vec<(i64, Option<Arc<Fd>>)>,
}

/// Changes that are made after the rules saw the event.
#[derive(Debug, Default)]
pub(crate) enum PendingChange {
    #[default]
    Nothing,
    /// Removes the thread.
    Exit,
    /// Removes the descriptor, and a second one: of a pipe, or of a pair of sockets.
    Close(i64, Option<i64>),
    /// Restores the previous ends of the descriptor's socket.
    Restore(i64, Arc<Fd>),
    /// Renames the descriptor's file: its requested name, and the kernel's name.
    Rename(i64, Text, Option<Text>),
    /// The container that the event reports, which may have ended.
    Container { id: Text, is_gone: bool },
}
