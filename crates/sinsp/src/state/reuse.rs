//! Memory used again, so that a known process that opens and closes the same things costs no allocation.

use std::hash::Hasher;
use std::io::Write;
use std::sync::Arc;

use eyas_scap::{OwnedEvent, RawEvent};
use rustc_hash::FxHasher;

use super::fd::FdExtra;
use super::{Fd, Socket, Text};

/// Places for names, two for each hash: a power of two.
const NAMES: usize = 2048;
/// Longest name that is remembered, bytes: with [`NAMES`] it bounds the memory, half a MiB.
const LONGEST: usize = 256;
/// Most closed files, and most enter events, that are kept.
const SPARE: usize = 64;

/// Names seen of late, and files and events that are no longer needed.
#[derive(Debug, Default)]
pub(crate) struct Reuse {
    names: Vec<[Option<Text>; 2]>,
    fds: Vec<Arc<Fd>>,
    #[expect(clippy::vec_box, reason = "the boxes are what is used again")]
    extra: Vec<Box<FdExtra>>,
    #[expect(clippy::vec_box, reason = "the boxes are what is used again")]
    enters: Vec<Box<OwnedEvent>>,
    text: Vec<u8>,
}

impl Reuse {
    /// The name, shared with the same name before.
    pub(crate) fn name(&mut self, name: &[u8]) -> Text {
        if name.len() > LONGEST {
            return name.into();
        }
        let mut hasher = FxHasher::default();
        hasher.write(name);
        if self.names.is_empty() {
            self.names.resize(NAMES / 2, [None, None]);
        }
        let [newer, older] = &mut self.names[hasher.finish() as usize % (NAMES / 2)];
        let is = |place: &Option<Text>| place.as_deref() == Some(name);
        if !is(newer) {
            std::mem::swap(newer, older);
        }
        match newer {
            Some(known) if **known == *name => known.clone(),
            place => place.insert(name.into()).clone(),
        }
    }

    /// The name that `write` writes.
    pub(crate) fn written(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Text {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        write(&mut text);
        let name = self.name(&text);
        self.text = text;
        name
    }

    /// Name of a Unix socket.
    pub(crate) fn unix_name(&mut self, source: u64, destination: u64, path: &[u8]) -> Text {
        self.written(|out| {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{source:x}->{destination:x} ");
            out.extend_from_slice(path);
        })
    }

    /// The open file, in the memory of a closed one.
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

    /// Takes a file that a descriptor no longer stands for.
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

    /// Takes an event that was kept.
    pub(crate) fn give_back(&mut self, event: Option<Box<OwnedEvent>>) {
        self.enters.extend(event.filter(|_| self.enters.len() < SPARE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::FdKind;

    #[test]
    fn names_are_shared_and_bounded() {
        let mut reuse = Reuse::default();
        let first = reuse.name(b"/etc/passwd");
        assert!(Arc::ptr_eq(&first, &reuse.name(b"/etc/passwd")));
        for n in 0..100_000 {
            assert_eq!(*reuse.name(format!("/tmp/{n}").as_bytes()), *format!("/tmp/{n}").as_bytes());
        }
        assert_eq!(reuse.names.len() * 2, NAMES);
        let long = [b'x'; LONGEST + 1];
        assert!(!Arc::ptr_eq(&reuse.name(&long), &reuse.name(&long)));
        assert_eq!(*reuse.unix_name(0x1f, 2, b"/run/x"), *b"1f->2 /run/x");
    }

    #[test]
    fn a_file_that_others_see_is_not_used_again() {
        let mut reuse = Reuse::default();
        let empty: Text = Arc::from(&b""[..]);
        let fd = reuse.hold(Fd::new(FdKind::File, &empty));
        reuse.release(fd.clone());
        assert!(reuse.fds.is_empty());
        let place = Arc::as_ptr(&fd);
        reuse.release(fd);
        let next = reuse.hold(Fd::new(FdKind::Pipe, &empty));
        assert_eq!((Arc::as_ptr(&next), next.kind), (place, FdKind::Pipe));
    }
}
