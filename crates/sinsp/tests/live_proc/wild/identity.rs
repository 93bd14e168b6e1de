//! Attributes of threads and processes: names, sessions, terminals, ids, capabilities.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Result;

use super::Wild;

/// Terminals that the processes have.
const TERMINALS: usize = 4;
const TIOCSCTTY: libc::c_ulong = 0x540e;
const TIOCNOTTY: libc::c_ulong = 0x5422;
/// Instead of an id: keeps the id.
const KEEP: u32 = u32::MAX;

/// Makes terminals, with symlinks to them in the directory. They hang up when the returned descriptors are closed.
pub fn make_terminals(dir: &Path) -> Vec<OwnedFd> {
    let make = |number| {
        // SAFETY: the descriptor is new; the numbers are written to memory of their size.
        let (master, name) = unsafe {
            let master =
                OwnedFd::from_raw_fd(libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC));
            let mut name = 0_u32;
            assert_eq!(libc::unlockpt(master.as_raw_fd()), 0);
            assert_eq!(libc::ioctl(master.as_raw_fd(), libc::TIOCGPTN, &raw mut name), 0);
            (master, name)
        };
        let path = format!("/dev/pts/{name}");
        std::os::unix::fs::symlink(&path, dir.join(format!("tty{number}"))).unwrap();
        rustix::fs::chmod(&path, Mode::from_raw_mode(0o666)).unwrap();
        master
    };
    (0..TERMINALS).map(make).collect()
}

/// Makes a system call whose arguments are numbers.
fn call<const N: usize>(number: libc::c_long, args: [i64; N]) -> i64 {
    let mut all = [0; 5];
    all[..N].copy_from_slice(&args);
    let [a, b, c, d, e] = all;
    // SAFETY: no argument is a pointer.
    unsafe { libc::syscall(number, a, b, c, d, e) }
}

impl Wild {
    /// Changes attributes of the thread or its process.
    pub(super) fn change(&mut self) -> Result<()> {
        match self.random.below(8) {
            0 => self.set_name(),
            1 | 2 => self.write_name(),
            3 => self.change_session(),
            4..6 => self.change_terminal()?,
            // The first process keeps its ids, so that one process may make every call.
            6 if self.depth > 0 => self.change_identity(),
            7 if self.depth > 0 => self.enter_namespace(),
            _ => {}
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        format!("name {}", "x".repeat(self.random.below(14)))
    }

    fn set_name(&mut self) {
        let name = std::ffi::CString::new(self.name()).unwrap_or_default();
        // SAFETY: the text lives until the call returns.
        unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    }

    /// Gives a thread of the process a name. The lock prevents that another thread names one meanwhile.
    fn write_name(&mut self) {
        if self.is_apart {
            return;
        }
        let tids: Vec<_> =
            std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten().map(|t| t.path()).collect();
        if !tids.is_empty() {
            let of = &tids[self.random.below(tids.len())];
            // A process with changed ids may not do this.
            let _ = std::fs::write(of.join("comm"), self.name());
        }
    }

    fn change_session(&mut self) {
        if self.is_apart || self.depth == 0 {
            return;
        }
        match self.random.below(3) {
            0 => call(libc::SYS_setsid, []),
            1 => call(libc::SYS_setpgid, [0, 0]),
            _ => {
                let group = call(libc::SYS_getpgid, [call(libc::SYS_getppid, [])]);
                call(libc::SYS_setpgid, [0, group])
            }
        };
    }

    fn change_terminal(&mut self) -> Result<()> {
        if self.is_apart {
            return Ok(());
        }
        let path = self.dir.join(format!("tty{}", self.random.below(TERMINALS)));
        let mut flags = OFlags::RDWR | OFlags::CLOEXEC;
        if self.random.flips() {
            flags |= OFlags::NOCTTY;
        }
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        let number = fd.as_raw_fd();
        self.held.push(fd);
        match self.random.below(5) {
            0 => ioctl(number, TIOCSCTTY, 0),
            1 => ioctl(number, TIOCSCTTY, 1),
            2 => ioctl(number, TIOCNOTTY, 0),
            _ => {}
        }
        Ok(())
    }

    fn change_identity(&mut self) {
        let id = 1000 + self.random.below(5) as i64;
        let keep = i64::from(KEEP);
        match self.random.below(9) {
            0 => call(libc::SYS_setresuid, [keep, id, keep]),
            1 => call(libc::SYS_setresuid, [keep, 0, keep]),
            2 => call(libc::SYS_setresgid, [keep, id, keep]),
            3 => call(libc::SYS_setfsuid, [id]),
            4 => call(libc::SYS_setuid, [id]),
            5 => call(libc::SYS_setreuid, [id, keep]),
            6 => call(libc::SYS_setgid, [id]),
            7 => call(libc::SYS_prctl, [libc::PR_SET_KEEPCAPS.into(), 1]),
            _ => self.drop_capability(),
        };
    }

    fn drop_capability(&mut self) -> i64 {
        let header = [0x2008_0522_u32, 0];
        // Effective, permitted and inheritable capabilities, twice: the first 32, and the rest.
        let mut sets = [0_u32; 6];
        // SAFETY: both are as large as the version says.
        unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
        let bit = !(1 << self.random.below(32));
        match self.random.below(3) {
            0 => sets[0] &= bit,
            1 => (sets[0], sets[1]) = (sets[0] & bit, sets[1] & bit),
            _ => sets[2] = sets[1] & bit,
        }
        // SAFETY: as above.
        unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) }
    }

    /// Creates a user namespace, in which its ids have other numbers.
    fn enter_namespace(&mut self) {
        let ids = rustix::process::geteuid().as_raw();
        let group = rustix::process::getegid().as_raw();
        if call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into()]) == 0 {
            self.number_ids(ids, group);
        }
    }

    /// Maps the ids into the namespace, and sets them.
    pub(super) fn number_ids(&mut self, uid: u32, gid: u32) {
        if self.random.flips() {
            return;
        }
        let _ = std::fs::write("/proc/self/setgroups", "deny");
        let _ = std::fs::write("/proc/self/uid_map", format!("7 {uid} 1"));
        let _ = std::fs::write("/proc/self/gid_map", format!("8 {gid} 1"));
        call(libc::SYS_setresuid, [7, 7, 7]);
        call(libc::SYS_setresgid, [8, 8, 8]);
    }
}

fn ioctl(fd: i32, request: libc::c_ulong, argument: i32) {
    // SAFETY: no argument is a pointer.
    unsafe { libc::ioctl(fd, request, argument) };
}
