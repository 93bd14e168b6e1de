//! The kernel's tracepoints of system calls, in tracefs.

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::{Duration, Instant};

use libbpf_rs::{ErrorKind, Link, ProgramMut};
use rustix::fs::{Mode, OFlags, open, openat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// A perf event of the type `PERF_TYPE_TRACEPOINT`.
const TRACEPOINT: u64 = 2;
/// The flag `PERF_FLAG_FD_CLOEXEC`.
const CLOSE_ON_EXEC: libc::c_ulong = 8;
/// Words of the oldest `perf_event_attr`, which every kernel accepts.
const ATTR_WORDS: usize = 8;
/// How long to wait for a program that is still attached.
const PATIENCE: Duration = Duration::from_secs(2);

/// The directory of tracefs, mounted for all processes or only for this one.
pub(crate) struct Tracepoints(OwnedFd);

impl Tracepoints {
    /// Finds tracefs, if it has a tracepoint for each system call, and this process may read it and attach
    /// to tracepoints. Some distributions allow only root to open a perf event.
    pub(crate) fn find() -> Option<Self> {
        let mounted = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
        let dirs =
            mounted.iter().filter_map(|path| open(*path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok());
        dirs.chain(std::iter::once_with(mount).flatten())
            .map(Self)
            .find(|tracepoints| tracepoints.open("syscalls/sys_enter_openat").is_ok())
    }

    fn id(&self, name: &str) -> Option<u64> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = openat(&self.0, format!("events/{name}/id"), flags, Mode::empty()).ok()?;
        let mut text = String::new();
        std::fs::File::from(file).read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    /// Opens a perf event of the tracepoint of that name.
    fn open(&self, name: &str) -> Result<OwnedFd, String> {
        let id = self.id(name).ok_or_else(|| format!("there is no tracepoint {name}"))?;
        let mut attr = [0_u64; ATTR_WORDS];
        attr[0] = TRACEPOINT | (size_of_val(&attr) as u64) << 32;
        attr[1] = id;
        let (every_pid, first_cpu, no_group) = (-1_i32, 0_i32, -1_i32);
        // SAFETY: the kernel reads `attr`, which says how long it is, and returns with a new descriptor.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attr,
                every_pid,
                first_cpu,
                no_group,
                CLOSE_ON_EXEC,
            )
        };
        if fd < 0 {
            return Err(std::io::Error::last_os_error().to_string());
        }
        // SAFETY: the file descriptor is new, and nothing else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
    }

    /// Attaches a program to the tracepoint of that name.
    pub(crate) fn attach(&self, program: &ProgramMut<'_>, name: &str) -> Result<Link, String> {
        let event = self.open(name)?;
        let until = Instant::now() + PATIENCE;
        loop {
            match program.attach_perf_event(event.as_fd().as_raw_fd()) {
                Ok(link) => {
                    // The descriptor is closed with the link.
                    let _ = event.into_raw_fd();
                    return Ok(link);
                }
                // It was attached before and is being detached: a new child process still has the
                // descriptor.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(format!("{error:#}")),
            }
        }
    }
}

/// Mounts tracefs so that only this process can access it.
fn mount() -> Option<OwnedFd> {
    let fs = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC).ok()?;
    fsconfig_create(fs.as_fd()).ok()?;
    fsmount(fs.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).ok()
}
