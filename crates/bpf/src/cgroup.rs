//! The root of all cgroups, to which programs for all processes are attached.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use libbpf_rs::{Link, ProgramMut, Result};
use rustix::fs::{CWD, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Inode of the root of all cgroups; the root of a cgroup namespace has another one.
const ROOT_INODE: u64 = 1;

/// Attaches a program to the root of all cgroups (version 2).
pub(crate) fn attach(program: &ProgramMut<'_>) -> Result<Link> {
    let root = root().map_err(std::io::Error::from)?;
    program.attach_cgroup(root.as_raw_fd())
}

/// Opens the root, which need not be mounted.
fn root() -> rustix::io::Result<OwnedFd> {
    let mounted = mounted();
    // In a cgroup namespace, a new mount shows only a part.
    let places = std::iter::once_with(mount).chain(mounted.iter().map(|path| open(CWD, path)));
    let is_root = |fd: &OwnedFd| fstat(fd).is_ok_and(|stat| stat.st_ino == ROOT_INODE);
    places.flatten().find(is_root).ok_or(Errno::NOENT)
}

fn open(dir: impl AsFd, path: &str) -> rustix::io::Result<OwnedFd> {
    openat(dir, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Mounts the cgroups at no place.
fn mount() -> rustix::io::Result<OwnedFd> {
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    open(mount, ".")
}

/// Paths by which the mounts of the first process may be opened.
fn mounted() -> Vec<String> {
    let text = std::fs::read("/proc/1/mountinfo").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let of_cgroups = text.lines().filter(|line| line.contains(" - cgroup2 "));
    of_cgroups.filter_map(|line| Some(format!("/proc/1/root{}", line.split(' ').nth(4)?))).collect()
}
