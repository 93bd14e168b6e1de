//! Numbers of open files that recur, so that the engine can cache results of tests that depend only on the file.

use std::hash::Hasher;

use eyas_fields::ScopeVersion;
use rustc_hash::FxHasher;

use crate::state::{Fd, first_version};

/// Number of slots; a power of two.
const FILES: usize = 2048;
/// Maximum length of all names of a file with a number, bytes. With [`FILES`] it limits the memory to about one MiB.
const MAX_LEN: usize = 512;

/// Files that were seen at least twice, each in the slot of its names.
#[derive(Debug, Default)]
pub(crate) struct RecentFiles {
    slots: Vec<Slot>,
    /// The last number given to a file.
    last: u64,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    /// The hash of the file that was seen last.
    seen: u64,
    /// A file, and its number.
    file: Option<(Fd, u64)>,
}

impl RecentFiles {
    /// A version that only files have for which every field about the file has the same value ([`Fd::shows_same`]). `None` if the
    /// file was not seen lately, or if such fields may change without the file.
    pub(crate) fn version(&mut self, fd: &Fd) -> Option<ScopeVersion> {
        let opened = fd.opened().map_or(0, |opened| opened.name.len());
        if !fd.kind.is_file() || fd.name.len() + fd.raw_name.len() + opened > MAX_LEN {
            return None;
        }
        // Names that recur are shared, so their addresses suffice.
        let mut hasher = FxHasher::default();
        hasher.write_usize(fd.name.as_ptr() as usize);
        hasher.write_usize(fd.raw_name.as_ptr() as usize);
        let hash = hasher.finish();
        if self.slots.is_empty() {
            self.slots.resize(FILES, Slot::default());
            self.last = first_version();
        }
        let at = hash as usize % FILES;
        let slot = &mut self.slots[at];
        let version = |number: u64| Some(ScopeVersion { slot: at as u32, versions: [number, 0] });
        if let Some((known, number)) = &slot.file
            && known.shows_same(fd)
        {
            return version(*number);
        }
        if std::mem::replace(&mut slot.seen, hash) != hash {
            return None;
        }
        self.last += 1;
        slot.file = Some((fd.clone(), self.last));
        version(self.last)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::state::FdKind;

    fn file(name: &Arc<[u8]>) -> Fd {
        Fd::new(FdKind::File, name)
    }

    #[test]
    fn equal_files_have_one_version_from_the_second_time_on() {
        let mut files = RecentFiles::default();
        let name: Arc<[u8]> = Arc::from(&b"/etc/passwd"[..]);
        assert_eq!(files.version(&file(&name)), None);
        let first = files.version(&file(&name)).unwrap();
        assert_eq!(files.version(&file(&name)), Some(first));
        let mut other = file(&name);
        other.ino = 7;
        let second = files.version(&other).unwrap();
        assert!(second.slot == first.slot && second.versions != first.versions);
        assert_ne!(files.version(&file(&name)), Some(first));
    }

    #[test]
    fn two_tables_have_different_versions() {
        let name: Arc<[u8]> = Arc::from(&b"/etc/passwd"[..]);
        let [one, other] = [(); 2].map(|()| {
            let mut files = RecentFiles::default();
            files.version(&file(&name));
            files.version(&file(&name)).unwrap()
        });
        assert_ne!(one, other);
    }

    #[test]
    fn sockets_and_long_names_have_no_version() {
        let mut files = RecentFiles::default();
        let name: Arc<[u8]> = Arc::from(&b"a"[..]);
        let socket = Fd::new(FdKind::Ipv4, &name);
        let long = file(&Arc::from(&[b'a'; MAX_LEN + 1][..]));
        let mut link = file(&name);
        link.set_opened(Arc::new(long.clone()));
        for _ in 0..3 {
            assert_eq!([&socket, &long, &link].map(|fd| files.version(fd)), [None; 3]);
        }
    }
}
