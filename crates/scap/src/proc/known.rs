//! Open files that the kernel listed at once, before the scan: a scan takes several calls for each.

use std::collections::HashMap;

use eyas_bpf::{FileKind, OpenFile};
use rustix::fs::FileType;

use super::fds::{self, Found, Listed, code};
use crate::{FdDetail, FdEntry};

/// Units of the start times that `/proc` gives, ns.
const TICK: u64 = 10_000_000;

/// The files of processes, by process.
#[derive(Default)]
pub(crate) struct Known {
    processes: HashMap<u32, Process>,
    max_fds: usize,
}

/// When a process started, in ticks since boot, and its files.
#[derive(Default)]
pub(super) struct Process {
    pub(super) start: u64,
    pub(super) files: Vec<Listed>,
}

impl Known {
    /// At most `max_fds` files of each process.
    pub(crate) fn new(max_fds: usize) -> Self {
        Self { max_fds, ..Self::default() }
    }

    pub(crate) fn add(&mut self, file: &OpenFile<'_>) {
        let process = self.processes.entry(file.pid).or_default();
        let start = file.start / TICK;
        if process.start != start {
            // Another process with this id.
            *process = Process { start, files: Vec::new() };
        }
        if process.files.len() < self.max_fds {
            process.files.push(Listed {
                number: file.fd,
                close_on_exec: u64::from(file.flags) & fds::O_CLOEXEC != 0,
                found: found(file),
            });
        }
    }

    pub(super) fn take(&mut self, pid: u32) -> Option<Process> {
        self.processes.remove(&pid)
    }
}

/// What is known of a file without another question.
fn found(file: &OpenFile<'_>) -> Found {
    let OpenFile { ino, name, .. } = *file;
    let entry = |detail| Found::Entry(FdEntry::new(i64::from(file.fd), ino, detail));
    match file.kind {
        FileKind::Socket => Found::Socket(ino),
        FileKind::Pipe => entry(fds::other(code::PIPE, format!("pipe:[{ino}]").into_bytes())),
        FileKind::Anonymous => match fds::anonymous(name) {
            // Its name is the process that it stands for.
            (code::PIDFD, _) => Found::Nothing,
            (code, name) => entry(fds::other(code, name.to_vec())),
        },
        FileKind::Path => entry(match FileType::from_raw_mode(u32::from(file.mode)) {
            FileType::Directory => fds::other(code::DIRECTORY, name.to_vec()),
            FileType::Fifo => fds::other(code::PIPE, name.to_vec()),
            FileType::Socket => fds::other(code::UNSUPPORTED, name.to_vec()),
            _ => FdDetail::File {
                open_flags: fds::portable_open_flags(u64::from(file.flags)),
                path: name.to_vec(),
                dev: file.dev,
                mount_id: 0,
            },
        }),
        FileKind::Other => Found::Nothing,
    }
}
