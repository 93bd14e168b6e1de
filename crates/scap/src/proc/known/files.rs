//! Files from the kernel's iterator.

use eyas_bpf::{FileKind, OpenFile};
use rustix::fs::FileType;

use super::super::{code, fds};
use super::{Found, Known, Listed, Process};
use crate::proc::sockets::Own;
use crate::{FdDetail, FdEntry};

impl Known {
    /// Adds an open file; those of a process come before its threads.
    pub(crate) fn add_file(&mut self, file: &OpenFile<'_>) {
        let process = self.processes.entry(file.pid).or_default();
        if process.start != file.start {
            // Another process with this id.
            *process = Process { start: file.start, ..Process::default() };
        }
        let files = process.files.get_or_insert_default();
        if files.len() < self.max_fds {
            files.push(Listed {
                number: file.fd,
                close_on_exec: u64::from(file.flags) & fds::O_CLOEXEC != 0,
                found: found(file),
            });
        }
    }
}

/// The facts about a file that need no further call.
fn found(file: &OpenFile<'_>) -> Found {
    let OpenFile { ino, name, .. } = *file;
    let entry = |detail| Found::Entry(FdEntry::new(i64::from(file.fd), ino, detail));
    match file.kind {
        FileKind::Socket => Found::Socket(ino, Own::of(name)),
        FileKind::Pipe => entry(fds::other(code::PIPE, format!("pipe:[{ino}]").into_bytes())),
        FileKind::Anonymous => match fds::anonymous(name) {
            // Its name is its process.
            (code::PIDFD, _) => Found::Nothing,
            (code, name) => entry(fds::other(code, name.to_vec())),
        },
        FileKind::Path => entry(match FileType::from_raw_mode(u32::from(file.mode)) {
            FileType::Directory => fds::other(code::DIRECTORY, name.to_vec()),
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
