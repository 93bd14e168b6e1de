//! SHA-256 of executed files, computed in a separate thread.
//!
//! Events do not wait for hashes. A hash is unknown until it was computed; after that it is known for every
//! process that executes the same file. The thread starts with the first request, so it costs nothing if no
//! rule and no output uses hashes.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, fstatfs, openat};
use sha2::{Digest, Sha256};

use crate::service::{Service, Starter};
use crate::state::{Text, Thread};

/// Maximum number of waiting requests; further ones are made again at the next event.
const QUEUE: usize = 256;
/// Maximum number of cached hashes, by the description of files in events, and by files.
const KEPT: usize = 16_384;
/// Bytes that are read at a time.
const CHUNK: usize = 64 << 10;
/// The type of overlay file systems in `statfs`; their inodes have other numbers in the kernel.
const OVERLAY: i64 = 0x794c_7630;

/// Name of the thread.
const THREAD: &str = "hashes";

/// A hash, in hexadecimal digits.
type Hex = [u8; 64];

/// Hashes of executed files. Dropping it ends the thread.
#[derive(Debug)]
pub struct ExeHashes {
    /// Path of the machine's root directory.
    root: PathBuf,
    /// Size of the largest file that is read, bytes.
    largest: u64,
    known: Arc<Known>,
    requests: Starter<SyncSender<HashRequest>>,
}

/// An executed file, as events describe it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct FileId {
    path: Text,
    ino: u64,
    mtime: u64,
}

/// Result for a file.
#[derive(Clone, Copy, Debug)]
enum Found {
    /// The hash was requested.
    Requested,
    Hash(Hex),
    /// It is too large, or no file.
    NoHash,
}

#[derive(Debug, Default)]
struct Known(Mutex<HashMap<FileId, Found>>);

impl Known {
    fn lock(&self) -> MutexGuard<'_, HashMap<FileId, Found>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Caches the result, unless another request may find more.
    fn cache(&self, id: FileId, found: Option<Found>) {
        let mut known = self.lock();
        match found {
            Some(found) => _ = known.insert(id, found),
            None => _ = known.remove(&id),
        }
    }
}

#[derive(Debug)]
struct HashRequest {
    id: FileId,
    pid: i64,
}

impl ExeHashes {
    /// Default size of the largest file that is read: 256 MiB.
    pub const LARGEST: u64 = 256 << 20;

    /// Reads files of up to `largest` bytes. `root` is the path of the machine's root directory
    /// (`HOST_ROOT`).
    pub fn new(root: PathBuf, largest: u64) -> Self {
        Self { root, largest, known: Arc::default(), requests: Starter::new(THREAD) }
    }

    /// The hash of the file that a process executes, if it is known; otherwise requests it.
    pub(crate) fn of(&self, thread: &Thread) -> Option<Hex> {
        let file = &thread.executable;
        if file.path.is_empty() || thread.pid <= 0 {
            return None;
        }
        let id = FileId { path: file.path.clone(), ino: file.ino, mtime: file.mtime };
        let mut known = self.known.lock();
        match known.get(&id) {
            Some(Found::Hash(hash)) => return Some(*hash),
            Some(Found::Requested | Found::NoHash) => return None,
            None => {}
        }
        if known.len() >= KEPT {
            known.clear();
        }
        let requests = self.requests.get(|| self.start()).ok()?;
        if requests.try_send(HashRequest { id: id.clone(), pid: thread.pid }).is_ok() {
            known.insert(id, Found::Requested);
        }
        None
    }

    /// Starts the thread.
    fn start(&self) -> std::io::Result<SyncSender<HashRequest>> {
        let (sender, requests) = sync_channel(QUEUE);
        let reader = Reader { root: self.root.clone(), largest: self.largest };
        let mut hashes = HashMap::new();
        let hash_of = move |id: &FileId, pid| reader.hash_of(id, pid, &mut hashes);
        serve(requests, Arc::clone(&self.known), hash_of).map(|_| sender)
    }
}

