//! A cache of recent names, so that opening the same files again allocates no names.

use std::hash::Hasher;
use std::io::Write;
use std::sync::Arc;

use rustc_hash::FxHasher;

use super::Text;
use crate::names::Services;

/// Number of slots for names, two for each hash; a power of two.
const NAMES: usize = 2048;
/// Maximum length of a cached name, bytes. With [`NAMES`] it limits the memory to half a MiB.
const MAX_LEN: usize = 256;
/// Recent names.
#[derive(Debug, Default)]
pub(crate) struct RecentNames {
    names: Vec<[Option<Text>; 2]>,
    text: Vec<u8>,
    /// Names of ports, for names of sockets.
    pub(super) services: Option<Arc<Services>>,
}

impl RecentNames {
    /// Returns the name, shared with an equal recent name.
    pub(crate) fn name(&mut self, name: &[u8]) -> Text {
        if name.len() > MAX_LEN {
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

    /// Returns the name that `write` writes.
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn names_are_shared_and_bounded() {
        let mut recent = RecentNames::default();
        let first = recent.name(b"/etc/passwd");
        assert!(Arc::ptr_eq(&first, &recent.name(b"/etc/passwd")));
        for n in 0..100_000 {
            assert_eq!(*recent.name(format!("/tmp/{n}").as_bytes()), *format!("/tmp/{n}").as_bytes());
        }
        assert_eq!(recent.names.len() * 2, NAMES);
        let long = [b'x'; MAX_LEN + 1];
        assert!(!Arc::ptr_eq(&recent.name(&long), &recent.name(&long)));
        assert_eq!(*recent.unix_name(0x1f, 2, b"/run/x"), *b"1f->2 /run/x");
    }
}
