//! Shared data of the threads of a scan, and the results of each.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Mutex;

use rustix::io::Errno;

use super::clock::Clock;
use super::dir::{self, Dir};
use super::known;
use super::mounts::Mount;
use super::options::Options;
use super::sockets::Tables;
use crate::{Error, FdEntry, ThreadEntry};

/// Shared data of all threads of a snapshot.
pub(super) struct Shared<'a> {
    pub(super) options: Cow<'a, Options>,
    pub(super) proc: Dir,
    pub(super) clock: Clock,
    pub(super) sockets: Mutex<Tables>,
    pub(super) own_pid_namespace: Option<u64>,
    pub(super) own_user_namespace: Option<u64>,
    /// Whether ids in this `/proc` are those of our pid namespace.
    #[cfg_attr(
        not(feature = "live"),
        allow(dead_code, reason = "only live captures compare threads by kcmp")
    )]
    pub(super) has_our_ids: bool,
    pub(super) known: Mutex<known::Known>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(options: Cow<'a, Options>) -> Result<Self, Error> {
        let proc = Dir::open(&options.root.join("proc")).map_err(|cause| unreadable(&options, cause))?;
        let mut buffers = dir::Buffers::default();
        let ours = std::process::id().to_string();
        let has_our_ids = proc.link("self", &mut buffers).is_ok_and(|link| link == ours.as_bytes());
        Ok(Self {
            options,
            clock: Clock::now(),
            sockets: Mutex::default(),
            has_our_ids,
            own_pid_namespace: proc.namespace("1/ns/pid", &mut buffers),
            own_user_namespace: proc.namespace("1/ns/user", &mut buffers),
            known: Mutex::default(),
            proc,
        })
    }

    pub(super) fn lock_known(&self) -> std::sync::MutexGuard<'_, known::Known> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn scan(&self) -> Scan<'_> {
        Scan {
            shared: self,
            buffers: dir::Buffers::default(),
            part: Part::default(),
            mounts: HashMap::new(),
            anonymous_inode: None,
        }
    }
}

/// Results of one thread of a snapshot.
#[derive(Default)]
pub(super) struct Part {
    pub(super) threads: Vec<ThreadEntry>,
    pub(super) fds: Vec<(i64, Vec<FdEntry>)>,
    /// Start of pid namespaces, by inode.
    pub(super) pid_namespaces: HashMap<u64, u64>,
    /// Threads (by tid) in a pid namespace other than ours: its inode.
    pub(super) foreign: HashMap<i64, u64>,
}

/// The work of one thread.
pub(super) struct Scan<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) buffers: dir::Buffers,
    pub(super) part: Part,
    /// Mounts by id, so that each is read once.
    pub(super) mounts: HashMap<u64, Mount>,
    pub(super) anonymous_inode: Option<u64>,
}

pub(super) fn unreadable(options: &Options, cause: Errno) -> Error {
    Error::Proc { path: options.root.join("proc"), cause: cause.into() }
}
