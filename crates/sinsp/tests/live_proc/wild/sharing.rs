//! Sharing of file descriptors and directories between threads and processes.

use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex};

use rustix::io::Result;

use eyas_testing::Numbers;

use super::{Wild, act, lock};

const FILES: i32 = libc::CLONE_FILES;
const FS: i32 = libc::CLONE_FS;
/// Ways to make a process.
const KINDS: &[i32] = &[0, 0, FILES, FS, FILES | FS, libc::CLONE_PARENT, libc::CLONE_NEWUSER];
/// Instead of a descriptor.
const NONE: RawFd = -1;

impl Wild {
    /// Changes whether an exec closes descriptors, and closes several at once.
    pub(super) fn mark_or_close_many(&mut self) -> Result<()> {
        let Some(index) = self.any() else { return Ok(()) };
        let fd = self.held[index].as_raw_fd();
        let range = fd as u32..fd as u32 + 4;
        let range_call = |flags: u32| {
            // SAFETY: this process owns the descriptors, and forgets those that it closes.
            unsafe { libc::syscall(libc::SYS_close_range, range.start, range.end - 1, flags) };
        };
        match self.random.below(5) {
            // SAFETY: the descriptor is open.
            0 => unsafe { libc::ioctl(fd, libc::FIOCLEX) },
            // SAFETY: as above.
            1 => unsafe { libc::ioctl(fd, libc::FIONCLEX) },
            // SAFETY: as above.
            2 => unsafe { libc::dup2(fd, fd) },
            3 => {
                range_call(libc::CLOSE_RANGE_CLOEXEC);
                0
            }
            _ => {
                let is_in = |fd: &OwnedFd| range.contains(&(fd.as_raw_fd() as u32));
                if self.received.iter().any(|(_, fd)| is_in(fd)) {
                    return Ok(());
                }
                let (gone, kept): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut self.held).into_iter().partition(is_in);
                self.held = kept;
                gone.into_iter().for_each(|fd| _ = fd.into_raw_fd());
                range_call(0);
                0
            }
        };
        Ok(())
    }

    /// Runs in a thread with its own descriptors and directories, or only with its own directories.
    pub(super) fn act_apart(all: &Arc<Mutex<Wild>>, times: usize) {
        let mut shared = lock(all);
        if shared.random.flips() {
            unshare(FS);
            drop(shared);
            return act(all, times);
        }
        unshare(FILES | FS);
        let own = |fd: &OwnedFd| {
            // SAFETY: this thread's own table has a copy of each descriptor.
            unsafe { OwnedFd::from_raw_fd(fd.as_raw_fd()) }
        };
        // Received descriptors stay open until this thread ends.
        let held = shared.held.iter().map(own).collect();
        let wild = Wild {
            dir: shared.dir.clone(),
            random: Numbers::new(shared.random.below(usize::MAX) as u64 | 1),
            depth: shared.depth,
            held,
            received: Vec::new(),
            // This thread makes no threads.
            threads: usize::MAX,
            is_apart: true,
        };
        drop(shared);
        act(&Arc::new(Mutex::new(wild)), times);
    }

    /// Makes a process. Returns 0 in the child, which has its own table by then.
    pub(super) fn make_process(&mut self) -> i64 {
        let flags = KINDS[self.random.below(KINDS.len())];
        // Locks of other threads would stay locked in the child, and the first process has a parent that waits for no
        // other child.
        let is_alone = std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1);
        if flags == 0 || !is_alone || (flags == libc::CLONE_PARENT && self.depth == 0) {
            // SAFETY: the child continues with its own memory; this thread holds the only lock that the child needs.
            return unsafe { libc::fork() }.into();
        }
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let shares = flags & (FILES | FS);
        let Ok((from_child, to_parent)) = rustix::pipe::pipe() else { return NONE.into() };
        // SAFETY: without a stack it is a fork, and there is no other thread.
        let pid = unsafe { libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD, 0, 0, 0, 0) };
        if pid == 0 {
            if shares != 0 {
                self.act_shared(shares, &to_parent);
            }
            if flags == libc::CLONE_NEWUSER {
                self.number_ids(uid, gid);
            }
        } else if pid > 0 && shares != 0 {
            self.wait_for(&from_child);
        }
        pid
    }

    /// Runs in a child that shares descriptors, directories or both: changes them, and then stops sharing. The parent
    /// waits, so that the order of the calls is certain.
    fn act_shared(&mut self, shares: i32, to_parent: &OwnedFd) {
        let (mut made, mut gone) = (NONE, NONE);
        if shares & FS != 0 {
            let _ = self.change_directory();
        }
        if shares & FILES != 0 {
            let count = self.held.len();
            if self.open().is_ok() && self.held.len() > count {
                // A base directory comes first, and the parent does not get it.
                self.held.drain(count..self.held.len() - 1);
                made = self.held[count].as_raw_fd();
            }
            if count > 0 {
                let fd = self.held.swap_remove(0);
                gone = fd.as_raw_fd();
                drop(fd);
            }
        }
        unshare(shares);
        let _ = rustix::io::write(to_parent, &[made.to_ne_bytes(), gone.to_ne_bytes()].concat());
    }

    /// Waits until the child shares nothing any more. The parent then owns what the child opened, and forgets what it
    /// closed.
    fn wait_for(&mut self, from_child: &OwnedFd) {
        let mut said = [0; 8];
        while rustix::io::read(from_child, &mut said) == Err(rustix::io::Errno::INTR) {}
        let [made, gone] = [&said[..4], &said[4..]].map(|fd| RawFd::from_ne_bytes(fd.try_into().unwrap()));
        if let Some(index) = self.held.iter().position(|fd| fd.as_raw_fd() == gone) {
            let _ = self.held.swap_remove(index).into_raw_fd();
        }
        if made != NONE {
            // SAFETY: the child opened it in this shared table, and has its own copy now.
            self.held.push(unsafe { OwnedFd::from_raw_fd(made) });
        }
    }
}

fn unshare(flags: i32) {
    // SAFETY: numbers only.
    unsafe { libc::unshare(flags) };
}