/// Starts a thread that hashes the requested files until all senders are gone. If `hash_of` panics, its file stays
/// [`Found::Requested`], and so has no hash.
fn serve(
    requests: Receiver<HashRequest>,
    known: Arc<Known>,
    mut hash_of: impl FnMut(&FileId, i64) -> Option<Found> + Send + 'static,
) -> std::io::Result<Service> {
    Service::start(THREAD, move || {
        while let Ok(HashRequest { id, pid }) = requests.recv() {
            let found = hash_of(&id, pid);
            known.cache(id, found);
        }
    })
}

/// The version of a file that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Version {
    dev: u64,
    ino: u64,
    size: u64,
    /// Modification time and change time, ns. A program can set only the first.
    times: [i128; 2],
}

impl Version {
    fn of(stat: &Stat) -> Self {
        let ns = |seconds: i128, ns: i128| seconds * 1_000_000_000 + ns;
        Self {
            dev: stat.st_dev,
            ino: stat.st_ino,
            size: stat.st_size as u64,
            times: [
                ns(stat.st_mtime.into(), stat.st_mtime_nsec as i128),
                ns(stat.st_ctime.into(), stat.st_ctime_nsec as i128),
            ],
        }
    }
}

struct Reader {
    root: PathBuf,
    largest: u64,
}

impl Reader {
    /// The result for a file; `None` if the file cannot be read now.
    fn hash_of(&self, id: &FileId, pid: i64, hashes: &mut HashMap<Version, Hex>) -> Option<Found> {
        let (file, stat) = self.places(id, pid).into_iter().find_map(|path| open(&path, id))?;
        let version = Version::of(&stat);
        if version.size > self.largest {
            return Some(Found::NoHash);
        }
        if let Some(hash) = hashes.get(&version) {
            return Some(Found::Hash(*hash));
        }
        let hash = hash(File::from(file.try_clone().ok()?), self.largest)?;
        // A file that was written meanwhile has another hash.
        if fstat(&file).ok().map(|stat| Version::of(&stat)) != Some(version) {
            return None;
        }
        if hashes.len() >= KEPT {
            hashes.clear();
        }
        hashes.insert(version, hash);
        Some(Found::Hash(hash))
    }

    /// Paths of the file to try: the process's executable; the path below the root directory of the
    /// process, which may be in a container; the path on the machine, for a process that has ended.
    fn places(&self, id: &FileId, pid: i64) -> [PathBuf; 3] {
        let process = self.root.join("proc").join(pid.to_string());
        let path = Path::new(std::ffi::OsStr::from_bytes(&id.path));
        let path = path.strip_prefix("/").unwrap_or(path);
        [process.join("exe"), process.join("root").join(path), self.root.join(path)]
    }
}

/// Opens a file if it fits the description.
fn open(path: &Path, id: &FileId) -> Option<(OwnedFd, Stat)> {
    // The open must not wait for another program, as for a pipe.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = openat(CWD, path, flags, Mode::empty()).ok()?;
    let stat = fstat(&file).ok()?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    (is_file && is_of(&stat, id, &file)).then_some((file, stat))
}

/// Whether the file is the executed one, according to the event.
fn is_of(stat: &Stat, id: &FileId, file: impl AsFd) -> bool {
    let mtime = stat.st_mtime as u64 * 1_000_000_000 + stat.st_mtime_nsec;
    let is_numbered = || stat.st_ino == id.ino || fstatfs(file).is_ok_and(|fs| fs.f_type == OVERLAY);
    id.ino != 0 && mtime == id.mtime && is_numbered()
}

/// The hash of a file of at most `largest` bytes.
fn hash(mut file: File, largest: u64) -> Option<Hex> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut len = 0;
    loop {
        let count = file.read(&mut chunk).ok()?;
        len += count as u64;
        if count == 0 {
            break;
        }
        if len > largest {
            return None;
        }
        hash.update(chunk.get(..count)?);
    }
    let mut hex = [0; 64];
    for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(hash.finalize()) {
        let digit = |n: u8| char::from_digit(n.into(), 16).map_or(b'0', |digit| digit as u8);
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    Some(hex)
}

#[cfg(test)]
mod tests;
