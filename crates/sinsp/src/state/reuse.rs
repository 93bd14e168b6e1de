//! Reused memory, so that a process that opens and closes the same files causes no allocation.

use std::sync::Arc;

use eyas_scap::{OwnedEvent, RawEvent};

use super::fd::FdExtra;
use super::recent_names::RecentNames;
use super::{Fd, Socket};

/// Maximum number of kept closed files, and of kept enter events.
const SPARE: usize = 64;

/// Recent names, and unused files and events.
#[derive(Debug, Default)]
pub(crate) struct Reuse {
    /// Recent names.
    pub(crate) names: RecentNames,
    fds: Vec<Arc<Fd>>,
    #[expect(clippy::vec_box, reason = "the boxes are what is used again")]
    extra: Vec<Box<FdExtra>>,
    #[expect(clippy::vec_box, reason = "the boxes are what is used again")]
    enters: Vec<Box<OwnedEvent>>,
}

impl Reuse {
    /// Stores the open file in the memory of a closed one.
    pub(crate) fn hold(&mut self, mut fd: Fd) -> Arc<Fd> {
        if fd.kind.is_socket() && fd.extra.is_none() {
            fd.extra = self.extra.pop();
        }
        let Some(mut spare) = self.fds.pop() else { return Arc::new(fd) };
        match Arc::get_mut(&mut spare) {
            Some(place) => {
                *place = fd;
                spare
            }
            None => Arc::new(fd),
        }
    }

    /// Takes a closed file for reuse.
    pub(crate) fn release(&mut self, mut fd: Arc<Fd>) {
        let Some(closed) = Arc::get_mut(&mut fd) else { return };
        let mut opened = None;
        if let Some(mut extra) = closed.extra.take() {
            if let FdExtra::Opened(fd) = std::mem::replace(&mut *extra, FdExtra::Ends(Socket::None)) {
                opened = Some(fd);
            }
            if self.extra.len() < SPARE {
                self.extra.push(extra);
            }
        }
        if self.fds.len() < SPARE {
            self.fds.push(fd);
        }
        if let Some(opened) = opened {
            self.release(opened);
        }
    }

    /// A copy of the event.
    pub(crate) fn keep(&mut self, event: &RawEvent<'_>) -> Box<OwnedEvent> {
        match self.enters.pop() {
            Some(mut kept) => {
                kept.assign(*event);
                kept
            }
            None => Box::new(OwnedEvent::from(*event)),
        }
    }

    /// Takes a kept event for reuse.
    pub(crate) fn recycle(&mut self, event: Option<Box<OwnedEvent>>) {
        self.enters.extend(event.filter(|_| self.enters.len() < SPARE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::FdKind;

    #[test]
    fn a_file_with_other_references_is_not_reused() {
        let mut reuse = Reuse::default();
        let empty: crate::state::Text = Arc::from(&b""[..]);
        let fd = reuse.hold(Fd::new(FdKind::File, &empty));
        reuse.release(fd.clone());
        assert!(reuse.fds.is_empty());
        let place = Arc::as_ptr(&fd);
        reuse.release(fd);
        let next = reuse.hold(Fd::new(FdKind::Pipe, &empty));
        assert_eq!((Arc::as_ptr(&next), next.kind), (place, FdKind::Pipe));
    }
}
